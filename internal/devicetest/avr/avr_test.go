package avr

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
	"unbrick/restore/recognise"
	"unbrick/restore/stk500"
)

// models are the boards that the tests run on, with what must be said of each.
var models = []struct {
	Model
	name, loader string
	flash        uint32
	reserved     family.Range
	bytes        int // of an image: so much as a second or so takes
}{
	{Optiboot, "ATmega328P", "Optiboot 4.4", 32 << 10, family.Range{Addr: 0x7e00, Size: 0x200}, 7000},
	{ATmegaBOOT, "ATmega328P", "ATmegaBOOT 1.16", 32 << 10, family.Range{Addr: 0x7800, Size: 0x800}, 4000},
	{ATmegaBOOT168, "ATmega168", "ATmegaBOOT 1.16", 16 << 10, family.Range{Addr: 0x3800, Size: 0x800}, 1500},
	{STK500Boot, "ATmega2560", "stk500boot, AVRISP_2", 256 << 10, family.Range{Addr: 0x3e000, Size: 0x2000}, 7000},
}

// image is a program of n bytes that says something at a speed, if it has words, and then does nothing for ever.
func image(seed uint64, n int, baud uint32, words string) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, 0, n)
	op := func(codes ...uint16) {
		for _, c := range codes {
			p = append(p, byte(c), byte(c>>8))
		}
	}
	op(0, 0, 0, 0) // nothing: Debian's Optiboot 4.4 is two bytes too long for its place, and starts a program at 4 instead of 0
	const ucsra, ucsrb, ubrr, udr = 0xc0, 0xc1, 0xc4, 0xc6
	set := func(reg, v uint16) { op(0xe000|v&0xf0<<4|v&15, 0x9300, reg) } // ldi r16, v; sts reg, r16
	switch baud {
	case 115200:
		set(ucsra, 2) // double speed
		set(ubrr, 16)
	case 57600:
		set(ubrr, 16)
	case 19200:
		set(ubrr, 51)
	}
	set(ucsrb, 8) // it sends
	for _, c := range []byte(words) {
		op(0x9100, ucsra, 0xff05, 0xcffc) // wait: lds r16, UCSR0A; sbrs r16, UDRE0; rjmp wait
		set(udr, uint16(c))
	}
	op(0xcfff) // here: rjmp here
	for len(p) < n {
		p = append(p, byte(r.Uint32()))
	}
	return p[:n]
}

