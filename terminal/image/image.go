// Package image is the software area of a device as its terminal sees it: what it reads as, its digest, and writing one
// sector of it so that it holds. It needs a flash and a layout, nothing of the terminal.
//
// Nothing here knows of power failures: which sectors must not be believed, and that a sector is marked before it is
// touched, is the business of package record and of whoever calls. What is promised is about one power-up: a sector that
// WriteSector wrote without an error holds its data, and one that did not take it is named.
//
// An Area allocates nothing, but for the errors of a flash that does not work, and is used by one goroutine at a time.
package image

import (
	"errors"
	"fmt"
	"hash"

	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
)

// attempts is how often an erase with the programs after it is tried before its sector counts as dead.
const attempts = 3

// chunk is how much of the flash is looked at in one read; a multiple of every program unit.
const chunk = 512

// Counts are flash operations.
type Counts struct {
	Operations   uint32 // all
	Erases       uint32 // of these
	RecordErases uint32 // of these, in front of the software area
	Failed       uint32 // erases and programs that went wrong
}

// Watcher waits for the flash and is told what happens to sectors, which are named by their index in the part.
type Watcher interface {
	Wait() error                   // returns when the operation that was begun has ended, with the flash's error
	Retry(sector int, try uint32)  // the sector is written once more
	Dead(sector int, addr uint32)  // it takes no data
	Alive(sector int, addr uint32) // it has taken its data
}

// Area is a part of flash and the software area in it.
type Area struct {
	Layout   *flash.Layout
	Software flash.Geometry // of the software area, from address 0
	Base     uint32         // address of the software area
	First    int            // index of its first sector
	Counts   Counts         // since the owner set them to zero

	device  flash.Device
	watcher Watcher
	hash    hash.Hash
	runs    [limits.Runs]flash.Run
	blocks  [limits.EraseBlocks]uint32
	chunk   [chunk]byte
	sum     release.Digest
}

// Open makes a the area of the part with this layout, which Validate accepts. h is a SHA-256 of the area's own.
func (a *Area) Open(device flash.Device, layout *flash.Layout, watcher Watcher, h hash.Hash) {
	a.device, a.Layout, a.watcher, a.hash = device, layout, watcher, h
	a.Software = layout.SoftwareIn(a.runs[:0], a.blocks[:0])
	a.Base, a.First = layout.SoftwareBase(), layout.SoftwareFirst()
}

// Read reads the part. Below an Area is itself the flash.Reader: to make one of a flash.Device would now and then allocate, for Go
// remembers some of the conversions of one interface to another.
func (a *Area) Read(addr uint32, p []byte) error { return a.device.Read(addr, p) }

// ReadTwice fills p from addr of the part on and fails if it reads differently a second time.
func (a *Area) ReadTwice(addr uint32, p []byte) error {
	return flash.ReadTwice(a, addr, p, a.chunk[:])
}

// Sectors returns how many sectors an image of size bytes lies in.
func (a *Area) Sectors(size uint32) int {
	if size == 0 {
		return 0
	}
	return a.Software.SectorAt(size-1) + 1
}

// Digest computes the SHA-256 of the first size bytes of the software area, from the flash; with a sector other than -1, of
// what it would be if that sector held instead.
func (a *Area) Digest(size uint32, sector int, instead []byte) (release.Digest, error) {
	a.hash.Reset()
	from, to := size, size // of what is not read
	if sector >= 0 {
		var n uint32
		from, n = a.Software.Sector(sector)
		from, to = min(from, size), min(from+n, size)
	}
	if err := a.digest(0, from); err != nil {
		return release.Digest{}, err
	}
	a.hash.Write(instead[:to-from])
	if err := a.digest(to, size); err != nil {
		return release.Digest{}, err
	}
	return release.Digest(a.hash.Sum(a.sum[:0])), nil
}

// digest adds the bytes from from to to.
func (a *Area) digest(from, to uint32) error {
	for at := from; at < to; {
		n := min(to-at, chunk)
		if err := a.device.Read(a.Base+at, a.chunk[:n]); err != nil {
			return err
		}
		a.hash.Write(a.chunk[:n])
		at += n
	}
	return nil
}

// SHA256 returns the digest of p.
func (a *Area) SHA256(p []byte) release.Digest {
	a.hash.Reset()
	a.hash.Write(p)
	return release.Digest(a.hash.Sum(a.sum[:0]))
}

