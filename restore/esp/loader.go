package esp

import (
	"context"
	"errors"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

// Loader is a ROM that answers; see family.Loader.
type Loader struct {
	line *family.Line
	rom  *rom
	o    family.Options
	way  family.Way
	usb  usbPort

	chip    *chip // nil until Describe
	board   *family.Board
	flags   uint32 // of the security information
	crystal uint32 // MHz, where it matters
	pads    uint32 // of the flash; 0: the usual ones
	opened  bool   // flash is attached and its size is told
	speeds  int    // speeds that were given up, of the list
	slowed  bool   // one was because too much was lost
	fast    bool   // the speed was raised, or tried

	rate    float64 // seconds that a digest takes for a byte, smoothed
	touched restore.Touched
	plan    *plan // of the last Compare
	held    held  // what the ROM keeps of a deflated piece
	proven  bool  // nothing was written since all of the last Compare's parts was found there
}

type usbPort uint8

const (
	noUSB   usbPort = iota // or an adapter
	jtagUSB                // USB-Serial-JTAG
	otgUSB                 // USB-OTG of the ROM
	ownUSB                 // the program's own
)

func usbOf(u family.USB) usbPort {
	if u.Vendor != 0x303a {
		return noUSB
	}
	switch u.Product {
	case 0x1001:
		return jtagUSB
	case 0x0002, 0x0009, 0x0012:
		return otgUSB
	}
	return ownUSB
}

var _ family.Loader = (*Loader)(nil)

// Way is how the chip came into its ROM.
func (l *Loader) Way() family.Way { return l.way }

// Stats are what has travelled so far.
func (l *Loader) Stats() family.Stats { return l.line.Stats() }

// Close closes the port.
func (l *Loader) Close() error { return l.line.Close() }

// touch notes that the flash is about to change.
func (l *Loader) touch() {
	l.touched = restore.TouchedPart
	l.proven = false
}

// fail says of what ended a work what a person is told, and what the flash has seen.
func (l *Loader) fail(err error) error {
	if err == nil {
		return nil
	}
	err = l.rom.explain(err)
	var e *restore.Error
	if errors.As(err, &e) && e.Touched == restore.TouchedNothing && l.touched != restore.TouchedNothing {
		again := *e
		again.Touched = l.touched
		return &again
	}
	return err
}

// digests says whether the chip can be asked for digests that mean something.
func (l *Loader) digests() bool { return !l.chip.is8266() && !l.isDownload() && l.encrypt() == 0 }

func (l *Loader) isDownload() bool { return l.has(family.SecureDownload) }

func (l *Loader) has(p family.Protection) bool {
	for _, q := range l.board.Protections {
		if q == p {
			return true
		}
	}
	return false
}

// encrypt is the fifth word of a begin: the chip encrypts what is written.
func (l *Loader) encrypt() uint32 {
	if l.has(family.EncryptionDevelop) {
		return 1
	}
	return 0
}

// allowed says whether a piece of flash may be written.
func (l *Loader) allowed(addr uint32, n int) error {
	if l.board.Sealed != nil {
		return l.board.Sealed
	}
	behind := uint64(addr) + uint64(n)
	has := uint64(ring)
	if l.board.Flash != 0 {
		has = min(has, uint64(l.board.Flash))
	}
	if behind > has {
		return &restore.Error{Code: restore.CodeTooLarge, Needs: uint32(min(behind, 1<<32-1)), Has: uint32(has)}
	}
	for _, r := range l.board.Reserved {
		if uint64(addr) < r.End() && behind > uint64(r.Addr) {
			return &restore.Error{Code: restore.CodeReserved, Addr: max(addr, r.Addr)}
		}
	}
	return nil
}

// open attaches the flash and tells the ROM its size, so that it writes.
func (l *Loader) open(ctx context.Context, size uint32) error {
	if l.opened {
		return nil
	}
	if l.chip.is8266() {
		if err := l.begin(ctx, opFlashBegin, 0, 0, 0, nil); err != nil {
			return err
		}
		l.opened = true
		return nil
	}
	if err := l.rom.attach(ctx, l.pads); err != nil {
		return err
	}
	if size != 0 {
		if err := l.rom.params(ctx, size); err != nil {
			return err
		}
		l.opened = true
	}
	return nil
}

// ready makes a Loader ready for a work on the flash.
func (l *Loader) ready(ctx context.Context) error {
	if l.board == nil {
		if _, err := l.Describe(ctx); err != nil {
			return err
		}
	}
	if l.board.Sealed != nil {
		return l.board.Sealed
	}
	if !l.fast {
		l.fast = true
		return l.faster(ctx)
	}
	return nil
}

// again brings the chip into its ROM once more, as it came there, and makes it ready: after this it knows nothing of a begin.
func (l *Loader) again(ctx context.Context) error {
	e := &entry{line: l.line, rom: l.rom, o: &l.o, usb: l.usb}
	if !l.usbPort() {
		if err := l.line.Speed(ctx, baseBaud); err != nil && !errors.Is(err, restore.ErrUnsupported) {
			return err
		}
	}
	way, err := e.again(ctx, l.way)
	if err != nil {
		return err
	}
	l.way = way
	l.opened = false
	if l.chip == nil {
		return nil
	}
	if err := l.same(ctx); err != nil {
		return err
	}
	if l.watched() && !l.isDownload() {
		if err := l.stopDogs(ctx); err != nil {
			return err
		}
	}
	return l.open(ctx, l.size())
}

// same makes sure that it is still the chip that was described.
func (l *Loader) same(ctx context.Context) error {
	if l.isDownload() {
		return nil
	}
	serial, err := l.serial(ctx)
	if err != nil {
		return err
	}
	if serial != l.board.Serial {
		return &restore.Error{Code: restore.CodeRestarted,
			Err: errors.New("another chip answers now: " + serial + " instead of " + l.board.Serial)}
	}
	return nil
}

// size is how large the ROM is told that the flash is.
func (l *Loader) size() uint32 {
	if l.board.Flash != 0 {
		return l.board.Flash
	}
	size := uint32(4 << 20)
	if l.plan != nil {
		for size < ring && uint64(size) < l.plan.behind() {
			size *= 2
		}
	}
	return size
}

func (l *Loader) usbPort() bool { return l.usb != noUSB }

// watched says whether the chip may have watchdogs that run. A port that was the program's own is, in the ROM, one of the ROM's: which,
// nobody tells.
func (l *Loader) watched() bool { return l.usb == jtagUSB || l.usb == ownUSB }

// Read reads a part of the flash: 64 bytes an exchange, each piece proven by its digest.
func (l *Loader) Read(ctx context.Context, addr uint32, p []byte, report family.Report) error {
	begin := l.line.Now()
	if err := l.ready(ctx); err != nil {
		return l.fail(err)
	}
	if l.isDownload() || l.encrypt() != 0 {
		return l.fail(&restore.Error{Code: restore.CodeProtected, Err: errors.New("the chip does not let its flash be read")})
	}
	if err := l.open(ctx, l.size()); err != nil {
		return l.fail(err)
	}
	if uint64(addr)+uint64(len(p)) > uint64(l.size()) {
		return &restore.Error{Code: restore.CodeTooLarge, Needs: uint32(min(uint64(addr)+uint64(len(p)), 1<<32-1)), Has: l.size()}
	}
	t := &teller{line: l.line, report: report, begin: begin, p: restore.Progress{Stage: restore.StagePlan, BytesOf: uint64(len(p))}}
	each := l.line.Time(header+8+2) + l.line.Time(header+slowRead+4+2) + l.rom.turn
	t.p.WorkOf = micros(time.Duration((len(p)+slowRead-1)/slowRead) * each)
	for done := 0; done < len(p); {
		n := min(sector-(int(addr)+done)%sector, len(p)-done)
		if err := l.piece(ctx, addr+uint32(done), p[done:done+n]); err != nil {
			return l.fail(err)
		}
		done += n
		t.p.Bytes = uint64(done)
		t.work(t.p.WorkOf * uint64(done) / uint64(len(p)))
	}
	return nil
}

// piece reads at most a sector, and reads it again when its digest is another.
func (l *Loader) piece(ctx context.Context, addr uint32, p []byte) error {
	for range 3 {
		for at := 0; at < len(p); at += slowRead {
			to := p[at:min(at+slowRead, len(p))]
			var err error
			if l.chip.is8266() {
				err = l.spiRead(ctx, addr+uint32(at), to)
			} else {
				err = l.rom.readSlow(ctx, addr+uint32(at), to)
			}
			if err != nil {
				return err
			}
		}
		if !l.digests() {
			return nil
		}
		same, err := l.holds(ctx, addr, p, nil)
		if same || err != nil {
			return err
		}
		l.line.Repeat()
	}
	return &restore.Error{Code: restore.CodeNoisy, Err: errors.New("what was read is not what the digest is of")}
}

// Compare finds out which sectors differ; see family.Loader and compare.go.
func (l *Loader) Compare(ctx context.Context, parts []release.Part, report family.Report) (*family.Difference, error) {
	d, err := l.compare(ctx, parts, report)
	return d, l.fail(err)
}
