package terminal

import "unbrick/protocol/smp"

// answerReadout gives bytes of the software area away, for a backup. Only a device whose factory has allowed
// it does so, and only in restoration mode, which is where Serve runs. Boot area, records and settings are
// out of its reach.
func (t *Terminal) answerReadout(q *smp.Header, body []byte) error {
	var m smp.ReadoutRequest
	if m.DecodeBody(body) != nil {
		return t.deny(q, smp.FaultMalformed)
	}
	if !t.identity.Readout {
		return t.deny(q, smp.FaultDenied)
	}
	if h := &t.host; h.phase != smp.PhaseIdle || h.upload.phase != uploadNone {
		return t.deny(q, smp.FaultPhase) // what it is read into holds a file
	}
	size := t.software.Size()
	if m.Offset > size {
		return t.deny(q, smp.FaultRange)
	}
	into := t.work
	if len(into) == 0 {
		into = t.chunk[:]
	}
	p := into[:min(uint64(m.Count), uint64(size-m.Offset), uint64(len(into)))]
	if len(p) > 0 && t.hw.Flash.Read(t.base+m.Offset, p) != nil {
		return t.deny(q, smp.FaultUnreadable)
	}
	return t.answer(q, &smp.Readout{Offset: m.Offset, Data: p})
}
