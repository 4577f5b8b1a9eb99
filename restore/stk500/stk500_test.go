package stk500

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"unbrick/internal/standin"
	board "unbrick/internal/standin/stk500"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

// TestRestores: every loader is found, described and written; again nothing differs; then by difference.
func TestRestores(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			for _, line := range []standin.Options{{}, {Latency: 16 * time.Millisecond, Ragged: true, Asserts: true}} {
				r := build(t, k.o, line)
				l := r.enter(nil)
				b, err := l.Describe(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if b.Loader != k.says || b.Sealed != nil || int(b.Flash) != len(r.NOR.Data) || l.Way() != family.WayPulse {
					t.Errorf("%+v, by %v", b, l.Way())
				}
				if r.Tally.Touched() {
					t.Error("something was written before Write")
				}
				parts := []release.Part{{Name: "app", Data: random(1, 5000)}, {Name: "more", Offset: 7001, Data: random(2, 700)}}
				if _, err := restored(l, parts); err != nil {
					t.Fatal(err)
				}
				r.holds(parts)
				for _, i := range []int{5000, 7000, 7701} {
					if r.NOR.Data[i] != 0xff {
						t.Errorf("the byte at %d, in no part, is written", i)
					}
				}
				before := r.Tally
				d, err := restored(l, parts)
				if err != nil || d.Differ != 0 || len(d.Write) != 0 {
					t.Errorf("again: %+v, %v", d, err)
				}
				if before.Writes != r.Tally.Writes {
					t.Error("again something was written")
				}
				parts[0].Data[1000] ^= 0xff // some bits rise: without an erase they cannot
				want := 1
				if k.o.Kind == board.STK500Boot {
					want = 4 // from 0 to the page that differs
				}
				if d, err = restored(l, parts); err != nil || d.Differ != want || r.Tally.Writes != before.Writes+want {
					t.Errorf("one page: %+v, %d written, %v", d, r.Tally.Writes-before.Writes, err)
				}
				r.holds(parts)
				s, err := l.Start(ctx)
				if err != nil || s.Outcome != family.Quiet {
					t.Errorf("start: %+v, %v", s, err)
				}
				if !r.Running() {
					t.Error("the program was not started")
				}
				if k.o.Kind != board.OldOptiboot {
					r.clean()
				}
			}
		})
	}
}

// TestPages: with version 1 a page that holds the same is not written.
func TestPages(t *testing.T) {
	r := build(t, board.Options{}, standin.Options{})
	parts := []release.Part{{Data: random(1, 30*128)}}
	copy(r.NOR.Data, parts[0].Data)
	want := 0
	for i := 0; i < 30*128; i += 5 * 128 {
		r.NOR.Data[i+77] ^= 4
		want++
	}
	l := r.enter(nil)
	d, err := restored(l, parts)
	if err != nil || d.Differ != want || d.Blocks != 30 || r.Tally.Writes != want || r.Tally.Erased != want {
		t.Errorf("%+v, %d written, %v; want %d", d, r.Tally.Writes, err, want)
	}
	r.holds(parts)
	r.clean()
}

