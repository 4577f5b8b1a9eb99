package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// Times and limits of a transfer in frames.
const (
	// aheadTime is how much may be on its way, as time on the line: enough for any adapter's turn-around,
	// and little enough that what is sent again does not wait long.
	aheadTime = 300 * time.Millisecond
	// quietTime is how long to wait for an acknowledgement beyond the time of some blocks.
	quietTime = 120 * time.Millisecond
	// askTime is how often a device that works is asked how far it is, which also keeps the framing.
	askTime = 400 * time.Millisecond
	// maxFalls is how often the framing may be lost in one run before the rest goes the plain way.
	maxFalls = 3
	// smallBlock is the block on a line that spoils more than one block in lossLimit.
	smallBlock = 256
	lossLimit  = 25
)

// errFell says that the framing has ended: what was under way is to be asked for anew.
var errFell = errors.New("framing lost")

// stream brings update files in frames, each while the device applies the one before, and returns how many
// the device has applied: all, unless frames do not work any more.
func (r *runner) stream(ctx context.Context) (int, error) {
	s := r.s
	r.before, r.operations = r.touched, r.status.Operations
	for falls := 0; ; falls++ {
		if falls > maxFalls {
			s.framing.none = true
		}
		if falls > 0 {
			if s.framing.slow = s.framing.slow || falls > 1; s.framing.slow {
				r.p.speed = 0
			}
			if err := s.agree(ctx, r.p.Device, r.p.speed); err != nil {
				return 0, err
			}
			if err := r.question(ctx); err != nil {
				return 0, err
			}
		}
		if !s.framing.guard.On() {
			if err := r.wait(ctx, 0); err != nil {
				return 0, err
			}
			return r.count(), r.trouble()
		}
		err := r.pass(ctx)
		if err == nil {
			return len(r.p.jobs), nil
		}
		if !errors.Is(err, errFell) {
			return 0, err
		}
	}
}

// pass brings all files that the device does not have, and waits until it has applied them.
func (r *runner) pass(ctx context.Context) error {
	for i := r.count(); i < len(r.p.jobs); i++ {
		if err := r.bring(ctx, i); err != nil {
			return err
		}
	}
	for r.count() < len(r.p.jobs) {
		if err := r.heed(ctx); err != nil {
			return err
		}
	}
	return nil
}

// bring announces a file and sends its blocks until the device has them all.
func (r *runner) bring(ctx context.Context, i int) error {
	s, j := r.s, &r.p.jobs[i]
	block := min(s.framing.agreed.Block, r.block)
	q := smp.NextRequest{Number: uint32(i + 1), Size: uint32(len(j.file)), SHA: sha256.Sum256(j.file), Workspace: j.workspace, Block: block}
	var at smp.Offset
	for {
		err := s.call(ctx, &q, &at, prompt)
		if err == nil {
			break
		}
		var said *smp.Error
		if !errors.As(err, &said) {
			return fmt.Errorf("announce file %d: %w", i+1, err)
		}
		// It may have to wait for the end of the one before, whose place it needs.
		wait := said.Fault() == smp.FaultBusy || said.Fault() == smp.FaultWorkspace && r.count() < i
		if !wait || r.count() >= i {
			// Something before it went wrong, or the device has forgotten.
			if err := r.question(ctx); err != nil {
				return err
			}
			if err := r.trouble(); err != nil {
				return err
			}
			if !wait {
				return fmt.Errorf("announce file %d: %w", i+1, s.refused(said))
			}
		}
		if err := r.heed(ctx); err != nil {
			return err
		}
	}
	if !s.framing.guard.On() {
		return errFell
	}
	if at.Offset > q.Size || at.Offset < q.Size && at.Offset%block != 0 {
		return &Error{Code: CodeProtocol, Err: fmt.Errorf("device has %d bytes of a file of %d in blocks of %d", at.Offset, q.Size, block)}
	}
	return r.blocks(ctx, j.file, uint8(q.Number), at.Offset, block)
}

