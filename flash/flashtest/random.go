package flashtest

import (
	"math/rand/v2"

	"unbrick/flash"
)

// randomSeed is printed when the random use fails; change it here to search further.
const randomSeed = 20250101

// randomUse compares the device with a model over many operations in up to four sectors.
func randomUse(t TB, d flash.Device) {
	r := newRig(t, d)
	sectors := r.open()
	if len(sectors) > 4 {
		sectors = []int{sectors[0], sectors[1], sectors[len(sectors)-2], sectors[len(sectors)-1]}
	}
	rnd := rand.New(rand.NewPCG(randomSeed, uint64(r.g.ProgramUnit)))
	t.Logf("seed %d", randomSeed)
	unit, page := r.g.ProgramUnit, r.g.Page
	data := make([][]byte, len(sectors))
	used := make([][]bool, len(sectors)) // by unit
	for k, i := range sectors {
		_, n := r.g.Sector(i)
		data[k], used[k] = r.blank(n), make([]bool, n/unit)
	}
	for step := range 600 {
		k := rnd.IntN(len(sectors))
		addr, n := r.g.Sector(sectors[k])
		switch what := rnd.IntN(20); {
		case what == 0:
			r.erase(sectors[k])
			data[k] = r.blank(n)
			clear(used[k])
		case what < 12:
			at := rnd.Uint32N(n/unit) * unit
			left := (page - at%page) / unit
			p := r.data((1+rnd.Uint32N(left))*unit, uint64(step))
			free := true
			for u := at / unit; u < (at+uint32(len(p)))/unit; u++ {
				free = free && !used[k][u]
			}
			if !free {
				r.refused(d.Program(addr+at, p), flash.ErrProgram, "program of used units")
				continue
			}
			r.program(addr+at, p)
			copy(data[k][at:], p)
			for u := at / unit; u < (at+uint32(len(p)))/unit; u++ {
				used[k][u] = true
			}
		default:
			at := rnd.Uint32N(n)
			r.want(addr+at, data[k][at:at+1+rnd.Uint32N(min(n-at, 1024))], "random use")
		}
	}
	for k, i := range sectors {
		addr, _ := r.g.Sector(i)
		r.want(addr, data[k], "random use")
	}
}
