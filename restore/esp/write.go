package esp

import (
	"context"
	"errors"
	"slices"
	"time"

	"unbrick/restore"
	"unbrick/restore/family"
)

// mostFaults is how often in a row a piece is begun again without a sector more than before.
const mostFaults = 10

// Write writes what d says differs. It erases the sectors that make an image one, writes all others, and then those: whatever stops it in
// between, the chip's ROM or boot loader finds nothing to start.
func (l *Loader) Write(ctx context.Context, d *family.Difference, report family.Report) error {
	if l.plan == nil || l.plan.d != d {
		return l.fail(&restore.Error{Code: restore.CodeProgramFault, Err: errors.New("the difference is not of this device's last comparison")})
	}
	if len(d.Write) == 0 {
		return nil
	}
	w := &writing{l: l, t: &teller{line: l.line, report: report, begin: l.line.Now()}}
	w.t.p = restore.Progress{Stage: restore.StageWrite, Of: d.Differ, BytesOf: d.Bytes, WorkOf: l.plan.budget(l)}
	w.sent = l.line.Stats().Sent
	if err := w.run(ctx); err != nil {
		return l.fail(err)
	}
	w.tell(w.t.p.WorkOf)
	l.touched = restore.TouchedAll
	return nil
}

// writing is a Write.
type writing struct {
	l      *Loader
	t      *teller
	sent   uint64 // bytes before it began
	done   uint64 // work that is done
	faults int    // since the last sector that was written
	clock  time.Duration
}

func (w *writing) run(ctx context.Context) error {
	l := w.l
	if err := l.ready(ctx); err != nil {
		return err
	}
	if err := l.open(ctx, l.size()); err != nil {
		return err
	}
	for _, g := range l.plan.guards {
		if err := w.all(ctx, []piece{g.erased(l)}, false); err != nil {
			return err
		}
	}
	repeated := l.line.Stats().Repeated
	if err := w.all(ctx, slices.Clone(l.plan.pieces), true); err != nil {
		return err
	}
	if err := w.look(ctx, l.plan.pieces, repeated); err != nil {
		return err
	}
	for i := range slices.Backward(l.plan.guards) {
		repeated := l.line.Stats().Repeated
		if err := w.all(ctx, []piece{l.plan.guards[i]}, true); err != nil {
			return err
		}
		if err := w.look(ctx, l.plan.guards[i:i+1], repeated); err != nil {
			return err
		}
	}
	return nil
}

// mostLooks is how often what was written over a line that loses bytes is looked at.
const mostLooks = 3

// look asks for digests of what was written while requests had to be repeated: neither requests nor answers have a checksum of their own.
// What differs is written again.
func (w *writing) look(ctx context.Context, list []piece, repeated int) error {
	l := w.l
	for range mostLooks {
		if l.line.Stats().Repeated == repeated || !l.digests() {
			return nil
		}
		repeated = l.line.Stats().Repeated
		var left []piece
		for _, p := range list {
			differ, err := l.lacks(ctx, p.addr, p.data)
			if err != nil {
				return err
			}
			for _, r := range differ.ranges() {
				left = append(left, pieces(r.Addr, p.data[r.Addr-p.addr:][:r.Size], plainMost, plain)...)
			}
		}
		for i := range left {
			left[i].planned = micros(left[i].work(l))
			w.t.p.WorkOf += left[i].planned
		}
		if err := w.all(ctx, left, false); err != nil {
			return err
		}
		if len(left) == 0 {
			return nil
		}
	}
	return nil
}

// all writes pieces one after the other. A piece that fails is begun again, with what of it is missing.
func (w *writing) all(ctx context.Context, queue []piece, count bool) error {
	for len(queue) > 0 {
		p := queue[0]
		before := w.done
		sectors, err := w.piece(ctx, &p)
		if err == nil {
			w.faults = 0
			w.finish(&p, before, p.sectors(), count)
			queue = queue[1:]
			if w.l.rom.lossy() {
				if err := w.l.slower(ctx); err != nil {
					return err
				}
			}
			continue
		}
		if sectors > 0 {
			w.faults = 0
		}
		left, healed := w.l.heal(ctx, err, &p, sectors, &w.faults)
		if healed != nil {
			return healed
		}
		n := 0
		for i := range left {
			n += left[i].sectors()
			left[i].planned = micros(left[i].work(w.l))
			w.t.p.WorkOf += left[i].planned
		}
		w.t.p.WorkOf -= p.planned * uint64(n) / uint64(p.sectors()) // that was to be done already
		w.finish(&p, before, p.sectors()-n, count)
		if len(left) == 0 {
			w.faults = 0
		}
		queue = append(left, queue[1:]...)
	}
	return nil
}

// finish notes that so many sectors of a piece are done.
func (w *writing) finish(p *piece, before uint64, n int, count bool) {
	if count {
		w.t.p.Sectors = min(w.t.p.Sectors+n, w.t.p.Of)
	}
	w.done = before + p.planned*uint64(n)/uint64(p.sectors())
	w.tell(w.done)
}

func (w *writing) tell(done uint64) {
	w.t.p.Bytes = w.l.line.Stats().Sent - w.sent
	w.t.p.BytesOf = max(w.t.p.BytesOf, w.t.p.Bytes)
	w.t.p.Slowed = w.l.slowed
	w.t.work(done)
}

// piece writes one, and returns how many of its sectors the ROM has taken, from the first on, when it fails.
func (w *writing) piece(ctx context.Context, p *piece) (int, error) {
	l := w.l
	op, data := byte(opFlashBegin), byte(opFlashData)
	if p.how == deflated {
		op, data = opDeflateBegin, opDeflateData
	}
	erase := len(p.data)
	if l.chip.is8266() {
		erase = int(erase8266(p.addr/sector, uint32(p.sectors())))
	}
	erasing := micros(p.erasing())
	w.clock = l.line.Now()
	waits := func() { w.tell(w.done + min(micros(l.line.Now()-w.clock), erasing)) }
	if err := l.begin(ctx, op, p.addr, erase, p.blocks(), waits); err != nil {
		return 0, err
	}
	w.tell(w.done + erasing)
	if p.how == blank {
		return 0, nil
	}
	stream := p.data
	var inflates []int
	if p.how == deflated {
		stream = p.stream
		inflates = inflating(p.stream, len(p.data))
	}
	all, each := p.blocks(), p.planned-min(erasing, p.planned)
	for i := range all {
		b := stream[i*block : min((i+1)*block, len(stream))]
		wait := patient
		if p.how == deflated {
			wait = within(inflates[i], perMB)
		}
		if err := l.data(ctx, data, i, b, wait); err != nil {
			return i * block / sector, err
		}
		w.tell(w.done + erasing + each*uint64(i+1)/uint64(all))
		if l.rom.lossy() && l.line.Stats().Baud > baseBaud && l.canSpeed() && i+1 < all {
			return (i + 1) * block / sector, errLossy
		}
	}
	if p.how == deflated {
		return 0, l.settle(ctx, p, w.t.tell)
	}
	return 0, nil
}

var errLossy = errors.New("too much is lost at this speed")
