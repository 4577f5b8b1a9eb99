package emulator

import (
	"testing"
	"time"
)

// rewrite erases and programs n bytes behind the boot area and reads them back.
func rewrite(b *Board, n uint32, image []byte) {
	d := b.Flash()
	secure(b)
	back := make([]byte, 4096)
	for at := uint32(0); at < n; at += 4096 {
		eraseNow(d, 8192+at, 4096)
		for i := at; i < at+4096; i += 256 {
			programNow(d, 8192+i, image[i:i+256])
		}
		must(d.Read(8192+at, back))
	}
}

func TestARewriteIsQuick(t *testing.T) {
	g := smallGeometry(8, 0xFF)
	g.Runs[0].Count = 128
	b := newBoard(t, config(STM32G474(), g))
	image := pattern(300<<10, 1)
	start := time.Now()
	wantEnding(t, b.Run(func() { rewrite(b, 300<<10, image) }), EndReturned)
	took := time.Since(start)
	// 75 erases of 22.02 ms, 38400 double words of 81.7 µs, 300 KiB read at 10 µs each.
	want := 75*22020*time.Microsecond + 38400*81700*time.Nanosecond + 300*10*time.Microsecond
	if got := b.Clock().Now(); got != want {
		t.Errorf("the rewrite took %v of virtual time, want %v", got, want)
	}
	if took > time.Second {
		t.Errorf("the rewrite took %v of real time", took)
	}
}

// Nothing in the path of an agent that rewrites may allocate, since the terminal is tested for that.
func TestRewriteDoesNotAllocate(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	b.Run(func() {
		d := b.Flash()
		secure(b)
		page, back := pattern(256, 1), make([]byte, 4096)
		cable := b.Cable()
		round := func() {
			eraseNow(d, 8192, 4096)
			programNow(d, 8192, page)
			must(d.Read(8192, back))
			_, _ = cable.Read(back[:16], time.Millisecond)
			must(cable.Write(page[:16]))
			_ = cable.Break()
		}
		round()
		if n := testing.AllocsPerRun(100, round); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func BenchmarkRewrite300KiB(b *testing.B) {
	g := smallGeometry(8, 0xFF)
	g.Runs[0].Count = 128
	board := newBoard(b, config(STM32G474(), g))
	image := pattern(300<<10, 1)
	for b.Loop() {
		board.Run(func() { rewrite(board, 300<<10, image) })
	}
}

func BenchmarkCutRun(b *testing.B) {
	g := smallGeometry(8, 0xFF)
	g.Runs[0].Count = 128
	board := newBoard(b, config(STM32G474(), g))
	image := pattern(300<<10, 1)
	s := board.Snapshot()
	for b.Loop() {
		board.Restore(s)
		board.CutAt(40, Half)
		board.Run(func() { rewrite(board, 300<<10, image) })
	}
}

func BenchmarkExchange(b *testing.B) {
	board := lineBoard(b, LineConfig{})
	p := board.Host()
	must(p.Open())
	board.PowerOn()
	go board.Run(func() {
		buf := make([]byte, 256)
		for {
			n, err := board.Cable().Read(buf, time.Second)
			must(err)
			must(board.Cable().Write(buf[:n]))
		}
	})
	buf := make([]byte, 256)
	for b.Loop() {
		must(p.Write(buf[:128]))
		if _, err := p.Read(buf, time.Second); err != nil {
			b.Fatal(err)
		}
	}
	board.Cut(NotBegun)
	_ = p.Close()
}
