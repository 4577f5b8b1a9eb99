//go:build unix

package sweep

import (
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"unbrick/internal/firmware"
)

// BenchmarkCycles prints how many cycles of cut, boot, recovery by the boot, checks, second boot and checks
// one worker does in a second, on a real image of 64 KiB: of real time, and of the processor's time, which
// a machine with other work to do does not blur. Full: every digest and signature is computed. Fast: as
// sweeps do it, with one in 200 run again full.
func BenchmarkCycles(b *testing.B) {
	old, new := firmware.Mithermo()
	s, err := NewSubject(b.Context(), "rate", Shape{Runs: runs(4096, 19), Unit: 8, Page: 256, Erased: 0xFF}, old[:64<<10], new[:64<<10], 1)
	if err != nil {
		b.Fatal(err)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the command and the exhaustive test do
	for _, full := range []bool{true, false} {
		name := "fast"
		if full {
			name = "full"
		}
		b.Run(name, func(b *testing.B) {
			sw := &sweep{s: s, ctx: b.Context(), o: Options{Full: full}, result: &Result{}}
			sw.defaults()
			w, err := sw.worker()
			if err != nil {
				b.Fatal(err)
			}
			w.board.Restore(s.start)
			forks := w.forks(func() { w.update(&link{s: s}) })
			all := s.moments(ActUpdate, forks, s.updated(), never)
			b.ResetTimer()
			began := cpu()
			for i := range b.N {
				if i%len(all) == 0 {
					sw.seen.init() // every state is new again
					sw.drawn.init()
				}
				w.cut(&all[i*7%len(all)], KindUpdate)
			}
			spent := cpu() - began
			b.ReportMetric(float64(w.cycles)/b.Elapsed().Seconds(), "cycles/s")
			b.ReportMetric(float64(w.cycles)/spent.Seconds(), "cycles/cpu-s")
			b.ReportMetric(0, "ns/op")
			if len(sw.result.Failures) > 0 {
				b.Fatal(sw.result.Failures[0])
			}
		})
	}
}

// cpu returns the processor time that the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
