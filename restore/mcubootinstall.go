package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol/smp"
	"unbrick/restore/mcuboot"
)

// InstallOptions tune Install; nil means the defaults.
type InstallOptions struct {
	Number uint32        // which image of several; 0: the only one
	Resume uint32        // offset up to which an earlier attempt brought this very image; 0: from the beginning
	Await  time.Duration // how long a program on trial is waited for, to confirm it; 0: DefaultAwait; negative: not at all
	Report func(Progress)
	Reach  func(offset uint32) // told of every offset that the device asks for: for Resume
}

// DefaultAwait covers a swap of two large slots.
const DefaultAwait = 90 * time.Second

// Installed is an image that a loader has taken.
type Installed struct {
	Image     *mcuboot.Image
	Slot      uint32 // in which it was listed
	Hashed    bool   // the list told its hash, and it is the image's
	Trial     bool   // it lay in another slot than the running one, and is tried at the next start
	Started   bool   // the command to start was answered
	Confirmed bool   // on trial: the program ran, and was told to stay
	Sent      uint64 // on the wire, framing included, since Connect
	Received  uint64
	Repeated  int // requests that had to be sent again
	Elapsed   time.Duration
}

// Patience of Install. A loader may erase the whole slot before it answers the first piece, and some
// sectors before it answers another. A lost piece is waited for longer each time.
var (
	firstPiece = patience{first: 12 * time.Second, wait: 30 * time.Second, tries: 4, answer: smp.HeaderSize + 64}
	setting    = patience{first: 4 * time.Second, wait: 10 * time.Second, tries: 3}
)

// Limits of Install.
const (
	firstData    = 64  // bytes of the first piece: it is repeated only after a long wait
	leastBuffer  = 512 // what MCUboot takes unless it was built otherwise
	aroundPiece  = 80  // bytes of a packet, its length and its CRC beside the data
	alignPiece   = 64  // pieces are multiples: a loader drops what its flash cannot take
	pieceWait    = time.Second
	pieceWaitMax = 16 * time.Second
	maxSilent    = 9 // pieces in a row without an answer
)

// Install checks a signed image, uploads it, looks whether the loader lists it, and starts the device. A
// loader lists only what it would start: its list is the verdict. An image in a second slot is marked for
// a trial, and once its program answers at this port it is told to stay; a program without an SMP server
// must confirm itself, which Installed says.
//
// Run again after a failure, with Resume, it goes on where the loader stands if that is the same run of
// the loader, and from the beginning if not.
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
	piece    int // bytes of the next one
	proven   int // bytes of the largest that got through
	ceiling  int // bytes of the largest that is tried
	arrived  int // pieces in a row
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
	if err := i.upload(ctx); err != nil {
		return err
	}
	i.touched = TouchedAll
	i.stage(StageVerify)
	if err := i.judge(ctx); err != nil {
		return err
	}
	i.touched = TouchedNothing
	i.stage(StageStart)
	if err := i.start(ctx); err != nil {
		return err
	}
	if i.out.Trial && i.o.Await >= 0 {
		return i.confirm(ctx)
	}
	return nil
}

