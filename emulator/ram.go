package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// RegionState is who has a region of RAM.
type RegionState uint8

// The states of a region.
const (
	Fixed     RegionState = iota + 1 // owned by something that cannot be stopped
	Running                          // owned by a running application
	Stopped                          // of an application that does not run
	Free                             // nobody's
	Workspace                        // at least a part of it is claimed
)

func (s RegionState) String() string {
	switch s {
	case Fixed:
		return "fixed"
	case Running:
		return "running"
	case Stopped:
		return "stopped"
	case Free:
		return "free"
	case Workspace:
		return "workspace"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Region is a part of RAM: one for each application, in list order from offset 0, and behind them
// one that is free unless it would be empty.
type Region struct {
	Name       string
	Off, Size  uint32
	Importance uint8
	State      RegionState
}

// ErrClaim is wrapped by refused RAM operations that are no fault.
var ErrClaim = errors.New("memory is not to be had")

// RAM is the device's memory, real bytes. Regions may be called by anyone, the other methods by the
// agent. After a reset all bytes are random, no application runs and nothing is claimed. Fixed
// and running applications fill their memory with a pattern, and that it is untouched is checked when
// they stop, at Verify and at the end of the run.
type RAM struct {
	b        *Board
	mem      []byte
	apps     []region
	off, n   uint32 // the claim
	claimed  bool
	resident []byte // where the code is, in the claim
	loaded   bool
	code     []byte // what it must be
	boots    uint64
}

type region struct {
	Region
	fixed  bool
	starts uint64
}

func (r *RAM) init(b *Board, size uint32, apps []App, resident uint32) error {
	if size > 256<<20 {
		return fmt.Errorf("emulator: RAM of %d bytes, at most 256 MiB", size)
	}
	if resident > size {
		return fmt.Errorf("emulator: resident code of %d bytes in RAM of %d", resident, size)
	}
	r.b = b
	r.mem = make([]byte, size)
	r.code = make([]byte, resident)
	seed := derive(b.cfg.Seed, 'c')
	seed.fill(r.code)
	var off uint32
	for _, a := range apps {
		if a.Size > size-off {
			return fmt.Errorf("emulator: application %q does not fit: %d bytes where %d are left", a.Name, a.Size, size-off)
		}
		r.apps = append(r.apps, region{Region: Region{a.Name, off, a.Size, a.Importance, Stopped}, fixed: a.Fixed})
		off += a.Size
	}
	if off < size {
		r.apps = append(r.apps, region{Region: Region{"", off, size - off, 0, Free}})
	}
	return nil
}

// boot makes RAM what it is after a reset. With mu held.
func (r *RAM) boot() {
	r.boots++
	r.claimed, r.loaded, r.resident = false, false, nil
	for i := range r.apps {
		a := &r.apps[i]
		switch {
		case a.fixed:
			a.State = Fixed
			r.pattern(i, true)
		case a.State == Running:
			a.State = Stopped
		}
	}
}

// pattern fills the memory of application i, or says whether it is as filled.
func (r *RAM) pattern(i int, fill bool) bool {
	a := &r.apps[i]
	mem := r.mem[a.Off : a.Off+a.Size]
	seed := derive(r.b.cfg.Seed, uint64(i), r.boots, a.starts, 'a')
	if fill {
		seed.fill(mem)
		return true
	}
	return seed.matches(mem)
}

// Regions returns all regions; their indexes are those of Stop and Start.
func (r *RAM) Regions() []Region {
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	out := make([]Region, len(r.apps))
	for i := range r.apps {
		out[i] = r.apps[i].Region
		if r.claimed && r.n > 0 && out[i].Off < r.off+r.n && r.off < out[i].Off+out[i].Size {
			out[i].State = Workspace
		}
	}
	return out
}

// Stop stops application i. It is refused for what is fixed; a stopped one stays so.
func (r *RAM) Stop(i int) error {
	r.b.mu.Lock()
	return r.b.leave(r.stop(i))
}

func (r *RAM) stop(i int) error {
	if err := r.b.awake("stop"); err != nil {
		return err
	}
	if i < 0 || i >= len(r.apps) {
		return fmt.Errorf("stop region %d: %w", i, ErrClaim)
	}
	switch r.apps[i].State {
	case Fixed:
		return fmt.Errorf("stop %s: fixed: %w", r.apps[i].Name, ErrClaim)
	case Running:
		if err := r.checkApp(i, "stop"); err != nil {
			return err
		}
		r.apps[i].State = Stopped
	case Stopped, Free, Workspace:
	}
	return nil
}

// Start starts application i, which fills its memory. It is a fault while the part is busy, since
// applications run from flash, and while its memory is claimed.
func (r *RAM) Start(i int) error {
	r.b.mu.Lock()
	return r.b.leave(r.start(i))
}

// StartAll starts every application that is stopped, as a device does that comes up.
func (r *RAM) StartAll() error {
	for i := range r.apps {
		if err := r.Start(i); err != nil {
			return err
		}
	}
	return nil
}

func (r *RAM) start(i int) error {
	if err := r.b.awake("start"); err != nil {
		return err
	}
	if i < 0 || i >= len(r.apps) {
		return fmt.Errorf("start region %d: %w", i, ErrClaim)
	}
	a := &r.apps[i]
	if a.State != Stopped {
		return nil
	}
	f := Fault{Op: "start", Addr: a.Off, Size: a.Size, Note: a.Name}
	if r.b.busy {
		f.Kind = Busy
		return r.b.fault(f)
	}
	if r.overlaps(a.Off, a.Size) {
		f.Kind = BadClaim
		return r.b.fault(f)
	}
	a.State = Running
	a.starts++
	r.pattern(i, true)
	return nil
}

func (r *RAM) overlaps(off, n uint32) bool {
	return r.claimed && off < r.off+r.n && r.off < off+n
}

// Claim makes n bytes from off on workspace and returns them. They must belong to stopped or free
// regions, and nothing else may be claimed.
func (r *RAM) Claim(off, n uint32) ([]byte, error) {
	r.b.mu.Lock()
	err := r.claim(off, n)
	if err = r.b.leave(err); err != nil {
		return nil, err
	}
	return r.mem[off : off+n : off+n], nil
}

func (r *RAM) claim(off, n uint32) error {
	if err := r.b.awake("claim"); err != nil {
		return err
	}
	if r.claimed {
		return fmt.Errorf("claim %d bytes at 0x%x: there is a claim already: %w", n, off, ErrClaim)
	}
	size := uint32(len(r.mem))
	if off > size || n > size-off {
		return fmt.Errorf("claim %d bytes at 0x%x of %d: %w", n, off, size, ErrClaim)
	}
	for i := range r.apps {
		a := &r.apps[i]
		if (a.State == Running || a.State == Fixed) && a.Off < off+n && off < a.Off+a.Size {
			return fmt.Errorf("claim %d bytes at 0x%x: %s is %s: %w", n, off, a.Name, a.State, ErrClaim)
		}
	}
	r.off, r.n, r.claimed = off, n, true
	// Nobody has seen these bytes since the reset, which leaves them random.
	seed := derive(r.b.cfg.Seed, r.boots, uint64(r.b.now), uint64(off), 'r')
	seed.fill(r.mem[off : off+n])
	return nil
}

// Release gives the claim back; its bytes become random. The code in it is gone, so it is a fault
// while the part is busy.
func (r *RAM) Release() {
	r.b.mu.Lock()
	_ = r.b.leave(r.release())
}

func (r *RAM) release() error {
	if err := r.b.awake("release"); err != nil {
		return err
	}
	if !r.claimed {
		return nil
	}
	if r.b.busy {
		return r.b.fault(Fault{Kind: Busy, Op: "release", Addr: r.off, Size: r.n})
	}
	seed := derive(r.b.cfg.Seed, uint64(r.b.now), 'x')
	seed.fill(r.mem[r.off : r.off+r.n])
	r.claimed, r.loaded, r.resident = false, false, nil
	return nil
}

// Resident loads the code that erases and programs into mem, a part of the claim of at least
// Config.Resident bytes. It is refused while an application runs. From then on flash may be erased
// and programmed, as long as none is started; the code must not be changed until Release.
func (r *RAM) Resident(mem []byte) error {
	r.b.mu.Lock()
	return r.b.leave(r.load(mem))
}

func (r *RAM) load(mem []byte) error {
	if err := r.b.awake("resident"); err != nil {
		return err
	}
	if len(mem) < len(r.code) {
		return fmt.Errorf("resident code of %d bytes in %d: %w", len(r.code), len(mem), ErrClaim)
	}
	if !r.claimed || len(mem) > 0 && !inside(mem, r.mem[r.off:r.off+r.n:r.off+r.n]) {
		return fmt.Errorf("resident code outside the claim: %w", ErrClaim)
	}
	for i := range r.apps {
		if r.apps[i].State == Running {
			return fmt.Errorf("resident code while %s runs: %w", r.apps[i].Name, ErrClaim)
		}
	}
	r.resident = mem[:len(r.code)]
	copy(r.resident, r.code)
	r.loaded = true
	return nil
}

// inside says whether the bytes of mem are bytes of whole.
func inside(mem, whole []byte) bool {
	// Slices that were not cut short end where their memory ends, which tells where they begin.
	if at := cap(whole) - cap(mem); at >= 0 && at+len(mem) <= len(whole) && &whole[at] == &mem[0] {
		return true
	}
	for i := 0; i+len(mem) <= len(whole); i++ {
		if &whole[i] == &mem[0] {
			return true
		}
	}
	return false
}

// fitToFlash says whether flash may be erased or programmed now, which takes at most so long; f is the fault if not.
func (r *RAM) fitToFlash(f Fault, longest time.Duration) error {
	if r.b.pause.on {
		return r.b.fitToPause(f, longest)
	}
	for i := range r.apps {
		if r.apps[i].State == Running {
			f.Kind, f.Note = AppRunning, r.apps[i].Name
			return r.b.fault(f)
		}
	}
	if !r.loaded {
		f.Kind = NotResident
		return r.b.fault(f)
	}
	if !bytes.Equal(r.resident, r.code) {
		f.Kind = ResidentTouched
		return r.b.fault(f)
	}
	return nil
}

// Verify checks the memory of every fixed or running application.
func (r *RAM) Verify() error {
	r.b.mu.Lock()
	err := r.b.enter()
	if err == nil {
		err = r.check("verify")
	}
	return r.b.leave(err)
}

func (r *RAM) check(op string) error {
	var first error
	for i := range r.apps {
		if s := r.apps[i].State; s != Running && s != Fixed {
			continue
		}
		if err := r.checkApp(i, op); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (r *RAM) checkApp(i int, op string) error {
	a := &r.apps[i]
	if r.pattern(i, false) {
		return nil
	}
	r.pattern(i, true) // one fault for one offence
	return r.b.fault(Fault{Kind: MemoryTouched, Op: op, Addr: a.Off, Size: a.Size, Note: a.Name})
}