func enter(t *testing.T, b *Board, o *family.Options) (l *stk500.Loader) {
	t.Helper()
	if o == nil {
		o = new(family.Options)
	}
	trace := o.Trace
	o.Trace = func(e family.Exchange) {
		if trace != nil {
			trace(e)
		}
		if e.Err != nil && l != nil {
			t.Logf("%v %s: %v", e.At, e.Name, e.Err)
		}
	}
	l, err := stk500.Enter(context.Background(), b.Open(115200), 115200, 0, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// bring writes what differs, and verifies it.
func bring(t *testing.T, l *stk500.Loader, parts ...release.Part) *family.Difference {
	t.Helper()
	ctx := context.Background()
	d, err := l.Compare(ctx, parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Write(ctx, d, nil); err != nil {
		t.Fatal(err)
	}
	if proof, err := l.Verify(ctx, parts, nil); err != nil || proof != family.ProofRead {
		t.Fatalf("verify: %v, %v", proof, err)
	}
	return d
}

// TestGenuine: each loader is found, described and written; by difference; and again after its power went in the middle. What the flash
// holds is looked at beside the loader.
func TestGenuine(t *testing.T) {
	for _, m := range models {
		t.Run(m.Name, func(t *testing.T) {
			if m.Baud == 19200 && os.Getenv("UNBRICK_DEVICES") != "1" {
				t.Skip("the slowest one only with UNBRICK_DEVICES=1")
			}
			t.Parallel()
			b := m.Start(t, nil)
			empty := b.Flash()
			l := enter(t, b, nil)
			board, err := l.Describe(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if board.Name != m.name || board.Loader != m.loader || board.Flash != m.flash || board.Sealed != nil ||
				len(board.Reserved) != 1 || board.Reserved[0] != m.reserved || l.Stats().Baud != m.Baud {
				t.Errorf("board: %+v at %d", board, l.Stats().Baud)
			}
			part := release.Part{Name: "app", Offset: 0, Data: image(1, m.bytes, m.Baud, "Hello")}
			if d := bring(t, l, part); d.Differ != d.Blocks {
				t.Errorf("%d of %d pages differ on an empty board", d.Differ, d.Blocks)
			}
			holds := func(b *Board) {
				t.Helper()
				if want := append(bytes.Clone(part.Data), empty[len(part.Data):]...); !bytes.Equal(b.Flash(), want) {
					t.Error("the flash holds something else")
				}
			}
			holds(b)
			part.Data[m.bytes/2] ^= 0x10
			want := 1
			if m.name == "ATmega2560" {
				want = m.bytes/2/256 + 1
			}
			if d := bring(t, l, part); d.Differ != want {
				t.Errorf("%d pages are written for one that differs, want %d", d.Differ, want)
			}
			holds(b)
			s, err := l.Start(context.Background())
			if err != nil || s.Outcome != family.Runs || !bytes.HasPrefix(s.Heard, []byte("Hello")) {
				t.Errorf("start: %v, %q, %v", s.Outcome, s.Heard, err)
			}
			l.Close()

			// Another image, and its power goes while that is written.
			part.Data = image(2, m.bytes, m.Baud, "Here I am")
			pages := 0
			l = enter(t, b, &family.Options{Trace: func(e family.Exchange) {
				if e.Name == "program page" {
					if pages++; pages == m.bytes/300 {
						empty = b.Unplug()
					}
				}
			}})
			d, err := l.Compare(context.Background(), []release.Part{part}, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = l.Write(context.Background(), d, nil)
			var e *restore.Error
			if !errors.As(err, &e) || e.Code != restore.CodeVanished || e.Touched != restore.TouchedPart {
				t.Fatalf("its power went: %v", err)
			}
			l.Close()
			b = m.Start(t, empty)
			if half := b.Flash(); bytes.Equal(half[:m.bytes], part.Data) || !bytes.Equal(half[:128], part.Data[:128]) {
				t.Error("its power did not go in the middle")
			}
			l = enter(t, b, nil)
			bring(t, l, part)
			holds(b)
			if s, err := l.Start(context.Background()); err != nil || s.Outcome != family.Runs || !bytes.HasPrefix(s.Heard, []byte("Here I am")) {
				t.Errorf("start: %+v, %v", s, err)
			}
		})
	}
}

// TestGenuineRecognised: each is named, whoever else it might have been.
func TestGenuineRecognised(t *testing.T) {
	for _, m := range models {
		t.Run(m.Name, func(t *testing.T) {
			if m.Baud == 19200 && os.Getenv("UNBRICK_DEVICES") != "1" {
				t.Skip("the slowest one only with UNBRICK_DEVICES=1")
			}
			t.Parallel()
			b := m.Start(t, image(1, 1000, 0, ""))
			p := b.Open(115200)
			want := recognise.STK500v1
			if m.name == "ATmega2560" {
				want = recognise.STK500v2
			}
			f, err := recognise.Recognise(context.Background(), p, nil)
			for try := 0; try < 2 && err == nil && f.Kind == recognise.Nobody; try++ { // a busy machine answers late; never wrongly
				f, err = recognise.Recognise(context.Background(), p, nil)
			}
			if err != nil || f.Kind != want {
				t.Errorf("%+v, %v; want %v", f, err, want)
			}
			p.Close()
		})
	}
}

// TestGenuineByHand: a loader is found by a person's press alone.
func TestGenuineByHand(t *testing.T) {
	b := Optiboot.Start(t, image(1, 300, 0, ""))
	port := b.Open(115200)
	hand := struct{ restore.Port }{port} // no lines
	l, err := stk500.Enter(context.Background(), hand, 115200, 0, &family.Options{Patience: time.Minute, OnWay: func(w family.Way) {
		if w == family.WayHand {
			b.Reset()
		}
	}})
	if err != nil || l.Way() != family.WayHand {
		t.Fatal(err)
	}
	defer l.Close()
	bring(t, l, release.Part{Data: image(2, 500, 0, "")})
}

// message is one of STK500 version 2.
func message(seq byte, body ...byte) []byte {
	m := append([]byte{0x1b, seq, byte(len(body) >> 8), byte(len(body)), 0x0e}, body...)
	sum := byte(0)
	for _, x := range m {
		sum ^= x
	}
	return append(m, sum)
}

// TestGenuineGap shows why what lies below a page is written with it: stk500boot erases the first page when the first one is written, wherever that
// is. A host that leaves a gap destroys what is there, and writes over what was not erased (which a chip, unlike simavr, does not bear).
func TestGenuineGap(t *testing.T) {
	const at, size = 0x700, 256
	before := image(1, 0x1000, 0, "")
	page := image(2, size, 0, "")
	b := STK500Boot.Start(t, before)
	p := b.Open(115200)
	b.Reset()
	ask := func(m []byte) {
		t.Helper()
		if err := p.Write(m); err != nil {
			t.Fatal(err)
		}
		var in []byte
		for end := p.Now() + 2*time.Second; len(in) < 8; { // 1B, seq, length, 0E, command, status, sum
			var q [64]byte
			n, err := p.Read(q[:], end-p.Now())
			if err != nil {
				t.Fatalf("%x: %v", m[5], err)
			}
			in = append(in, q[:n]...)
		}
		if in[6] != 0 {
			t.Fatalf("%x: %x", m[5], in)
		}
	}
	if _, err := p.Read(make([]byte, 1), 100*time.Millisecond); !restore.IsTimeout(err) {
		t.Fatal(err) // it says nothing unasked; meanwhile it has started
	}
	ask(message(1, 0x01))
	for drained(p) {
	}
	ask(message(2, 0x06, 0x80, 0, at>>9, at>>1&0xff))
	ask(message(3, append([]byte{0x13, size >> 8, size & 0xff, 0, 0, 0, 0, 0, 0, 0}, page...)...))
	p.Close()
	got := b.Flash()
	if !bytes.Equal(got[:size], bytes.Repeat([]byte{0xff}, size)) {
		t.Error("the first page is still there: it does not erase by a count, and no gap would be a trap")
	}
	if !bytes.Equal(got[at:][:size], page) { // simavr does not know that programming only clears bits
		t.Error("the page is not there")
	}

	// The same page, by the family.
	b = STK500Boot.Start(t, before)
	l := enter(t, b, nil)
	bring(t, l, release.Part{Offset: at, Data: page})
	want := bytes.Clone(before)
	copy(want[at:], page)
	if !bytes.Equal(b.Flash()[:len(want)], want) {
		t.Error("beside the page something else has changed")
	}
}

// drained reads what is there yet, and reports whether something was.
func drained(p restore.Port) bool {
	n, _ := p.Read(make([]byte, 64), 20*time.Millisecond)
	return n > 0
}
