package terminal_test

import (
	"runtime"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/terminal"
)

// allocations lets the device have an update and returns how often memory was allocated between the end
// of the conversation (S12) and the `installed` record: proof, rewrite and verdict. The board allocates in its own methods; they are not the
// terminal's and are left out.
func (r *rig) allocations(s *server) uint64 {
	var start, end, board uint64
	r.run(func(term *terminal.Terminal) {})
	r.board.Run(func() {
		hw := r.stand.Hardware()
		hw.Flash = &counted{Device: hw.Flash, n: &board}
		var begun bool
		hw.Event = func(e terminal.Event) {
			switch e.Code {
			case terminal.EventDisconnected:
				runtime.GC()
				board, start, begun = 0, mallocs(), true
			case terminal.EventInstalled:
				if begun {
					end = mallocs()
				}
			}
		}
		hw.RAM = &countedRAM{RAM: hw.RAM, n: &board}
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
	if end == 0 {
		r.t.Error("no update was seen")
	}
	return end - start - board
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// counted counts what the board allocates inside flash operations.
type counted struct {
	flash.Device
	n *uint64
}

func (c *counted) Erase(addr, n uint32) error {
	before := mallocs()
	err := c.Device.Erase(addr, n)
	*c.n += mallocs() - before
	return err
}

func (c *counted) Program(addr uint32, p []byte) error {
	before := mallocs()
	err := c.Device.Program(addr, p)
	*c.n += mallocs() - before
	return err
}

func (c *counted) Wait() error {
	before := mallocs()
	err := c.Device.Wait()
	*c.n += mallocs() - before
	return err
}

func (c *counted) Read(addr uint32, p []byte) error { return c.Device.Read(addr, p) }

// countedRAM counts what the board allocates for its lists of regions.
type countedRAM struct {
	terminal.RAM
	n *uint64
}

func (c *countedRAM) Regions() []terminal.Region {
	before := mallocs()
	out := c.RAM.Regions()
	*c.n += mallocs() - before
	return out
}

func (c *countedRAM) Resident(mem []byte) error {
	before := mallocs()
	err := c.RAM.Resident(mem)
	*c.n += mallocs() - before
	return err
}
