package firmware

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"unbrick/firmware/espimage"
	"unbrick/release"
)

// layout is where a merged image has what it begins with: base is the address in the flash of its first byte.
type layout struct{ base, boot, table uint32 }

// starts are the places of boot loaders, with that of the first byte of the file: most files begin at address 0, some at the boot loader.
var starts = []layout{{0, 0, 0}, {0, 0x1000, 0}, {0, 0x2000, 0}, {0x1000, 0x1000, 0}, {0x2000, 0x2000, 0}}

// tables are the ends of where a table is looked for, behind its usual place: large boot loaders move it.
const lastTable = 0x20000

// layoutOf finds boot loader and partition table in a file.
func layoutOf(b []byte) (l layout, ok bool) {
	for _, l := range starts {
		at := int(l.boot - l.base)
		if at >= len(b) || !espimage.Is(b[at:]) || !espimage.Blank(b[:at]) {
			continue
		}
		m, err := espimage.Parse(b[at:])
		if err == nil && m.Chip.Bootloader != l.boot {
			continue
		}
		for l.table = espimage.TableOffset; l.table <= lastTable; l.table += espimage.Sector {
			t := int(l.table - l.base)
			if t >= len(b) {
				break
			}
			if !espimage.IsTable(b[t:]) || err == nil && at+m.Length > t {
				continue
			}
			table, wrong := espimage.ParseTable(b[t:])
			if (l.table == espimage.TableOffset && (err == nil || wrong == nil)) || wrong == nil && table.Digest {
				return l, true
			}
		}
	}
	return layout{}, false
}

// isMerged reports whether a file is a merged image, or the beginning of one that begins before its boot loader.
func isMerged(b []byte) bool {
	if _, ok := layoutOf(b); ok {
		return true
	}
	for _, l := range starts {
		if l.base == 0 && l.boot > 0 && int(l.boot) < len(b) && espimage.Is(b[l.boot:]) && espimage.Erased(b[:l.boot]) {
			return true
		}
	}
	return false
}

// readMerged reads boot loader, partition table and applications as they lie in the flash of an ESP, and cuts them apart. What is nothing
// but erased bytes is left out, but for the choice of the application: what the device has there may name one that is not written.
func (f *File) readMerged(b []byte) error {
	f.Format, f.Family = ESPMerged, ESP
	l, ok := layoutOf(b)
	if !ok {
		return &Refusal{Reason: CutShort, Format: f.Format, Detail: "there is a boot loader and no partition table"}
	}
	f.whole = &release.Part{Name: "whole", Offset: l.base, Data: b}
	table := b[l.table-l.base:]
	chip, err := f.readBootloader(b[l.boot-l.base:l.table-l.base], l.boot)
	if err != nil {
		return err
	}
	t, err := espimage.ParseTable(table)
	if err != nil {
		return refuse(ESPTable, "partition table", err)
	}
	f.Table = t
	f.check(TableMD5, "partitions", t.Digest)
	f.Parts = append(f.Parts, release.Part{Name: "partitions", Offset: l.table, Data: table[:min(len(table), espimage.TableSize)]})
	partitions := slices.Clone(t.Partitions)
	slices.SortFunc(partitions, func(a, b espimage.Partition) int { return cmp.Compare(a.Offset, b.Offset) })
	end := uint64(l.table) + espimage.TableSize
	for i := range partitions {
		p := &partitions[i]
		if uint64(p.Offset) < end {
			return malformed(f.Format, "partition %q at 0x%x begins before what lies in front of it ends", p.Label, p.Offset)
		}
		if err := f.gap(b, l.base, end, uint64(p.Offset)); err != nil {
			return err
		}
		end = uint64(p.End())
		if from := uint64(p.Offset - l.base); from < uint64(len(b)) {
			if err := f.readPartition(p, b[from:min(end-uint64(l.base), uint64(len(b)))], chip); err != nil {
				return err
			}
		}
	}
	if err := f.gap(b, l.base, end, 1<<32); err != nil {
		return err
	}
	if f.Image == nil {
		return &Refusal{Reason: CutShort, Format: f.Format, Detail: "there is no application in it"}
	}
	return f.bounded()
}

