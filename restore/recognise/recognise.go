package recognise

import (
	"context"
	"errors"
	"time"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/family"
)

// Times of the whole.
const (
	listenFor = 300 * time.Millisecond  // before anything is sent
	hearFor   = 1500 * time.Millisecond // of a device that says something
)

// Options tune Recognise; nil means the defaults.
type Options struct {
	Baud    uint32          // the port's speed; 0: restore.DefaultBaud
	USB     family.USB      // numbers of the port, which choose the order
	Session restore.Options // of the session with a terminal or an SMP server
	Heard   func([]byte)    // told what the device said that is no answer; may be nil
}

// Found is who is at a port.
type Found struct {
	Kind    Kind
	Session *restore.Session // with Terminal and SMP, as restore.Connect returns it; its port is the one that was given
	Way     family.Way       // by which a boot loader of another family was reached; it waits now
	Baud    uint32           // of the port now
	Heard   []byte           // what the device said that is no answer, first and last
	Said    []boottext.Kind  // who speaks in that
}

// Recognise looks who is at a port that is open. It fails only when the port does, or the context: that nobody answers is Nobody. Nothing is
// written.
func Recognise(ctx context.Context, port restore.Port, o *Options) (*Found, error) {
	return look(ctx, port, o, (*recogniser).run)
}

func look(ctx context.Context, port restore.Port, o *Options, run func(*recogniser, context.Context) (*Found, error)) (*Found, error) {
	r := &recogniser{port: port}
	if o != nil {
		r.o = *o
	}
	if r.o.Baud == 0 {
		r.o.Baud = restore.DefaultBaud
	}
	r.line = family.NewLine(port, r.o.Baud, &family.Options{Heard: r.o.Heard})
	f, err := run(r, ctx)
	if err != nil {
		return nil, err
	}
	f.Baud, f.Heard = r.line.Stats().Baud, r.line.Heard()
	f.Said = boottext.Recognise(f.Heard)
	return f, nil
}

// Waiting looks whether a chip of Espressif waits for a download at a port that is open, and nothing else: for a person who holds its button,
// after which it waits as long as it must.
func Waiting(ctx context.Context, port restore.Port, o *Options) (*Found, error) {
	return look(ctx, port, o, func(r *recogniser, ctx context.Context) (*Found, error) {
		if err := r.speed(ctx, restore.DefaultBaud); err != nil {
			return nil, err
		}
		f, err := r.ways(ctx, family.WayThere)
		if f == nil && err == nil {
			f, err = &Found{}, r.speed(ctx, r.o.Baud)
		}
		return f, err
	})
}

type recogniser struct {
	port restore.Port
	line *family.Line
	o    Options
	hint hint
}

// probe is one question, or several that belong together. It returns nil if nobody has answered.
type probe func(ctx context.Context) (*Found, error)

func (r *recogniser) run(ctx context.Context) (*Found, error) {
	var order []probe
	switch r.hint = hinted(r.o.USB); r.hint {
	case espressif:
		order = []probe{r.listens, r.server, r.chipPort, r.prompts}
	case uno, mega:
		order = []probe{r.listens, r.boards, r.server, r.prompts, r.chip}
	case leonardo:
		order = []probe{r.listens, r.server, r.prompts, r.own}
	default:
		order = []probe{r.listens, r.loader, r.server, r.prompts, r.chip, r.boards, r.slowChip}
	}
	for _, p := range order {
		f, err := p(ctx)
		if err == nil && f == nil {
			err = r.line.Pause(ctx, quiet)
		}
		if r.hint == espressif && gone(err) {
			err = r.line.Return(ctx) // one that falls over and over leaves the bus each time
		}
		if f != nil || err != nil {
			return f, err
		}
	}
	return &Found{}, r.speed(ctx, r.o.Baud) // whoever calls next finds the port as it was
}

// speed changes the speed, where the port can.
func (r *recogniser) speed(ctx context.Context, baud uint32) error {
	if err := r.line.Speed(ctx, baud); err != nil && !errors.Is(err, restore.ErrUnsupported) {
		return err
	}
	return nil
}

// listens takes what the device says by itself.
func (r *recogniser) listens(ctx context.Context) (*Found, error) {
	if err := r.line.Set(false, false); err != nil && !errors.Is(err, restore.ErrUnsupported) {
		return nil, err
	}
	began := r.line.Now()
	if err := r.line.Listen(ctx, began+listenFor, func(heard []byte) bool { return len(heard) > 0 }); err != nil {
		return nil, err
	}
	if len(r.line.Heard()) == 0 || r.hint != unhinted {
		return nil, nil // a device that is likely known says it all again when it is reset
	}
	var k Kind
	err := r.line.Listen(ctx, began+hearFor, func(heard []byte) bool { k = named(heard); return k != Nobody })
	if err != nil || k == Nobody {
		return nil, err
	}
	return &Found{Kind: k}, nil
}

