package terminal

import (
	"errors"

	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal/record"
)

// A receipt with what is signed before it must fit the memory that it is made in.
var _ = [1]int{}[(release.MaxReceipt+64)/(chunk+1)]

// answerReceipt says where the device stands, signed with its key, for people and servers that believe nobody else. A restoration
// under way has no such word: it is given before the first erase of one, or behind its verdict and the record that follows.
func (h *restoration) answerReceipt(q *smp.Header, body []byte) error {
	var m smp.ReceiptRequest
	if m.DecodeBody(body) != nil {
		return h.deny(q, smp.FaultMalformed)
	}
	if !h.hasKey {
		return h.answerRC(q, smp.RCNotSupported)
	}
	if h.phase != smp.PhaseIdle && h.phase != smp.PhaseDone {
		return h.deny(q, smp.FaultPhase)
	}
	if !h.records.Stands() {
		return h.deny(q, smp.FaultRecord)
	}
	r := h.receipt(&m.Nonce)
	use := release.ReceiptMessage(h.chunk[:0], nil)
	msg, err := release.AppendReceipt(use, &r)
	var answer smp.Receipt
	if err == nil {
		err = h.sign(msg, &answer.Signature)
	}
	switch {
	case errors.Is(err, errNoSign):
		return h.answerRC(q, smp.RCNotSupported)
	case err != nil:
		return h.deny(q, smp.FaultUnknown)
	}
	answer.Receipt = msg[len(use):]
	h.note(20, 120, EventReceipt, r.Sequence, 0)
	return h.answer(q, &answer)
}

// receipt is what the newest record says, and which of its images the flash holds by the last whole digest.
func (h *restoration) receipt(nonce *[16]byte) release.Receipt {
	ops := h.operations()
	r := release.Receipt{
		Model: h.who.Model, Serial: h.who.Serial, Nonce: *nonce, Why: uint8(h.why), Match: uint8(h.held()),
		Operations: ops.Operations, Failures: ops.Failed, Statement: h.software.trust.version(),
	}
	if rec := h.records.Newest(); rec != nil {
		r.State, r.Sequence = uint8(recordState(rec)), rec.Sequence
		r.From, r.To = imageOf(rec.From), imageOf(rec.To)
	}
	return r
}

// held is which image the flash holds, with no sector of it in doubt: what reads right now may read otherwise tomorrow.
func (h *restoration) held() match {
	if m := h.running(); h.software.match == matchNone || h.records.Doubts(h.area.Sectors(m.Size)) > 0 {
		return matchNone
	}
	return h.software.match
}

// imageOf returns the digest of the image that a manifest is about, zeros if it is none.
func imageOf(signed []byte) release.Digest {
	if m, _, err := release.Parse(signed); err == nil {
		return m.Digest
	}
	return release.Digest{}
}

// recordState is the state of a record in the words of the cable.
func recordState(rec *record.Record) smp.RecordState {
	if rec.State == record.Rewriting {
		return smp.RecordRewriting
	}
	return smp.RecordInstalled
}
