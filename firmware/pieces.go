package firmware

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"unbrick/limits"
	"unbrick/release"
)

// pieces gathers bytes at addresses, in any order.
type pieces struct {
	format Format
	all    []piece
	total  int
}

type piece struct {
	addr uint64
	data []byte
}

func (p *piece) end() uint64 { return p.addr + uint64(len(p.data)) }

// add takes a copy of data.
func (p *pieces) add(addr uint64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if addr+uint64(len(data)) > math.MaxUint32 {
		return malformed(p.format, "%d bytes at 0x%x end behind every flash", len(data), addr)
	}
	if p.total += len(data); p.total > release.MaxImage {
		return &Refusal{Reason: TooLong, Format: p.format, Has: uint64(p.total), Needs: release.MaxImage}
	}
	if n := len(p.all); n > 0 && p.all[n-1].end() == addr {
		p.all[n-1].data = append(p.all[n-1].data, data...)
		return nil
	}
	if len(p.all) == limits.Pieces {
		return malformed(p.format, "more than %d pieces that lie apart", limits.Pieces)
	}
	p.all = append(p.all, piece{addr, slices.Clone(data)})
	return nil
}

// parts joins what is next to each other, and fills gaps that are smaller than any unit that a flash erases alone. It refuses bytes that
// are there twice.
func (p *pieces) parts() ([]release.Part, error) {
	slices.SortFunc(p.all, func(a, b piece) int { return cmp.Compare(a.addr, b.addr) })
	var joined []piece
	for i := range p.all {
		next := &p.all[i]
		if len(joined) == 0 {
			joined = append(joined, *next)
			continue
		}
		last := &joined[len(joined)-1]
		if next.addr < last.end() {
			return nil, &Refusal{Reason: Malformed, Format: p.format, Addr: next.addr,
				Detail: fmt.Sprintf("the byte at 0x%x is there twice", next.addr)}
		}
		gap := next.addr - last.end()
		if p.total+int(min(gap, limits.PieceGap)) > release.MaxImage || gap >= limits.PieceGap {
			joined = append(joined, *next)
			continue
		}
		for range gap {
			last.data = append(last.data, 0xff)
		}
		p.total += int(gap)
		last.data = append(last.data, next.data...)
	}
	if len(joined) == 0 {
		return nil, &Refusal{Reason: Empty, Format: p.format}
	}
	if len(joined) > release.MaxParts {
		return nil, &Refusal{Reason: TooManyParts, Format: p.format, Has: uint64(len(joined)), Needs: release.MaxParts}
	}
	parts := make([]release.Part, len(joined))
	for i := range joined {
		parts[i] = release.Part{Name: "program", Offset: uint32(joined[i].addr), Data: joined[i].data}
		if len(joined) > 1 {
			parts[i].Name = fmt.Sprintf("at-%08x", joined[i].addr)
		}
	}
	return parts, nil
}

// avrFlash is the most that an AVR has of it.
const avrFlash = 256 << 10

// withoutEEPROM takes out what the tools for AVRs put into a text beside the program: pieces at the addresses that their linker gives to
// EEPROM and fuses, where all the rest lies in a flash as small as theirs.
func (p *pieces) withoutEEPROM(f *File) {
	space := func(addr uint64) string {
		for _, s := range avrSpaces {
			if addr >= uint64(s.from) && addr < avrSpacesEnd {
				return s.what
			}
		}
		return ""
	}
	var program, rest []piece
	for _, x := range p.all {
		switch {
		case space(x.addr) != "":
			rest = append(rest, x)
		case x.end() > avrFlash:
			return
		default:
			program = append(program, x)
		}
	}
	if len(program) == 0 || len(rest) == 0 {
		return
	}
	p.all = program
	for _, x := range rest {
		f.Skipped = append(f.Skipped, Skipped{space(x.addr), len(x.data)})
		p.total -= len(x.data)
	}
}