// TestReserved: nothing is written that would fall upon the loader, or beyond the flash.
func TestReserved(t *testing.T) {
	for _, k := range kinds {
		r := build(t, k.o, standin.Options{})
		l := r.enter(nil)
		b, err := l.Describe(ctx)
		if err != nil {
			t.Fatal(err)
		}
		at := b.Reserved[0]
		if at.End() != uint64(b.Flash) || !bytes.Equal(r.NOR.Data[at.Addr:][:8], random8(at.Addr)) || r.NOR.Data[at.Addr-1] != 0xff {
			t.Errorf("%s: reserved %+v is not where the loader lies", k.name, at)
		}
		for _, c := range []struct {
			part release.Part
			code restore.Code
		}{
			{release.Part{Offset: at.Addr - 1, Data: []byte{1, 2}}, restore.CodeReserved},
			{release.Part{Offset: at.Addr, Data: []byte{1}}, restore.CodeReserved},
			{release.Part{Offset: b.Flash - 1, Data: []byte{1}}, restore.CodeReserved},
			{release.Part{Offset: b.Flash - 1, Data: []byte{1, 2}}, restore.CodeTooLarge},
			{release.Part{Offset: 1<<32 - 1, Data: []byte{1}}, restore.CodeTooLarge},
		} {
			parts := []release.Part{c.part}
			if _, err := l.Compare(ctx, parts, nil); code(err) != c.code {
				t.Errorf("%s: compare at %#x: %v", k.name, c.part.Offset, err)
			}
			if err := l.Write(ctx, &family.Difference{Parts: parts, Write: []family.Range{{Size: b.Flash}}}, nil); code(err) != c.code {
				t.Errorf("%s: write at %#x: %v", k.name, c.part.Offset, err)
			}
		}
		before := []release.Part{{Offset: at.Addr - 3, Data: []byte{1, 2, 3}}}
		if k.o.Kind == board.STK500Boot { // that all below it is written takes its time
			err = l.fits(before)
		} else {
			_, err = restored(l, before)
		}
		if err != nil {
			t.Errorf("%s: right before it: %v", k.name, err)
		}
		if k.o.Kind != board.OldOptiboot {
			r.clean()
		}
	}
}

// TestUnknownLoader: one that is not known may have all that the fuses can give it.
func TestUnknownLoader(t *testing.T) {
	for _, c := range chips {
		for b := other1; b <= urboot; b++ {
			r := c.reserved(b)
			if size, known := c.loaders[b]; r.End() != uint64(c.flash) || known && r.Size != size || !known && r.Size != c.largest {
				t.Errorf("%s, %d: %+v", c.name, b, r)
			}
			if r.Size > c.largest || r.Size%c.page != 0 || c.flash > maxFlash || c.page > maxPage {
				t.Errorf("%s, %d: %+v", c.name, b, r)
			}
		}
	}
}

// random8 are the first bytes of a stand-in's loader.
func random8(at uint32) []byte {
	p := make([]byte, 8)
	for i := range p {
		p[i] = byte((int(at)+i)*7) | 1
	}
	return p
}

// TestNamed: what is not known is named, and never written to.
func TestNamed(t *testing.T) {
	for _, c := range []struct {
		o    board.Options
		says string
	}{
		{board.Options{Kind: board.Urboot}, "avrdude -c urclock"},
		{board.Options{Signature: [3]byte{0x1e, 0x95, 0x99}}, "1e 95 99"},
		{board.Options{Signature: [3]byte{0x1e, 0x98, 0x01}, Size: 256 << 10, Page: 256}, "avrdude"},
		{board.Options{Kind: board.STK500Boot, Signature: [3]byte{0x1e, 0x95, 0x0f}, Size: 32 << 10}, "avrdude"},
	} {
		r := build(t, c.o, standin.Options{})
		l := r.enter(nil)
		b, err := l.Describe(ctx)
		if err != nil || b.Name == "" || b.Sealed == nil || !strings.Contains(b.Sealed.Error(), c.says) || code(b.Sealed) != restore.CodeNamed {
			t.Errorf("%+v, %v; want %q", b, err, c.says)
		}
		parts := []release.Part{{Data: []byte{1}}}
		if _, err := l.Compare(ctx, parts, nil); code(err) != restore.CodeNamed {
			t.Errorf("compare: %v", err)
		}
		if err := l.Write(ctx, &family.Difference{Parts: parts, Write: []family.Range{{Size: 128}}}, nil); code(err) != restore.CodeNamed {
			t.Errorf("write: %v", err)
		}
		if _, err := l.Verify(ctx, parts, nil); code(err) != restore.CodeNamed {
			t.Errorf("verify: %v", err)
		}
		if r.Tally.Touched() {
			t.Error("it was written to")
		}
		r.clean()
	}
}

