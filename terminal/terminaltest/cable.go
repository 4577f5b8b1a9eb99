package terminaltest

import (
	"bytes"
	"time"

	"unbrick/terminal"
)

// read reads once and checks what every read must keep. It returns a copy.
func (b *bench) read(buffer int, wait time.Duration) []byte {
	b.Helper()
	p := make([]byte, buffer)
	start := b.Clock.Now()
	n, err := b.Cable.Read(p, wait)
	took := b.Clock.Now() - start
	b.must(err, "cable read")
	switch {
	case n < 0 || n > buffer:
		b.Fatalf("a read into %d bytes returned %d", buffer, n)
	case took > wait+slack:
		b.Fatalf("a read that may wait %v took %v", wait, took)
	}
	return p[:n]
}

// drain reads until nothing comes, and forgets a break.
func (b *bench) drain() {
	b.Helper()
	for range 10000 {
		if len(b.read(256, slack)) == 0 {
			b.Cable.Break()
			return
		}
	}
	b.Fatalf("the cable is never silent")
}

// collect reads with small buffers until n bytes are there or nothing more comes.
func (b *bench) collect(n, buffer int) []byte {
	b.Helper()
	var all []byte
	for idle := 0; len(all) < n && idle < 20; {
		p := b.read(buffer, 100*time.Millisecond)
		if all = append(all, p...); len(p) == 0 {
			idle++
		} else {
			idle = 0
		}
	}
	return append(all, b.read(buffer, slack)...) // and nothing behind them
}

func (b *bench) wantBytes(got, want []byte, what string) {
	b.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			b.Fatalf("%s: byte %d is 0x%02x, want 0x%02x", what, i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		b.Fatalf("%s: %d bytes, want %d", what, len(got), len(want))
	}
}

// wireTime returns how long n bytes take at the base speed.
func (b *bench) wireTime(n int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(max(b.far.Baud, 1))
}

func cableSilence(t TB, r *Rig) {
	b := newBench(t, r)
	b.drain()
	for _, wait := range []time.Duration{0, time.Millisecond, 50 * time.Millisecond, 300 * time.Millisecond} {
		start := b.Clock.Now()
		if n := len(b.read(16, wait)); n != 0 {
			t.Errorf("a read got %d bytes, and nobody sent any", n)
		}
		if took := b.Clock.Now() - start; took < wait {
			t.Errorf("a read that may wait %v came back with nothing after %v", wait, took)
		}
	}
	if b.Cable.Break() {
		t.Errorf("a break, and nobody sent one")
	}
}

func cableRead(t TB, r *Rig) {
	b := newBench(t, r)
	if b.missing(b.far != nil, "what comes over the cable: nobody is at the far end") {
		return
	}
	b.drain()
	b.far.Send([]byte("abc"))
	start := b.Clock.Now()
	got := b.read(64, 10*time.Second)
	if took := b.Clock.Now() - start; len(got) == 0 || took > 5*time.Second {
		t.Errorf("three bytes came, and a read with more room gave %d after %v", len(got), took)
	}
	got = append(got, b.collect(3-len(got), 64)...)
	b.wantBytes(got, []byte("abc"), "a short message")

	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	b.far.Send(every)
	b.wantBytes(b.collect(len(every), 7), every, "every byte, with a small buffer")
}

func cableWrite(t TB, r *Rig) {
	b := newBench(t, r)
	if b.missing(b.far != nil, "what goes over the cable: nobody is at the far end") {
		return
	}
	b.must(b.Cable.Write(nil), "write nothing")
	want := make([]byte, 3000)
	for i := range want {
		want[i] = byte(i + i>>8)
	}
	p := bytes.Clone(want)
	for at := 0; at < len(p); at += 1500 {
		b.must(b.Cable.Write(p[at:at+1500]), "write 1500 bytes")
		clear(p[at : at+1500]) // the cable keeps nothing
	}
	b.wantBytes(b.far.Received(len(want)), want, "written")
}

func cableBreak(t TB, r *Rig) {
	b := newBench(t, r)
	if b.missing(b.far != nil && b.far.Break != nil, "breaks: the far end sends none") {
		return
	}
	b.drain()
	b.far.Send([]byte("ab"))
	b.wantBytes(b.collect(2, 16), []byte("ab"), "before a break")
	if b.Cable.Break() {
		t.Errorf("two bytes count as a break")
	}
	b.far.Break()
	seen := 0
	for start := b.Clock.Now(); b.Clock.Now()-start < 2*time.Second; {
		b.read(16, 10*time.Millisecond)
		if b.Cable.Break() {
			seen++
		}
	}
	if seen != 1 {
		t.Errorf("one break was reported %d times", seen)
	}
	b.far.Send([]byte("cd"))
	b.wantBytes(bytes.TrimLeft(b.collect(2, 16), "\x00"), []byte("cd"), "after a break")
}

// cableDepth erases for as long as Depth bytes take to arrive, without reading any.
func cableDepth(t TB, r *Rig) {
	b := newBench(t, r)
	depth := b.Cable.Depth()
	if depth < 1 {
		t.Fatalf("Depth() is %d", depth)
	}
	if b.missing(b.far != nil, "the depth of the receive buffer: nobody is at the far end") {
		return
	}
	b.secure(0)
	b.drain()
	sent := pattern(make([]byte, depth), 3)
	addr, n := b.scratch()
	b.must(b.Flash.Erase(addr, n), "erase")
	b.far.Send(sent)
	start := b.Clock.Now()
	b.must(b.Flash.Wait(), "erase")
	for b.Clock.Now()-start < b.wireTime(depth)+2*slack {
		b.erase(addr, n)
	}
	b.wantBytes(b.collect(depth, 256), sent, "what came while the flash was busy")
}

func speeder(t TB, r *Rig) {
	b := newBench(t, r)
	s, ok := b.Cable.(terminal.Speeder)
	if b.missing(ok, "speeds: the cable has one") || b.missing(b.far != nil && b.far.SetSpeed != nil, "speeds: the far end has one") {
		return
	}
	if b.MaxSpeed == 0 {
		t.Fatalf("the cable is a Speeder, and MaxSpeed is 0")
	}
	b.drain()
	both := func(device, far uint32, what string) {
		b.Helper()
		b.must(s.SetSpeed(device), "%s", what)
		b.far.SetSpeed(far)
		sent := pattern(make([]byte, min(200, b.Cable.Depth())), device)
		b.far.Send(sent)
		b.wantBytes(b.collect(len(sent), 64), sent, what+", to the device")
		b.must(b.Cable.Write(sent), "%s, write", what)
		b.wantBytes(b.far.Received(len(sent)), sent, what+", to the far end")
	}
	both(b.MaxSpeed, b.MaxSpeed, "at the highest speed")
	both(0, b.far.Baud, "at the base speed again")
}
