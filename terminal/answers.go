package terminal

import (
	"time"

	"unbrick/protocol/smp"
	"unbrick/terminal/image"
	"unbrick/terminal/record"
)

// describe fills in the identification (S16): the boot area's part, the record's and the flash's.
func (h *restoration) describe() {
	id, who := &h.who, &h.identity
	id.Version = smp.UserVersion
	if id.Model == "" { // it never changes
		id.Model, id.Serial, id.Keys = string(who.model()), string(who.serial()), who.appendKeys(nil)
	}
	id.Threshold = who.threshold()
	id.DeviceKey, _ = h.deviceKey()
	id.Reads, id.Completes, id.Stages = uint16(who.reads()), who.completes(), uint8(who.stages())
	id.Layout = *h.hw.Layout
	id.Workspace, id.Resident = h.ram.size(), who.resident()
	id.State, id.Confirmed, id.From, id.To, id.Statement, id.Trust = smp.RecordNone, false, 0, 0, 0, h.software.trust.version()
	id.Why, id.Match, id.Floor = h.why, smp.Match(h.software.match), h.floor()
	id.Doubtful = h.records.Doubts(h.area.Software.Sectors())
	id.Frames, id.Speed, id.Buffer = smp.FramesVersion, 0, smp.BufSize
	id.Erases = len(h.hw.Layout.Settings) > 0
	if h.line.speeder != nil {
		id.Speed = h.hw.MaxSpeed
	}
	rec := h.records.Newest()
	if rec == nil {
		return
	}
	id.From, id.To, id.Statement = uint32(len(rec.From)), uint32(len(rec.To)), uint32(len(rec.Statement))
	id.State = recordState(rec)
	id.Confirmed = rec.Confirmed && rec.State == record.Installed
}

// part returns a signed statement of the record, nil if it has none.
func (h *restoration) part(p smp.Part) []byte {
	rec := h.records.Newest()
	if rec == nil {
		return nil
	}
	switch p {
	case smp.PartFrom:
		return rec.From
	case smp.PartTo:
		return rec.To
	case smp.PartStatement:
		return rec.Statement
	}
	return nil
}

func (h *restoration) answerRecord(q *smp.Header, body []byte) error {
	var m smp.RecordRequest
	if m.DecodeBody(body) != nil {
		return h.deny(q, smp.FaultMalformed)
	}
	signed := h.part(m.Part)
	if uint64(m.Offset) > uint64(len(signed)) {
		return h.deny(q, smp.FaultRange)
	}
	part := signed[m.Offset:]
	return h.answer(q, &smp.Record{Length: uint32(len(signed)), Offset: m.Offset, Data: part[:min(len(part), smp.MaxPart)]})
}

// answerStatus says where the restoration stands.
func (h *restoration) answerStatus(q *smp.Header) error {
	end := h.area.Software.Sectors()
	if h.wanted.length > 0 {
		end = h.area.Sectors(h.wanted.Size)
	}
	ops := h.operations()
	return h.answer(q, &smp.Status{
		Phase: h.phase, Fault: h.fault, Addr: h.addr,
		Done: h.rewrite.done, Total: h.rewrite.total, Applied: h.applied,
		Operations: ops.Operations, Failures: ops.Failed,
		Refreshed: h.refreshed, Doubtful: h.records.Doubts(end),
		Millis: uint32(min(h.worked/time.Millisecond, 1<<32-1)), Floor: h.floor(),
	})
}

// operations are the flash operations since begin.
func (h *restoration) operations() image.Counts {
	c := h.area.Counts
	c.Operations += h.before.Operations
	c.Failed += h.before.Failed
	return c
}

// answerState tells the one image there is, in SMP's own words: the record's, bootable if the flash holds it.
func (h *restoration) answerState(q *smp.Header) error {
	rec := h.records.Newest()
	if rec == nil {
		return h.answer(q, &smp.State{})
	}
	m := h.running()
	if !m.there {
		return h.answer(q, &smp.State{})
	}
	right := h.software.match != matchNone
	images := [1]smp.Image{{
		Version: append(h.chunk[:0], m.Version...), Hash: m.Digest[:],
		Bootable: right, Active: right, Confirmed: right && rec.Confirmed && rec.State == record.Installed,
	}}
	return h.answer(q, &smp.State{Images: images[:]})
}

// answerReadout gives bytes of the software area away, for a backup. Only a device whose factory has allowed it does so, and
// only in restoration mode, which is where Serve runs. Boot area, records and settings are out of its reach.
func (h *restoration) answerReadout(q *smp.Header, body []byte) error {
	var m smp.ReadoutRequest
	if m.DecodeBody(body) != nil {
		return h.deny(q, smp.FaultMalformed)
	}
	if !h.identity.readout() {
		return h.deny(q, smp.FaultDenied)
	}
	if h.phase != smp.PhaseIdle {
		return h.deny(q, smp.FaultPhase) // what it is read into holds a file
	}
	size := h.area.Software.Size()
	if m.Offset > size {
		return h.deny(q, smp.FaultRange)
	}
	into := h.ahead.beside(h.ram.mem)
	if len(into) == 0 {
		into = h.chunk[:]
	}
	p := into[:min(uint64(m.Count), uint64(size-m.Offset), uint64(len(into)))]
	if len(p) > 0 && h.area.Read(h.area.Base+m.Offset, p) != nil {
		return h.deny(q, smp.FaultUnreadable)
	}
	return h.answer(q, &smp.Readout{Offset: m.Offset, Data: p})
}
