package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"unbrick/firmware/mcuboot"
	"unbrick/protocol/smp"
)

// InstallOptions tune Install; nil means the defaults.
type InstallOptions struct {
	Number uint32        // number of the upload; 0: the loader's own choice. It is not that of the list
	Await  time.Duration // how long a program on trial is waited for, to confirm it; 0: DefaultAwait; negative: not at all
	Report func(Progress)
}

// DefaultAwait covers a swap of two large slots.
const DefaultAwait = 90 * time.Second

// Installed is an image that a loader has taken, lists, and was told to start.
type Installed struct {
	Image     *mcuboot.Image
	Slot      uint32 // in which it was listed
	Hashed    bool   // the list told its hash, and it is the image's
	Trial     bool   // it lay in another slot than the running one, and was marked to be tried
	Started   bool   // the command to start was answered; if not, the device only went silent
	Runs      bool   // its program has answered since
	Confirmed bool   // on trial: the program ran, and was told to stay
	Resumed   uint32 // bytes that were there from an upload before
	Sent      uint64 // on the wire, framing included, since Connect
	Received  uint64
	Repeated  int // requests that had to be sent again
	Elapsed   time.Duration
}

// Patience of Install.
var (
	setting = patience{first: 4 * time.Second, wait: 10 * time.Second, tries: 3}
	going   = patience{wait: time.Second, tries: 1, answer: smp.HeaderSize + 8}
	looking = patience{wait: 3 * time.Second, tries: 1} // a list may take the hash of a whole slot
)

// Limits of Install.
const (
	firstData    = 64  // bytes of the first piece
	leastBuffer  = 512 // what MCUboot takes unless it was built otherwise
	aroundPiece  = 80  // bytes of a packet, its length and its CRC beside the data
	alignPiece   = 64  // pieces are multiples: a loader drops what its flash cannot take
	pieceWait    = time.Second
	pieceWaitMax = 16 * time.Second
	maxSilent    = 9 // pieces in a row without an answer
	maxFirst     = 4 // first pieces that were lost

	// A slot is erased before the first piece is answered. It is as large as the image or larger: a minute,
	// and the 400 ms that a sector of 4 KiB takes at most for as much as the image is long.
	slotBase   = time.Minute
	slotOfByte = 400 * time.Millisecond / 4096

	// beyond is an offset that nobody wants next: a piece for it is not written, and the answer says where
	// the loader stands.
	beyond = 1<<31 - 1

	// A device that has just been told to start is not spoken to: MCUboot may be built to wait for a command
	// then, and any keeps it from starting. It has checked the image by the end of this, or swapped it.
	quietBase      = 2 * time.Second
	quietOfByte    = 4 * time.Microsecond
	quietOfSwapped = 80 * time.Microsecond
	maxResets      = 3
	loaderAnswers  = 3 // in a row from a boot loader: it has not started
)

// Install checks a signed image, uploads it, looks whether the loader lists it, and starts the device. A
// loader lists only what it would start: its list is the verdict. An image in a second slot is marked for
// a trial, and once its program answers at this port it is told to stay; a program without an SMP server
// must confirm itself, which Installed says.
//
// Run again after a failure, by whomever, it goes on where the loader stands. If what comes out of that is
// not the image, another one's beginning was there, and it begins anew by itself.
func (s *Session) Install(ctx context.Context, file []byte, o *InstallOptions) (*Installed, error) {
	i, err := s.Installer(file, o)
	if err != nil {
		return nil, err
	}
	if err := i.Bring(ctx); err != nil {
		return nil, err
	}
	if err := i.Start(ctx); err != nil {
		return nil, err
	}
	return i.Installed(), nil
}

// Installer is Install in its two steps, Bring and Start.
func (s *Session) Installer(file []byte, o *InstallOptions) (*Installer, error) {
	i := &Installer{s: s, began: s.port.Now()}
	if o != nil {
		i.o = *o
	}
	m, err := CheckImage(file)
	if err != nil {
		return nil, err
	}
	i.m, i.file = m, file[:m.Size]
	i.progress.BytesOf, i.progress.WorkOf = uint64(m.Size), i.micros(m.Size)
	s.plain = true
	return i, nil
}

// Bring uploads the image, finds it in the loader's list, and marks it for its trial where that is needed.
func (i *Installer) Bring(ctx context.Context) error {
	if err := i.bringMarked(ctx); err != nil {
		return i.wrap(err)
	}
	return nil
}