// gap refuses bytes between two parts.
func (f *File) gap(b []byte, base uint32, from, to uint64) error {
	from, to = min(from-uint64(base), uint64(len(b))), min(to-uint64(base), uint64(len(b)))
	if from < to && !espimage.Blank(b[from:to]) {
		return malformed(f.Format, "between 0x%x and 0x%x there are bytes that the partition table gives no place", from+uint64(base),
			to+uint64(base))
	}
	return nil
}

// readBootloader reads the boot loader, which has all up to the table for itself.
func (f *File) readBootloader(b []byte, offset uint32) (*espimage.Chip, error) {
	m, err := espimage.Parse(b)
	if err != nil {
		return nil, refuse(f.Format, "bootloader", err)
	}
	if err := m.Tail(b); err != nil {
		return nil, f.refuseTail("bootloader", err)
	}
	if m.Kind != espimage.Bootloader {
		return nil, &Refusal{Reason: Swapped, Format: f.Format, Part: "bootloader", Addr: uint64(offset)}
	}
	f.Chip = m.Chip.Name
	f.Flash, f.Mode, f.Frequency = m.Flash, m.Mode, m.Frequency
	f.checkImage(m, "bootloader")
	f.Parts = []release.Part{{Name: "bootloader", Offset: offset, Data: b[:m.Size]}}
	return m.Chip, nil
}

// readPartition reads what a file has of one partition.
func (f *File) readPartition(p *espimage.Partition, b []byte, chip *espimage.Chip) error {
	part := release.Part{Name: f.partName(p.Label), Offset: p.Offset, Data: b}
	switch {
	case p.OTAData():
		if len(b) < espimage.OTADataSize {
			return short(f.Format, len(b), espimage.OTADataSize)
		}
		c, err := espimage.ParseOTAData(b)
		if err != nil {
			return refuse(ESPOTAData, p.Label, err)
		}
		if c.Sequence != [2]uint32{} {
			f.held(ChoiceCRC, part.Name)
		}
	case espimage.Erased(b):
		f.Left = append(f.Left, part)
		return nil
	case p.App():
		n, err := f.readApplication(p, &part, chip)
		if err != nil {
			return err
		}
		part.Data = b[:n]
	}
	f.Parts = append(f.Parts, part)
	return nil
}

// readApplication reads an application in its partition and returns how much of that there is to write.
func (f *File) readApplication(p *espimage.Partition, part *release.Part, chip *espimage.Chip) (int, error) {
	b := part.Data
	m, err := espimage.Parse(b)
	if err != nil {
		return 0, refuse(f.Format, p.Label, err)
	}
	if m.Chip != chip {
		return 0, &Refusal{Reason: WrongChip, Format: f.Format, Part: p.Label, Chip: m.Chip.Name, Wanted: chip.Name}
	}
	if m.Kind != espimage.Application {
		return 0, &Refusal{Reason: Swapped, Format: f.Format, Part: p.Label, Addr: uint64(p.Offset)}
	}
	if err := m.Tail(b); err != nil { // in what was read from a device, an older application may end behind this one
		m.Size = len(b)
		for m.Size > m.Length && b[m.Size-1] == 0xff {
			m.Size--
		}
	}
	f.checkImage(m, part.Name)
	if first := f.Table.First(); f.Image == nil || first != nil && first.Offset == p.Offset {
		flash, mode, frequency := f.Flash, f.Mode, f.Frequency // those of the boot loader count
		f.tell(m)
		f.Flash, f.Mode, f.Frequency = flash, mode, frequency
	}
	return m.Size, nil
}

// partName makes an identifier of a label that no other part has.
func (f *File) partName(label string) string {
	name := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.' {
			return c
		}
		return '-'
	}, label)
	if release.CheckID(name) != nil {
		name = "p" + name
	}
	taken := func(s string) bool {
		return slices.ContainsFunc(f.Parts, func(p release.Part) bool { return p.Name == s }) ||
			slices.ContainsFunc(f.Left, func(p release.Part) bool { return p.Name == s })
	}
	if !taken(name) {
		return name
	}
	for i := 2; ; i++ {
		if s := name + "-" + strconv.Itoa(i); !taken(s) {
			return s
		}
	}
}
