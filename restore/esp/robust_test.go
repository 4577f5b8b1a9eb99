package esp_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"unbrick/internal/standin"
	chip "unbrick/internal/standin/esp"
	"unbrick/restore"
	"unbrick/restore/esp"
	"unbrick/restore/family"
)

// cut is a port whose adapter is pulled out a while after so many writes.
type cut struct {
	*standin.Port
	wire  *standin.Wire
	after int
	rest  time.Duration
	seen  int
}

func (c *cut) Write(p []byte) error {
	err := c.Port.Write(p)
	if c.seen++; c.seen == c.after {
		c.wire.Run(c.rest)
		c.wire.Unplug()
	}
	return err
}

// TestUnplugESP pulls the cable out behind every single request: the word is clear, what it says of the flash is true, and running it again
// restores.
func TestUnplugESP(t *testing.T) {
	for _, c := range []struct {
		name string
		c    chip.Config
		id   int
		size int
	}{
		{"esp32c3", chip.Config{Chip: "esp32c3"}, 5, 60000},
		{"esp32c3, its own port", chip.Config{Chip: "esp32c3", Port: chip.JTAG}, 5, 30000},
		{"esp32", chip.Config{Chip: "esp32", WritesTail: true}, 0, 40000},
		{"esp8266", chip.Config{Chip: "esp8266", Times: chip.Times{Erase: 50 * time.Millisecond}}, 0, 30000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			loader := map[string]int{"esp32": 0x1000}[c.c.Chip]
			old := software(1, c.c.Chip, loader, c.id, c.size)
			parts := software(2, c.c.Chip, loader, c.id, c.size)
			step, stops, byHand := 1, map[string]int{}, 0
			if c.c.Port == chip.JTAG {
				step = 13
			}
			if testing.Short() {
				step *= 7
			}
			for n := 1; ; n += step {
				r := newRig(t, c.c, standin.Options{Seed: uint64(n)})
				for _, p := range old {
					r.chip.Put(int(p.Offset), p.Data)
				}
				before := bytes.Clone(r.chip.Flash())
				port := &cut{Port: r.port, wire: r.wire, after: n, rest: []time.Duration{0, 4 * time.Millisecond, 70 * time.Millisecond}[n%3]}
				var stage restore.Stage
				err := func() error {
					l, err := esp.Enter(context.Background(), port, &r.o)
					if err != nil {
						return err
					}
					ctx := context.Background()
					d, err := l.Compare(ctx, parts, nil)
					if err != nil {
						return err
					}
					stage = restore.StageWrite
					if err := l.Write(ctx, d, nil); err != nil {
						return err
					}
					stage = restore.StageVerify
					if _, err := l.Verify(ctx, parts, nil); err != nil {
						return err
					}
					stage = restore.StageStart
					_, err = l.Start(ctx)
					return err
				}()
				if port.seen < n { // it came to its end
					if err != nil {
						t.Fatalf("not pulled out, and %v", err)
					}
					t.Logf("%d requests, stops %v, %d by hand", port.seen, stops, byHand)
					break
				}
				if err == nil { // the last request is answered by nobody, as the program runs
					r.holds(parts)
					continue
				}
				stops[stage.String()]++
				if code(err) != restore.CodeVanished {
					t.Fatalf("after %d requests: %v", n, err)
				}
				changed := !bytes.Equal(before, r.chip.Flash())
				switch touched(err) {
				case restore.TouchedNothing:
					if changed {
						t.Fatalf("after %d requests: the flash is said to be untouched", n)
					}
				case restore.TouchedAll:
					r.holds(parts)
				case restore.TouchedPart:
					if stage != restore.StageWrite {
						t.Fatalf("after %d requests: touched in part at stage %v", n, stage)
					}
				default:
					t.Fatalf("after %d requests: touched %v", n, touched(err))
				}
				r.port.Close()
				r.wire.Replug()
				r.wire.Run(3 * time.Second)
				if stage == restore.StageWrite && changed && !r.has(parts) { // what is torn does not start
					if r.chip.Running() {
						t.Fatalf("after %d requests: what is torn runs", n)
					}
				}
				r.open()
				l, err := esp.Enter(context.Background(), r.port, &r.o)
				if err != nil && c.c.Port == chip.JTAG { // it is off the bus for most of the time, as it falls again and again: a person helps
					byHand++
					l = r.byHand()
				} else if err != nil {
					t.Fatalf("after %d requests, again: %v", n, err)
				}
				if _, proof, sight, err := whole(context.Background(), l, parts); err != nil || sight.Outcome != family.Runs && l.Way() != family.WayHand && l.Way() != family.WayThere || proof == family.ProofNone {
					t.Fatalf("after %d requests, again: proof %v, %+v, %v", n, proof, sight, err)
				}
				r.holds(parts)
			}
		})
	}
}