// Start lets the device start what was brought, and watches it.
func (i *Installer) Start(ctx context.Context) error {
	i.stage(StageStart)
	if err := i.start(ctx); err != nil {
		return i.wrap(err)
	}
	return nil
}

// Installed is what has become of it so far.
func (i *Installer) Installed() *Installed {
	sent, received := i.s.Bytes()
	i.out.Image, i.out.Sent, i.out.Received, i.out.Repeated, i.out.Elapsed = i.m, sent, received, i.s.repeated, i.s.port.Now()-i.began
	return &i.out
}

// Installer brings one image to a loader, and starts it.
type Installer struct {
	s        *Session
	o        InstallOptions
	m        *mcuboot.Image
	file     []byte
	began    time.Duration
	progress Progress
	touched  Touched
	before   Loader // what was listed when the slot was empty
	program  bool   // a program answers, no boot loader
	double   bool   // it is in slot 0 as well, and starts from there
	unmarked bool   // it lies in a second slot, and the loader does not take a mark
	piece    int    // bytes of the next one
	proven   int    // bytes of the largest that got through
	ceiling  int    // bytes of the largest that is tried
	arrived  int    // pieces in a row
	out      Installed
}

func (i *Installer) wrap(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return fmt.Errorf("install: %w", err)
	}
	told := *e
	told.Touched = i.touched
	if told.Version == "" {
		told.Version = i.m.Version.String()
	}
	return &told
}

func (i *Installer) stage(s Stage) {
	i.progress.Stage = s
	i.tell(int(i.progress.Bytes))
}

// micros is how long n bytes take on the line, in microseconds: 4/3 for base64, and a little for lines and
// answers.
func (i *Installer) micros(n int) uint64 { return uint64(i.s.lineTime(n+n/2) / time.Microsecond) }

func (i *Installer) tell(at int) {
	i.progress.Bytes, i.progress.Work = uint64(at), i.micros(at)
	i.progress.Elapsed = i.s.port.Now() - i.began
	if i.o.Report != nil {
		i.o.Report(i.progress)
	}
}

