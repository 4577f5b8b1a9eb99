package sweep

import (
	"fmt"
	"time"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/terminal"
	"unbrick/terminal/record"
)

// Timeline is one run step by step, for a screen or a print. It is complete: Start and the changes in
// the steps give the flash map at any moment, forwards and backwards.
type Timeline struct {
	ID       string
	Subject  string
	Shape    string
	Sectors  []Sector // of the part
	Start    []Look   // what each sector holds at the beginning
	Steps    []Step
	Outcome  Outcome
	Failures []Failure // of checks
	Flash    [32]byte  // SHA-256 of every byte of the part at the end
}

// Sector is one sector of the part.
type Sector struct {
	Addr, Size uint32
	Use        Use
}

// Step is one thing that happens.
type Step struct {
	At    time.Duration // device time
	What  What
	Act   Act    // during which it happens
	Text  string // in plain words
	Event terminal.Event
	// Of a flash operation.
	Addr, Size uint32
	Cut        bool // power fails inside it
	Tear       emulator.Tear
	// Change, if there is one, is what one sector holds from here on.
	Sector int // of the part; -1: none
	Look   Look
}

// What is a kind of step.
type What uint8

// The kinds of steps.
const (
	WhatAct     What = iota // an act begins: an update, a boot, a restoration
	WhatPower               // power comes, or fails
	WhatErase               // the flash erases a sector
	WhatProgram             // the flash programs a page
	WhatEvent               // the terminal tells something
	WhatMessage             // a message of the link
	WhatPacket              // a request or answer on the cable
	WhatCheck               // a check failed
	WhatEnd                 // what became of it
)

// Look is what a sector holds, as the emulator's cells have it.
type Look struct {
	Held Held
	Soft bool // some of its cells may change by themselves
	Wear uint32
}

// Held is the content of a sector.
type Held uint8

// What a sector can hold.
const (
	HeldOther  Held = iota // something else: in the middle of a rewrite, or torn
	HeldErased             // nothing
	HeldOld                // what the old image has there
	HeldNew                // what the new one has
	HeldBoth               // what both have
	HeldRecord             // a whole record
)

func (h Held) String() string {
	return [...]string{"something else", "erased", "old", "new", "old and new", "record"}[h]
}

// String tells the content in a few words.
func (l Look) String() string {
	if l.Soft {
		return l.Held.String() + ", not firm"
	}
	return l.Held.String()
}

// sectorLook says what sector i of the part holds.
func (st *stand) sectorLook(i int) Look {
	s := st.s
	addr, n := s.layout.Geometry.Sector(i)
	l := Look{Soft: !st.board.Firm(i), Wear: st.board.Wear(i)}
	first := s.layout.SoftwareFirst()
	p := make([]byte, n)
	_ = st.board.Peek(addr, p)
	switch {
	case i >= first && i-first < s.software.Sectors():
		at := addr - s.layout.SoftwareBase()
		old, new := st.board.Holds(addr, s.cells(Old, at, n)), st.board.Holds(addr, s.cells(New, at, n))
		switch {
		case s.erased(p):
			l.Held = HeldErased
		case old && new:
			l.Held = HeldBoth
		case old:
			l.Held = HeldOld
		case new:
			l.Held = HeldNew
		}
	case s.erased(p):
		l.Held = HeldErased
	case i >= first-2 && i < first:
		var paper paper
		paper.doubt = make([]bool, s.software.Sectors())
		if paper.take(p, s.Shape.Unit, s.statement); paper.valid {
			l.Held = HeldRecord
		}
	}
	return l
}

// recorder writes a timeline.
type recorder struct {
	st    *stand
	t     *Timeline
	act   Act
	looks []Look
	last  int // sector that an operation is at work on, -1
}

// maxSteps bounds a timeline.
const maxSteps = 200_000

func follow(s *Subject, j *judge, id string) *recorder {
	t := &Timeline{ID: id, Subject: s.Name, Shape: s.Shape.String()}
	for i, use := range s.Sectors() {
		addr, size := s.layout.Geometry.Sector(i)
		t.Sectors = append(t.Sectors, Sector{addr, size, use})
	}
	r := &recorder{st: &j.stand, t: t, last: -1}
	j.event, j.packet = r.event, r.packet
	j.told = func(c Check, text string) {
		t.Failures = append(t.Failures, Failure{Check: c.String(), ID: id, Text: text})
		r.add(Step{What: WhatCheck, Text: c.String() + ": " + text})
	}
	j.board.OnOperation(r.operation)
	return r
}

