package avr

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"unbrick/release"
	"unbrick/restore/family"
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

// image is a program of n bytes that says something, if it has words, and then does nothing for ever.
func image(seed uint64, n int, words string) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, 0, n)
	op := func(codes ...uint16) {
		for _, c := range codes {
			p = append(p, byte(c), byte(c>>8))
		}
	}
	const ucsra, udr = 0xc0, 0xc6
	for _, c := range []byte(words) {
		op(0x9100, ucsra, 0xff05, 0xcffc)                      // wait: lds r16, UCSR0A; sbrs r16, UDRE0; rjmp wait
		op(0xe000|uint16(c&0xf0)<<4|uint16(c&15), 0x9300, udr) // ldi r16, c; sts UDR0, r16
	}
	op(0xcfff) // here: rjmp here
	for len(p) < n {
		p = append(p, byte(r.Uint32()))
	}
	return p[:n]
}

func enter(t *testing.T, b *Board, o *family.Options) *stk500.Loader {
	t.Helper()
	if o == nil {
		o = new(family.Options)
	}
	o.Trace = func(e family.Exchange) {
		if e.Err != nil {
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

func TestGenuine(t *testing.T) {
	for _, m := range models {
		t.Run(m.Name, func(t *testing.T) {
			b := m.Start(t, nil)
			empty := b.Flash()
			l := enter(t, b, nil)
			board, err := l.Describe(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if board.Name != m.name || board.Loader != m.loader || board.Flash != m.flash || board.Sealed != nil ||
				len(board.Reserved) != 1 || board.Reserved[0] != m.reserved {
				t.Errorf("board: %+v", board)
			}
			part := release.Part{Name: "app", Offset: 0, Data: image(1, m.bytes, "")}
			if d := bring(t, l, part); d.Differ != d.Blocks {
				t.Errorf("%d of %d pages differ on an empty board", d.Differ, d.Blocks)
			}
			want := append(bytes.Clone(part.Data), empty[len(part.Data):]...)
			if !bytes.Equal(b.Flash(), want) {
				t.Error("the flash is not that")
			}
			if d := bring(t, l, part); d.Differ != 0 {
				t.Errorf("%d pages differ, and all is there", d.Differ)
			}
			s, err := l.Start(context.Background())
			if err != nil || s.Outcome != family.Quiet {
				t.Errorf("start: %+v, %v", s, err)
			}
		})
	}
}
