package family

import (
	"context"
	"fmt"
	"time"

	"unbrick/restore"
)

// Way is how a device is brought into its boot loader.
type Way uint8

// The ways. Append-only: the numbers go from the worker to the page.
const (
	WayNone     Way = iota
	WayThere        // it answered: it was there already
	WayClassic      // ESP: reset by RTS, boot pin by DTR, released after 50 ms
	WaySlow         // ESP: the same, after 550 ms, for boards with a large capacitor
	WayTight        // ESP: both lines at once
	WayInverted     // ESP: with lines that mean the opposite
	WayUSB          // ESP: the sequence of its own USB port
	WayPulse        // AVR: an edge of DTR and RTS through a capacitor
	WayHand         // a person resets it
	waysEnd
)

// Ways is how many there are.
const Ways = int(waysEnd)

var wayNames = [...]string{"none", "it answers", "reset by RTS, boot pin by DTR", "slow reset by RTS, boot pin by DTR", "reset by RTS and DTR at once",
	"inverted lines", "reset of the chip's own USB port", "pulse of DTR and RTS", "reset by hand"}

func (w Way) String() string {
	if int(w) < len(wayNames) {
		return wayNames[w]
	}
	return fmt.Sprintf("way %d", uint8(w))
}

// USB are the numbers of a port's USB device; zero: it is none, or does not tell.
type USB struct{ Vendor, Product uint16 }

// step is a moment of a way: the modem lines, and how long they stay so.
type step struct {
	dtr, rts bool
	stay     time.Duration
}

// sequences are the ways that lines go. Both lines asserted have no effect on a board with the usual two transistors (Espressif, "Boot Mode
// Selection", automatic boot loader); on a chip's own USB port the change goes through both asserted, never through none.
var sequences = [waysEnd][]step{
	WayClassic: {{false, true, 100 * time.Millisecond}, {true, false, 50 * time.Millisecond}, {false, false, 0}},
	WaySlow:    {{false, true, 100 * time.Millisecond}, {true, false, 550 * time.Millisecond}, {false, false, 0}},
	WayTight: {{false, false, 0}, {true, true, 0}, {false, true, 100 * time.Millisecond}, {true, false, 50 * time.Millisecond},
		{false, false, 0}},
	WayInverted: {{true, false, 100 * time.Millisecond}, {false, true, 50 * time.Millisecond}, {true, true, 0}},
	WayUSB: {{false, false, 100 * time.Millisecond}, {true, false, 100 * time.Millisecond}, {true, true, 0}, {false, true, 100 * time.Millisecond},
		{false, false, 0}},
	WayPulse: {{false, false, 250 * time.Millisecond}, {true, true, time.Millisecond}, {false, false, 100 * time.Millisecond}},
}

// Go moves the lines as a way has it, and listens meanwhile. It fails with restore.ErrUnsupported for one that is none of lines, or on a
// port that has none.
func (l *Line) Go(ctx context.Context, way Way) error {
	var steps []step
	if way < waysEnd {
		steps = sequences[way]
	}
	if steps == nil {
		return restore.ErrUnsupported
	}
	if l.o.OnWay != nil {
		l.o.OnWay(way)
	}
	return l.move(ctx, steps)
}

// Restart resets a device whose reset is at RTS into its program: never by a way into the boot loader, which would end there again.
func (l *Line) Restart(ctx context.Context) error {
	return l.move(ctx, []step{{false, true, 100 * time.Millisecond}, {false, false, 0}})
}

func (l *Line) move(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := l.Set(s.dtr, s.rts); err != nil {
			return err
		}
		if s.stay == 0 {
			continue
		}
		if err := l.Pause(ctx, s.stay); err != nil {
			return err
		}
	}
	return nil
}
