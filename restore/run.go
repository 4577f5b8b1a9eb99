package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/flash"
	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// Times of Run.
const (
	pollGap   = 150 * time.Millisecond // between two questions while the device works by itself
	stuckTime = 2 * time.Minute        // without any change of its status, the device counts as silent
)

// Limits of Run against a device that does not get on.
const (
	maxLost    = 60  // pieces lost in a row: the line does not work
	minPiece   = 128 // bytes, a block; smaller pieces do not get through a line that loses these
	growBehind = 8   // pieces in a row that arrived, after which they grow again
	// framedLeaves is how many leaf digests go into a packet where packets follow each other: so few, since a
	// long one is spoiled more easily.
	framedLeaves = 28
	statusSize   = smp.HeaderSize + 120 // longest packet with a status
)

// Result is a restoration that the device itself has judged good.
type Result struct {
	Plan           *Plan
	Way            Way
	BytesSent      uint64 // on the wire, framing included, since Connect
	BytesReceived  uint64
	BytesFull      uint64 // what the upload of the whole release file would have sent
	SectorsWritten int    // sectors built from sent bytes
	Refreshed      int    // doubtful sectors that the device wrote again from themselves
	Operations     int    // flash operations of the device
	Repeated       int    // requests that had to be sent again
	Elapsed        time.Duration
	Line           time.Duration // that the bytes took at the line's speed
	Device         time.Duration // that the device worked by itself: refresh, proof, rewrite, verdict
	Settings       Settings      // what became of the settings areas
	SettingsFault  smp.Fault     // SettingsFailed: why
	SettingsAddr   uint32        // SettingsFailed: of the sector that takes no erase, else 0
	Erased         []flash.Area  // settings areas that the device has erased and read back
	Receipt        *Receipt      // if Plan.Nonce asked for it and the device gives one
}

// runner is one Run.
type runner struct {
	s        *Session
	p        *Plan
	report   func(Progress)
	begun    time.Duration
	progress Progress
	touched  Touched
	status   smp.Status
	piece    int    // bytes of the next piece
	block    uint32 // bytes of the next file's blocks
	arrived  int    // pieces in a row
	written  int
	line     time.Duration // planned work that is done: on the line
	flash    time.Duration // and in the flash
	fresh    bool          // begin has begun anew: the device has nothing of any file
	stale    bool          // status is as an acknowledgement has it, which tells the phase alone
	settings settings
	receipt  *Receipt

	// Of a transfer in frames.
	before     Touched // what the flash had seen before it
	operations uint32
	stood      smp.Status // for a while now
	stoodAt    time.Duration
}

// Run carries out the plan (314, S18). Before it returns without an error the device has verified the
// whole image by its signed digest and recorded it; then it was told to start. report, which may be nil,
// is called often. Every error is an *Error or the context's; the flash is then in a state from which a
// new Plan goes on.
func (s *Session) Run(ctx context.Context, p *Plan, report func(Progress)) (*Result, error) {
	r := &runner{s: s, p: p, report: report, begun: s.port.Now(), piece: s.pieceSize(), block: frame.MaxBlock}
	r.budget()
	err := r.run(ctx)
	// The next conversation over this port begins at base speed. A port that is gone says so itself.
	_ = s.console(ctx, false)
	if err != nil {
		return nil, r.wrap(err)
	}
	return r.result(), nil
}

// wrap adds to an error what the flash has seen and which release it is about.
func (r *runner) wrap(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return fmt.Errorf("restore: %w", err)
	}
	told := *e
	told.Touched = r.touched
	if told.Version == "" {
		told.Version = r.p.Release.Version
	}
	return &told
}

func (r *runner) run(ctx context.Context) error {
	switch r.p.Kind {
	case KindUpload:
		if err := r.s.leaveFrames(ctx); err != nil {
			return err
		}
	case KindRecord, KindDelta, KindParts:
		if err := r.s.agree(ctx, r.p.Device, r.p.speed); err != nil {
			return err
		}
	case KindStart:
	}
	if r.p.Kind != KindStart && r.p.Kind != KindUpload {
		if err := r.begin(ctx); err != nil {
			return err
		}
	}
	// Only now: when refreshing saved less than was assumed, begin may have turned to an upload.
	switch r.p.Kind {
	case KindStart:
	case KindUpload:
		if err := r.upload(ctx); err != nil {
			return err
		}
	case KindRecord, KindDelta, KindParts:
		if err := r.files(ctx); err != nil {
			return err
		}
	}
	if err := r.erase(ctx); err != nil {
		return err
	}
	r.stage(StageStart)
	if err := r.attest(ctx); err != nil {
		return err
	}
	return r.start(ctx)
}

