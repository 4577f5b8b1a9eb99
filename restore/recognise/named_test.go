package recognise

import (
	"context"
	"testing"
	"time"

	"unbrick/internal/standin"
	"unbrick/internal/standin/stk500"
	"unbrick/internal/standin/stm32"
	"unbrick/internal/standin/uboot"
)

// halfway is an STM32's loader that somebody has talked to: it has its speed, and perhaps half a command.
func halfway(t *testing.T, said string) standin.Device {
	t.Helper()
	d := &stm32.Loader{}
	w := standin.New(d, standin.Options{Seed: 1})
	p, err := w.Open(115200)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write([]byte(said)); err != nil {
		t.Fatal(err)
	}
	w.Run(time.Second)
	return again{d}
}

// again is a device that goes on as it was on another wire.
type again struct{ *stm32.Loader }

func (a again) Attach(w *standin.Wire) { a.Move(w) }

// TestNamedAlone: boards with an AVR, an STM32 or U-Boot are named, in time, and nothing is written.
func TestNamedAlone(t *testing.T) {
	for _, c := range []struct {
		name string
		d    standin.Device
		want Kind
	}{
		{"Optiboot", stk500.New(stk500.Options{}), STK500v1},
		{"Optiboot that loses its first byte", stk500.New(stk500.Options{Kind: stk500.OldOptiboot}), STK500v1},
		{"ATmegaBOOT", stk500.New(stk500.Options{Kind: stk500.ATmegaBOOT}), STK500v1},
		{"ATmegaBOOT on ATmega168", stk500.New(stk500.Options{Kind: stk500.ATmegaBOOT, Baud: 19200, Size: 16 << 10}), STK500v1},
		{"stk500boot", stk500.New(stk500.Options{Kind: stk500.STK500Boot}), STK500v2},
		{"urboot", stk500.New(stk500.Options{Kind: stk500.Urboot}), Urboot},
		{"a program that floods", stk500.New(stk500.Options{Flash: []byte{1, 2}, Floods: "hello world 12345\r\n"}), STK500v1},
		{"STM32", &stm32.Loader{}, STM32},
		{"STM32 that has its speed", halfway(t, "\x7f"), STM32},
		{"STM32 with half a command", halfway(t, "\x7f\x00"), STM32},
		{"U-Boot at its prompt", uboot.New(uboot.Options{}), UBoot},
		{"U-Boot that counts", uboot.New(uboot.Options{Seconds: 3}), UBoot},
		{"U-Boot that a word stops", uboot.New(uboot.Options{Seconds: 3, Key: "stop"}), UBoot},
		{"Linux", uboot.New(uboot.Options{Running: true}), Linux},
	} {
		w := standin.New(c.d, standin.Options{Seed: 1})
		p, err := w.Open(115200)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Recognise(context.Background(), p, nil)
		if err != nil || f.Kind != c.want || w.Elapsed() > 6*time.Second {
			t.Errorf("%s: %+v, %v after %v", c.name, f, err, w.Elapsed())
		}
		switch d := c.d.(type) {
		case *stk500.Board:
			if d.Tally.Touched() {
				t.Errorf("%s was written to", c.name)
			}
		case *stm32.Loader:
			if d.Tally.Touched() {
				t.Errorf("%s was written to", c.name)
			}
		case *uboot.Board:
			if d.Tally.Touched() || d.Tally.Faults > 0 {
				t.Errorf("%s: %+v", c.name, d.Tally)
			}
		}
	}
}
