package firmware

import (
	"crypto/md5"

	"unbrick/firmware/espimage"
)

const (
	uf2First  = 0x0a324655
	uf2Second = 0x9e5d5157
	uf2Last   = 0x0ab16f30
	uf2Block  = 512
	uf2Header = 32
	uf2Most   = 476 // bytes of data in a block

	uf2NotFlash  = 0x00000001
	uf2Container = 0x00001000
	uf2HasFamily = 0x00002000
	uf2HasMD5    = 0x00004000
	uf2HasTags   = 0x00008000
	uf2MD5       = 24 // bytes of an address, a length and an MD5
)

// uf2Chips are the families that are no ESP, by what manifests would call the chip.
var uf2Chips = map[uint32]string{
	0x647824b6: "stm32f0", 0x5ee21072: "stm32f1", 0x5d1a0a2e: "stm32f2", 0x6b846188: "stm32f3", 0x57755a57: "stm32f4", 0x6d0922fa: "stm32f407",
	0x53b80f00: "stm32f7", 0x300f5633: "stm32g0", 0x4c71240a: "stm32g4", 0x6db66082: "stm32h7", 0x202e3a91: "stm32l0", 0x1e1f432d: "stm32l1",
	0x00ff6919: "stm32l4", 0x04240bdf: "stm32l5", 0x70d16653: "stm32wb", 0x21460ff0: "stm32wl", 0xe48bff56: "rp2040", 0xada52840: "nrf52840",
	0x621e937a: "nrf52833", 0x1b57745f: "nrf52", 0x68ed2b88: "samd21", 0x55114460: "samd51", 0x31d228c6: "gd32f350", 0x16573617: "atmega32",
}

// uf2Sum is a piece of flash and what its MD5 is.
type uf2Sum struct {
	addr, size uint32
	sum        [md5.Size]byte
}

// uf2Reader is the state between two blocks.
type uf2Reader struct {
	f       *File
	count   uint32
	seen    []bool
	skipped int
	holding pieces
	sums    []uf2Sum // of the blocks that have one, where it may stand
	either  []uf2Sum // the same ones, where esptool puts it
}

// readUF2 reads a UF2 file. Its blocks may come in any order, and each is there once.
func (f *File) readUF2(b []byte) (err error) {
	f.Format = UF2
	if len(b)%uf2Block != 0 {
		return short(UF2, len(b), (len(b)/uf2Block+1)*uf2Block)
	}
	r := &uf2Reader{f: f, count: le.Uint32(b[24:]), holding: pieces{format: UF2}}
	if n := uint32(len(b) / uf2Block); r.count > n {
		return short(UF2, len(b), int(min(uint64(r.count)*uf2Block, 1<<31-1)))
	} else if r.count < n {
		return malformed(UF2, "it says %d blocks and has %d", r.count, n)
	}
	r.seen = make([]bool, r.count)
	for i := 0; i < len(b); i += uf2Block {
		if err := r.block(i/uf2Block, b[i:i+uf2Block]); err != nil {
			return err
		}
	}
	f.held(BlockCount, "")
	if r.skipped > 0 {
		f.Skipped = append(f.Skipped, Skipped{"what is not for the flash", r.skipped})
	}
	if c := espimage.ByUF2(f.UF2Family); c != nil {
		f.Family, f.Chip = ESP, c.Name
	} else if f.Chip = uf2Chips[f.UF2Family]; f.Chip != "" {
		f.Family = FamilyOf(f.Chip)
	}
	if f.Parts, err = r.holding.parts(); err != nil {
		return err
	}
	return r.checkSums()
}

func (r *uf2Reader) block(i int, b []byte) error {
	flags, addr, size, number, family := le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint32(b[16:]), le.Uint32(b[20:]), le.Uint32(b[28:])
	switch {
	case le.Uint32(b) != uf2First || le.Uint32(b[4:]) != uf2Second || le.Uint32(b[uf2Block-4:]) != uf2Last:
		return malformed(UF2, "block %d is none", i)
	case size > uf2Most || flags&uf2HasMD5 != 0 && size > uf2Most-uf2MD5:
		return malformed(UF2, "block %d has %d bytes", i, size)
	case le.Uint32(b[24:]) != r.count || number >= r.count || r.seen[number]:
		return malformed(UF2, "block %d says that it is block %d of %d, or is there twice", i, number, le.Uint32(b[24:]))
	case flags&uf2Container != 0:
		return malformed(UF2, "block %d is a piece of a file for a device that keeps files", i)
	}
	r.seen[number] = true
	if flags&uf2HasFamily == 0 {
		family = 0
	}
	if i > 0 && family != r.f.UF2Family {
		return malformed(UF2, "it is for several families of devices, 0x%08x and 0x%08x: take the file for one of them", r.f.UF2Family, family)
	}
	r.f.UF2Family = family
	if flags&uf2NotFlash != 0 {
		r.skipped += int(size)
		return nil
	}
	if flags&uf2HasMD5 != 0 {
		r.sums = append(r.sums, uf2SumOf(b[uf2Block-4-uf2MD5:]))
		r.either = append(r.either, uf2SumOf(b[uf2Header+size:]))
	}
	return r.holding.add(uint64(addr), b[uf2Header:][:size])
}

func uf2SumOf(b []byte) uf2Sum { return uf2Sum{le.Uint32(b), le.Uint32(b[4:]), [md5.Size]byte(b[8:])} }

// checkSums compares the MD5 of every piece that has one. Each piece is computed once, and all of them are not much longer than the file.
func (r *uf2Reader) checkSums() error {
	done := map[uf2Sum]bool{}
	work := 4 * r.holding.total
	for i := range r.sums {
		right, known := false, false
		for _, s := range []uf2Sum{r.sums[i], r.either[i]} {
			data := r.at(s.addr, s.size)
			if data == nil {
				continue
			}
			ok, seen := done[s]
			if !seen {
				if work -= len(data); work < 0 {
					return malformed(UF2, "the pieces that its MD5 are of overlap")
				}
				ok = md5.Sum(data) == s.sum
				done[s] = ok
			}
			right, known = right || ok, true
		}
		if !right || !known {
			return &Refusal{Reason: CheckFailed, Format: UF2, Check: BlockMD5}
		}
	}
	r.f.check(BlockMD5, "", len(r.sums) > 0)
	return nil
}

// at returns what the parts have there, or nil.
func (r *uf2Reader) at(addr, size uint32) []byte {
	for i := range r.f.Parts {
		p := &r.f.Parts[i]
		if addr >= p.Offset && size > 0 && uint64(addr-p.Offset)+uint64(size) <= uint64(len(p.Data)) {
			return p.Data[addr-p.Offset:][:size]
		}
	}
	return nil
}