// upload brings the image, going on at the offset that is answered.
func (i *installer) upload(ctx context.Context) error {
	buffer := leastBuffer
	if i.s.sized {
		buffer = int(i.s.params.BufSize)
	}
	i.ceiling = max(min(buffer, smp.BufSize)-aroundPiece, 16)
	i.piece = i.aligned(i.ceiling)
	sum := sha256.Sum256(i.file)
	at, silent := 0, 0
	if i.o.Resume > 0 && int(i.o.Resume) < len(i.file) {
		at = int(i.o.Resume)
	}
	for at < len(i.file) {
		q := smp.UploadRequest{Image: i.o.Number, Offset: uint32(at)}
		n, p := min(i.piece, len(i.file)-at), firstPiece
		if at == 0 {
			n = min(n, firstData)
			q.Length, q.HasLength, q.SHA = uint32(len(i.file)), true, sum[:]
		} else {
			p = patience{wait: min(pieceWait<<silent, pieceWaitMax), tries: 1, answer: smp.HeaderSize + 64}
		}
		q.Data = i.file[at : at+n]
		i.touched = TouchedPart // it may have erased
		var next smp.Offset
		err := i.s.call(ctx, &q, &next, p)
		var said *smp.Error
		switch {
		case errors.As(err, &said) && at > 0 && at == int(i.o.Resume):
			at, i.o.Resume = 0, 0 // it knows nothing of the earlier attempt
			continue
		case errors.As(err, &said):
			if at == 0 {
				i.touched = TouchedNothing
			}
			return fmt.Errorf("upload at %d: %w", at, i.s.refused(err))
		case err == nil && int(next.Offset) > len(i.file):
			return &Error{Code: CodeProtocol, Err: fmt.Errorf("offset %d of an image of %d is wanted", next.Offset, len(i.file))}
		case err == nil && int(next.Offset) > at:
			silent = 0
			i.through(n, at > 0)
			at = int(next.Offset)
		case err == nil:
			silent++ // it wants something else, or took nothing
			at = int(next.Offset)
		case retryable(err) && at > 0:
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
		if i.o.Reach != nil {
			i.o.Reach(uint32(at))
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
func (i *installer) through(n int, counts bool) {
	if !counts {
		return
	}
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

// judge looks for the image in the list, and marks one in a second slot for its trial.
func (i *installer) judge(ctx context.Context) error {
	var l Loader
	if err := i.s.list(ctx, &l); err != nil {
		return err
	}
	e := l.find(i.m, i.o.Number)
	if e == nil {
		return &Error{Code: CodeUnlisted, Err: fmt.Errorf("version %s, hash %s", i.m.Version, mcuboot.Hex(i.m.Hash))}
	}
	i.out.Slot, i.out.Hashed = e.Slot, len(e.Hash) > 0
	if e.Slot == 0 || e.Active {
		return nil
	}
	i.out.Trial = true
	if e.Pending {
		return nil
	}
	var state smp.State
	if err := i.s.call(ctx, &smp.StateSetRequest{Hash: i.m.Hash}, &state, setting); err != nil {
		return fmt.Errorf("mark for trial: %w", i.s.refused(err))
	}
	l.take(&state)
	if e = l.find(i.m, i.o.Number); e == nil || !e.Pending {
		return &Error{Code: CodeProtocol, Err: errors.New("marked for trial, and not pending in the list")}
	}
	return nil
}

// start lets the device start. Silence is as good as an answer: it has restarted.
func (i *installer) start(ctx context.Context) error {
	err := i.s.call(ctx, &smp.ResetRequest{}, &smp.Empty{}, patience{wait: 500 * time.Millisecond, tries: 3, answer: smp.HeaderSize + 8})
	i.out.Started = err == nil
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var e *Error
	var said *smp.Error
	switch {
	case errors.As(err, &said):
		return fmt.Errorf("start: %w", i.s.refused(err))
	case errors.As(err, &e) && e.Code == CodeVanished:
		return err
	}
	return nil
}

// confirm waits for the program on trial and tells it to stay. One that does not answer, or does not know
// the command, is left to confirm itself.
func (i *installer) confirm(ctx context.Context) error {
	await := i.o.Await
	if await == 0 {
		await = DefaultAwait
	}
	until := i.s.port.Now() + await
	for i.s.port.Now() < until {
		if err := i.s.pause(ctx, look); err != nil {
			return err
		}
		var state smp.State
		err := i.s.call(ctx, &smp.StateRequest{}, &state, patience{wait: 300 * time.Millisecond, tries: 1})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var e *Error
		if errors.As(err, &e) && e.Code == CodeVanished {
			return err
		}
		if err != nil {
			continue
		}
		var l Loader
		l.take(&state)
		entry := l.find(i.m, i.o.Number)
		if entry == nil || !entry.Active {
			if entry != nil && entry.Pending {
				continue // it has not restarted yet
			}
			return &Error{Code: CodeUnlisted, Err: errors.New("another image runs after the start: the trial was refused or has failed")}
		}
		if entry.Confirmed {
			i.out.Confirmed = true
			return nil
		}
		if err := i.s.call(ctx, &smp.StateSetRequest{Hash: i.m.Hash, Confirm: true}, &state, setting); err != nil {
			return nil // it runs, and stays on trial until it confirms itself
		}
		l.take(&state)
		entry = l.find(i.m, i.o.Number)
		i.out.Confirmed = entry != nil && entry.Confirmed
		return nil
	}
	return nil
}
