package esp_test

import (
	"context"
	"testing"

	"unbrick/internal/standin"
	chip "unbrick/internal/standin/esp"
	"unbrick/restore/family"
)

// TestRestore: each chip, at each of its ports, from an empty flash to a program that runs.
func TestRestore(t *testing.T) {
	for _, k := range kinds {
		for _, port := range []chip.USB{chip.UART, chip.JTAG} {
			if port == chip.JTAG && (k.name == "esp8266" || k.name == "esp32" || k.name == "esp32s2" || k.name == "esp32c2") {
				continue
			}
			t.Run(k.name+map[chip.USB]string{chip.UART: "", chip.JTAG: " USB"}[port], func(t *testing.T) {
				t.Parallel()
				r := newRig(t, chip.Config{Chip: k.name, Port: port}, standin.Options{Seed: 1})
				l := r.enter()
				b, err := l.Describe(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if b.Chip != k.name || b.Serial != "7c:df:a1:00:11:22" || b.Flash != 4<<20 || b.Sealed != nil || len(b.Protections) != 0 {
					t.Errorf("described as %+v", b)
				}
				parts := software(1, k.name, k.loader, k.id, 200_000)
				d, proof, sight, err := whole(context.Background(), l, parts)
				if err != nil {
					t.Fatalf("%v; mistakes %q", err, r.chip.Notes)
				}
				r.holds(parts)
				r.faultless()
				want := family.ProofDigest
				if k.name == "esp8266" {
					want = family.ProofSamples
				}
				if proof != want || sight.Outcome != family.Runs {
					t.Errorf("proof %v, outcome %v, heard %q", proof, sight.Outcome, sight.Heard)
				}
				t.Logf("%d of %d sectors, %v, %v, baud %d", d.Differ, d.Blocks, r.wire.Elapsed(), r.wire.Traffic(), l.Stats().Baud)
			})
		}
	}
}
