package restore

import (
	"context"
	"fmt"

	"unbrick/protocol/smp"
)

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
