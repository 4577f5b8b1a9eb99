package recognise

import (
	"bytes"
	"context"
	"errors"
	"time"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/family"
)

// Times of the probes.
const (
	quiet     = 50 * time.Millisecond  // behind a probe that failed, nothing is sent
	settle    = 100 * time.Millisecond // for an answer to 0x7F
	promptFor = 300 * time.Millisecond // for a prompt
	syncFor   = 100 * time.Millisecond // for answers to one SYNC of an Espressif ROM
	syncs     = 5
	usbTries  = 3                      // of a chip that leaves the bus, which may fall in the middle of one
	stkFor    = 100 * time.Millisecond // for an answer to one request of STK500
	stkFirst  = 450 * time.Millisecond // for the first one: Optiboot 4.4 blinks for 0.4 s before it reads, and keeps three bytes meanwhile
	stkSlow   = 400 * time.Millisecond // and at lower speeds, where ATmegaBOOT is
	stkTries  = 4
)

// collect reads what comes until a moment, or until enough says so, and returns it. Who makes nothing of it hears it.
func (r *recogniser) collect(ctx context.Context, d time.Duration, enough func([]byte) bool) ([]byte, error) {
	var got []byte
	until := r.line.Now() + d
	for {
		var p [256]byte
		n, err := r.line.Read(ctx, p[:], until)
		got = append(got, p[:n]...)
		switch {
		case n > 0:
			if len(got) > 4096 || enough != nil && enough(got) {
				return got, nil
			}
		case errors.Is(err, restore.ErrTimeout):
			return got, nil
		default:
			return nil, err
		}
	}
}

// ask drops what has come, sends a request and collects what comes of it.
func (r *recogniser) ask(ctx context.Context, q []byte, d time.Duration, enough func([]byte) bool) ([]byte, error) {
	if err := r.line.Drop(ctx); err != nil {
		return nil, err
	}
	if err := r.line.Write(q); err != nil {
		return nil, err
	}
	return r.collect(ctx, d+r.line.Time(len(q)), enough)
}

// stm32 sends 0x7F (AN3155, "USART boot loader code sequence"): a loader that hears it first of all answers 0x79. From then on it is half of
// a command, and every second one is answered by 0x1F, for the other half is wrong. Two such answers count. With even parity these bytes have the
// parity bit 1, which looks like the stop bit of a byte without parity.
func (r *recogniser) stm32(ctx context.Context) (bool, error) {
	answered := -1 // the one that was answered last
	for i := range 4 {
		got, err := r.ask(ctx, []byte{0x7f}, settle, func(b []byte) bool { return len(b) > 1 })
		switch {
		case err != nil:
			return false, err
		case len(got) == 0 && i <= answered+1:
			continue
		case len(got) != 1 || got[0] != 0x1f && (got[0] != 0x79 || i > 0):
			r.line.Hear(got)
			return false, nil
		case answered >= 0:
			return i-answered == 2, nil
		}
		answered = i
	}
	return false, nil
}

// prompt sends a carriage return, and looks who asks for a command. Only who answers gets a Ctrl-C, too: it ends what a person runs there.
func (r *recogniser) prompt(ctx context.Context) (Kind, error) {
	for _, q := range [][]byte{{'\r'}, {3, '\r'}} {
		got, err := r.ask(ctx, q, promptFor, nil)
		if err != nil || len(got) == 0 {
			return Nobody, err
		}
		r.line.Hear(got)
		if k := named(got); k != Nobody {
			return k, nil
		}
	}
	return Nobody, nil
}

// named is who has said a text, if that is one who is only named.
func named(text []byte) Kind {
	for _, k := range boottext.Recognise(text) {
		switch k {
		case boottext.UBoot:
			return UBoot
		case boottext.Linux:
			return Linux
		default:
		}
	}
	return Nobody
}

// syncESP is the frame that a ROM of Espressif measures the host's speed by (esptool documentation, "Serial Protocol", SYNC).
var syncESP = func() []byte {
	p := []byte{0xc0, 0, 8, 36, 0, 0, 0, 0, 0, 7, 7, 0x12, 0x20}
	return append(append(p, bytes.Repeat([]byte{0x55}, 32)...), 0xc0)
}()