// TestOrder: an Arduino Mega is asked in its own way first, and nobody else.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		usb     family.USB
		version int
	}{{family.USB{Vendor: 0x2341, Product: 0x0042}, 2}, {family.USB{Vendor: 0x2a03, Product: 0x0010}, 2}, {family.USB{Vendor: 0x2341, Product: 0x0043}, 1}, {family.USB{}, 1}} {
		if got := order(&family.Options{USB: c.usb}); len(got) != len(attempts) || got[0].version != c.version {
			t.Errorf("%x: %v", c.usb, got)
		}
	}
	r := build(t, board.Options{Kind: board.STK500Boot}, standin.Options{})
	r.enter(&family.Options{USB: family.USB{Vendor: 0x2341, Product: 0x0042}})
	if r.Resets != 1 || r.w.Elapsed() > time.Second {
		t.Errorf("a Mega: %d resets, %v", r.Resets, r.w.Elapsed())
	}
}

// TestThere: a loader that somebody has found already is not reset, and one that has left meanwhile is found again.
func TestThere(t *testing.T) {
	for _, k := range kinds {
		version := 1
		if k.o.Kind == board.STK500Boot {
			version = 2
		}
		r := build(t, k.o, standin.Options{})
		p := r.open()
		l, err := Enter(ctx, p, 115200, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		resets, baud := r.Resets, l.Stats().Baud
		if l, err = Enter(ctx, p, baud, version, nil); err != nil || l.Way() != family.WayThere || r.Resets != resets {
			t.Errorf("%s: %v, by %v, %d resets", k.name, err, l.Way(), r.Resets-resets)
		}
		r.w.Run(time.Minute)
		if _, err := restored(l, []release.Part{{Data: random(1, 300)}}); err != nil {
			t.Errorf("%s: it left: %v", k.name, err)
		}
		r.NOR.Data[0] = 0x12
		r.w.Run(time.Minute)
		if l, err = Enter(ctx, p, baud, version, nil); err != nil || l.Way() != family.WayPulse {
			t.Errorf("%s: it left: %v, by %v", k.name, err, l.Way())
		}
	}
}

// other is a device that answers each space with two bytes, at one speed.
type other struct {
	w    *standin.Wire
	baud uint32
	says string
}

func (o *other) Attach(w *standin.Wire) { o.w = w; w.Listen(o.baud) }
func (o *other) Lines(bool, bool)       {}
func (o *other) Break(time.Duration)    {}
func (o *other) Byte(b byte, _ uint32) {
	if b == space {
		o.w.Send([]byte(o.says))
	}
}

// TestNoUrboot: two bytes that are always the same are urboot's at the first speed alone, and never an echo.
func TestNoUrboot(t *testing.T) {
	for _, o := range []other{{baud: 57600, says: "\x64\xd0"}, {baud: 19200, says: "\x64\xd0"}, {baud: 115200, says: "0 "}, {baud: 115200, says: "abc"}} {
		w := standin.New(&o, standin.Options{Seed: 1})
		p, err := w.Open(115200)
		if err != nil {
			t.Fatal(err)
		}
		if l, err := Enter(ctx, p, 115200, 0, nil); code(err) != restore.CodeSilent {
			t.Errorf("%q at %d: %+v, %v", o.says, o.baud, l, err)
		}
	}
}

// TestSoon: the last attempt is over in time, and so is a port at which nobody answers.
func TestSoon(t *testing.T) {
	for _, o := range []board.Options{{Kind: board.ATmegaBOOT, Baud: 19200}, {NoLines: true}} {
		r := build(t, o, standin.Options{Latency: 16 * time.Millisecond})
		l, err := Enter(ctx, r.open(), 115200, 0, nil)
		if (l != nil) == o.NoLines || o.NoLines && code(err) != restore.CodeSilent {
			t.Errorf("%+v: %v", o, err)
		}
		if took := r.w.Elapsed(); took > 4*time.Second {
			t.Errorf("%+v: it took %v", o, took)
		}
	}
}

// TestFloods: a program that never stops talking is stopped by the reset.
func TestFloods(t *testing.T) {
	for _, k := range kinds {
		o := k.o
		o.Flash, o.Floods = []byte{0xff, 0xcf}, strings.Repeat("\x14\x10 all is well \x1b\x01\x00\x02\x0e\x01\x00\x17\r\n", 4)
		r := build(t, o, standin.Options{Latency: 16 * time.Millisecond})
		l := r.enter(nil)
		if b, err := l.Describe(ctx); err != nil || b.Loader != k.says {
			t.Errorf("%s: %+v, %v", k.name, b, err)
		}
	}
}

// TestByHand: a board whose lines reset nothing is found when a person presses its button.
func TestByHand(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			o := k.o
			o.NoLines = true
			r := build(t, o, standin.Options{})
			r.w.Run(10 * time.Second) // it was switched on long ago
			presses := 0
			var press func()
			press = func() { // every few seconds, as it is told
				presses++
				r.Reset()
				r.w.After(3700*time.Millisecond, press)
			}
			var ways []family.Way
			hand := func(w family.Way) {
				if ways = append(ways, w); w == family.WayHand {
					r.w.Do(func() { r.w.After(1234*time.Millisecond, press) })
				}
			}
			l := r.enter(&family.Options{Patience: time.Minute, OnWay: hand})
			if l.Way() != family.WayHand {
				t.Errorf("by %v, told %v", l.Way(), ways)
			}
			t.Logf("%d presses, %v", presses, r.w.Elapsed())
		})
	}
	r := build(t, board.Options{NoLines: true}, standin.Options{})
	if _, err := Enter(ctx, r.open(), 115200, 0, &family.Options{Patience: 5 * time.Second}); code(err) != restore.CodeSilent || r.w.Elapsed() > 10*time.Second {
		t.Errorf("nobody presses: %v after %v", err, r.w.Elapsed())
	}
}

