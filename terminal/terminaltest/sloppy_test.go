package terminaltest_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/terminal"
	"unbrick/terminal/terminaltest"
)

var mistakes = slices.Concat(memoryMistakes, cableMistakes, driverMistakes, unitMistakes)

var memoryMistakes = []mistake{
	memory("regions in any order", "Regions", func(m *badRAM, _ terminal.RAM) {
		m.regions = func(r []terminal.Region) []terminal.Region { slices.Reverse(r); return r }
	}),
	memory("regions overlap", "Regions", func(m *badRAM, _ terminal.RAM) {
		m.regions = func(r []terminal.Region) []terminal.Region { r[0].Size++; return r }
	}),
	memory("everything is fixed", "Regions", func(m *badRAM, _ terminal.RAM) {
		m.regions = func(r []terminal.Region) []terminal.Region {
			for i := range r {
				r[i].State = terminal.RegionFixed
			}
			return r
		}
	}),
	memory("stop says so only", "StopStart", func(m *badRAM, _ terminal.RAM) { m.stop = func(int) error { return nil } }),
	memory("stop stops its neighbour", "StopStart", func(m *badRAM, good terminal.RAM) {
		m.stop = func(i int) error {
			if i+1 < len(good.Regions()) {
				_ = good.Stop(i + 1)
			}
			return good.Stop(i)
		}
	}),
	memory("start says so only", "StopStart", func(m *badRAM, _ terminal.RAM) { m.start = func(int) error { return nil } }),
	memory("stops what is fixed", "StopStart", func(m *badRAM, good terminal.RAM) { m.stop = func(i int) error { _ = good.Stop(i); return nil } }),
	memory("claims what runs", "ClaimRefused", func(m *badRAM, good terminal.RAM) {
		m.claim = func(off, n uint32) ([]byte, error) {
			if mem, err := good.Claim(off, n); err == nil {
				return mem, nil
			}
			return make([]byte, n&0xFFFF), nil
		}
	}),
	memory("stops what is in the way of a claim", "ClaimRefused", func(m *badRAM, good terminal.RAM) {
		m.claim = func(off, n uint32) ([]byte, error) {
			for i, r := range slices.Clone(good.Regions()) {
				if r.Off < off+n && off < r.Off+r.Size && r.State == terminal.RegionRunning {
					_ = good.Stop(i)
				}
			}
			return good.Claim(off, n)
		}
	}),
	memory("two workspaces", "ClaimRefused", func(m *badRAM, good terminal.RAM) {
		there := false
		m.claim = func(off, n uint32) ([]byte, error) {
			if there {
				return make([]byte, n), nil
			}
			mem, err := good.Claim(off, n)
			there = err == nil
			return mem, err
		}
	}),
	memory("gives whole words only", "Claim", func(m *badRAM, good terminal.RAM) {
		m.claim = func(off, n uint32) ([]byte, error) { mem, err := good.Claim(off, n); return mem[:len(mem)&^3], err }
	}),
	memory("gives room behind the workspace", "Claim", func(m *badRAM, good terminal.RAM) {
		m.claim = func(off, n uint32) ([]byte, error) {
			mem, err := good.Claim(off, n)
			return append(mem, make([]byte, 64)...)[:len(mem)], err
		}
	}),
	memory("a claim is not seen in the regions", "Claim", func(m *badRAM, _ terminal.RAM) {
		m.regions = func(r []terminal.Region) []terminal.Region {
			for i := range r {
				if r[i].State == terminal.RegionWorkspace {
					r[i].State = terminal.RegionStopped
				}
			}
			return r
		}
	}),
	memory("release keeps the workspace", "Release", func(m *badRAM, _ terminal.RAM) { m.release = func() {} }),
	memory("release starts applications", "Release", func(m *badRAM, good terminal.RAM) {
		m.release = func() {
			good.Release()
			for i := range len(good.Regions()) {
				_ = good.Start(i)
			}
		}
	}),
	memory("residency says so only", "Resident", func(m *badRAM, _ terminal.RAM) { m.resident = func([]byte) error { return nil } }),
	memory("residency happens once", "Resident", func(m *badRAM, good terminal.RAM) {
		done := false
		m.resident = func(mem []byte) error {
			if done {
				return nil
			}
			done = true
			return good.Resident(mem)
		}
	}),
	memory("resident code is larger than it says", "Resident", func(m *badRAM, good terminal.RAM) {
		var all []byte
		m.claim = func(off, n uint32) (mem []byte, err error) { all, err = good.Claim(off, n); return all, err }
		m.resident = func(mem []byte) error { all[len(all)-len(mem)-1] ^= 1; return good.Resident(mem) }
	}),
	memory("becomes resident beside an application", "ResidentRefused", func(m *badRAM, good terminal.RAM) {
		m.resident = func(mem []byte) error { _ = good.Resident(mem); return nil }
	}),
	memory("refused residency leaves its code", "ResidentRefused", func(m *badRAM, good terminal.RAM) {
		m.resident = func(mem []byte) error { clear(mem); return good.Resident(mem) }
	}),
	memory("a pause stops applications", "Pauser", func(m *badRAM, good terminal.RAM) {
		m.pause = func() error { _ = good.Stop(1); return good.(terminal.Pauser).Pause() }
	}),
	memory("a pause is nothing", "Pauser", func(m *badRAM, _ terminal.RAM) { m.pause = func() error { return nil } }),
	memory("a pause does not end", "Pauser", func(m *badRAM, _ terminal.RAM) { m.resume = func() {} }),
}