// TestNoiseESP: whatever a line does to bytes, what is called verified is there, what fails says so, and without noise it is restored.
func TestNoiseESP(t *testing.T) {
	for _, f := range []struct {
		name           string
		toHost, toChip standin.Faults
	}{
		{"lost to the chip", standin.Faults{}, standin.Faults{Drop: 20000}},
		{"lost to the host", standin.Faults{Drop: 1000}, standin.Faults{}},
		{"flipped to the chip", standin.Faults{}, standin.Faults{Flip: 20000}},
		{"flipped to the host", standin.Faults{Flip: 1000}, standin.Faults{}},
		{"doubled", standin.Faults{Double: 1500}, standin.Faults{Double: 20000}},
		{"all of it", standin.Faults{Drop: 3000, Flip: 3000, Double: 3000}, standin.Faults{Drop: 30000, Flip: 30000, Double: 30000}},
		{"hardly a line", standin.Faults{Drop: 300, Flip: 300}, standin.Faults{Drop: 2500, Flip: 2500}},
	} {
		for _, name := range []string{"esp32c3", "esp32", "esp8266"} {
			t.Run(name+" "+f.name, func(t *testing.T) {
				t.Parallel()
				good, seeds := 0, 4
				if testing.Short() {
					seeds = 2
				}
				words := map[string]int{}
				var repeated int
				var took time.Duration
				for seed := range seeds {
					loader := map[string]int{"esp32": 0x1000}[name]
					parts := software(2, name, loader, map[string]int{"esp32c3": 5}[name], 100000)
					r := newRig(t, chip.Config{Chip: name}, standin.Options{Seed: uint64(seed), ToHost: f.toHost, ToDev: f.toChip})
					l, err := esp.Enter(context.Background(), r.port, &r.o)
					if err == nil {
						var proof family.Proof
						var d *family.Difference
						ctx := context.Background()
						if _, err = l.Describe(ctx); err == nil {
							if d, err = l.Compare(ctx, parts, nil); err == nil {
								if err = l.Write(ctx, d, nil); err == nil {
									proof, err = l.Verify(ctx, parts, nil)
								}
							}
						}
						repeated += l.Stats().Repeated
						if err == nil {
							good++
							if proof == family.ProofDigest {
								r.holds(parts)
							}
						}
					}
					if err != nil {
						words[fmt.Sprint(err)]++
						if code(err) == 0 {
							t.Errorf("seed %d: no word for a person: %v", seed, err)
						}
						if touched(err) == restore.TouchedNothing && r.chip.Erased+r.chip.Programmed > 0 {
							t.Errorf("seed %d: the flash is said to be untouched", seed)
						}
					}
					took += r.wire.Elapsed()
				}
				t.Logf("%d of %d restored, %d requests again, %v each: %v", good, seeds, repeated/seeds, took/time.Duration(seeds), words)
				if f.name != "hardly a line" && good == 0 {
					t.Error("never restored")
				}
			})
		}
	}
}

// TestAgainWithoutNoise: what noise left behind is restored by a second run.
func TestAgainWithoutNoise(t *testing.T) {
	for seed := range uint64(6) {
		parts := software(2, "esp32c3", 0, 5, 60000)
		c := chip.New(chip.Config{Chip: "esp32c3"})
		for i, o := range []standin.Options{{Seed: seed, ToDev: standin.Faults{Flip: 1500, Drop: 1500}, ToHost: standin.Faults{Flip: 200}}, {Seed: seed}} {
			w := standin.New(c, o)
			p, err := w.Open(115200)
			if err != nil {
				t.Fatal(err)
			}
			l, err := esp.Enter(context.Background(), p, nil)
			if err == nil {
				_, _, _, err = whole(context.Background(), l, parts)
			}
			if i == 1 && err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
		(&rig{t: t, chip: c}).holds(parts)
	}
}
