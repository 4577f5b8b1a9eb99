package sweep

import (
	"encoding/binary"
	"fmt"

	"unbrick/protocol/smp"
	"unbrick/release"
)

// stage of a restoration at which a device is asked for its word.
type stage uint8

const (
	before stage = iota // anything may be in the flash
	midway              // there is no such word
	behind              // what was wanted is installed
)

// witness asks the device for its signed word on where it stands, and has it judged by the cells. Each is over a number of its own.
func (h *host) witness(at stage, then func()) {
	h.st.nonces++
	var nonce [16]byte
	binary.BigEndian.PutUint64(nonce[8:], h.st.nonces)
	h.request(&smp.ReceiptRequest{Nonce: nonce}, func(b []byte) {
		var m smp.Receipt
		if !h.body(b, &m) {
			return
		}
		if h.st.word != nil {
			h.st.word(&word{&m, nonce, at, h.want})
		}
		then()
	})
	if at != behind { // before one, a record in doubt may not read back
		h.refused = func(error) { then() }
	}
}

// word is a receipt, with what it was given for.
type word struct {
	*smp.Receipt
	nonce [16]byte
	at    stage
	want  Which
}

// believe checks a receipt, at the moment at which the device gave it.
func (j *judge) believe(v *word) {
	s := j.s
	r, err := release.VerifyReceipt(v.Receipt.Receipt, v.Signature[:], s.own.Public[:])
	now, p := j.look(), j.read()
	good := err == nil && v.at != midway && r.Nonce == v.nonce && r.Model == s.id.Model && r.Serial == s.id.Serial && r.Sequence <= p.sequence
	installed := r.State == uint8(smp.RecordInstalled)
	if p.valid && r.Sequence == p.sequence {
		good = good && installed == p.last.installed
	}
	if v.at == behind {
		good = good && installed && r.Match == uint8(smp.MatchTo) && r.To == s.goods[v.want].m.Digest
	}
	for w := range s.goods {
		d := s.goods[w].m.Digest
		if r.Match == uint8(smp.MatchTo) && r.To == d || r.Match == uint8(smp.MatchFrom) && r.From == d {
			good = good && now.holds[w] && now.firm[w]
		}
	}
	j.check(CheckReceipt, good, func() string {
		return fmt.Sprintf("the device signs state %d, match %d, record %d of %d (installed: %v), asked at stage %d; the flash holds old %v, new %v; %v",
			r.State, r.Match, r.Sequence, p.sequence, p.last.installed, v.at, now.holds[Old], now.holds[New], err)
	})
}
