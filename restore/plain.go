package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

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
