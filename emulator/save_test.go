package emulator

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// worn is a board with something of everything that is saved.
func worn(t testing.TB) *Board {
	t.Helper()
	b := newBoard(t, config(W25Q128JV(), smallGeometry(4, 0xFF)))
	cut := func(n uint64, tear Tear, agent func()) {
		b.ResetCounter()
		b.CutAt(n, tear)
		b.Run(func() { secure(b); agent() })
	}
	cut(2, Unstable, func() { eraseNow(b.Flash(), 8192, 4096); programNow(b.Flash(), 8192, pattern(64, 1)) })
	cut(1, EraseWeak, func() { eraseNow(b.Flash(), 12288, 4096) })
	cut(2, ErasePart, func() { programNow(b.Flash(), 16384, pattern(256, 2)); eraseNow(b.Flash(), 16384, 4096) })
	must(b.Inject(Defect{Kind: DefectStuck, Addr: 20480, Mask: 1}))
	must(b.Inject(Defect{Kind: DefectErase, Addr: 24576, Times: 3}))
	return b
}

func wornECC(t testing.TB) *Board {
	t.Helper()
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	b.CutAt(2, Unreadable)
	b.Run(func() { secure(b); eraseNow(b.Flash(), 8192, 4096); programNow(b.Flash(), 8192, pattern(64, 1)) })
	return b
}

func TestSaveAndLoad(t *testing.T) {
	for _, b := range []*Board{worn(t), wornECC(t)} {
		raw, state := b.Save()
		c := newBoard(t, config(b.cfg.Part, &b.geo))
		if err := c.Load(raw, state); err != nil {
			t.Fatal(err)
		}
		for i := range b.sectors {
			if b.SectorState(i) != c.SectorState(i) {
				t.Errorf("sector %d: %+v, saved %+v", i, c.SectorState(i), b.SectorState(i))
			}
		}
		raw2, state2 := c.Save()
		if !bytes.Equal(raw, raw2) || !bytes.Equal(state, state2) {
			t.Error("saved again it is something else")
		}
		if b.Clock().Now() != c.Clock().Now() {
			t.Errorf("clock %v, saved %v", c.Clock().Now(), b.Clock().Now())
		}
		// Both go on alike, chance included.
		for range 3 {
			for _, x := range []*Board{b, c} {
				x.Cut(NotBegun)
				x.Run(func() { _ = x.Flash().Read(8192, make([]byte, 4096)) })
			}
			raw, state = b.Save()
			raw2, state2 = c.Save()
			if !bytes.Equal(raw, raw2) || !bytes.Equal(state, state2) {
				t.Error("they part")
			}
		}
	}
}

func TestLoadWithoutState(t *testing.T) {
	b := newBoard(t, config(W25Q128JV(), smallGeometry(4, 0xFF)))
	raw := bytes.Repeat([]byte{0xFF}, 32*4096)
	copy(raw[8192:], pattern(10, 1))
	if err := b.Load(raw, nil); err != nil {
		t.Fatal(err)
	}
	if s := b.SectorState(2); s != (SectorState{Used: 3}) {
		t.Errorf("got %+v", s)
	}
	wantEnding(t, b.Run(func() { secure(b); programNow(b.Flash(), 8192+12, pattern(4, 1)) }), EndReturned)
	if e := b.Run(func() { secure(b); _ = b.Flash().Program(8192+8, pattern(4, 1)) }); e.Fault == nil || e.Fault.Kind != NotErased {
		t.Errorf("program over loaded bytes: %v", e.Fault)
	}
	if err := b.Load(raw[1:], nil); err == nil {
		t.Error("a short file was accepted")
	}
}

