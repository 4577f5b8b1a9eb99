package sweep

import (
	"math/bits"
	"sync"
)

// seen remembers cut states and what became of them.
type seen struct {
	parts [64]struct {
		sync.Mutex
		m map[uint64]Outcome
	}
}

func (s *seen) init() {
	for i := range s.parts {
		s.parts[i].m = make(map[uint64]Outcome)
	}
}

// add says whether the state is new.
func (s *seen) add(state uint64) bool {
	p := &s.parts[state%64]
	p.Lock()
	defer p.Unlock()
	if _, ok := p.m[state]; ok {
		return false
	}
	p.m[state] = OutcomeNone
	return true
}

func (s *seen) set(state uint64, o Outcome) {
	p := &s.parts[state%64]
	p.Lock()
	defer p.Unlock()
	p.m[state] = o
}

func (s *seen) get(state uint64) Outcome {
	p := &s.parts[state%64]
	p.Lock()
	defer p.Unlock()
	return p.m[state]
}

func (s *seen) count() uint64 {
	n := uint64(0)
	for i := range s.parts {
		n += uint64(len(s.parts[i].m))
	}
	return n
}

// fold mixes v into h.
func fold(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^0x9E3779B97F4A7C15, v^0xD6E8FEB86659FD93)
	return hi ^ lo ^ bits.RotateLeft64(h, 23)
}
