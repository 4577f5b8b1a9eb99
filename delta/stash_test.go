package delta

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestStashLikeAList: the stash finds what a plain list of entries finds, whatever is kept and freed when.
func TestStashLikeAList(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const sectors, size, keeps, room = 64, 512, 40, 2000
	old := make([]byte, sectors*size)
	for i := range old {
		old[i] = byte(r.Uint32())
	}
	type entry struct{ addr, n, last uint32 }
	freed, full := 0, 0
	for range 200 {
		s := stash{table: make([]byte, keeps*keepTableBytes), bytes: make([]byte, room)}
		var list []entry
		used := uint32(0)
		for step, sector := range r.Perm(sectors) {
			s.free(uint32(step))
			list = slices.DeleteFunc(list, func(e entry) bool {
				if e.last > uint32(step) {
					return false
				}
				used -= e.n
				freed++
				return true
			})
			var made []entry
			for addr, end := uint32(sector*size), uint32((sector+1)*size); len(made) < 8; {
				if addr += uint32(r.IntN(200)); addr >= end {
					break
				}
				n := min(1+uint32(r.IntN(150)), end-addr)
				made = append(made, entry{addr, n, uint32(step + 1 + r.IntN(20))})
				addr += n
			}
			fits := len(list)+len(made) <= keeps
			if got := s.begin(uint32(sector*size), uint32(len(made))); got != fits {
				t.Fatalf("room for %d entries behind %d: %v", len(made), len(list), got)
			}
			for _, e := range made {
				if !fits {
					break
				}
				p := s.keep(e.addr, e.n, e.last)
				if fits = used+e.n <= room; fits != (p != nil) {
					t.Fatalf("%d bytes in %d of %d: %v", e.n, used, room, p != nil)
				}
				if fits {
					copy(p, old[e.addr:])
					list = append(list, e)
					used += e.n
				}
			}
			if !fits { // such a file is refused
				full++
				break
			}
			if s.used != used || s.n != uint32(len(list)) {
				t.Fatalf("%d bytes in %d entries, want %d in %d", s.used, s.n, used, len(list))
			}
			for range 50 {
				at, n := uint32(r.IntN(len(old))), uint32(1+r.IntN(300))
				if len(list) > 0 && r.IntN(2) == 0 {
					e := list[r.IntN(len(list))]
					at = e.addr + uint32(r.IntN(int(e.n)+2)) - 1
				}
				var want []byte
				for _, e := range list {
					if at-e.addr < e.n {
						want = old[at:min(at+n, e.addr+e.n)]
					}
				}
				if got := s.find(at, n); !bytes.Equal(got, want) {
					t.Fatalf("step %d: %d bytes at %d: % x, want % x", step, n, at, got, want)
				}
			}
		}
	}
	if freed < 1000 || full < 10 {
		t.Errorf("%d entries were freed, %d times there was no room: too few", freed, full)
	}
}

// TestStashIsFoundByHalving: however many entries there are, a byte is found in as many steps as they have binary digits, two places each.
func TestStashIsFoundByHalving(t *testing.T) {
	for _, n := range []uint32{1, 2, 100, MaxKeeps} {
		s := stash{table: make([]byte, n*keepTableBytes), bytes: make([]byte, n)}
		s.begin(0, n)
		for i := range n {
			s.keep(2*i, 1, 1)
		}
		most := uint64(0)
		for addr := range 2 * n {
			before := s.steps
			if found := s.find(addr, 1) != nil; found != (addr%2 == 0) {
				t.Fatalf("byte %d: %v", addr, found)
			}
			most = max(most, s.steps-before)
		}
		if want := 2 * uint64(bits.Len32(n)); most > want {
			t.Errorf("%d entries: %d steps, want %d", n, most, want)
		}
	}
}
