package stk500

import (
	"bytes"
	"context"
	"time"
)

// version2 speaks STK500 version 2.
type version2 struct {
	*talk
	seq   byte
	at    uint32 // where the loader's address is
	known bool   // that it is there
	name  string // that it signs on with
}

// ask sends a message and takes the answer's body behind command and status. The whole of it has n bytes; -1: as many as it has.
func (v *version2) ask(ctx context.Context, what string, body []byte, n int, wait time.Duration) ([]byte, error) {
	return v.askFor(ctx, what, body, n, good2, wait)
}

// askFor is ask where the loader says a status of its own.
func (v *version2) askFor(ctx context.Context, what string, body []byte, n int, status byte, wait time.Duration) ([]byte, error) {
	v.seq++
	msg := append2(v.out[:0], v.seq, body)
	v.out = msg
	seq, cmd, skipped := v.seq, body[0], 0
	p, err := v.exchange(ctx, what, msg, wait+v.line.Time(len(msg)+n+frame2), func(in []byte) ([]byte, int, error) {
		b, drop := answer2(in[skipped:], seq)
		skipped += drop
		switch {
		case b == nil:
			return nil, 1, nil
		case len(b) < 2 || b[0] != cmd:
			return nil, 0, errLost
		case b[1] != status:
			return nil, 0, errRefused
		case n >= 0 && len(b) != n:
			return nil, 0, errLost
		}
		return b[2:], 0, nil
	})
	if err != nil {
		v.known = false
	}
	return p, err
}

func (v *version2) sync(ctx context.Context, wait time.Duration) error {
	v.seq, v.known = 0, false
	p, err := v.ask(ctx, "sign on", []byte{signOn}, -1, wait)
	if err != nil {
		return err
	}
	if len(p) < 1 || int(p[0]) != len(p)-1 || len(p) > 17 {
		return errLost
	}
	v.name = string(bytes.Map(printable, p[1:]))
	return nil
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

func (v *version2) present(ctx context.Context) error { return v.sync(ctx, answering/2) }

func (v *version2) signature(ctx context.Context) (s [3]byte, err error) {
	for i := range s {
		p, err := v.ask(ctx, "read signature", []byte{sign2, 4, 4, 0, byte(i), 0}, 4, answering)
		if err != nil {
			return s, err
		}
		s[i] = p[0]
	}
	return s, nil
}

func (v *version2) who(context.Context) (behaviour, string, error) {
	if v.name == "AVRISP_2" {
		return stk500boot, "stk500boot, " + v.name, nil
	}
	return other2, "STK500 version 2, " + v.name, nil
}

// begin sends the parameters that a programmer takes; this loader looks at none of them.
func (v *version2) begin(ctx context.Context) error {
	_, err := v.ask(ctx, "enter programming mode", []byte{enter2, 200, 100, 25, 32, 0, 0x53, 3, 0xac, 0x53, 0, 0}, 2, answering)
	return err
}

// address loads it where the loader has it not already: reading and writing take it along.
func (v *version2) address(ctx context.Context, addr uint32) error {
	if v.known && v.at == addr {
		return nil
	}
	w := addr >> 1
	if _, err := v.ask(ctx, "load address", []byte{address2, bit31 | byte(w>>24), byte(w >> 16), byte(w >> 8), byte(w)}, 2, answering); err != nil {
		return err
	}
	v.at, v.known = addr, true
	return nil
}

func (v *version2) read(ctx context.Context, addr uint32, p []byte) error {
	if err := v.address(ctx, addr); err != nil {
		return err
	}
	b, err := v.ask(ctx, "read page", []byte{read2, byte(len(p) >> 8), byte(len(p)), space}, 3+len(p), answering)
	if err != nil {
		return err
	}
	copy(p, b)
	v.at += uint32(len(p))
	return nil
}

func (v *version2) write(ctx context.Context, addr uint32, p []byte, goes func()) error {
	if err := v.address(ctx, addr); err != nil {
		return err
	}
	goes()
	v.body = append(v.body[:0], write2, byte(len(p)>>8), byte(len(p)), 0xc1, 10, 0x40, 0x4c, space, 0, 0)
	v.body = append(v.body, p...)
	if _, err := v.ask(ctx, "program page", v.body, 2, answering); err != nil {
		return err
	}
	v.at += uint32(len(p))
	return nil
}

// rewind sets the counter of what is erased next to the beginning of the flash. It is the command that erases a chip elsewhere: this
// loader erases nothing by it, and says so: it has failed. Another answer is none of this loader's.
func (v *version2) rewind(ctx context.Context) error {
	_, err := v.askFor(ctx, "rewind", []byte{erase2, 45, 0, 0xac, 0x80, 0, 0}, 2, failed2, answering)
	return err
}

func (v *version2) leave(ctx context.Context) error {
	_, err := v.ask(ctx, "leave programming mode", []byte{leave2, 1, 1}, 2, answering)
	return err
}

func (v *version2) traffic(n int) (read, write int) { return n + 19, n + 24 }
