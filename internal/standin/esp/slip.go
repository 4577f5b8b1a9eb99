package esp

// SLIP, as RFC 1055 has it.
const (
	end    = 0xc0
	escape = 0xdb
)

// maxFrame is what a frame may hold: the longest request there is, and some room.
const maxFrame = 8 + 16 + block + 64

// slip puts frames together.
type slip struct {
	frame   []byte
	inside  bool
	escaped bool
	bad     string // why the frame that goes on is none
}

// add takes a byte. It returns a frame when it is complete, and what is wrong with it or with the byte; outside: the byte is in none.
func (s *slip) add(b byte) (frame []byte, wrong string, outside bool) {
	if !s.inside {
		if b != end {
			return nil, "", true
		}
		s.inside, s.escaped, s.bad = true, false, ""
		s.frame = s.frame[:0]
		return nil, "", false
	}
	switch {
	case b == end:
		if s.escaped {
			s.bad = "a frame ends behind its escape"
		}
		if len(s.frame) == 0 && s.bad == "" {
			return nil, "", false // two ends in a row: the second begins
		}
		s.inside = false
		if s.bad != "" {
			return nil, s.bad, false
		}
		return s.frame, "", false
	case s.escaped:
		s.escaped = false
		switch b {
		case 0xdc:
			b = end
		case 0xdd:
			b = escape
		default:
			s.bad = "an escape of something else"
		}
	case b == escape:
		s.escaped = true
		return nil, "", false
	}
	if len(s.frame) == maxFrame {
		s.bad = "a frame is too long"
		return nil, "", false
	}
	s.frame = append(s.frame, b)
	return nil, "", false
}

// wrap is the frame of p.
func wrap(p []byte) []byte {
	f := make([]byte, 0, len(p)+8)
	f = append(f, end)
	for _, b := range p {
		switch b {
		case end:
			f = append(f, escape, 0xdc)
		case escape:
			f = append(f, escape, 0xdd)
		default:
			f = append(f, b)
		}
	}
	return append(f, end)
}
