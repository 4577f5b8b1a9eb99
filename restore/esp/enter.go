package esp

import (
	"context"
	"errors"
	"time"

	"unbrick/restore"
	"unbrick/restore/family"
)

const (
	baseBaud  = 115200 // at which a ROM is first spoken to
	syncs     = 5
	syncWait  = 100 * time.Millisecond
	answers   = 8 // to one SYNC
	handEvery = 150 * time.Millisecond
	fallsMost = 12
	handMost  = 4 // times its patience that a person is waited for, while text shows that something is done
)

// entry is the way into a ROM.
type entry struct {
	line *family.Line
	rom  *rom
	o    *family.Options
	usb  usbPort
	stub bool // what answered last was no ROM
	seen bool // a stub was
	back int  // how often the port has come back
}

// Enter brings a chip into its ROM by the lines of the port, which is open at 115200 baud, or by a person. When it fails the port stays
// open, with its lines released.
func Enter(ctx context.Context, port restore.Port, o *family.Options) (family.Loader, error) {
	if o == nil {
		o = new(family.Options)
	}
	line := family.NewLine(port, baseBaud, o)
	usb := usbOf(o.USB)
	e := &entry{line: line, rom: &rom{line: line, usb: usb != noUSB}, o: o, usb: usb}
	if o.There {
		ok, err := e.sync(ctx, syncs)
		if err != nil {
			return nil, e.end(err)
		}
		if ok {
			return e.loader(max(o.Way, family.WayThere)), nil
		}
	}
	for _, way := range e.ways() {
		ok, err := e.try(ctx, way)
		if err != nil {
			return nil, e.end(err)
		}
		if ok {
			return e.loader(way), nil
		}
	}
	if o.Patience > 0 {
		ok, err := e.hand(ctx)
		if err != nil {
			return nil, e.end(err)
		}
		if ok {
			return e.loader(family.WayHand), nil
		}
	}
	return nil, e.end(e.why())
}

// end releases the lines.
func (e *entry) end(err error) error {
	_ = e.line.Set(false, false)
	return e.rom.explain(err)
}

func (e *entry) loader(way family.Way) *Loader {
	e.line.Forget()
	e.rom.lost = 0
	return &Loader{line: e.line, rom: e.rom, o: *e.o, way: way, usb: e.usb}
}

// ways are tried in this order. One that worked before comes first.
func (e *entry) ways() []family.Way {
	var all []family.Way
	switch e.usb {
	case jtagUSB:
		all = []family.Way{family.WayUSB}
	case otgUSB: // it is there only while the ROM waits
		all = []family.Way{family.WayThere}
	case ownUSB:
	case noUSB:
		all = []family.Way{family.WayClassic, family.WayTight, family.WaySlow, family.WayInverted}
	}
	switch e.o.Way {
	case family.WayThere, family.WayClassic, family.WaySlow, family.WayTight, family.WayInverted, family.WayUSB:
		list := []family.Way{e.o.Way}
		for _, w := range all {
			if w != e.o.Way {
				list = append(list, w)
			}
		}
		return list
	}
	return all
}

// try goes one way. A stub that somebody left running is reset once more.
func (e *entry) try(ctx context.Context, way family.Way) (bool, error) {
	if way == family.WayThere {
		if e.o.OnWay != nil {
			e.o.OnWay(way)
		}
		return e.sync(ctx, syncs)
	}
	tries := 2
	if e.usb != noUSB { // a chip that falls again and again leaves the bus in the middle of a sequence
		tries = fallsMost
	}
	for range tries {
		left := false
		err := e.line.Go(ctx, way)
		if errors.Is(err, restore.ErrUnsupported) {
			return false, nil
		}
		if err != nil {
			if err = e.returned(ctx, err); err != nil {
				return false, err
			}
			left = true
		}
		before := e.back
		ok, err := e.sync(ctx, syncs)
		if ok || err != nil || !e.stub && !left && e.back == before {
			return ok, err
		}
	}
	return false, nil
}

// returned waits for a port whose chip has left the bus, as one with USB of its own may when it is reset.
func (e *entry) returned(ctx context.Context, err error) error {
	if e.usb == noUSB || !gone(err) {
		return err
	}
	e.rom.from, e.rom.to = 0, 0
	e.rom.dec.rest()
	e.back++
	return e.line.Return(ctx)
}

