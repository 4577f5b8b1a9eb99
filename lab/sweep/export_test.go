package sweep

import (
	"context"
	"fmt"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/terminal/record"
)

// Paper is one program in a record sector: which run it belongs to, and what of the record it writes.
type Paper struct {
	In     Act
	Op     uint32
	Record int    // of this run, from 0
	What   string // "body 0" to "body N", "commit", "seal", "mark 0" and on
	Last   bool   // of its body
}

// Papers lists the programs in record sectors of an update, and of the confirmation behind it.
func (s *Subject) Papers() ([]Paper, error) {
	st, err := newStand(s, true)
	if err != nil {
		return nil, err
	}
	st.board.Restore(s.start)
	all, err := st.papers(ActUpdate, st.forks(func() { st.update(&link{s: s}) }))
	if err != nil {
		return nil, err
	}
	st.board.Restore(s.start)
	st.update(&link{s: s})
	st.power()
	more, err := st.papers(ActConfirm, st.forks(func() { st.update(&link{s: s, up: true}) }))
	return append(all, more...), err
}

func (st *stand) papers(in Act, forks []*emulator.Fork) ([]Paper, error) {
	g := &st.s.layout.Geometry
	var all []Paper
	written := -1
	for i, f := range forks {
		o := f.Operation
		if o.Addr >= st.s.layout.SoftwareBase() {
			continue
		}
		if o.Kind == emulator.OpErase {
			written++
			continue
		}
		base, _ := g.Sector(g.SectorAt(o.Addr))
		st.board.Tear(f, emulator.Complete)
		head := make([]byte, 16)
		if err := st.board.Peek(base, head); err != nil {
			return nil, err
		}
		length := uint32(head[12]) | uint32(head[13])<<8
		commit := (length + g.ProgramUnit - 1) / g.ProgramUnit * g.ProgramUnit
		slot := max(8, g.ProgramUnit)
		p := Paper{In: in, Op: uint32(i + 1), Record: written, Last: o.Addr+o.Size == base+commit}
		switch at := o.Addr - base; {
		case at < commit:
			p.What = fmt.Sprint("body ", at/g.Page)
		case at == commit:
			p.What = "commit"
		case at == commit+slot:
			p.What = "seal"
		default:
			p.What = fmt.Sprint("mark ", (at-commit)/slot-2)
		}
		all = append(all, p)
	}
	return all, nil
}

// Sheets is what lies in the record sectors at the power-up behind the cut of a run, as the device's own software reads it, and what
// package record finds there.
type Sheets struct {
	Unit       uint32
	Erased     byte
	Sectors    int // of software
	Image      int // sectors of the image of which the record that counts says that it is installed
	Cells      [2][]byte
	Unreadable [2][]uint32 // offsets of units
	Counts     string
	Ended      bool
	Copied     int
	Doubtful   []int
}

// Sheets follows a run of one cut up to the next power-up.
func (s *Subject) Sheets(ctx context.Context, run *Run) (*Sheets, error) {
	j, err := newJudge(s, true)
	if err != nil {
		return nil, err
	}
	x := executor{judge: j}
	if err := x.from(run.Start); err != nil {
		return nil, err
	}
	if _, err := x.cutOnce(run, 0, s.begin(run.Start)); err != nil {
		return nil, err
	}
	out := &Sheets{Unit: s.Shape.Unit, Erased: s.Shape.Erased, Sectors: s.software.Sectors()}
	var failed error
	end := x.board.Run(func() { failed = out.read(s, x.board.Flash()) })
	if failed == nil && end.Fault != nil {
		failed = end.Fault
	}
	return out, failed
}

// read is the device's software: it only reads.
func (o *Sheets) read(s *Subject, part flash.Reader) error {
	for i, k := range s.layout.Records() {
		base, size := s.layout.Geometry.Sector(k)
		o.Cells[i] = make([]byte, size)
		for at := uint32(0); at < size; at += o.Unit {
			p, again := o.Cells[i][at:][:o.Unit], make([]byte, o.Unit)
			if part.Read(base+at, p) != nil {
				o.Unreadable[i] = append(o.Unreadable[i], at)
				for k := range p {
					p[k] = o.Erased
				}
				continue
			}
			if err := part.Read(base+at, again); err != nil || string(again) != string(p) {
				return fmt.Errorf("unit %d of record sector %d reads differently: no text holds that", at, i)
			}
		}
	}
	var store record.Store
	store.Open(onlyRead{part}, &s.layout, &s.software)
	store.Scan()
	o.Counts = "nothing"
	if rec := store.Newest(); rec != nil {
		o.Counts = fmt.Sprintf("sequence %d, %v", rec.Sequence, rec.State)
		for w := range s.goods {
			if rec.State == record.Installed && string(rec.To) == string(s.goods[w].signed) {
				o.Image = s.goods[w].end
			}
		}
	}
	o.Ended, o.Copied = store.Ended(), store.Copied()
	for i := range o.Sectors {
		if store.Doubtful(i) {
			o.Doubtful = append(o.Doubtful, i)
		}
	}
	return nil
}

// onlyRead is a part that a Scan may only read.
type onlyRead struct{ flash.Reader }

func (onlyRead) Erase(int) error              { panic("a scan erases") }
func (onlyRead) Program(uint32, []byte) error { panic("a scan programs") }
func (onlyRead) Told(record.What, int, uint32) {
	panic("a scan tells something")
}
