package terminal_test

import (
	"fmt"
	"runtime"
	"strings"

	"unbrick/emulator"
	"unbrick/terminal"
)

// maxPlaces bounds the places of the whole test program that have allocated.
const maxPlaces = 1 << 16

// allocations lets the device have one session with s, and returns what the terminal allocated from the end of the conversation to
// the `installed` record, each with its place. Every allocation is recorded with its stack, so that those of the board below it, of this
// test, and of the Go runtime, which starts threads when it likes, do not count. A count of the whole process cannot tell them apart.
func (r *rig) allocations(s *server) (out []string) {
	every := runtime.MemProfileRate
	runtime.MemProfileRate = 1
	defer func() { runtime.MemProfileRate = every }()
	var before, after []runtime.MemProfileRecord
	start, end := make([]runtime.MemProfileRecord, maxPlaces), make([]runtime.MemProfileRecord, maxPlaces)
	r.run(func(term *terminal.Terminal) {})
	r.board.Run(func() {
		hw := r.stand.Hardware()
		hw.Event = func(e terminal.Event) {
			switch e.Code {
			case terminal.EventDisconnected:
				before = r.allocated(start)
			case terminal.EventInstalled:
				if before != nil {
					after = r.allocated(end)
				}
			}
		}
		term := new(terminal.Terminal)
		err := terminal.New(term, hw)
		if err != nil {
			r.t.Error(err)
			return
		}
		term.Boot()
		if out, err := term.Session(s.conn()); out != terminal.Rewritten {
			r.t.Errorf("%v %v", out, err)
		}
		r.board.Reset(emulator.CauseSoftware)
	})
	if after == nil {
		r.t.Error("no update was seen")
	}
	n := map[string]int64{}
	for _, a := range after {
		n[placeOf(a.Stack())] += a.AllocObjects
	}
	for _, b := range before {
		n[placeOf(b.Stack())] -= b.AllocObjects
	}
	for place, n := range n {
		if place != "" && n != 0 {
			out = append(out, fmt.Sprintf("%d in %s", n, place))
		}
	}
	return out
}

// allocated records all allocations so far. What was allocated before a collection is recorded when the one after it is over. A collection also
// leaves no block begun that very small values would share, of which only the first is recorded.
func (r *rig) allocated(to []runtime.MemProfileRecord) []runtime.MemProfileRecord {
	runtime.GC()
	runtime.GC()
	n, all := runtime.MemProfile(to, true)
	if !all {
		r.t.Errorf("%d places have allocated, room is for %d", n, len(to))
		return to[:0]
	}
	return to[:n]
}

// placeOf returns the function of ours that allocated, with its line, if it is the device's code: what `terminal` calls through its
// hardware is the board's or a test's.
func placeOf(stack []uintptr) string {
	for frames := runtime.CallersFrames(stack); ; {
		f, more := frames.Next()
		if name, ours := strings.CutPrefix(f.Function, "unbrick/"); ours {
			room, _, _ := strings.Cut(name, ".")
			switch {
			case room == "emulator", strings.HasPrefix(room, "lab/"), strings.HasSuffix(room, "_test"):
				return ""
			}
			return fmt.Sprintf("%s, line %d", f.Function, f.Line)
		}
		if !more {
			return ""
		}
	}
}