// TestComesBack: the loader that has started the program, because nobody talked to it for a minute, is brought back.
func TestComesBack(t *testing.T) {
	for _, k := range kinds {
		o := k.o
		o.Flash = []byte{0xff, 0xcf}
		r := build(t, o, standin.Options{})
		l := r.enter(nil)
		parts := []release.Part{{Data: random(1, 3000)}}
		gone := func(what string) {
			r.w.Run(time.Minute)
			if !r.Running() {
				t.Fatalf("%s, before %s: it stays, and the test tests nothing", k.name, what)
			}
		}
		gone("compare")
		d, err := l.Compare(ctx, parts, nil)
		if err != nil {
			t.Fatalf("%s: compare: %v", k.name, err)
		}
		gone("write")
		if err := l.Write(ctx, d, nil); err != nil {
			t.Fatalf("%s: write: %v", k.name, err)
		}
		gone("verify")
		if _, err := l.Verify(ctx, parts, nil); err != nil {
			t.Errorf("%s: verify: %v", k.name, err)
		}
		for range 20 {
			r.w.Run(300 * time.Millisecond)
			if err := l.Keep(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if resets := r.Resets; r.Running() || resets == 0 {
			t.Errorf("%s: kept, it left", k.name)
		}
		r.holds(parts)
	}
}

// TestStart: what a program says is heard.
func TestStart(t *testing.T) {
	for _, k := range kinds {
		for _, c := range []struct {
			says string
			want family.Outcome
		}{{"hello, here I am\r\n", family.Runs}, {"\x00\xf0ab\x80", family.Quiet}, {"", family.Quiet}} {
			o := k.o
			o.Flash, o.Says = []byte{0xff, 0xcf}, c.says
			r := build(t, o, standin.Options{})
			l := r.enter(nil)
			if _, err := l.Describe(ctx); err != nil {
				t.Fatal(err)
			}
			starts := r.Starts
			s, err := l.Start(ctx)
			if err != nil || s.Outcome != c.want || string(s.Heard) != c.says || r.Starts != starts+1 {
				t.Errorf("%s says %q: %+v, %v", k.name, c.says, s, err)
			}
		}
	}
}
