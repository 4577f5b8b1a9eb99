package frame

// Receiver keeps which blocks of a file have arrived. The zero value knows a file without blocks.
type Receiver struct {
	count uint32
	next  uint32 // all before are there
	have  uint64 // bit i: next+1+i is there
}

// Begin starts a file of count blocks, of which the first next are there.
func (r *Receiver) Begin(count, next uint32) { *r = Receiver{count: count, next: next} }

// Take notes that a block came and reports whether it is a new one within the window.
func (r *Receiver) Take(block uint32) bool {
	switch {
	case block >= r.count || block < r.next || block >= r.next+Window:
		return false
	case block > r.next:
		bit := uint64(1) << (block - r.next - 1)
		if r.have&bit != 0 {
			return false
		}
		r.have |= bit
		return true
	}
	for r.next++; r.have&1 != 0; r.next++ {
		r.have >>= 1
	}
	r.have >>= 1
	return true
}

// Whole reports whether every block is there.
func (r *Receiver) Whole() bool { return r.count > 0 && r.next == r.count }

// State returns what an Ack says.
func (r *Receiver) State() (next uint32, have uint64) { return r.next, r.have }

// Sender decides which block goes out next. Blocks arrive in the order in which they were sent, or not at
// all: so one that is missing while a later one is there was lost, and is sent again at once.
type Sender struct {
	count uint32
	next  uint32 // all before are acknowledged
	fresh uint32 // the first that was never sent
	order uint32 // of the last sending
	state [Window]sending
}

// sending is what is known of a block from next on; the index is the block modulo Window.
type sending struct {
	order uint32 // of its last sending; 0: never sent
	there bool
	lost  bool
}

// Begin starts a file of count blocks, of which the first next are there.
func (s *Sender) Begin(count, next uint32) { *s = Sender{count: count, next: next, fresh: next} }

// Whole reports whether every block was acknowledged.
func (s *Sender) Whole() bool { return s.next == s.count }

// Sent reports whether every block was sent at least once.
func (s *Sender) Sent() bool { return s.fresh == s.count }

// Acknowledged returns how many blocks from the start are there.
func (s *Sender) Acknowledged() uint32 { return s.next }

// InFlight returns how many blocks are on their way, as far as is known.
func (s *Sender) InFlight() int {
	n := 0
	for b := s.next; b < s.fresh; b++ {
		if k := &s.state[b%Window]; !k.there && !k.lost {
			n++
		}
	}
	return n
}

// Next returns the block to send now, with at most limit on their way; false if there is none. The caller
// sends it.
func (s *Sender) Next(limit int) (block uint32, ok bool) {
	if s.InFlight() >= limit {
		return 0, false
	}
	for b := s.next; b < s.fresh; b++ {
		if s.state[b%Window].lost {
			return s.sent(b), true
		}
	}
	if s.fresh < s.count && s.fresh < s.next+Window {
		b := s.fresh
		s.fresh++
		return s.sent(b), true
	}
	return 0, false
}

func (s *Sender) sent(b uint32) uint32 {
	s.order++
	s.state[b%Window] = sending{order: s.order}
	return b
}

// Take learns from an acknowledgement and returns how many blocks it showed to be lost. One that breaks
// the rules, or is older than what is known, changes nothing.
func (s *Sender) Take(next uint32, have uint64) (lost int) {
	if next < s.next || next > s.fresh {
		return 0
	}
	last := uint32(0) // of all that are there: when it was sent
	for b := s.next; b < s.fresh; b++ {
		k := &s.state[b%Window]
		if b < next || b > next && b-next-1 < 64 && have>>(b-next-1)&1 != 0 {
			k.there = true
		}
		if k.there {
			last = max(last, k.order)
		}
	}
	for b := s.next; b < next; b++ {
		s.state[b%Window] = sending{}
	}
	s.next = next
	for b := s.next; b < s.fresh; b++ {
		if k := &s.state[b%Window]; !k.there && !k.lost && k.order < last {
			k.lost = true
			lost++
		}
	}
	return lost
}

// Expire takes the oldest block on its way for lost: nothing was heard for too long. What the answer to it
// shows decides about the others.
func (s *Sender) Expire() {
	for b := s.next; b < s.fresh; b++ {
		if k := &s.state[b%Window]; !k.there {
			k.lost = true
			return
		}
	}
}
