package espimage

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"unbrick/limits"
)

const (
	// TableOffset is where a partition table lies unless a project moves it.
	TableOffset = 0x8000
	// TableSize is the most that its entries take, digest included.
	TableSize = 0xc00

	entrySize  = 32
	entryMagic = 0x50aa
	md5Magic   = 0xebeb
)

// Types of partitions, and the subtypes that are told apart.
const (
	TypeApp  = 0
	TypeData = 1

	subFactory = 0x00
	subOTA     = 0x10
	subTest    = 0x20
	subOTAData = 0x00
	subNVS     = 0x02
)

// Partition is an entry of a table.
type Partition struct {
	Label         string
	Type, Subtype uint8
	Offset, Size  uint32
	Encrypted     bool
}

// End is the address behind it.
func (p *Partition) End() uint32 { return p.Offset + p.Size }

// App reports whether an application lies there.
func (p *Partition) App() bool { return p.Type == TypeApp }

// OTAData reports whether it says which application starts.
func (p *Partition) OTAData() bool { return p.Type == TypeData && p.Subtype == subOTAData }

// Settings reports whether what a person has set lies there.
func (p *Partition) Settings() bool { return p.Type == TypeData && p.Subtype == subNVS }

// Table is a partition table.
type Table struct {
	Partitions []Partition // ascending
	Digest     bool        // an MD5 comes with it, and is right
}

// IsTable reports whether b begins as a table does.
func IsTable(b []byte) bool { return len(b) >= entrySize && le.Uint16(b) == entryMagic }

// ParseTable reads and checks the table that b begins with: entries, digest, and that partitions are aligned and apart. Behind it, up to
// its full length, there is nothing but bytes 0xFF.
func ParseTable(b []byte) (*Table, error) {
	b = b[:min(len(b), TableSize)]
	t := &Table{}
	at, ended := 0, false
	for ; at+entrySize <= len(b) && !ended; at += entrySize {
		e := b[at:][:entrySize]
		switch {
		case le.Uint16(e) == entryMagic && !t.Digest:
			if len(t.Partitions) == limits.ESPPartitions {
				return nil, fmt.Errorf("%w: partition table of more than %d entries", ErrMalformed, limits.ESPPartitions)
			}
			t.Partitions = append(t.Partitions, entryOf(e))
		case le.Uint16(e) == md5Magic && !t.Digest && at > 0:
			if !Erased(e[2:16]) || md5.Sum(b[:at]) != [16]byte(e[16:]) {
				return nil, fmt.Errorf("%w: MD5 of the partition table is not that of its entries", ErrDigest)
			}
			t.Digest = true
		case Erased(e) && at > 0:
			ended = true
		default:
			return nil, fmt.Errorf("%w: entry %d of the partition table is none", ErrMalformed, at/entrySize+1)
		}
	}
	if !Erased(b[at:]) {
		return nil, fmt.Errorf("%w: bytes behind the end of the partition table", ErrMalformed)
	}
	if !ended && !t.Digest && len(b) < TableSize {
		return nil, &ShortError{len(b), TableSize}
	}
	return t, t.check()
}

func entryOf(e []byte) Partition {
	p := Partition{Type: e[2], Subtype: e[3], Offset: le.Uint32(e[4:]), Size: le.Uint32(e[8:]), Label: text(e[12:28])}
	p.Encrypted = le.Uint32(e[28:])&1 != 0
	return p
}

// check holds the rules of gen_esp32part.py.
func (t *Table) check() error {
	data := 0
	for i := range t.Partitions {
		p := &t.Partitions[i]
		align := uint32(Sector)
		if p.App() {
			align = Align
		}
		switch {
		case p.Label == "":
			return fmt.Errorf("%w: partition %d has no name", ErrMalformed, i+1)
		case p.Size == 0 || uint64(p.Offset)+uint64(p.Size) > 1<<32-1:
			return fmt.Errorf("%w: partition %q at 0x%x of %d bytes", ErrMalformed, p.Label, p.Offset, p.Size)
		case p.Offset%align != 0:
			return fmt.Errorf("%w: %q at 0x%x, its kind lies at multiples of 0x%x", ErrMisplaced, p.Label, p.Offset, align)
		case p.OTAData():
			if data++; data > 1 || p.Size != 2*Sector {
				return fmt.Errorf("%w: partition %q with the choice of the application has %d bytes, or is the second", ErrMalformed, p.Label, p.Size)
			}
		}
		for j := range i {
			o := &t.Partitions[j]
			if p.Offset < o.End() && o.Offset < p.End() {
				return fmt.Errorf("%w: %q and %q", ErrOverlap, o.Label, p.Label)
			}
		}
	}
	if len(t.Partitions) == 0 {
		return fmt.Errorf("%w: partition table without entries", ErrMalformed)
	}
	return nil
}

