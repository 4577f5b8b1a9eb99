package lab

import (
	"unbrick/emulator"
	"unbrick/model"
)

// partFor returns the emulator's part that is nearest to the model: same erased byte first, then the
// same program unit, then a first sector of the same size. Its times are used with the model's geometry.
func partFor(m *model.Model) *emulator.Part {
	g := &m.Layout.Geometry
	_, first := g.Sector(0)
	best, score := emulator.Part{}, -1
	for _, p := range emulator.Parts() {
		s := 0
		if p.Geometry.Erased == g.Erased {
			s += 4
		}
		if p.Geometry.ProgramUnit == g.ProgramUnit {
			s += 2
		}
		if _, size := p.Geometry.Sector(0); size == first {
			s++
		}
		if s > score {
			best, score = p, s
		}
	}
	return &best
}