// begin notes what the flash holds at the start.
func (r *recorder) begin() {
	for i := range r.t.Sectors {
		r.t.Start = append(r.t.Start, r.st.sectorLook(i))
	}
	r.looks = append([]Look(nil), r.t.Start...)
}

// add adds a step, and with it what an operation before it has left.
func (r *recorder) add(s Step) {
	s.At, s.Act, s.Sector = r.st.board.Clock().Now(), r.act, -1
	r.put(s, r.last)
	r.last = -1
}

func (r *recorder) put(s Step, sector int) {
	// The time of reads that power failed behind is never charged, and the clock goes back by it.
	if n := len(r.t.Steps); n > 0 {
		s.At = max(s.At, r.t.Steps[n-1].At)
	}
	if sector >= 0 && sector < len(r.looks) {
		if l := r.st.sectorLook(sector); l != r.looks[sector] {
			r.looks[sector] = l
			s.Sector, s.Look = sector, l
		}
	}
	if len(r.t.Steps) < maxSteps {
		r.t.Steps = append(r.t.Steps, s)
	}
}

// all notes every sector that changed without an operation: at a power-up.
func (r *recorder) all(s Step) {
	s.At, s.Act, s.Sector = r.st.board.Clock().Now(), r.act, -1
	r.put(s, -1)
	for i := range r.looks {
		if l := r.st.sectorLook(i); l != r.looks[i] {
			r.put(Step{At: s.At, Act: r.act, What: s.What, Sector: -1, Text: fmt.Sprintf("sector %d is not what it was", i)}, i)
		}
	}
	r.last = -1
}

func (r *recorder) operation(o emulator.Operation) {
	g := &r.st.s.layout.Geometry
	i := g.SectorAt(o.Addr)
	s := Step{What: WhatProgram, Text: fmt.Sprintf("program %d bytes at 0x%x, sector %d", o.Size, o.Addr, i), Cut: o.Cut, Tear: o.Tear, Addr: o.Addr, Size: o.Size}
	if o.Kind == emulator.OpErase {
		s.What, s.Text = WhatErase, fmt.Sprintf("erase sector %d at 0x%x, %s", i, o.Addr, flash.FormatSize(o.Size))
	}
	if o.Cut {
		s.Text += fmt.Sprintf(": power fails, tear %s", o.Tear)
	}
	r.add(s)
	r.last = i
	if o.Cut {
		r.add(Step{What: WhatPower, Text: "off"})
	}
}

func (r *recorder) event(e terminal.Event) {
	r.add(Step{What: WhatEvent, Text: Describe(e), Event: e})
}

func (r *recorder) message(send bool, code protocol.Code, n int) {
	way := "server to device"
	if send {
		way = "device to server"
	}
	r.add(Step{What: WhatMessage, Text: fmt.Sprintf("%s: %v, %d bytes", way, code, n)})
}

func (r *recorder) packet(send bool, h *smp.Header, n int) {
	way := "device to host"
	if send {
		way = "host to device"
	}
	r.add(Step{What: WhatPacket, Text: fmt.Sprintf("%s: command %d/%d, %d bytes", way, h.Group, h.ID, n)})
}

// Operations returns the number of flash operations.
func (t *Timeline) Operations() int {
	n := 0
	for i := range t.Steps {
		if w := t.Steps[i].What; w == WhatErase || w == WhatProgram {
			n++
		}
	}
	return n
}

// Describe tells an event of the terminal in one line.
func Describe(e terminal.Event) string {
	s := e.Code.String()
	switch e.Code {
	case terminal.EventRestore:
		s += fmt.Sprintf(": %v", smp.Why(e.A))
	case terminal.EventRecord:
		s += fmt.Sprintf(" %d: %v", e.A, record.State(e.B))
	case terminal.EventVerdict:
		s = "verdict: not the wanted image"
		if e.A == 1 {
			s = "verdict: the wanted image"
		}
	case terminal.EventSector:
		s = fmt.Sprintf("sector rewritten, %d of %d", e.A, e.B)
	case terminal.EventReset:
		s += fmt.Sprintf(": %v", terminal.ResetCause(e.A))
	case terminal.EventDigest:
		s = fmt.Sprintf("digest of %d bytes", e.A)
	}
	if e.Sector >= 0 {
		s += fmt.Sprintf(", sector %d", e.Sector)
	}
	return s
}
