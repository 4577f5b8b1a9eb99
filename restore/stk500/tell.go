package stk500

import (
	"time"

	"unbrick/restore"
	"unbrick/restore/family"
)

// teller tells how far a work is. It never goes back: what is done again is not counted again. A nil one tells nothing.
type teller struct {
	report family.Report
	l      *Loader
	p      restore.Progress
	read1  int // bytes on the line for a page that is read
	write1 int
	begun  time.Duration
}

// tell begins to tell of a work on pages.
func (l *Loader) tell(report family.Report, stage restore.Stage, pages []bool) *teller {
	if report == nil {
		return nil
	}
	t := &teller{report: report, l: l, begun: l.line.Now()}
	t.read1, t.write1 = l.proto.traffic(int(l.chip.page))
	t.p.Stage = stage
	for _, yes := range pages {
		if yes {
			t.p.Of++
		}
	}
	one := t.read1
	if stage == restore.StageWrite {
		one = t.write1
		t.p.FlashOf = uint64(t.p.Of) * uint64(programming/time.Microsecond)
	}
	t.p.BytesOf = uint64(t.p.Of) * uint64(one)
	t.p.WorkOf = t.p.FlashOf + uint64(l.line.Time(int(t.p.BytesOf))/time.Microsecond)
	report(t.p)
	return t
}

func (t *teller) read(pages int) {
	if t != nil {
		t.reached(t.p.Sectors + pages)
	}
}

func (t *teller) wrote(pages int) { t.read(pages) }

// reached tells that so many pages are done.
func (t *teller) reached(pages int) {
	if t == nil || pages <= t.p.Sectors {
		return
	}
	t.p.Sectors = min(pages, t.p.Of)
	part := func(of uint64) uint64 { return of * uint64(t.p.Sectors) / uint64(max(t.p.Of, 1)) }
	t.p.Bytes, t.p.Work, t.p.Flash = part(t.p.BytesOf), part(t.p.WorkOf), part(t.p.FlashOf)
	t.p.Elapsed = t.l.line.Now() - t.begun
	t.report(t.p)
}

// last tells that all is done.
func (t *teller) last() {
	if t != nil {
		t.reached(t.p.Of)
	}
}
