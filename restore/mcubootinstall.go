package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"unbrick/protocol/smp"
	"unbrick/restore/mcuboot"
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
	i := &installer{s: s, began: s.port.Now()}
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
	if err := i.run(ctx); err != nil {
		return nil, i.wrap(err)
	}
	sent, received := s.Bytes()
	i.out.Image, i.out.Sent, i.out.Received, i.out.Repeated, i.out.Elapsed = m, sent, received, s.repeated, s.port.Now()-i.began
	return &i.out, nil
}

// installer is one Install.
type installer struct {
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

func (i *installer) wrap(err error) error {
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

func (i *installer) stage(s Stage) {
	i.progress.Stage = s
	i.tell(int(i.progress.Bytes))
}

// micros is how long n bytes take on the line, in microseconds: 4/3 for base64, and a little for lines and
// answers.
func (i *installer) micros(n int) uint64 { return uint64(i.s.lineTime(n+n/2) / time.Microsecond) }

func (i *installer) tell(at int) {
	i.progress.Bytes, i.progress.Work = uint64(at), i.micros(at)
	i.progress.Elapsed = i.s.port.Now() - i.began
	if i.o.Report != nil {
		i.o.Report(i.progress)
	}
}

func (i *installer) run(ctx context.Context) error {
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
	i.stage(StageStart)
	return i.start(ctx)
}

// bring uploads the image from an offset on and finds it in the list. What was resumed and is not the image,
// or may not be, is uploaded anew.
func (i *installer) bring(ctx context.Context, at int) (*LoaderImage, error) {
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
func (i *installer) find(l *Loader) *LoaderImage {
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
func (i *installer) meant(e *LoaderImage) bool {
	n := i.o.Number
	direct := max(n, 1) - 1
	return e.Number == direct/2 && e.Slot == direct%2 || e.Number == n && (e.Slot == 0 || i.program && e.Slot == 1)
}

// stands asks where the loader stands, by a piece that it cannot want: 0 if it does not say.
func (i *installer) stands(ctx context.Context, p patience) (int, error) {
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
func (i *installer) first(ctx context.Context) (at int, err error) {
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

// upload brings the image from an offset on, going on at the offset that is answered.
func (i *installer) upload(ctx context.Context, from int) error {
	buffer := leastBuffer
	if i.s.sized {
		buffer = int(i.s.params.BufSize)
	}
	i.ceiling = max(min(buffer, smp.BufSize)-aroundPiece, 16)
	i.piece = i.aligned(i.ceiling)
	at, silent, begun := from, 0, from > 0
	for at < len(i.file) {
		if at == 0 {
			if begun {
				if silent++; silent > maxSilent {
					return &Error{Code: CodeProtocol, Err: errors.New("it begins again and again")}
				}
			}
			next, err := i.first(ctx)
			if err != nil {
				return err
			}
			if next > len(i.file) {
				return &Error{Code: CodeProtocol, Err: fmt.Errorf("offset %d of an image of %d is wanted", next, len(i.file))}
			}
			at, begun = next, true
			if at > firstData*2 {
				i.out.Resumed = uint32(at) // the program's server has found it
			}
			if i.before.holds(i.m) && !i.program {
				// The same image is there already. What is listed now, the slot being empty, is not ours.
				if err := i.s.list(ctx, &i.before); err != nil {
					return err
				}
			}
			i.tell(at)
			continue
		}
		n := min(i.piece, len(i.file)-at)
		q := smp.UploadRequest{Image: i.o.Number, Offset: uint32(at), Data: i.file[at : at+n]}
		i.touched = TouchedPart
		var next smp.Offset
		err := i.s.call(ctx, &q, &next, patience{wait: min(pieceWait<<silent, pieceWaitMax), tries: 1, answer: smp.HeaderSize + 64})
		var said *smp.Error
		switch {
		case errors.As(err, &said):
			return fmt.Errorf("upload at %d: %w", at, i.s.refused(err))
		case err == nil && int(next.Offset) > len(i.file):
			return &Error{Code: CodeProtocol, Err: fmt.Errorf("offset %d of an image of %d is wanted", next.Offset, len(i.file))}
		case err == nil && int(next.Offset) > at:
			silent = 0
			i.through(n)
			at = int(next.Offset)
		case err == nil:
			silent++ // it wants something else, or took nothing
			at = int(next.Offset)
		case retryable(err):
			silent++
			i.lost()
		default:
			return fmt.Errorf("upload at %d: %w", at, err)
		}
		if silent > maxSilent {
			if err == nil {
				err = &Error{Code: CodeProtocol, Err: errors.New("it takes no bytes")}
			}
			return fmt.Errorf("upload at %d: %w", at, err)
		}
		i.tell(at)
	}
	return nil
}

func (i *installer) aligned(n int) int {
	if n > alignPiece {
		n -= n % alignPiece
	}
	return n
}

// through notes a piece that arrived; after some in a row they grow again.
func (i *installer) through(n int) {
	i.proven = max(i.proven, n)
	i.arrived++
	if i.arrived >= growBehind && i.piece < i.aligned(i.ceiling) {
		i.arrived = 0
		i.piece = i.aligned(min(2*i.piece, i.ceiling))
		i.progress.Slowed = i.piece < i.aligned(i.ceiling)
	}
}

// lost makes pieces smaller. A size that never got through is not tried again: the loader's buffer is
// smaller than that.
func (i *installer) lost() {
	i.s.repeated++
	i.arrived = 0
	if i.piece > i.proven {
		i.ceiling = max(i.piece/2, alignPiece)
	}
	if i.piece > alignPiece {
		i.piece = i.aligned(max(i.piece/2, alignPiece))
		i.progress.Slowed = true
	}
}

// mark marks an image in a second slot for its trial.
func (i *installer) mark(ctx context.Context, e *LoaderImage) error {
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
	i.unmarked = !slices.ContainsFunc(l.Images, func(o LoaderImage) bool { return o.is(i.m) && o.Slot == e.Slot && o.Number == e.Number && o.Pending })
	return nil
}

// start lets the device start, and watches it. The command is given again only to a device that still stands
// where it stood: one that took it may have put an image on trial, which a second start would take back.
func (i *installer) start(ctx context.Context) error {
	for try := 1; ; try++ {
		err := i.s.call(ctx, &smp.ResetRequest{}, &smp.Empty{}, going)
		var said *smp.Error
		switch {
		case err == nil:
			i.out.Started = true
		case errors.As(err, &said):
			return fmt.Errorf("start: %w", i.s.refused(err))
		case !retryable(err):
			return err
		}
		if i.o.Await < 0 {
			return nil
		}
		seen, err := i.watch(ctx)
		if err != nil {
			return err
		}
		if !i.out.Started && try < maxResets && (seen == seenPending || seen == seenLoader && !i.out.Trial) {
			continue // the command was lost
		}
		return i.outcome(seen)
	}
}

// sight is what was seen of a device that was told to start.
type sight uint8

const (
	seenNothing sight = iota // nothing answers
	seenOurs                 // the program of the image answers
	seenOther                // another one's does
	seenPending              // another one's does, or the boot loader: the image is still to be tried
	seenLoader               // the boot loader answers
)

// quiet is how long the device is left alone after the command to start.
func (i *installer) quiet() time.Duration {
	d := quietBase + time.Duration(i.m.Size)*quietOfByte
	if i.out.Trial {
		d += time.Duration(i.m.Size) * quietOfSwapped
	}
	return d
}

// watch looks what became of the device. A program on trial that answers is told to stay.
func (i *installer) watch(ctx context.Context) (sight, error) {
	await := i.o.Await
	if await == 0 {
		await = DefaultAwait
	}
	until := i.s.port.Now() + await
	if err := i.s.pause(ctx, min(i.quiet(), await)); err != nil {
		return 0, err
	}
	last, l := seenNothing, &Loader{}
	for in := 0; ; {
		var state smp.State
		err := i.s.call(ctx, &smp.StateRequest{}, &state, looking)
		var said *smp.Error
		switch {
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case err == nil:
			l.take(&state)
			last = i.sees(l)
			if in++; last == seenOurs {
				return last, i.confirm(ctx, l)
			}
			if last == seenOther || !l.Runs() && in == loaderAnswers {
				return last, nil
			}
		case errors.As(err, &said), retryable(err):
			in = 0
			if !i.out.Trial {
				return seenNothing, nil // it went away, as it should
			}
		default:
			return 0, err
		}
		if i.s.port.Now() >= until {
			return last, nil
		}
		if err := i.s.pause(ctx, time.Second); err != nil {
			return 0, err
		}
	}
}

// sees says what a list means.
func (i *installer) sees(l *Loader) sight {
	if e := i.running(l); e != nil {
		return seenOurs
	}
	switch {
	case i.out.Trial && i.pending(l):
		return seenPending
	case l.Runs():
		return seenOther
	}
	return seenLoader
}

func (i *installer) running(l *Loader) *LoaderImage {
	for k := range l.Images {
		if e := &l.Images[k]; e.Active && e.is(i.m) {
			return e
		}
	}
	return nil
}

func (i *installer) pending(l *Loader) bool {
	return slices.ContainsFunc(l.Images, func(e LoaderImage) bool { return e.is(i.m) && (e.Pending || i.unmarked) && !e.Active })
}

// confirm tells a program on trial that runs to stay. One that does not know how is left to confirm itself.
func (i *installer) confirm(ctx context.Context, l *Loader) error {
	i.out.Runs = true
	e := i.running(l)
	if !i.out.Trial || e.Confirmed {
		i.out.Confirmed = i.out.Trial
		return nil
	}
	var state smp.State
	if err := i.s.call(ctx, &smp.StateSetRequest{Hash: i.m.Hash, Confirm: true}, &state, setting); err != nil {
		return ctx.Err()
	}
	l.take(&state)
	e = i.running(l)
	i.out.Confirmed = e != nil && e.Confirmed
	return nil
}

// outcome says what is known of the start. Nothing is made of what was not seen.
func (i *installer) outcome(seen sight) error {
	switch {
	case seen == seenOurs, seen == seenNothing && !i.unmarked:
		return nil
	case i.unmarked && (seen == seenNothing || seen == seenPending):
		return &Error{Code: CodePending, Err: errors.New("the boot loader takes no mark for it, and nothing says that it has started")}
	case seen == seenPending:
		return &Error{Code: CodePending, Err: errors.New("it is still marked for its trial")}
	case seen == seenOther:
		return &Error{Code: CodeTrial, Err: errors.New("another image runs after the start")}
	}
	return &Error{Code: CodeNotStarted, Err: errors.New("the boot loader answers again after the start")}
}
