package esp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"unbrick/internal/standin"
	chip "unbrick/internal/standin/esp"
	"unbrick/restore"
	"unbrick/restore/esp"
	"unbrick/restore/family"
)

// witness is a port that looks at what is sent: a deflated block goes once, and no block has a number that is not its own.
type witness struct {
	*standin.Port
	frame    []byte
	op       byte // of the last begin
	next     uint32
	blocks   int
	again    int // plain blocks that were sent again
	mistakes []string
}

func (w *witness) Write(p []byte) error {
	for _, b := range p {
		if b != 0xc0 {
			w.frame = append(w.frame, b)
			continue
		}
		f := bytes.ReplaceAll(bytes.ReplaceAll(w.frame, []byte{0xdb, 0xdc}, []byte{0xc0}), []byte{0xdb, 0xdd}, []byte{0xdb})
		w.frame = w.frame[:0]
		if len(f) > 8 {
			w.look(f)
		}
	}
	return w.Port.Write(p)
}

func (w *witness) look(f []byte) {
	switch op := f[1]; op {
	case 0x02, 0x10:
		w.op, w.next = op, 0
	case 0x03, 0x11:
		w.blocks++
		seq := binary.LittleEndian.Uint32(f[12:])
		switch {
		case op != w.op+1:
			w.mistakes = append(w.mistakes, fmt.Sprintf("a block %02x behind a begin %02x", op, w.op))
		case op == 0x03 && seq+1 == w.next:
			w.again++
		case seq != w.next:
			w.mistakes = append(w.mistakes, fmt.Sprintf("block %d of %02x instead of %d", seq, op, w.next))
		default:
			w.next++
		}
	case 0x04, 0x05, 0x06, 0x07, 0x12:
		w.mistakes = append(w.mistakes, fmt.Sprintf("request %02x", op))
	}
}

// TestNoBlockTwice: over a line that loses bytes a deflated block is never sent again, and no other out of order.
func TestNoBlockTwice(t *testing.T) {
	again := 0
	for seed := range uint64(12) {
		name := []string{"esp32c3", "esp32", "esp8266"}[seed%3]
		parts := software(2, name, map[string]int{"esp32": 0x1000}[name], map[string]int{"esp32c3": 5}[name], 60000)
		r := newRig(t, chip.Config{Chip: name}, standin.Options{Seed: seed, ToDev: standin.Faults{Drop: 8000}, ToHost: standin.Faults{Drop: 400}})
		w := &witness{Port: r.port}
		l, err := esp.Enter(context.Background(), w, &r.o)
		if err != nil {
			continue
		}
		ctx := context.Background()
		if d, err := l.Compare(ctx, parts, nil); err == nil {
			err = l.Write(ctx, d, nil)
			t.Logf("%s: %d blocks, %d again, %v", name, w.blocks, w.again, err)
		}
		again += w.again
		if len(w.mistakes) > 0 {
			t.Errorf("seed %d: %q", seed, w.mistakes)
		}
	}
	if again == 0 {
		t.Error("nothing was lost: this shows nothing")
	}
}

// swap is a port at which another chip is plugged in while the speed changes.
type swap struct {
	*liar
}

func (s *swap) SetSpeed(baud uint32) error {
	s.from, s.until = 1, 1<<30
	if baud > 115200 {
		return nil
	}
	return s.Port.SetSpeed(baud)
}

// TestAnotherChip: what was described is what is written to.
func TestAnotherChip(t *testing.T) {
	r := newRig(t, chip.Config{Chip: "esp32c3"}, standin.Options{Seed: 2})
	s := &swap{liar: &liar{Port: r.port, from: 1 << 30}}
	s.lie = func(f []byte) []byte {
		if f[2] == 0x0a && bytes.Equal(f[5:9], []byte{0x22, 0x11, 0x00, 0xa1}) {
			f[5]++
		}
		return f
	}
	l, err := esp.Enter(context.Background(), s, &r.o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Describe(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, err = l.Compare(context.Background(), software(2, "esp32c3", 0, 5, 30000), nil)
	if code(err) != restore.CodeRestarted || r.chip.Touched() {
		t.Errorf("%v", err)
	}
}

// forgetful is a port that swallows one request.
type forgetful struct {
	*standin.Port
	swallow bool
}

func (f *forgetful) Write(p []byte) error {
	if f.swallow {
		f.swallow = false
		return nil
	}
	return f.Port.Write(p)
}

// TestLookedAt: what is not there though it was taken, over a line on which something was lost, is written again before Write is done.
func TestLookedAt(t *testing.T) {
	parts := software(2, "esp32c3", 0, 5, 30000)
	total := 0
	for n := 0; n == 0 || n < total; n++ {
		if n == 1 {
			n = total - 7 // the last two sectors, which are written plainly
		}
		r := newRig(t, chip.Config{Chip: "esp32c3"}, standin.Options{Seed: 2})
		p := &forgetful{Port: r.port}
		count := 0
		r.o.Trace = func(e family.Exchange) {
			if e.Name != "write its flash" || e.Err != nil {
				return
			}
			if count++; count == n {
				p.swallow = true
				at := 0x10000
				if total-n < 4 {
					at = 0
				}
				r.wire.Do(func() { r.chip.Flash()[at] = 0 })
			}
		}
		l, err := esp.Enter(context.Background(), p, &r.o)
		if err != nil {
			t.Fatal(err)
		}
		d, err := l.Compare(context.Background(), parts, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n == total-4 && n > 0 {
			continue // it is complete
		}
		if err := l.Write(context.Background(), d, nil); err != nil {
			t.Fatalf("block %d: %v", n, err)
		}
		r.holds(parts)
		if n == 0 {
			total = count
		}
	}
}