var cableMistakes = []mistake{
	cable("waits for a full buffer", "CableRead", func(c *badCable, good *emulator.Cable, clock *emulator.Clock) {
		c.read = func(p []byte, wait time.Duration) (n int, err error) {
			for end := clock.Now() + wait; n < len(p) && clock.Now() < end && err == nil; {
				var k int
				k, err = good.Read(p[n:], end-clock.Now())
				n += k
			}
			return n, err
		}
	}),
	cable("loses what the buffer does not hold", "CableRead", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		c.read = func(p []byte, wait time.Duration) (int, error) {
			var all [512]byte
			n, err := good.Read(all[:], wait)
			return min(n, copy(p, all[:n])), err
		}
	}),
	cable("carries seven bits", "CableRead", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		c.read = func(p []byte, wait time.Duration) (int, error) {
			n, err := good.Read(p, wait)
			for i := range p[:n] {
				p[i] &= 0x7F
			}
			return n, err
		}
	}),
	cable("gives up at once", "CableSilence", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		c.read = func(p []byte, _ time.Duration) (int, error) { return good.Read(p, 0) }
	}),
	cable("waits in another unit", "CableSilence", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		c.read = func(p []byte, wait time.Duration) (int, error) {
			return good.Read(p, wait*1024/1000+25*time.Millisecond)
		}
	}),
	cable("a time-out is an error", "CableSilence", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		c.read = func(p []byte, wait time.Duration) (int, error) {
			n, err := good.Read(p, wait)
			if n == 0 && err == nil {
				err = emulator.ErrTimeout
			}
			return n, err
		}
	}),
	cable("silence is a break", "CableSilence", func(c *badCable, _ *emulator.Cable, _ *emulator.Clock) { c.brk = func() bool { return true } }),
	cable("writes what the buffer holds", "CableWrite", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		c.write = func(p []byte) error { return good.Write(p[:min(len(p), 512)]) }
	}),
	cable("sends from the caller's memory, later", "CableWrite", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		var kept []byte
		c.write = func(p []byte) error { err := good.Write(kept); kept = p; return err }
	}),
	cable("turns line feeds", "CableWrite", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		c.write = func(p []byte) error { return good.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))) }
	}),
	cable("hears no break", "CableBreak", func(c *badCable, _ *emulator.Cable, _ *emulator.Clock) { c.brk = func() bool { return false } }),
	cable("tells a break for ever", "CableBreak", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		seen := false
		c.brk = func() bool { seen = seen || good.Break(); return seen }
	}),
	cable("takes bytes for a break", "CableBreak", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		came := false
		c.read = func(p []byte, wait time.Duration) (int, error) {
			n, err := good.Read(p, wait)
			came = came || n > 0
			return n, err
		}
		c.brk = func() bool { b := came || good.Break(); came = false; return b }
	}),
	cable("promises more depth than there is", "CableDepth", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		c.depth = func() int { return good.Depth() + 1 }
	}),
	cable("has no depth", "CableDepth", func(c *badCable, _ *emulator.Cable, _ *emulator.Clock) { c.depth = func() int { return 0 } }),
	cable("keeps its speed", "Speeder", func(c *badCable, _ *emulator.Cable, _ *emulator.Clock) { c.speed = func(uint32) error { return nil } }),
	cable("does not find back to the base speed", "Speeder", func(c *badCable, good *emulator.Cable, _ *emulator.Clock) {
		c.speed = func(baud uint32) error {
			if baud == 0 {
				return nil
			}
			return good.SetSpeed(baud)
		}
	}),
	unit("has no highest speed", "Speeder", func(hw *terminal.Hardware) { hw.MaxSpeed = 0 }),
}

