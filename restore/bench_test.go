package restore_test

import (
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/internal/firmware"
	"unbrick/lab"
)

// BenchmarkRestore restores a device of 1 MiB whose update between two real releases was cut in the
// middle, in virtual time. Beside the seconds that it took stand what the bytes take on the line and what
// the part takes to erase and program the sectors that had to be written.
func BenchmarkRestore(b *testing.B) {
	old, new := firmware.OpenSBI()
	for _, turn := range []time.Duration{time.Millisecond, 16 * time.Millisecond} {
		b.Run("turn-around "+turn.String(), func(b *testing.B) {
			for b.Loop() {
				r := newRig(b, shape{"4KiB", 1 << 20, 1, 0xff, 64 << 10, 256 << 10})
				v1, v2 := r.release("1", 1, 1, old), r.release("2", 2, 1, new)
				part := emulator.W25Q128JV()
				d := r.device(v1, &lab.Options{Part: &part, Line: emulator.LineConfig{TurnAround: turn}})
				if s := r.brick(d, v1, v2, 500, emulator.Half); s != lab.Restoration {
					b.Fatalf("device is %v", s)
				}
				port := d.Port()
				res, err := run(b, port, source(b, v1, v2), nil, nil)
				if err != nil {
					b.Fatal(err)
				}
				port.Close()
				sector := part.Erase[0].Typ + 16*part.Page.Typ
				b.ReportMetric(res.Elapsed.Seconds(), "virtual-s")
				b.ReportMetric(res.Line.Seconds(), "line-s")
				b.ReportMetric((time.Duration(res.SectorsWritten+res.Refreshed) * sector).Seconds(), "flash-s")
				b.ReportMetric(float64(res.BytesSent+res.BytesReceived)/float64(res.BytesFull)*100, "%of-full-bytes")
			}
		})
	}
}
