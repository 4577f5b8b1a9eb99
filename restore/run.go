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
	Failures       int    // erases and programs that had to be repeated
	Repeated       int    // requests that had to be sent again
	Elapsed        time.Duration
	Line           time.Duration // that the bytes took at the line's speed
	Device         time.Duration // that the device worked by itself: refresh, proof, rewrite, verdict
	Started        bool          // it has answered the command to start
	Settings       Settings      // what became of the settings areas
	SettingsFault  smp.Fault     // SettingsFailed: why
	SettingsAddr   uint32        // SettingsFailed: of the sector that takes no erase, else 0
	Erased         []flash.Area  // settings areas that the device has erased and read back
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
	started  bool
	fresh    bool // begin has begun anew: the device has nothing of any file
	stale    bool // status is as an acknowledgement has it, which tells the phase alone
	settings settings

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

// begin hands over the manifest, waits for the refresh, and makes the files anew if it saved less, or
// more, than was assumed.
func (r *runner) begin(ctx context.Context) error {
	r.stage(StageWrite)
	p := r.p
	q := smp.BeginRequest{Manifest: p.want.signed, Parts: p.Kind == KindParts, AsIs: p.Refresh == 0}
	for again := false; ; again = true {
		if err := r.s.call(ctx, &q, &r.status, slow); err != nil {
			return fmt.Errorf("begin: %w", r.s.refused(err))
		}
		// A device that is ready at once has heard it from an earlier host, which left something unfinished
		// there. The beginning of a single file may be the same one again: then its transfer goes on where
		// it was. All else is dropped.
		r.fresh = r.status.Phase == smp.PhasePreparing
		if again || r.status.Phase != smp.PhaseReady || !q.Parts && r.status.Applied == 0 {
			break
		}
		if err := r.s.call(ctx, &smp.AbortRequest{}, &smp.Empty{}, prompt); err != nil {
			return fmt.Errorf("begin: %w", r.s.refused(err))
		}
	}
	r.note()
	if err := r.wait(ctx, 0); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if r.status.Phase != smp.PhaseReady {
		return r.failure("begin")
	}
	if q.AsIs {
		return nil
	}
	if err := r.details(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if r.status.Refreshed == 0 && r.status.Doubtful == 0 {
		return nil
	}
	before := append([]bool(nil), p.picture.doubtful...)
	contents := append([]bool(nil), p.picture.known...)
	if err := r.s.again(ctx, p.picture); err != nil {
		return fmt.Errorf("look again: %w", err)
	}
	if !r.changed(before, contents) {
		return nil
	}
	return r.remake(ctx)
}

// changed reports whether the sectors that were doubtful are not what the plan took them for: known ones
// refreshed, unknown ones still unknown.
func (r *runner) changed(before, known []bool) bool {
	pic := r.p.picture
	for i := range sectorsOf(pic.area, r.p.Release.Size) {
		if before[i] && (known[i] != pic.known[i] || known[i] && pic.doubtful[i]) {
			return true
		}
	}
	return false
}

// remake makes the files again. A plan that now needs the other mode begins again with it.
func (r *runner) remake(ctx context.Context) error {
	p := r.p
	was := p.Kind
	if err := p.make(ctx, r.s, p.picture.doubtful); err != nil {
		return fmt.Errorf("plan again: %w", err)
	}
	r.budget()
	if p.Kind == KindUpload || (p.Kind == KindParts) == (was == KindParts) {
		return nil
	}
	q := smp.BeginRequest{Manifest: p.want.signed, Parts: p.Kind == KindParts}
	if err := r.s.call(ctx, &q, &r.status, slow); err != nil {
		return fmt.Errorf("begin again: %w", r.s.refused(err))
	}
	if err := r.wait(ctx, 0); err != nil {
		return fmt.Errorf("begin again: %w", err)
	}
	if r.status.Phase != smp.PhaseReady {
		return r.failure("begin again")
	}
	return nil
}

// leaves brings, in parts mode, the leaf digests of all sectors that will be written.
func (r *runner) leaves(ctx context.Context) error {
	if r.p.Kind != KindParts {
		return nil
	}
	s := r.s
	all := r.p.leafDigests()
	most := s.leavesAtOnce()
	if s.framing.guard.On() {
		most = min(most, framedLeaves)
	}
	var asks []ask
	for _, run := range r.p.leafRuns() {
		for at, left := run[0], run[1]; left > 0; {
			n := min(left, uint32(most))
			q := smp.LeavesRequest{First: at, Data: all[smp.LeafDigest*at : smp.LeafDigest*(at+n)]}
			asks = append(asks, ask{q: &q, answer: &smp.Empty{}, take: func() error {
				r.did(lineTime(framed(len(q.Data)+17)+answerBytes, s.opt.Baud)+s.latency, 0)
				return nil
			}})
			at, left = at+n, left-n
		}
	}
	room := min(int(s.framing.agreed.Ahead), int(aheadTime/s.lineTime(1)))
	p := patience{wait: prompt.wait, tries: prompt.tries, answer: smp.HeaderSize + 8}
	if err := s.together(ctx, p, room, asks); err != nil {
		return fmt.Errorf("send leaves: %w", s.refused(err))
	}
	return nil
}

// apply brings the file of job i in the console framing, where hosts stop and wait, and waits until the device has applied it.
func (r *runner) apply(ctx context.Context, i int, sectors []int) error {
	operations, touched := r.status.Operations, r.touched
	if err := r.send(ctx, i); err != nil {
		return err
	}
	if err := r.s.call(ctx, &smp.StatusRequest{}, &r.status, slow); err != nil {
		return fmt.Errorf("apply: %w", r.s.refused(err))
	}
	work := r.p.sectorsTime(sectors)
	if err := r.wait(ctx, work); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	switch {
	case r.status.Phase == smp.PhaseDone && i == len(r.p.jobs)-1: // it went on to the verdict
	case r.status.Phase == smp.PhaseReady && r.status.Fault == smp.FaultNone && r.count() == i+1:
	case r.status.Phase == smp.PhaseReady && r.status.Fault == smp.FaultNone:
		return &Error{Code: CodeRestarted, Err: fmt.Errorf("apply: %d files applied, want %d", r.status.Applied, i+1)}
	default:
		if r.status.Operations == operations {
			r.touched = touched // it has refused before its first erase
		}
		return r.failure("apply")
	}
	r.written += r.p.jobs[i].sectors
	r.progress.Sectors = r.written
	r.did(0, work)
	return nil
}

// send brings a file, piece by piece, going on at the offset that the device answers with.
func (r *runner) send(ctx context.Context, i int) error {
	q := r.announcement(i, minPiece, frame.MaxBlock)
	file := r.p.jobs[i].file
	var at smp.Offset
	if err := r.s.call(ctx, &q, &at, prompt); err != nil {
		return fmt.Errorf("announce file: %w", r.s.refused(err))
	}
	packets, wire := r.s.pieces(len(file))
	work := lineTime(wire+packets*answerBytes, r.s.opt.Baud) + time.Duration(packets)*r.s.latency
	sent := r.progress.Bytes
	for lost := 0; at.Offset < q.Size; {
		next, err := r.sendPiece(ctx, &q, file, at.Offset)
		switch {
		case err == nil && next > q.Size:
			return &Error{Code: CodeProtocol, Err: fmt.Errorf("device wants offset %d of a file of %d", next, q.Size)}
		case err == nil && next > at.Offset:
			lost = 0
			r.grow()
		case err == nil:
			lost++ // it wants something else than what was sent: it has forgotten the rest, or never had it
		case retryable(err):
			lost++
			r.shrink()
			next = at.Offset
		default:
			return fmt.Errorf("send file: %w", r.s.refused(err))
		}
		at.Offset = next
		if lost > maxLost {
			if err == nil {
				err = &Error{Code: CodeProtocol, Err: errors.New("device takes no bytes")}
			}
			return fmt.Errorf("send file: %w", err)
		}
		done := time.Duration(int64(work) * int64(at.Offset) / int64(q.Size))
		r.progress.Bytes = sent + uint64(wire)*uint64(at.Offset)/uint64(q.Size)
		r.tell(done, 0)
	}
	r.did(work, 0)
	return nil
}

// sendPiece sends whole blocks from an offset on and returns the offset that the device wants next.
func (r *runner) sendPiece(ctx context.Context, q *smp.FileRequest, file []byte, at uint32) (uint32, error) {
	n := q.Size - min(at, q.Size)
	if piece := max(uint32(r.piece)/q.Block, 1) * q.Block; n > piece {
		n = piece
	} else {
		r.touched = max(r.touched, TouchedPart) // a device that has it all may erase
	}
	data := smp.DataRequest{Number: q.Number, Offset: at, Data: file[at:][:n]}
	var next smp.Offset
	err := r.s.call(ctx, &data, &next, patience{wait: prompt.wait, tries: 1, answer: smp.HeaderSize + 16})
	return next.Offset, err
}

// shrink makes pieces smaller after one was lost: a shorter frame has better chances.
func (r *runner) shrink() {
	r.s.repeated++
	r.arrived = 0
	if r.piece > minPiece {
		r.piece = max(r.piece/2, minPiece)
		r.progress.Slowed = true
	}
}

func (r *runner) grow() {
	r.arrived++
	if full := r.s.pieceSize(); r.arrived >= growBehind && r.piece < full {
		r.arrived = 0
		r.piece = min(2*r.piece, full)
		r.progress.Slowed = r.piece < full
	}
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
	r.started = err == nil
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var e *Error
	if errors.As(err, &e) && e.Code == CodeVanished {
		return err
	}
	return nil
}

// wait asks for status until the device does not work by itself any more. work is the planned time of
// what it does.
func (r *runner) wait(ctx context.Context, work time.Duration) error {
	w := waiting{s: r.s}
	for r.status.Phase.Busy() {
		acks := r.s.framing.acks
		if err := w.next(ctx, &r.status); err != nil {
			return err
		}
		if r.ended(acks) {
			return nil
		}
		if err := r.s.call(ctx, &smp.StatusRequest{}, &r.status, slow); err != nil {
			return r.s.refused(err)
		}
		r.note()
		if r.status.Phase == smp.PhaseRewriting && r.status.Total > 0 && work > 0 {
			done := min(r.status.Done, r.status.Total)
			r.progress.Sectors = r.written + int(done)
			r.tell(0, time.Duration(int64(work)*int64(done)/int64(r.status.Total)))
		} else {
			r.tell(0, 0)
		}
	}
	return nil
}

// ended reports whether the device has said by itself, behind so many acknowledgements, that its work has ended
// well.
func (r *runner) ended(acks uint64) bool {
	f := &r.s.framing
	if !f.guard.On() || f.acks == acks || f.ack.Fault != uint8(smp.FaultNone) || smp.Phase(f.ack.Phase).Busy() {
		return false
	}
	r.status.Phase, r.stale = smp.Phase(f.ack.Phase), true
	return true
}

// details asks for the status of which an acknowledgement has told only the phase.
func (r *runner) details(ctx context.Context) error {
	if !r.stale {
		return nil
	}
	if err := r.s.call(ctx, &smp.StatusRequest{}, &r.status, slow); err != nil {
		return r.s.refused(err)
	}
	r.stale = false
	r.note()
	return nil
}

// waiting is a wait for a device that works by itself.
type waiting struct {
	s     *Session
	last  smp.Status
	since time.Duration // when it changed
	begun bool
}

// next lets time pass before the next question, and gives up on a device that does not get on.
func (w *waiting) next(ctx context.Context, st *smp.Status) error {
	now := w.s.port.Now()
	if !w.begun || *st != w.last {
		w.last, w.since, w.begun = *st, now, true
	} else if now-w.since > stuckTime {
		return &Error{Code: CodeSilent, Err: fmt.Errorf("phase %s without progress for %v", st.Phase, stuckTime)}
	}
	if !w.s.framing.guard.On() {
		return w.s.pause(ctx, pollGap)
	}
	// In frames the device says by itself when it is done.
	if _, err := w.s.event(ctx, now+askTime); err != nil && !isTimeout(err) {
		return err
	}
	return nil
}

// note keeps what the status says about the flash.
func (r *runner) note() {
	if r.status.Operations > 0 && r.touched == TouchedNothing {
		r.touched = TouchedRenewed // apply says when it is more
	}
}

// failure turns a status that is not the wanted one into an error.
func (r *runner) failure(step string) error {
	st := &r.status
	if st.Fault == smp.FaultNone {
		return &Error{Code: CodeRestarted, Err: fmt.Errorf("%s: device is in phase %s", step, st.Phase)}
	}
	err := r.s.refused(&smp.Error{Group: smp.GroupUser, Code: uint32(st.Fault)})
	var e *Error
	if errors.As(err, &e) {
		e.Addr = st.Addr
		e.Needs, e.Has = 0, r.p.Device.Workspace
		e.Err = fmt.Errorf("%s: %w", step, e.Err)
	}
	return err
}

func (r *runner) result() *Result {
	s := r.s
	return &Result{
		Plan: r.p, Way: s.way, BytesSent: s.sent, BytesReceived: s.received, BytesFull: r.p.BytesFull,
		SectorsWritten: r.written, Refreshed: int(r.status.Refreshed), Operations: int(r.status.Operations), Failures: int(r.status.Failures),
		Repeated: s.repeated, Elapsed: s.port.Now() - s.began, Line: s.line,
		Device: time.Duration(r.status.Millis) * time.Millisecond, Started: r.started,
		Settings: r.settings.state, SettingsFault: r.settings.fault, SettingsAddr: r.settings.addr, Erased: r.settings.erased,
	}
}
