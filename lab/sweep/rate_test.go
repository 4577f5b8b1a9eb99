package sweep

import (
	"context"
	"testing"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/internal/firmware"
)

func BenchmarkProbe(b *testing.B) {
	old, new := firmware.Mithermo()
	s, err := NewSubject(context.Background(), "m", Shape{Runs: []flash.Run{{Size: 4096, Count: 20}}}, old[:65536-700], new[:65536-300], 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("file %d ram %d", len(s.file), s.ram)
	for _, full := range []bool{true, false} {
		st, err := newStand(s, full)
		if err != nil {
			b.Fatal(err)
		}
		st.board.Restore(s.start)
		forks := st.forks(func() { st.update(&link{s: s}) })
		b.Logf("%d forks, end %v crash %v fault %v", len(forks), st.ended, st.crash, st.fault)
		name := "fast"
		if full {
			name = "full"
		}
		b.Run(name, func(b *testing.B) {
			for i := range b.N {
				st.board.Tear(forks[i%len(forks)], emulator.Tear(i/len(forks)%9))
				st.board.State()
				st.run(nil, nil)
				st.power()
				st.run(nil, nil)
			}
		})
	}
}