var driverMistakes = []mistake{
	driver("the boot area can be programmed", "BootArea", func(f *badFlash, good part, r *terminaltest.Rig) {
		f.program = func(addr uint32, p []byte) error {
			if addr < r.Hardware.Layout.Boot {
				return nil
			}
			return good.Program(addr, p)
		}
	}),
	driver("the end of the boot area can be erased", "BootArea", func(f *badFlash, good part, r *terminaltest.Rig) {
		f.erase = func(addr, n uint32) error {
			if addr+n == r.Hardware.Layout.Boot {
				return nil
			}
			return good.Erase(addr, n)
		}
	}),
	driver("deaf while the flash is busy", "CableDepth", func(f *badFlash, good part, r *terminaltest.Rig) {
		f.wait = func() error {
			err := good.Wait()
			_, _ = r.Hardware.Cable.Read(make([]byte, 4096), 0)
			return err
		}
	}),
	driver("never busy", "Poller", func(f *badFlash, _ part, _ *terminaltest.Rig) { f.busy = func() bool { return false } }),
	driver("busy until Wait", "Poller", func(f *badFlash, good part, _ *terminaltest.Rig) {
		busy := false
		f.erase = func(addr, n uint32) error { err := good.Erase(addr, n); busy = err == nil; return err }
		f.wait = func() error { busy = false; return good.Wait() }
		f.busy = func() bool { return busy }
	}),
	driver("Busy starts the operation anew", "Poller", func(f *badFlash, good part, _ *terminaltest.Rig) {
		f.busy = func() bool { _ = good.Wait(); return good.Busy() }
	}),
	driver("lock says so only", "Locker", func(f *badFlash, _ part, _ *terminaltest.Rig) { f.lock = func() {} }),
	driver("unlock says so only", "Locker", func(f *badFlash, _ part, _ *terminaltest.Rig) {
		f.unlock = func(uint32, uint32) error { return nil }
	}),
	driver("unlocks the boot area", "Locker", func(f *badFlash, good part, _ *terminaltest.Rig) {
		f.unlock = func(addr, size uint32) error { _ = good.Unlock(addr, size); return nil }
	}),
	driver("unlocked at first", "Locker", func(f *badFlash, good part, r *terminaltest.Rig) {
		a := r.Hardware.Layout.Settings[0]
		_ = good.Unlock(a.Addr, a.Size)
	}),
	driver("the clock stands still while the flash is busy", "Clock", func(f *badFlash, good part, r *terminaltest.Rig) {
		real := r.Hardware.Clock
		lost, since := time.Duration(0), time.Duration(-1)
		f.erase = func(addr, n uint32) error { since = real.Now(); return good.Erase(addr, n) }
		f.wait = func() error {
			err := good.Wait()
			if since >= 0 {
				lost += real.Now() - since
			}
			since = -1
			return err
		}
		r.Hardware.Clock = clockFunc(func() time.Duration {
			if since >= 0 {
				return since - lost
			}
			return real.Now() - lost
		})
	}),
}

// recorder is a TB that keeps what a check says first.
type recorder struct{ first string }

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Errorf(format string, args ...any) {
	if r.first == "" {
		r.first = fmt.Sprintf(format, args...)
	}
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// TestEveryMistakeIsFound: a port with one mistake fails the check that is meant for it.
func TestEveryMistakeIsFound(t *testing.T) {
	missed := map[string]bool{} // checks that no mistake is for
	checks, ran := map[string]terminaltest.Check{}, 0
	for _, c := range terminaltest.Checks() {
		missed[c.Name], checks[c.Name] = true, c
	}
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			e, r := newEmulated(t, emulator.STM32G474(), resident)
			defer e.close()
			m.make(e, r)
			said := &recorder{}
			done := make(chan struct{})
			go func() {
				defer close(done)
				checks[m.check].Run(said, r)
			}()
			<-done
			if said.first == "" {
				t.Fatalf("check %s passes", m.check)
			}
			t.Logf("%s: %s", m.check, said.first)
			missed[m.check] = false
			ran++
		})
	}
	for name, yes := range missed {
		if yes && ran == len(mistakes) {
			t.Errorf("no mistake shows that check %s can fail", name)
		}
	}
}
