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
)

// liar is a port that changes answers.
type liar struct {
	*standin.Port
	from, until int // answers that are changed
	lie         func(frame []byte) []byte
	seen        int
	frame       []byte
	inside      bool
	out         []byte
}

func (p *liar) Read(b []byte, wait time.Duration) (int, error) {
	for len(p.out) == 0 {
		var raw [512]byte
		begin := p.Now()
		n, err := p.Port.Read(raw[:], wait)
		wait -= p.Now() - begin
		if err != nil {
			return 0, err
		}
		for _, c := range raw[:n] {
			switch {
			case c != 0xc0 && p.inside:
				p.frame = append(p.frame, c)
			case c != 0xc0:
				p.out = append(p.out, c)
			case len(p.frame) > 10:
				frame := append(append([]byte{0xc0}, p.frame...), 0xc0)
				if p.seen++; p.seen >= p.from && p.seen < p.until {
					frame = p.lie(frame)
				}
				p.out = append(p.out, frame...)
				p.frame, p.inside = p.frame[:0], false
			default:
				p.out = append(p.out, p.frame...)
				p.frame, p.inside = p.frame[:0], true
			}
		}
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	return n, nil
}

var lies = map[string]func(f []byte) []byte{
	"nothing":      func([]byte) []byte { return nil },
	"no body":      func(f []byte) []byte { return append(append([]byte{0xc0, 1, f[2], 0, 0}, f[5:9]...), 0xc0) },
	"status alone": func(f []byte) []byte { return append(append([]byte{0xc0, 1, f[2], 4, 0}, f[5:9]...), 0, 0, 0, 0, 0xc0) },
	"refused":      func(f []byte) []byte { return []byte{0xc0, 1, f[2], 4, 0, 1, 2, 3, 4, 1, 6, 0, 0, 0xc0} },
	"unsupported": func(f []byte) []byte {
		return bytes.Repeat([]byte{0xc0, 1, f[2], 4, 0, 1, 2, 3, 4, 1, 5, 0, 0, 0xc0}, 8)
	},
	"an odd code":      func(f []byte) []byte { return []byte{0xc0, 1, f[2], 4, 0, 1, 2, 3, 4, 0x7f, 0x7f, 0, 0, 0xc0} },
	"twice":            func(f []byte) []byte { return append(bytes.Clone(f), f...) },
	"a request":        func(f []byte) []byte { f[1] = 0; return f },
	"another's":        func(f []byte) []byte { f[2] ^= 1; return f },
	"others' for ever": func(f []byte) []byte { f[2] ^= 1; return bytes.Repeat(f, 300) },
	"endless":          func([]byte) []byte { return bytes.Repeat([]byte{0xc0, 'x', 'y', 0xdb}, 2000) },
	"cut":              func(f []byte) []byte { return append(f[:len(f)/2:len(f)/2], 0xc0) },
	"zeros": func(f []byte) []byte {
		n := int(f[3])
		return append(append([]byte{0xc0, 1, f[2], byte(n), 0, 0, 0, 0, 0}, make([]byte, n)...), 0xc0)
	},
	"ones": func(f []byte) []byte {
		n := int(f[3])
		return append(append(append([]byte{0xc0, 1, f[2], byte(n), 0}, 255, 255, 255, 255), bytes.Repeat([]byte{'f'}, max(0, n-4))...), 0, 0, 0, 0, 0xc0)
	},
	"restarted": func([]byte) []byte {
		return []byte("ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n")
	},
}

// TestLiars: a loader that answers wrongly, once or for ever, ends in bounded time with a word for a person, or is restored.
func TestLiars(t *testing.T) {
	parts := software(2, "esp32c3", 0, 5, 30000)
	for name, lie := range lies {
		for _, ever := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ever %v", name, ever), func(t *testing.T) {
				t.Parallel()
				words := map[string]int{}
				var worst time.Duration
				for n := 1; ; n += 9 {
					r := newRig(t, chip.Config{Chip: "esp32c3"}, standin.Options{Seed: uint64(n)})
					p := &liar{Port: r.port, from: n, until: n + 1, lie: lie}
					if ever {
						p.until = 1 << 30
					}
					err := func() error {
						l, err := esp.Enter(context.Background(), p, &r.o)
						if err != nil {
							return err
						}
						ctx := context.Background()
						if _, err := l.Describe(ctx); err != nil {
							return err
						}
						d, err := l.Compare(ctx, parts, nil)
						if err != nil {
							return err
						}
						if err := l.Write(ctx, d, nil); err != nil {
							return err
						}
						_, err = l.Verify(ctx, parts, nil)
						return err
					}()
					worst = max(worst, r.wire.Elapsed())
					if p.seen < n {
						break
					}
					if err == nil {
						words["restored"]++
						if !ever {
							r.holds(parts)
						}
						continue
					}
					words[code(err).String()]++
					if code(err) == 0 {
						t.Errorf("answer %d: no word for a person: %v", n, err)
					}
					if touched(err) == restore.TouchedNothing && r.chip.Erased+r.chip.Programmed > 0 {
						t.Errorf("answer %d: the flash is said to be untouched: %v", n, err)
					}
				}
				t.Logf("at worst %v: %v", worst, words)
				if worst > 10*time.Minute {
					t.Errorf("took %v", worst)
				}
			})
		}
	}
}