// files brings the update files, and asks for the verdict.
func (r *runner) files(ctx context.Context) error {
	if err := r.leaves(ctx); err != nil {
		return err
	}
	done, err := r.stream(ctx)
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	at := 0
	for _, j := range r.p.jobs[:done] {
		at += j.sectors
	}
	for i := done; i < len(r.p.jobs); i++ {
		n := r.p.jobs[i].sectors
		if err := r.apply(ctx, i, r.p.need[at:at+n]); err != nil {
			return err
		}
		at += n
	}
	if r.touched != TouchedNothing || len(r.p.jobs) > 0 {
		r.touched = TouchedAll
	}
	return r.finish(ctx)
}

// budget plans the work, in microseconds, from the plan's estimate.
func (r *runner) budget() {
	p := r.p
	r.progress.Of, r.progress.BytesOf = p.Sectors, p.BytesSend
	r.settings.plan(p)
	flash := p.Flash + r.settings.later
	r.progress.WorkOf = max(1, uint64((p.Line + flash).Microseconds()))
	r.progress.FlashOf = uint64(flash.Microseconds())
}

func (r *runner) stage(s Stage) {
	r.progress.Stage = s
	r.tell(0, 0)
}

// tell reports progress; line and flash are work beyond that of the steps that are complete.
func (r *runner) tell(line, flash time.Duration) {
	if r.report == nil {
		return
	}
	of, flashOf := r.progress.WorkOf, r.progress.FlashOf
	r.progress.Flash = min(uint64((r.flash + max(flash, 0)).Microseconds()), flashOf)
	r.progress.Work = r.progress.Flash + min(uint64((r.line+max(line, 0)).Microseconds()), of-flashOf)
	r.progress.Elapsed = r.s.port.Now() - r.begun
	r.report(r.progress)
}

// did completes a step of planned work.
func (r *runner) did(line, flash time.Duration) {
	r.line += max(line, 0)
	r.flash += max(flash, 0)
	r.tell(0, 0)
}

// near leaves no more work than rest in the flash: what was planned for retries, questions and refreshing
// and was not needed is over.
func (r *runner) near(rest time.Duration) {
	of, flashOf := r.progress.WorkOf, r.progress.FlashOf
	r.line = max(r.line, time.Duration(of-flashOf)*time.Microsecond)
	r.flash = max(r.flash, time.Duration(flashOf)*time.Microsecond-rest-r.settings.later)
}

// finish asks for the verdict.
func (r *runner) finish(ctx context.Context) error {
	r.near(time.Duration(r.p.Release.Size/1024)*digestPerKiB + sectorTime(4096))
	r.stage(StageVerify)
	switch r.status.Phase {
	case smp.PhaseFinishing, smp.PhaseDone: // by itself, behind the last file
	default:
		if err := r.s.call(ctx, &smp.FinishRequest{}, &r.status, slow); err != nil {
			return fmt.Errorf("finish: %w", r.s.refused(err))
		}
	}
	if err := r.wait(ctx, 0); err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	if r.status.Phase != smp.PhaseDone {
		return r.failure("finish")
	}
	r.touched = TouchedNothing
	r.near(0)
	return nil
}

// start lets the device start. It has judged already, so that nothing that goes wrong now counts: a
// device that is asked and is silent has restarted.
func (r *runner) start(ctx context.Context) error {
	s := r.s
	p := patience{wait: 500 * time.Millisecond, tries: 3, answer: statusSize}
	var last smp.Status
	asks := []ask{{q: &smp.StatusRequest{}, answer: &last, take: func() error {
		if last.Phase == smp.PhaseDone {
			r.status, r.stale = last, false
		}
		return nil
	}}, {q: &smp.ResetRequest{}, answer: &smp.Empty{}}}
	if !r.stale {
		asks = asks[1:]
	}
	reset := &asks[len(asks)-1]
	_, err := s.batch(ctx, p, besides, asks)
	for i := 0; i < len(asks) && err == nil && !reset.done; i++ {
		if a := &asks[i]; !a.done {
			if err = s.call(ctx, a.q, a.answer, p); err == nil {
				err = a.taken()
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var e *Error
	if errors.As(err, &e) && e.Code == CodeVanished {
		return err
	}
	return nil
}

func (r *runner) result() *Result {
	s := r.s
	return &Result{
		Plan: r.p, Way: s.way, BytesSent: s.sent, BytesReceived: s.received, BytesFull: r.p.BytesFull,
		SectorsWritten: r.written, Refreshed: int(r.status.Refreshed), Operations: int(r.status.Operations),
		Repeated: s.repeated, Elapsed: s.port.Now() - s.began, Line: s.line,
		Device:   time.Duration(r.status.Millis) * time.Millisecond,
		Settings: r.settings.state, SettingsFault: r.settings.fault, SettingsAddr: r.settings.addr, Erased: r.settings.erased,
		Receipt: r.receipt,
	}
}