// Erase erases sector i of the part once.
func (a *Area) Erase(i int) error {
	addr, size := a.Layout.Geometry.Sector(i)
	a.Counts.Operations++
	a.Counts.Erases++
	if i < a.First {
		a.Counts.RecordErases++
	}
	err := a.device.Erase(addr, size)
	if err == nil {
		err = a.watcher.Wait()
	}
	if err != nil {
		a.Counts.Failed++
		return fmt.Errorf("erase sector %d at 0x%x: %w", i, addr, err)
	}
	return nil
}

// Program programs p, whole program units, at addr, page by page. Pages of nothing but erased bytes are left as the erase
// made them: programming them would use up their error correction for nothing.
func (a *Area) Program(addr uint32, p []byte) error {
	g := &a.Layout.Geometry
	for len(p) > 0 {
		n := min(uint32(len(p)), g.Page-addr%g.Page)
		if !flash.Erased(p[:n], g.Erased) {
			a.Counts.Operations++
			err := a.device.Program(addr, p[:n])
			if err == nil {
				err = a.watcher.Wait()
			}
			if err != nil {
				a.Counts.Failed++
				return fmt.Errorf("program %d bytes at 0x%x: %w", n, addr, err)
			}
		}
		addr += n
		p = p[n:]
	}
	return nil
}

// WriteSector makes sector s of the software area hold data, which is as long as the sector: erase, program, read back, tried
// again a bounded number of times. The caller has marked the sector. After an error, a *DeadSectorError, it holds anything.
func (a *Area) WriteSector(s int, data []byte) error {
	i := a.First + s
	addr, _ := a.Layout.Geometry.Sector(i)
	var err error
	for try := range uint32(attempts) {
		if try > 0 {
			a.watcher.Retry(i, try)
		}
		// Erased always, whatever the sector reads as: after a power failure "reads erased" may be a sector whose erase
		// was cut short and whose cells will not hold what is programmed.
		if err = a.Erase(i); err != nil {
			continue
		}
		if err = a.Program(addr, data); err != nil {
			continue
		}
		if err = flash.Compare(a, addr, data, a.chunk[:]); err == nil {
			a.watcher.Alive(i, addr)
			return nil
		}
		a.Counts.Failed++
		err = fmt.Errorf("read back sector %d at 0x%x: %w", i, addr, flash.ErrVerify)
	}
	a.watcher.Dead(i, addr)
	return &DeadSectorError{Sector: i, Addr: addr, Err: err}
}

// Wipe erases sector i of the part and reads it back, tried again a bounded number of times. It is erased whatever it reads
// as: that may be an erase that was cut short.
func (a *Area) Wipe(i int) error {
	addr, size := a.Layout.Geometry.Sector(i)
	var err error
	for try := range uint32(attempts) {
		if try > 0 {
			a.watcher.Retry(i, try)
		}
		if err = a.Erase(i); err != nil {
			continue
		}
		if err = flash.Blank(a, addr, size, a.Layout.Geometry.Erased, a.chunk[:]); err == nil {
			return nil
		}
		a.Counts.Failed++
	}
	return &DeadSectorError{Sector: i, Addr: addr, Err: err}
}

// Holds reports whether sector s of the software area reads as data, twice, and data is not merely erased, which after a
// power failure may be a weak erase.
func (a *Area) Holds(s int, data []byte) bool {
	if flash.Erased(data, a.Software.Erased) {
		return false
	}
	addr, _ := a.Software.Sector(s)
	for range 2 {
		if flash.Compare(a, a.Base+addr, data, a.chunk[:]) != nil {
			return false
		}
	}
	return true
}

// Stable reports whether sector s of the software area can be read and reads the same twice.
func (a *Area) Stable(s int, mem []byte) bool {
	addr, n := a.Software.Sector(s)
	for at := uint32(0); at < n; {
		m := min(n-at, uint32(len(mem)))
		if a.ReadTwice(a.Base+addr+at, mem[:m]) != nil {
			return false
		}
		at += m
	}
	return true
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

var _ error = (*DeadSectorError)(nil)

// ErrDoubtful tells that a sector must not be believed.
var ErrDoubtful = errors.New("sector must not be believed")