// A flash file that somebody changed is still loaded: what is not erased counts as programmed.
func TestLoadOfAChangedFile(t *testing.T) {
	b := worn(t)
	raw, state := b.Save()
	raw[28672] = 0
	if err := b.Load(raw, state); err != nil {
		t.Fatal(err)
	}
	if s := b.SectorState(7); s.Used != 1 || peek(t, b, 28672, 1)[0] != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestLoadRefuses(t *testing.T) {
	b := worn(t)
	raw, state := b.Save()
	before, _ := b.Save()
	for n := range state {
		if err := b.Load(raw, state[:n]); !errors.Is(err, ErrState) {
			t.Fatalf("%d of %d bytes: %v", n, len(state), err)
		}
	}
	if err := b.Load(raw, append(bytes.Clone(state), 0)); !errors.Is(err, ErrState) {
		t.Errorf("a byte more: %v", err)
	}
	other := newBoard(t, config(W25Q128JV(), smallGeometry(8, 0xFF)))
	if err := other.Load(raw, state); !errors.Is(err, ErrState) {
		t.Errorf("another geometry: %v", err)
	}
	if after, _ := b.Save(); !bytes.Equal(before, after) {
		t.Error("a refused load changed the board")
	}
}

func FuzzState(f *testing.F) {
	g := smallGeometry(4, 0xFF)
	_, state := worn(f).Save()
	f.Add(state)
	f.Add([]byte(stateMagic))
	f.Fuzz(func(t *testing.T, blob []byte) {
		s, err := decodeState(blob, g)
		if err != nil {
			return
		}
		if got := s.encode(); !bytes.Equal(got, blob) {
			t.Fatalf("%x was accepted but encodes as %x", blob, got)
		}
		b := newBoard(t, config(W25Q128JV(), g))
		if err := b.Load(make([]byte, 32*4096), blob); err != nil {
			t.Fatal(err)
		}
		b.Run(func() { _ = b.Flash().Read(0, make([]byte, 4096)) })
	})
}

func TestSnapshots(t *testing.T) {
	b := worn(t)
	s := b.Snapshot()
	first, state := b.Save()
	var last []byte
	for round := range 3 {
		b.Restore(s)
		if b.Powered() || b.Operations() != 0 || len(b.Faults()) != 0 {
			t.Error("a restored board is not as new")
		}
		b.CutAt(4, Unstable)
		b.Run(func() {
			secure(b)
			eraseNow(b.Flash(), 8192, 4096)
			for i := range 8 {
				programNow(b.Flash(), 8192+uint32(i)*256, pattern(256, i))
			}
		})
		after, end := b.Save()
		if bytes.Equal(after, first) {
			t.Error("the run changed nothing")
		}
		if round > 0 && !bytes.Equal(append(after, end...), last) {
			t.Error("the same run ended elsewhere")
		}
		last = append(after, end...)
	}
	b.Restore(s)
	if again, end := b.Save(); !bytes.Equal(first, again) || !bytes.Equal(state, end) {
		t.Error("the snapshot was changed by runs")
	}
	c := newBoard(t, config(W25Q128JV(), smallGeometry(4, 0xFF)))
	c.Restore(s)
	if again, _ := c.Save(); !bytes.Equal(first, again) {
		t.Error("restored to another board of the same kind it is something else")
	}
}

// Two boards with the same seed do the same, to the last byte and nanosecond; another seed does not.
func TestDeterminism(t *testing.T) {
	run := func(seed uint64) string {
		cfg := config(W25Q128JV(), smallGeometry(4, 0xFF))
		cfg.Seed, cfg.Line = seed, LineConfig{BitErrors: 1e-3, TurnAround: time.Millisecond}
		b := newBoard(t, cfg)
		b.CutAt(20, ErasePart)
		var heard []byte
		together(t, b, func() {
			heard = append(heard, b.Survivor()...)
			secure(b)
			for i := range uint32(20) {
				eraseNow(b.Flash(), 8192+i*4096, 4096)
				programNow(b.Flash(), 8192+i*4096, readAll(b, 64)[:4])
				must(b.Cable().Write([]byte{byte(i)}))
			}
		}, func(p *Port) {
			for {
				must(p.Write(pattern(70, 1)))
				buf := make([]byte, 16)
				n, err := p.Read(buf, 3*time.Second)
				if err != nil {
					return
				}
				heard = append(heard, buf[:n]...)
			}
		})
		raw, state := b.Save()
		return string(raw) + string(state) + string(heard) + name(b.LineStats(), b.Clock().Now())
	}
	a := run(1)
	for range 5 {
		if run(1) != a {
			t.Fatal("the same seed gives another run")
		}
	}
	if run(2) == a {
		t.Error("another seed gives the same run")
	}
}
