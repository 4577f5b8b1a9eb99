package smp

// Deframer finds packets in a stream of console bytes. Lines that are not frames are the other side's
// log and are passed over. It works in the caller's memory, never allocates, and after any damage it
// is ready again at the next first-frame marker, wherever in a line that stands. The zero value
// drops everything; use Reset.
type Deframer struct {
	buf  []byte // length, packet, CRC as decoded
	n    int
	want int // bytes of buf that make a packet; 0 until the length is known

	state   deframeState
	quad    [4]byte // base64 values of a group that is not complete
	quads   int
	padding int

	damaged uint64
}

type deframeState uint8

const (
	lineStart deframeState = iota // at the beginning of a line
	lineOther                     // inside a line that is no frame
	markFirst                     // behind 0x06
	markMore                      // behind 0x04
	lineFrame                     // inside a frame
)

// Reset makes d work in buf: packets of up to len(buf)-4 bytes are taken.
func (d *Deframer) Reset(buf []byte) { *d = Deframer{buf: buf} }

// DeframerSize returns how much memory a Deframer needs for packets of n bytes.
func DeframerSize(n int) int { return n + overhead }

// Next takes bytes of p until a packet is complete or p is used up, and returns how many it took. The
// packet is valid until the next call; nil means that more bytes are needed.
func (d *Deframer) Next(p []byte) (packet []byte, used int) {
	for i, b := range p {
		if packet := d.take(b); packet != nil {
			return packet, i + 1
		}
	}
	return nil, len(p)
}

// Damaged returns how many packets were begun and dropped: bad base64, bad length, bad CRC, too long,
// or another one began before the end.
func (d *Deframer) Damaged() uint64 { return d.damaged }

func (d *Deframer) take(b byte) []byte {
	if b == first0 {
		// Not a base64 character: a packet begins here, even if the line feed before it was lost.
		d.abandon()
		d.state = markFirst
		return nil
	}
	switch d.state {
	case lineStart, lineOther:
		switch {
		case b == '\n':
			d.state = lineStart
		case b == more0:
			d.state = markMore
		case b != '\r':
			d.state = lineOther
		}
	case markFirst:
		d.state = lineOther
		if b == first1 {
			d.begin()
		}
	case markMore:
		d.state = lineOther
		if b == more1 && d.n > 0 {
			d.state, d.quads, d.padding = lineFrame, 0, 0
		}
	case lineFrame:
		return d.frame(b)
	}
	return nil
}

// begin starts a packet behind its marker.
func (d *Deframer) begin() {
	d.n, d.want = 0, 0
	d.state, d.quads, d.padding = lineFrame, 0, 0
}

// abandon forgets a packet that was begun.
func (d *Deframer) abandon() {
	if d.n > 0 || d.state == lineFrame {
		d.damaged++
	}
	d.n, d.want = 0, 0
	d.state = lineOther
}

// frame takes one byte inside a frame.
func (d *Deframer) frame(b byte) []byte {
	switch {
	case b == '\n':
		if d.quads != 0 || d.n < 2 {
			d.abandon()
		}
		d.state = lineStart
		return d.finish()
	case b == '\r':
		return nil
	case b == more0 && d.quads == 0:
		// The line feed was lost and nothing else.
		d.state = markMore
		return nil
	}
	v := sextet(b)
	if b == '=' && d.quads >= 2 {
		d.padding++
	} else if v > 63 || d.padding > 0 {
		d.abandon()
		return nil
	}
	d.quad[d.quads] = v & 63
	d.quads++
	if d.quads == 4 {
		d.group()
	}
	return nil
}

// group stores a complete group of four base64 characters.
func (d *Deframer) group() {
	q, k := d.quad, 3-d.padding
	d.quads = 0
	out := [3]byte{q[0]<<2 | q[1]>>4, q[1]<<4 | q[2]>>2, q[2]<<6 | q[3]}
	if d.n+k > len(d.buf) {
		d.abandon()
		return
	}
	d.n += copy(d.buf[d.n:], out[:k])
	if d.want == 0 && d.n >= 2 {
		d.want = 2 + int(d.buf[0])<<8 + int(d.buf[1])
		if d.want < overhead || d.want > len(d.buf) {
			d.abandon()
		}
	}
	if d.want != 0 && d.n > d.want {
		d.abandon()
	}
}

// finish returns the packet if the line that ended was its last.
func (d *Deframer) finish() []byte {
	if d.want == 0 || d.n < d.want {
		return nil
	}
	packet := d.buf[2 : d.n-2 : d.n-2]
	bad := CRC16(0, d.buf[2:d.n]) != 0
	d.n, d.want = 0, 0
	if bad || len(packet) == 0 {
		d.damaged++
		return nil
	}
	return packet
}

// sextet returns the value of a base64 character, 64 or more for any other byte. '=' is 64.
func sextet(b byte) byte {
	switch {
	case b >= 'A' && b <= 'Z':
		return b - 'A'
	case b >= 'a' && b <= 'z':
		return b - 'a' + 26
	case b >= '0' && b <= '9':
		return b - '0' + 52
	case b == '+':
		return 62
	case b == '/':
		return 63
	case b == '=':
		return 64
	}
	return 255
}