// sync sends SYNC until two answers to it have come, at most n times.
func (e *entry) sync(ctx context.Context, n int) (bool, error) {
	e.stub = false
	got, zeros := 0, 0
	begin := e.line.Now()
	defer func() {
		x := family.Exchange{At: begin, Took: e.line.Now() - begin, Name: "synchronise", Bytes: header + len(syncBody), Tries: n}
		if got == 0 {
			x.Err = errLost
		}
		e.line.Done(x)
	}()
	for try, back := 0, 0; try < n; try++ {
		k, z, err := e.once(ctx, got > 0)
		got, zeros = got+k, zeros+z
		if err != nil {
			if err = e.returned(ctx, err); err != nil || back == 2 {
				return false, err
			}
			back++
			try = -1
			got, zeros = 0, 0
			continue
		}
		if got >= 2 {
			e.stub = zeros == got // a ROM never says 0
			e.seen = e.seen || e.stub
			return !e.stub, nil
		}
	}
	return false, nil
}

// once sends one SYNC, and counts its answers.
func (e *entry) once(ctx context.Context, one bool) (got, zeros int, err error) {
	if err := e.rom.drop(ctx); err != nil {
		return 0, 0, err
	}
	n, err := e.rom.send(&request{op: opSync, body: syncBody})
	if err != nil {
		return 0, 0, err
	}
	until := e.line.Now() + e.line.Time(n) + syncWait
	for range maxSkipped {
		a, err := e.rom.next(ctx, until)
		if errors.Is(err, restore.ErrTimeout) {
			break
		}
		if err != nil {
			return got, zeros, err
		}
		if a.op != opSync || a.body[0] != 0 {
			continue
		}
		got++
		if a.value == 0 {
			zeros++
		}
		if got == answers {
			break
		}
		until = e.line.Now() + syncWait // the others follow
	}
	return got, zeros, nil
}

// hand waits for a person who resets the chip with BOOT held.
func (e *entry) hand(ctx context.Context) (bool, error) {
	if e.o.OnWay != nil {
		e.o.OnWay(family.WayHand)
	}
	_ = e.line.Set(false, false)
	now := e.line.Now()
	last := now + handMost*e.o.Patience
	until := now + e.o.Patience
	for e.line.Now() < until {
		next := e.line.Now() + handEvery
		heard := e.line.Stats().Received
		if ok, err := e.sync(ctx, 1); ok || err != nil {
			return ok, err
		}
		if err := e.rom.pause(ctx, next-e.line.Now()); err != nil {
			if err = e.returned(ctx, err); err != nil {
				return false, err
			}
		}
		if e.line.Stats().Received != heard {
			until = min(e.line.Now()+e.o.Patience, last)
		}
	}
	return false, nil
}

// again goes a way once more, to a chip that was in its ROM.
func (e *entry) again(ctx context.Context, way family.Way) (family.Way, error) {
	if way != family.WayThere && way != family.WayHand {
		for range 3 {
			ok, err := e.try(ctx, way)
			if err != nil {
				return way, err
			}
			if ok {
				e.line.Forget()
				return way, nil
			}
		}
		return way, e.why()
	}
	ok, err := e.sync(ctx, syncs)
	if !ok && err == nil && e.o.Patience > 0 {
		way = family.WayHand
		ok, err = e.hand(ctx)
	}
	if !ok && err == nil {
		err = e.why()
	}
	e.line.Forget()
	return way, err
}

// why says what is known of a chip that does not come into its ROM.
func (e *entry) why() error {
	fail := &restore.Error{Code: restore.CodeSilent, Heard: append([]byte(nil), e.line.Heard()...)}
	var waits, refuses, download bool
	flash := 0
	for _, b := range said(fail.Heard) {
		waits, refuses, download = waits || b.waits, refuses || b.refuses, download || b.download
		if b.flash {
			flash++
		}
	}
	switch {
	case refuses:
		fail.Code = restore.CodeProtected
		fail.Err = errors.New("its download mode is switched off for good, so that no cable can restore it")
	case e.seen:
		fail.Code = restore.CodeForeign
		fail.Err = errors.New("another tool's program answers and is not reset by the lines: switch the device off and on")
	case waits:
		fail.Err = errors.New("it waits for a download and does not hear this computer: check the wire or adapter that goes to its RX pin")
	case download:
		fail.Err = errors.New("it started for a download and does not answer: check the wire or adapter that goes to its RX pin")
	case flash > 0 && flash >= min(2, len(e.ways())): // one alone may be what it said as it was plugged in
		fail.Code = restore.CodeStarted
		fail.Err = errors.New("hold its BOOT button while it is reset")
	case e.back > 3:
		fail.Err = errors.New("its port comes and goes, as its program falls again and again: hold its BOOT button while you plug it in")
	case len(fail.Heard) > 0:
		fail.Err = errors.New("what it says is no answer of an ESP's ROM: hold its BOOT button while it is reset")
	default:
		fail.Err = errors.New("hold its BOOT button while it is reset, and check cable and power")
	}
	return fail
}
