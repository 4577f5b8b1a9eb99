package emulator

import (
	"fmt"
	"runtime"
	"testing"

	"unbrick/flash"
)

// smallGeometry is 32 sectors of 4 KiB.
func smallGeometry(unit uint32, erased byte) *flash.Geometry {
	return &flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 32}}, ProgramUnit: unit, Page: 256, Erased: erased}
}

// config is a board with a small part, a boot area of two sectors and three applications.
func config(p Part, g *flash.Geometry) Config {
	return Config{
		Part: p, Geometry: g, Boot: 8192, RAM: 64 << 10, Resident: 1024, Seed: 1,
		Apps: []App{{"system", 4096, 255, true}, {"radio", 16384, 9, false}, {"screen", 8192, 1, false}},
	}
}

func newBoard(t testing.TB, cfg Config) *Board {
	t.Helper()
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// secure stops all applications, claims the free RAM and makes the code resident.
func secure(b *Board) []byte {
	r := b.RAM()
	var free Region
	for i, x := range r.Regions() {
		if x.State == Running {
			if err := r.Stop(i); err != nil {
				panic(err)
			}
		}
		if x.State == Free {
			free = x
		}
	}
	mem, err := r.Claim(free.Off, free.Size)
	if err != nil {
		panic(err)
	}
	if err := r.Resident(mem[len(mem)-1024:]); err != nil {
		panic(err)
	}
	return mem
}

// must is for agents: an error there is a bug of the test.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func eraseNow(d flash.Device, addr, n uint32) {
	must(d.Erase(addr, n))
	must(d.Wait())
}

func programNow(d flash.Device, addr uint32, p []byte) {
	must(d.Program(addr, p))
	must(d.Wait())
}

// pattern is n bytes none of which is 0x00 or 0xFF.
func pattern(n, seed int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(1 + (i*7+seed*13+i/251)%254)
	}
	return p
}

func peek(t testing.TB, b *Board, addr uint32, n int) []byte {
	t.Helper()
	p := make([]byte, n)
	if err := b.Peek(addr, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func wantEnding(t testing.TB, got Ending, kind EndKind) {
	t.Helper()
	if got.Kind != kind {
		t.Fatalf("run ended as %v (%v), want %v", got.Kind, got.Fault, kind)
	}
}

func same(p []byte, c byte) bool {
	for _, x := range p {
		if x != c {
			return false
		}
	}
	return true
}

func name(parts ...any) string { return fmt.Sprint(parts...) }

// fakeFailNow ends the goroutine as FailNow does.
func fakeFailNow() { runtime.Goexit() }