// At returns the partition that begins there, or nil.
func (t *Table) At(offset uint32) *Partition {
	for i := range t.Partitions {
		if t.Partitions[i].Offset == offset {
			return &t.Partitions[i]
		}
	}
	return nil
}

// First returns the partition of the application that starts when nothing says otherwise: the factory's, or the lowest of the others.
// It returns nil if there is none.
func (t *Table) First() *Partition {
	var first *Partition
	for i := range t.Partitions {
		p := &t.Partitions[i]
		if p.App() && p.Subtype < subTest && (first == nil || p.Subtype < first.Subtype) {
			first = p
		}
	}
	return first
}

// Starts returns the partition of the application that a boot loader starts by what a device has as its choice: where both sectors count,
// the higher number, which goes around the slots that there are; else First. It returns nil if there is none.
func (t *Table) Starts(c *Choice) *Partition {
	slots, number := uint32(0), uint32(0)
	for i := range t.Partitions {
		if p := &t.Partitions[i]; p.App() && p.Subtype >= subOTA && p.Subtype < subTest {
			slots++
		}
	}
	if c != nil {
		number = max(c.Sequence[0], c.Sequence[1])
	}
	if slots == 0 || number == 0 {
		return t.First()
	}
	want := uint8(subOTA + (number-1)%slots)
	for i := range t.Partitions {
		if p := &t.Partitions[i]; p.App() && p.Subtype == want {
			return p
		}
	}
	return t.First()
}

// OTAData returns the partition that says which application starts, or nil.
func (t *Table) OTAData() *Partition {
	for i := range t.Partitions {
		if t.Partitions[i].OTAData() {
			return &t.Partitions[i]
		}
	}
	return nil
}

// End is the address behind the last partition.
func (t *Table) End() uint64 {
	end := uint64(0)
	for i := range t.Partitions {
		end = max(end, uint64(t.Partitions[i].End()))
	}
	return end
}

// OTADataSize is the length of the data that says which application starts: two sectors.
const OTADataSize = 2 * Sector

// Choice is which application starts.
type Choice struct {
	Sequence [2]uint32 // numbers of its two sectors; 0: nothing is written there
}

// ParseOTAData reads that data. A sector is empty, or says a number with the right CRC.
func ParseOTAData(b []byte) (*Choice, error) {
	if len(b) != OTADataSize {
		return nil, fmt.Errorf("%w: %d bytes, the choice of the application has %d", ErrMalformed, len(b), OTADataSize)
	}
	c := &Choice{}
	for i := range c.Sequence {
		s := b[i*Sector:][:Sector]
		if Erased(s) {
			continue
		}
		n := le.Uint32(s)
		if n == 0 || n == 1<<32-1 || !Erased(s[entrySize:]) {
			return nil, fmt.Errorf("%w: sector %d of the choice of the application", ErrMalformed, i+1)
		}
		if SequenceSum(n) != le.Uint32(s[28:]) {
			return nil, fmt.Errorf("%w: CRC of sector %d of the choice of the application", ErrDigest, i+1)
		}
		c.Sequence[i] = n
	}
	return c, nil
}

// States of an application that a boot loader does not start any more.
const (
	stateInvalid = 3
	stateAborted = 4
)

// ChoiceOf reads that data as a boot loader does, from a device: a sector that is damaged, or whose application has failed, does not count.
func ChoiceOf(b []byte) *Choice {
	c := &Choice{}
	for i := range c.Sequence {
		if len(b) < (i+1)*Sector {
			break
		}
		s := b[i*Sector:][:entrySize]
		n, state := le.Uint32(s), le.Uint32(s[24:])
		if n != 1<<32-1 && SequenceSum(n) == le.Uint32(s[28:]) && state != stateInvalid && state != stateAborted {
			c.Sequence[i] = n
		}
	}
	return c
}

// SequenceSum is the CRC that comes with a number: over its four bytes, begun with all ones where CRC-32 begins with zeros.
func SequenceSum(n uint32) uint32 {
	return crc32.Update(1<<32-1, crc32.IEEETable, binary.LittleEndian.AppendUint32(nil, n))
}