func (i *Installer) bringMarked(ctx context.Context) error {
	i.stage(StageWrite)
	if err := i.s.list(ctx, &i.before); err != nil {
		return err
	}
	i.program = i.before.Runs()
	at := 0
	if !i.program {
		// A program's server looks at the digest of the first piece; a recovery begins anew there.
		var err error
		if at, err = i.stands(ctx, hashes); err != nil {
			return err
		}
	}
	if at > len(i.file) {
		at = 0 // of another one
	}
	e, err := i.bring(ctx, at)
	if err != nil {
		return err
	}
	i.touched = TouchedWritten
	i.out.Slot, i.out.Hashed = e.Slot, len(e.Hash) > 0
	if e.Slot != 0 && !e.Active && !i.double {
		if err := i.mark(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// bring uploads the image from an offset on and finds it in the list. What was resumed and is not the image,
// or may not be, is uploaded anew.
func (i *Installer) bring(ctx context.Context, at int) (*LoaderImage, error) {
	for {
		i.out.Resumed = uint32(at)
		err := i.upload(ctx, at)
		var said *smp.Error
		if errors.As(err, &said) && at > 0 {
			at = 0
			continue
		}
		if err != nil {
			return nil, err
		}
		i.touched = TouchedAll
		i.stage(StageVerify)
		var l Loader
		if err := i.s.list(ctx, &l); err != nil {
			return nil, err
		}
		if e := i.find(&l); e != nil {
			i.double = l.lists(i.m, e.Number, 0)
			return e, nil
		}
		if at == 0 {
			return nil, &Error{Code: CodeUnlisted, Err: fmt.Errorf("version %s, hash %s", i.m.Version, mcuboot.Hex(i.m.Hash))}
		}
		at, i.before = 0, l
		i.stage(StageWrite)
	}
}

// find returns the entry of what was uploaded: one that is the image, and was not listed while the slot was
// empty. The list numbers images and slots in its own way, so the number of the upload is no part of that.
func (i *Installer) find(l *Loader) *LoaderImage {
	var elsewhere *LoaderImage
	for k := range l.Images {
		e := &l.Images[k]
		if !e.is(i.m) {
			continue
		}
		there := i.meant(e)
		if i.out.Resumed > 0 {
			// What was there before may have lain in another slot, or, beyond the hash, be another image.
			if there && (len(e.Hash) > 0 || int(i.out.Resumed) <= i.m.Header+i.m.Payload) {
				return e
			}
			continue
		}
		fresh := !i.before.lists(i.m, e.Number, e.Slot)
		switch {
		case there && (fresh || i.program && len(e.Hash) > 0):
			return e // a program may list what it erases only piece by piece
		case fresh:
			elsewhere = e
		}
	}
	return elsewhere
}

// meant reports whether the number of the upload means the slot of an entry, in any build: the primary slot of
// that image, or with direct upload the slots in their order, from 1 on, where 0 is 1; a program's server takes
// the secondary slot.
func (i *Installer) meant(e *LoaderImage) bool {
	n := i.o.Number
	direct := max(n, 1) - 1
	return e.Number == direct/2 && e.Slot == direct%2 || e.Number == n && (e.Slot == 0 || i.program && e.Slot == 1)
}

// stands asks where the loader stands, by a piece that it cannot want: 0 if it does not say.
func (i *Installer) stands(ctx context.Context, p patience) (int, error) {
	var at smp.Offset
	err := i.s.call(ctx, &smp.UploadRequest{Image: i.o.Number, Offset: beyond, Data: i.file[:1]}, &at, p)
	var said *smp.Error
	if errors.As(err, &said) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("ask for the offset: %w", err)
	}
	return int(at.Offset), nil
}

// first brings the first piece, behind which the loader may erase its whole slot before it answers. It is
// sent again only when the loader answers another question meanwhile and has not taken it: a second one would
// erase again.
func (i *Installer) first(ctx context.Context) (at int, err error) {
	stale, err := i.stands(ctx, hashes)
	if err != nil {
		return 0, err
	}
	n := min(firstData, len(i.file))
	if stale == n {
		n = min(2*firstData, len(i.file))
	}
	sum := sha256.Sum256(i.file)
	q := smp.UploadRequest{Image: i.o.Number, Length: uint32(len(i.file)), HasLength: true, SHA: sum[:], Data: i.file[:n]}
	until := i.s.port.Now() + slotBase + time.Duration(len(i.file))*slotOfByte
	wait := 4 * time.Second
	for sent := 1; ; sent++ {
		i.touched = TouchedPart // it may have erased
		var next smp.Offset
		err := i.s.call(ctx, &q, &next, patience{wait: wait, tries: 1, answer: smp.HeaderSize + 64})
		if err == nil {
			return int(next.Offset), nil
		}
		for lost := false; !lost; {
			var said *smp.Error
			switch {
			case errors.As(err, &said):
				if sent == 1 {
					i.touched = TouchedNothing
				}
				return 0, fmt.Errorf("upload at 0: %w", i.s.refused(err))
			case !retryable(err) || ctx.Err() != nil, i.s.port.Now() >= until:
				return 0, fmt.Errorf("upload at 0: %w", err)
			}
			if at, err = i.stands(ctx, patience{wait: wait, tries: 1, answer: smp.HeaderSize + 64}); err == nil {
				if at == n && stale != n {
					return at, nil
				}
				lost = true
			}
			wait = min(2*wait, pieceWaitMax)
		}
		if sent == maxFirst {
			return 0, fmt.Errorf("upload at 0: %w", &Error{Code: CodeNoisy, Err: fmt.Errorf("first piece: %d tries", sent)})
		}
		i.s.repeated++
	}
}

// mark marks an image in a second slot for its trial.
func (i *Installer) mark(ctx context.Context, e *LoaderImage) error {
	i.out.Trial = true
	if e.Pending {
		return nil
	}
	var state smp.State
	err := i.s.call(ctx, &smp.StateSetRequest{Hash: i.m.Hash}, &state, setting)
	var said *smp.Error
	switch {
	case errors.As(err, &said) && said.RC && smp.RC(said.Code) == smp.RCNotSupported:
		i.unmarked = true // one that starts the newest of its slots needs no mark
		return nil
	case err != nil:
		return fmt.Errorf("mark for trial: %w", i.s.refused(err))
	}
	var l Loader
	l.take(&state)
	i.unmarked = !slices.ContainsFunc(l.Images, func(o LoaderImage) bool {
		return o.is(i.m) && o.Slot == e.Slot && o.Number == e.Number && o.Pending
	})
	return nil
}
