// Package projector computes runs of the power-cut lab for the page: it answers an labwork.Job by doing
// what package sweep does for `unbrick powercut --replay`, so that both show the same run. It is a program of
// its own in the browser, loaded only when somebody opens a replay.
package projector

import (
	"context"

	"unbrick/lab/sweep"
	"unbrick/model"
	"unbrick/webui/labwork"
	"unbrick/webui/state"
)

// Project answers an encoded labwork.Job with an encoded labwork.Answer. What cannot be computed is an
// answer too; an error says that the request is none.
func Project(ctx context.Context, request []byte) ([]byte, error) {
	job, err := labwork.DecodeJob(request)
	if err != nil {
		return nil, err
	}
	answer := &labwork.Answer{}
	if err := answerTo(ctx, job, answer); err != nil {
		answer = &labwork.Answer{Refused: err.Error()}
	}
	b, err := labwork.EncodeAnswer(answer)
	if err != nil {
		return labwork.EncodeAnswer(&labwork.Answer{Refused: err.Error()})
	}
	return b, nil
}

func answerTo(ctx context.Context, job *labwork.Job, answer *labwork.Answer) error {
	id, err := sweep.ParseID(job.ID)
	if err != nil {
		return err
	}
	answer.Needs = [2][4]byte{id.Old, id.New}
	if len(job.Images[0]) == 0 && len(job.Images[1]) == 0 {
		return nil
	}
	old, new, err := id.Images(job.Images[0], job.Images[1])
	if err != nil {
		return err
	}
	subject, err := sweep.NewSubject(ctx, "replay", id.Shape, old, new, id.Seed)
	if err != nil {
		return err
	}
	t, err := subject.Replay(ctx, &id.Run)
	if err != nil {
		return err
	}
	answer.Reel = splice(subject, t, max(len(old), len(new)))
	return nil
}

// splice makes a reel of a timeline; end is where the longer image ends.
func splice(subject *sweep.Subject, t *sweep.Timeline, end int) *labwork.Reel {
	r := &labwork.Reel{}
	shape := &subject.Shape
	r.Flash = labwork.Flash{Runs: shape.Runs, ProgramUnit: shape.Unit, Page: shape.Page, Erased: shape.Erased, Boot: shape.Boot}
	layout := r.Flash.Layout()
	size, apps := subject.Memory()
	r.RAM = size
	for _, a := range apps {
		r.Apps = append(r.Apps, model.App{Name: a.Name, Size: a.Size, Importance: a.Importance, Fixed: a.Fixed})
	}
	base := layout.SoftwareBase()
	is := func(i int, l sweep.Look) state.Sector {
		switch s := &t.Sectors[i]; {
		case s.Use == sweep.UseBoot:
			return state.SectorBoot
		case s.Use == sweep.UseRecord:
			return state.SectorRecord
		case s.Use == sweep.UseNone, s.Addr-base >= uint32(end):
			return state.SectorUnused
		}
		both := l.Held == sweep.HeldBoth
		return labwork.SectorOf(both || l.Held == sweep.HeldOld, both || l.Held == sweep.HeldNew, l.Held == sweep.HeldErased, l.Soft)
	}
	for i, l := range t.Start {
		r.Start = append(r.Start, is(i, l))
	}
	ops := uint32(0)
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.Sector >= 0 { // what the operation before has left, or a weak cell that has flipped
			r.Entries = append(r.Entries, labwork.Entry{Kind: labwork.EntryCell, At: s.At, Sector: s.Sector, Cell: is(s.Sector, s.Look)})
		}
		e := labwork.Entry{At: s.At, Kind: labwork.EntryRow}
		e.Row = state.LogRow{Time: s.At, Source: state.SourceBoard, Code: state.LogReplay, Sector: state.NoSector, Text: s.Text}
		switch s.What {
		case sweep.WhatErase, sweep.WhatProgram:
			ops++
			e.Kind, e.Erase, e.Addr, e.Size = labwork.EntryOperation, s.What == sweep.WhatErase, s.Addr, s.Size
			e.Cut, e.Tear = s.Cut, labwork.TearOf(s.Tear)
			e.Sector = layout.Geometry.SectorAt(s.Addr)
		case sweep.WhatEvent:
			e.Kind, e.Event = labwork.EntryEvent, s.Event
		case sweep.WhatPower:
			switch s.Text {
			case "on":
				e.Kind = labwork.EntryOn
			case "off":
				e.Kind = labwork.EntryOff
			default:
				continue
			}
		case sweep.WhatMessage:
			e.Row.Source, e.Row.Code = state.SourceServer, state.LogMessage
		case sweep.WhatPacket:
			e.Row.Source, e.Row.Code = state.SourceApparatus, state.LogPacket
		case sweep.WhatAct, sweep.WhatCheck, sweep.WhatEnd:
		}
		r.Entries = append(r.Entries, e)
		if e.Cut {
			cut := state.LogRow{Time: s.At, Source: state.SourceBoard, Code: state.LogCut, Sector: state.NoSector, A: ops, B: uint32(e.Tear)}
			r.Entries = append(r.Entries, labwork.Entry{Kind: labwork.EntryRow, At: s.At, Row: cut})
		}
	}
	return r
}