// esp calls a ROM of Espressif, which answers one SYNC eight times; two answers count.
func (r *recogniser) esp(ctx context.Context, tries int) (bool, error) {
	for range tries {
		got, err := r.ask(ctx, syncESP, syncFor, func(b []byte) bool { return synced(b) >= 2 })
		if text, _, _ := bytes.Cut(got, []byte{0xc0}); printable(text) { // what else is there is half of an answer
			r.line.Hear(text)
		}
		if err != nil || synced(got) >= 2 {
			return err == nil, err
		}
	}
	return false, nil
}

// synced counts whole answers to SYNC: direction 1, command 8, two or four bytes of status, of which the first two are 0.
func synced(b []byte) int {
	n := 0
	for _, f := range bytes.Split(b, []byte{0xc0}) {
		if len(f) >= 10 && f[0] == 1 && f[1] == 8 && f[3] == 0 && (f[2] == 2 || f[2] == 4) && f[8] == 0 && f[9] == 0 {
			n++
		}
	}
	return n
}

// stk1 calls a loader of STK500 version 1 (AVR061): in step it answers 0x14 0x10. It answers twice before it counts. One that has lost its
// first byte is out of step, until a space more is answered, which is a command and its end alike; at lower speeds there is ATmegaBOOT, which
// bears no such command. urboot answers with two other bytes, twice the same; it measures the speed, and so answers at the first one: at
// another such bytes may be what is heard of a loader with a speed of its own.
func (r *recogniser) stk1(ctx context.Context) (Kind, error) {
	first := r.line.Stats().Baud >= 115200
	whole := func(b []byte) bool { return len(b) >= 2 }
	wait := stkSlow
	if first {
		wait = stkFirst
	}
	var last []byte
	for range stkTries {
		got, err := r.ask(ctx, []byte{0x30, 0x20}, wait, whole)
		for i := 0; i < 2 && err == nil && len(got) == 0 && first; i++ {
			got, err = r.ask(ctx, []byte{0x20}, stkFor/2, whole)
		}
		if err != nil {
			return Nobody, err
		}
		wait = stkFor
		if len(got) == 2 && bytes.Equal(got, last) {
			switch {
			case got[0] == 0x14 && got[1] == 0x10:
				return STK500v1, nil
			case printable(got) || !first: // a program's words
				return Nobody, nil
			}
			return Urboot, nil
		}
		if len(got) == 0 && last != nil && len(last) == 0 {
			break // twice silent
		}
		if printable(got) {
			r.line.Hear(got)
		}
		last = append([]byte{}, got...)
	}
	return Nobody, nil
}

func printable(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && c != '\r' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// signOn is the first message of STK500 version 2 (AVR068).
var signOn = []byte{0x1b, 1, 0, 1, 0x0e, 1, 0x14}

// stk2 calls a loader of STK500 version 2, twice.
func (r *recogniser) stk2(ctx context.Context) (bool, error) {
	in := 0
	for i := range stkTries {
		got, err := r.ask(ctx, signOn, 2*stkFor, func(b []byte) bool { return signedOn(b) })
		if err != nil {
			return false, err
		}
		if !signedOn(got) {
			if in = 0; i > 0 && len(got) == 0 {
				break // twice silent
			}
			continue
		}
		if in++; in == 2 {
			return true, nil
		}
	}
	return false, nil
}

// signedOn reports whether an answer to signOn has come whole: 1B 01 00 len 0E 01 00 name sum.
func signedOn(b []byte) bool {
	i := bytes.Index(b, []byte{0x1b, 1, 0})
	if i < 0 {
		return false
	}
	b = b[i:]
	if len(b) < 6 || b[4] != 0x0e || len(b) < 6+int(b[3]) {
		return false
	}
	sum := byte(0)
	for _, c := range b[:6+int(b[3])] {
		sum ^= c
	}
	return sum == 0 && b[3] >= 2 && b[5] == 1 && b[6] == 0
}

// way goes a way of the lines and calls a ROM of Espressif. It reports whether that answers; a port without lines is no error.
func (r *recogniser) way(ctx context.Context, w family.Way) (bool, error) {
	err := r.line.Go(ctx, w)
	if w == family.WayUSB && gone(err) {
		err = r.line.Return(ctx) // the chip has left the bus with its reset
	}
	if errors.Is(err, restore.ErrUnsupported) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ok, err := r.esp(ctx, syncs)
	if w == family.WayUSB && gone(err) {
		if err = r.line.Return(ctx); err == nil {
			ok, err = r.esp(ctx, syncs)
		}
	}
	return ok, err
}

// gone reports whether a port is no longer there.
func gone(err error) bool {
	var e *restore.Error
	return errors.As(err, &e) && e.Code == restore.CodeVanished
}
