package terminal

import (
	"bytes"
	"errors"
	"fmt"

	"unbrick/release"
)

// attempts is how often an erase with the programs after it is tried before its sector counts as dead.
const attempts = 3

// chunk is how much of the flash is looked at in one read; a multiple of every program unit.
const chunk = 512

var (
	errUnstable = errors.New("reads differently twice")
	errVerify   = errors.New("does not hold what was programmed")
)

// counts are the flash operations since the last intent record.
type counts struct {
	erases, recordErases, failed uint32
	operations                   uint32
}

// readTwice fills p from addr on and fails if anything cannot be read or reads differently a second
// time. Bits that an interrupted operation left in between are found so only by chance; what must not
// depend on chance is decided by entries and marks.
func (t *Terminal) readTwice(addr uint32, p []byte) error {
	if err := t.hw.Flash.Read(addr, p); err != nil {
		return err
	}
	return t.compare(addr, p)
}

// compare reads as many bytes as p has and fails unless they are p.
func (t *Terminal) compare(addr uint32, p []byte) error {
	for len(p) > 0 {
		n := min(len(p), chunk)
		if err := t.hw.Flash.Read(addr, t.chunk[:n]); err != nil {
			return err
		}
		if !bytes.Equal(t.chunk[:n], p[:n]) {
			return errUnstable
		}
		addr += uint32(n)
		p = p[n:]
	}
	return nil
}

// erase erases sector i of the part once and counts it.
func (t *Terminal) erase(i int) error {
	addr, size := t.hw.Layout.Geometry.Sector(i)
	t.counts.operations++
	t.counts.erases++
	if i < t.first {
		t.counts.recordErases++
	}
	err := t.hw.Flash.Erase(addr, size)
	if err == nil {
		err = t.awaitFlash()
	}
	if err != nil {
		t.counts.failed++
		return fmt.Errorf("erase sector %d at 0x%x: %w", i, addr, err)
	}
	return nil
}

// program programs p, whole program units, at addr, page by page. Pages of nothing but erased bytes
// are left as the erase made them: programming them would use up their error correction for nothing.
func (t *Terminal) program(addr uint32, p []byte) error {
	g := &t.hw.Layout.Geometry
	for len(p) > 0 {
		n := min(uint32(len(p)), g.Page-addr%g.Page)
		if !all(p[:n], g.Erased) {
			t.counts.operations++
			err := t.hw.Flash.Program(addr, p[:n])
			if err == nil {
				err = t.awaitFlash()
			}
			if err != nil {
				t.counts.failed++
				return fmt.Errorf("program %d bytes at 0x%x: %w", n, addr, err)
			}
		}
		addr += n
		p = p[n:]
	}
	return nil
}

// writeSector makes sector i of the part hold data, which is as long as the sector: erase, program, read
// back, tried again a bounded number of times. The caller has marked the sector. After an error the
// sector holds anything.
func (t *Terminal) writeSector(i int, data []byte) error {
	addr, _ := t.hw.Layout.Geometry.Sector(i)
	var err error
	for try := range uint32(attempts) {
		if try > 0 {
			t.emit(Event{Step: t.step, Element: 117, Code: EventRetry, Sector: int32(i), A: try})
		}
		// Erased always, whatever the sector reads as: after a power failure "reads erased" may be a
		// sector whose erase was cut short and whose cells will not hold what is programmed.
		if err = t.erase(i); err != nil {
			continue
		}
		if err = t.program(addr, data); err != nil {
			continue
		}
		if err = t.compare(addr, data); err == nil {
			t.alive(i)
			return nil
		}
		t.counts.failed++
		err = fmt.Errorf("read back sector %d at 0x%x: %w", i, addr, errVerify)
	}
	t.dead(i)
	return &DeadSectorError{Sector: i, Addr: addr, Err: err}
}

// DeadSectorError tells that a sector did not take what was written to it, tried several times.
type DeadSectorError struct {
	Sector int // of the part
	Addr   uint32
	Err    error // of the last attempt
}

func (e *DeadSectorError) Error() string {
	return fmt.Sprintf("sector %d at 0x%x takes no data: %v", e.Sector, e.Addr, e.Err)
}

// Unwrap returns the error of the last attempt.
func (e *DeadSectorError) Unwrap() error { return e.Err }

// dead notes that sector i of the part takes no data. RAM that survives a reset keeps it until power fails, and
// every record that is written from now on as long as the sector takes none.
func (t *Terminal) dead(i int) {
	addr, _ := t.hw.Layout.Geometry.Sector(i)
	t.emit(Event{Step: t.step, Element: 117, Code: EventDead, Sector: int32(i), A: addr})
	t.addDead(addr)
	t.survivor.setDead(addr)
	if i < t.first {
		t.records.failed = addr
	}
}

// addDead puts an address among those of dead sectors.
func (t *Terminal) addDead(addr uint32) {
	if !t.isDead(addr) && t.deads < maxDead {
		t.deadAddrs[t.deads] = addr
		t.deads++
	}
}

// isDead reports whether the sector at addr is known to take no data.
func (t *Terminal) isDead(addr uint32) bool {
	for _, known := range t.deadAddrs[:t.deads] {
		if known == addr {
			return true
		}
	}
	return false
}

// alive notes that sector i of the part has taken its data.
func (t *Terminal) alive(i int) {
	addr, _ := t.hw.Layout.Geometry.Sector(i)
	for k, known := range t.deadAddrs[:t.deads] {
		if known == addr {
			t.deads--
			t.deadAddrs[k] = t.deadAddrs[t.deads]
			break
		}
	}
	if known, ok := t.survivor.dead(); ok && known == addr {
		t.survivor.clearDead()
	}
}

// rememberDead takes up what is known of dead sectors: from the record, and from before the reset.
func (t *Terminal) rememberDead() {
	if rec := t.records.current(); rec != nil {
		for _, addr := range rec.report.dead[:rec.report.deads] {
			t.addDead(addr)
		}
	}
	if addr, ok := t.survivor.dead(); ok {
		t.addDead(addr)
	}
}

// deadFor returns the address of a dead sector that an update to the image of m would need: a sector of the
// image, or the record sector that its intent goes to.
func (t *Terminal) deadFor(m *release.Manifest) (addr uint32, found bool) {
	if addr, found = t.deadRecord(); found {
		return addr, true
	}
	for _, addr := range t.deadAddrs[:t.deads] {
		if addr >= t.base && addr-t.base < m.Size {
			return addr, true
		}
	}
	return 0, false
}

// all reports whether every byte of p is b.
func all(p []byte, b byte) bool {
	for _, c := range p {
		if c != b {
			return false
		}
	}
	return true
}