// blocks sends the blocks of a file from the given offset on.
func (r *runner) blocks(ctx context.Context, file []byte, number uint8, at, block uint32) error {
	s := r.s
	f := &s.framing
	count := (uint32(len(file)) + block - 1) / block
	var w frame.Sender
	w.Begin(count, (at+block-1)/block)
	wire := frame.DataSize(int(block))
	limit := min(frame.Window, int(f.agreed.Ahead/block), max(4, int(aheadTime/s.lineTime(wire))))
	sent := r.progress.Bytes
	lost, silent := 0, 0
	for !w.Whole() {
		for {
			b, ok := w.Next(limit)
			if !ok {
				break
			}
			from := b * block
			data := frame.Data{File: number, Block: uint16(b), Bytes: file[from:min(from+block, uint32(len(file)))]}
			if b == count-1 {
				r.touched = max(r.touched, TouchedPart) // a device that has it all may erase
			}
			s.framed = frame.AppendData(s.framed[:0], &data)
			if err := s.write(s.framed); err != nil {
				return fmt.Errorf("send file: %w", err)
			}
		}
		acks := f.acks
		_, err := s.event(ctx, s.port.Now()+quietTime+3*s.lineTime(wire)+4*s.latency)
		switch {
		case isTimeout(err):
			if silent++; silent > maxLost {
				return &Error{Code: CodeNoisy, Err: errors.New("send file: blocks do not arrive")}
			}
			w.Expire()
			lost++
			s.repeated++
		case err != nil:
			return fmt.Errorf("send file: %w", err)
		case !f.guard.On():
			return errFell
		case f.acks != acks:
			if err := r.learn(ctx); err != nil {
				return err
			}
			if f.ack.File == number {
				before := w.Acknowledged()
				n := w.Take(f.ack.Next, f.ack.Have)
				lost += n
				s.repeated += n
				if w.Acknowledged() > before {
					silent = 0
				}
			}
		}
		r.progress.Bytes = sent + uint64(w.Acknowledged())*uint64(wire)
		r.tell(s.lineTime(int(w.Acknowledged())*wire), 0)
	}
	switch {
	case lost*lossLimit > int(count):
		r.block = smallBlock
		r.progress.Slowed = true
	case lost == 0 && r.block < frame.MaxBlock && int(count) > lossLimit:
		r.block *= 2
	}
	r.did(s.lineTime(len(file)+int(count)*(wire-int(block))), 0)
	return nil
}

// count returns how many files the device has applied.
func (r *runner) count() int { return int(r.status.Applied) }

// learn takes from the last acknowledgement where the work stands.
func (r *runner) learn(ctx context.Context) error {
	a := &r.s.framing.ack
	if n := a.Applied - uint16(r.status.Applied); n > 0 && n < 1<<15 {
		r.applied(r.status.Applied + uint32(n))
	}
	r.status.Phase = smp.Phase(a.Phase)
	if a.Fault == uint8(smp.FaultNone) {
		return nil
	}
	if err := r.question(ctx); err != nil {
		return err
	}
	return r.trouble()
}

// applied notes that so many files are applied.
func (r *runner) applied(n uint32) {
	for ; r.status.Applied < n; r.status.Applied++ {
		if i := r.count(); i < len(r.p.jobs) {
			at := r.written
			r.written += r.p.jobs[i].sectors
			r.did(0, r.p.sectorsTime(r.p.need[at:min(r.written, len(r.p.need))]))
		}
	}
	r.progress.Sectors = max(r.progress.Sectors, r.written)
}

// question asks for status.
func (r *runner) question(ctx context.Context) error {
	was := r.status.Applied
	err := r.s.call(ctx, &smp.StatusRequest{}, &r.status, slow)
	if err != nil {
		return r.s.refused(err)
	}
	now := r.status.Applied
	if now < was {
		return &Error{Code: CodeRestarted, Err: fmt.Errorf("%d files applied, were %d", now, was)}
	}
	r.status.Applied = was
	r.applied(now)
	r.note()
	if r.status.Phase == smp.PhaseRewriting && r.status.Total > 0 {
		r.progress.Sectors = max(r.progress.Sectors, r.written+int(min(r.status.Done, r.status.Total)))
		r.tell(0, 0)
	}
	return nil
}

// trouble turns a status that says that a file was refused or failed into an error.
func (r *runner) trouble() error {
	switch r.status.Phase {
	case smp.PhaseReady, smp.PhaseProving, smp.PhaseRewriting:
		if r.status.Fault == smp.FaultNone {
			return nil
		}
	case smp.PhaseIdle, smp.PhasePreparing, smp.PhaseFinishing, smp.PhaseDone, smp.PhaseFailed:
	}
	if r.status.Operations == r.operations {
		r.touched = r.before // it has refused before its first erase
	}
	return r.failure("apply")
}

// heed waits for news of the work, and asks for them now and then.
func (r *runner) heed(ctx context.Context) error {
	f := &r.s.framing
	acks := f.acks
	_, err := r.s.event(ctx, r.s.port.Now()+askTime)
	switch {
	case isTimeout(err):
		if err := r.question(ctx); err != nil {
			return err
		}
		if !f.guard.On() {
			return errFell
		}
		if r.status != r.stood {
			r.stood, r.stoodAt = r.status, r.s.port.Now()
		} else if r.s.port.Now()-r.stoodAt > stuckTime {
			return &Error{Code: CodeSilent, Err: fmt.Errorf("phase %s without progress for %v", r.status.Phase, stuckTime)}
		}
		return r.trouble()
	case err != nil:
		return err
	case !f.guard.On():
		return errFell
	case f.acks != acks:
		return r.learn(ctx)
	}
	return nil
}