func (r *recogniser) loader(ctx context.Context) (*Found, error) {
	if ok, err := r.stm32(ctx); err != nil || !ok {
		return nil, err
	}
	return &Found{Kind: STM32}, nil
}

// server asks whoever speaks SMP. What was sent before ends as a line of its own.
func (r *recogniser) server(ctx context.Context) (*Found, error) {
	if err := r.line.Write([]byte{'\n'}); err != nil {
		return nil, err
	}
	o := r.o.Session
	o.Baud, o.First, o.Only = r.line.Stats().Baud, restore.WayEcho, true
	o.Heard = nil
	s, err := restore.Connect(ctx, r.port, &o)
	var e *restore.Error
	switch {
	case err == nil && s.Foreign():
		return &Found{Kind: SMP, Session: s}, nil
	case err == nil:
		return &Found{Kind: Terminal, Session: s}, nil
	case errors.As(err, &e) && (e.Code == restore.CodeSilent || e.Code == restore.CodeNoisy || e.Code == restore.CodeProtocol):
		r.line.Hear(e.Heard)
		return nil, nil
	}
	return nil, err
}

func (r *recogniser) prompts(ctx context.Context) (*Found, error) {
	k, err := r.prompt(ctx)
	if err != nil || k == Nobody {
		return nil, err
	}
	return &Found{Kind: k}, nil
}

// chip calls an Espressif chip: as it is, if it has said that it waits, and by the usual ways.
func (r *recogniser) chip(ctx context.Context) (*Found, error) {
	if err := r.speed(ctx, restore.DefaultBaud); err != nil {
		return nil, err
	}
	for _, k := range boottext.Recognise(r.line.Heard()) {
		if k == boottext.ESPDownload {
			if ok, err := r.esp(ctx, syncs); err != nil || ok {
				return found(family.WayThere, ok, err)
			}
		}
	}
	return r.ways(ctx, family.WayClassic)
}

// chipPort calls an Espressif chip at its own USB port.
func (r *recogniser) chipPort(ctx context.Context) (*Found, error) {
	f, err := r.ways(ctx, family.WayThere)
	for try := 1; f == nil && (err == nil || gone(err)) && try <= usbTries; try++ {
		if err != nil {
			if err = r.line.Return(ctx); err != nil {
				return nil, err
			}
		}
		f, err = r.ways(ctx, family.WayUSB)
	}
	return f, err
}

// slowChip tries what few boards need.
func (r *recogniser) slowChip(ctx context.Context) (*Found, error) {
	return r.ways(ctx, family.WayThere, family.WayTight, family.WaySlow)
}

func (r *recogniser) ways(ctx context.Context, ways ...family.Way) (*Found, error) {
	for _, w := range ways {
		call := func() (bool, error) { return r.way(ctx, w) }
		if w == family.WayThere {
			call = func() (bool, error) { return r.esp(ctx, 2) }
		}
		if ok, err := call(); err != nil || ok {
			return found(w, ok, err)
		}
	}
	return nil, nil
}

func found(w family.Way, ok bool, err error) (*Found, error) {
	if err != nil || !ok {
		return nil, err
	}
	return &Found{Kind: ESP, Way: w}, nil
}

// own names a board whose port is its program's: nothing on it leads into the boot loader.
func (r *recogniser) own(context.Context) (*Found, error) { return &Found{Kind: AVR109}, nil }

// board is a protocol of AVR boot loaders at a speed.
type board struct {
	second bool
	baud   uint32
}

// boards calls AVR boot loaders. Each falls into its program a second after what it does not understand: each call is behind a pulse of its own.
func (r *recogniser) boards(ctx context.Context) (*Found, error) {
	order := []board{{false, 115200}, {true, 115200}, {false, 57600}, {false, 19200}}
	if r.hint == mega {
		order[0], order[1] = order[1], order[0]
	}
	base := r.line.Stats().Baud
	for _, b := range order {
		f, err := r.board(ctx, b)
		if f != nil || err != nil {
			return f, err
		}
	}
	return nil, r.speed(ctx, base)
}

func (r *recogniser) board(ctx context.Context, b board) (*Found, error) {
	err := r.line.Speed(ctx, b.baud)
	if err == nil {
		err = r.line.Go(ctx, family.WayPulse)
	}
	if errors.Is(err, restore.ErrUnsupported) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k := Nobody
	if b.second {
		var ok bool
		if ok, err = r.stk2(ctx); ok {
			k = STK500v2
		}
	} else {
		k, err = r.stk1(ctx)
	}
	if err != nil || k == Nobody {
		return nil, err
	}
	return &Found{Kind: k, Way: family.WayPulse}, nil
}
