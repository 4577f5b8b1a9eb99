package sweep

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"time"

	"unbrick/emulator"
	labstand "unbrick/lab/stand"
	"unbrick/protocol/smp"
	"unbrick/terminal"
)

// stand is one device to try things on: a board, and while it runs, the terminal on it. Each worker of
// a sweep has its own.
type stand struct {
	s     *Subject
	board *emulator.Board
	bench labstand.Stand // the terminal on it
	units *units         // nil: nothing is remembered

	// Of the last run.
	mode  terminal.Mode
	why   smp.Why
	crash any // what a panic of the device's software said
	fault *emulator.Fault
	ended emulator.EndKind
	after boot // what a boot left behind, seen from outside the terminal

	event  func(terminal.Event)                  // told of every event, may be nil
	packet func(send bool, h *smp.Header, n int) // told of every packet of a restoration but the engine's, may be nil
	nonces uint64                                // that hosts have drawn
	word   func(*word)                           // told of every receipt, may be nil
	begun  func()                                // called by the device's goroutine before any of its software runs, may be nil
	names  []bool                                // memory of read
	sheet  []byte                                // the same
	sent   uint64                                // bytes that the last restoration put on the cable
	ran    bool                                  // the device ran already when the last restoration came to it
}

// boot is what is to be seen of a device after its boot.
type boot struct {
	digest  [32]byte // of the release that it says runs
	stopped bool     // an application does not run
}

func newStand(s *Subject, full bool) (*stand, error) {
	b, err := s.board()
	if err != nil {
		return nil, fmt.Errorf("sweep %s: %w", s.Name, err)
	}
	st := &stand{s: s, board: b, bench: labstand.Stand{Board: b, Layout: &s.layout}}
	if !full {
		st.units = newUnits(s)
	}
	return st, nil
}

// run boots the device and hands it to f, which may be nil, in the device's own goroutine. cable is nil
// for the board's own. What the software does wrong is kept for the checks, also a panic.
func (st *stand) run(cable terminal.Cable, f func(labstand.Agent)) {
	st.mode, st.why, st.crash, st.fault, st.after = 0, smp.WhyUnknown, nil, nil, boot{}
	b := st.board
	if cable == nil {
		cable = silent{b.Clock()}
	}
	st.bench.Change = func(hw *terminal.Hardware) {
		hw.Cable, hw.Event = cable, st.event
		if _, asks := cable.(*host); asks { // nobody else has a use for it
			hw.SignSeed = terminal.SignSeed
		}
		if st.units != nil {
			hw.Hash, hw.Verify, hw.VerifyTrust = st.hashes(), st.units.verify, st.units.verifyTrust
		}
	}
	end := b.Run(func() {
		defer func() {
			if v := recover(); v != nil {
				st.crash = v
			}
		}()
		if st.begun != nil {
			st.begun()
		}
		t, err := st.bench.Start()
		if err != nil {
			st.crash = err
			return
		}
		mode := t.Boot()
		st.why = t.Why()
		if mode == terminal.Running {
			m, _ := t.Installed()
			st.after.digest = m.Digest
			st.after.stopped = st.limited()
		}
		st.mode = mode
		if f != nil {
			f(t)
		}
	})
	st.ended = end.Kind
	if end.Fault != nil {
		st.fault = end.Fault
	}
}

// hashes makes the hash units of a fast device: one that knows images and files, and the second, which is asked for sectors, a
// real one.
func (st *stand) hashes() func() hash.Hash {
	made := 0
	return func() hash.Hash {
		if made++; made == 2 {
			return sha256.New()
		}
		return st.units.hash()
	}
}

// limited says whether any application does not run.
func (st *stand) limited() bool {
	for _, r := range st.board.RAM().Regions() {
		if r.State == emulator.Stopped || r.State == emulator.Workspace {
			return true
		}
	}
	return false
}

// power takes the power away between two runs, so that unstable bits are drawn anew.
func (st *stand) power() { st.board.Cut(emulator.NotBegun) }

// silent is a cable with nobody at its other end.
type silent struct{ clock *emulator.Clock }

func (c silent) Read(_ []byte, wait time.Duration) (int, error) {
	c.clock.Sleep(wait)
	return 0, nil
}
func (c silent) Write([]byte) error { return nil }
func (c silent) Break() bool        { return false }
func (c silent) Depth() int         { return emulator.DefaultDepth }

// update boots the device and lets it have one session over l. It resets itself after a rewrite, as
// devices do.
func (st *stand) update(l *link) terminal.Outcome {
	var out terminal.Outcome
	st.run(nil, func(t labstand.Agent) {
		if st.mode != terminal.Running {
			return
		}
		out, _ = t.Session(l)
		if out == terminal.Rewritten || out == terminal.Damaged {
			st.board.Reset(emulator.CauseSoftware)
		}
		st.after.stopped = st.limited()
	})
	return out
}

// forks runs f and returns the moment of every flash operation in it.
func (st *stand) forks(f func()) []*emulator.Fork {
	var all []*emulator.Fork
	st.board.OnOperation(func(emulator.Operation) { all = append(all, st.board.Fork()) })
	f()
	st.board.OnOperation(nil)
	return all
}
