package stk500

import "unbrick/restore/family"

// chip is a microcontroller whose boards carry such a loader.
type chip struct {
	signature [3]byte
	name      string // of manifests
	title     string // for people
	flash     uint32
	page      uint32
	largest   uint32               // boot section that its fuses can have
	loaders   map[behaviour]uint32 // bytes at the end of the flash, of the loaders that are known on it
}

// behaviour is which loader answers, as far as its answers tell.
type behaviour uint8

const (
	other1     behaviour = iota // version 1, none of the below
	optiboot                    // version 1: every parameter but its version is 3
	atmegaBoot                  // version 1: it gives a name, "AVR ISP"
	other2                      // version 2, another name
	stk500boot                  // version 2: its name is "AVRISP_2"
	urboot                      // answers version 1's synchronisation with two bytes of its own
)

// chips have their signatures, sizes and pages from the data sheets. Sizes of loaders are those that the boards' definitions leave free.
var chips = []chip{
	{[3]byte{0x1e, 0x95, 0x0f}, "atmega328p", "ATmega328P", 32 << 10, 128, 4 << 10, map[behaviour]uint32{optiboot: 512, atmegaBoot: 2 << 10}},
	{[3]byte{0x1e, 0x95, 0x14}, "atmega328", "ATmega328", 32 << 10, 128, 4 << 10, map[behaviour]uint32{optiboot: 512, atmegaBoot: 2 << 10}},
	{[3]byte{0x1e, 0x95, 0x16}, "atmega328pb", "ATmega328PB", 32 << 10, 128, 4 << 10, map[behaviour]uint32{optiboot: 512}},
	{[3]byte{0x1e, 0x94, 0x06}, "atmega168", "ATmega168", 16 << 10, 128, 2 << 10, map[behaviour]uint32{optiboot: 512, atmegaBoot: 2 << 10}},
	{[3]byte{0x1e, 0x94, 0x0b}, "atmega168p", "ATmega168P", 16 << 10, 128, 2 << 10, map[behaviour]uint32{optiboot: 512, atmegaBoot: 2 << 10}},
	{[3]byte{0x1e, 0x93, 0x0a}, "atmega88", "ATmega88", 8 << 10, 64, 2 << 10, map[behaviour]uint32{optiboot: 512}},
	{[3]byte{0x1e, 0x93, 0x0f}, "atmega88p", "ATmega88P", 8 << 10, 64, 2 << 10, map[behaviour]uint32{optiboot: 512}},
	{[3]byte{0x1e, 0x93, 0x07}, "atmega8", "ATmega8", 8 << 10, 64, 2 << 10, map[behaviour]uint32{optiboot: 512}},
	{[3]byte{0x1e, 0x96, 0x09}, "atmega644", "ATmega644", 64 << 10, 256, 8 << 10, map[behaviour]uint32{optiboot: 1 << 10}},
	{[3]byte{0x1e, 0x96, 0x0a}, "atmega644p", "ATmega644P", 64 << 10, 256, 8 << 10, map[behaviour]uint32{optiboot: 1 << 10}},
	{[3]byte{0x1e, 0x97, 0x05}, "atmega1284p", "ATmega1284P", 128 << 10, 256, 8 << 10, map[behaviour]uint32{optiboot: 1 << 10}},
	{[3]byte{0x1e, 0x97, 0x06}, "atmega1284", "ATmega1284", 128 << 10, 256, 8 << 10, map[behaviour]uint32{optiboot: 1 << 10}},
	{[3]byte{0x1e, 0x97, 0x03}, "atmega1280", "ATmega1280", 128 << 10, 256, 8 << 10, map[behaviour]uint32{optiboot: 1 << 10, atmegaBoot: 4 << 10}},
	{[3]byte{0x1e, 0x98, 0x01}, "atmega2560", "ATmega2560", 256 << 10, 256, 8 << 10, map[behaviour]uint32{stk500boot: 8 << 10}},
}

const (
	maxFlash = 256 << 10 // of the largest chip
	maxPage  = 256       // of any chip: what one exchange carries
	reach1   = 128 << 10 // version 1's address is 16 bits of words
)

func find(signature [3]byte) *chip {
	for i := range chips {
		if chips[i].signature == signature {
			return &chips[i]
		}
	}
	return nil
}

// reserved is where the loader lies: at the end of the flash. One that is not known may have all that fuses can give it.
func (c *chip) reserved(b behaviour) family.Range {
	size := c.loaders[b]
	if size == 0 {
		size = c.largest
	}
	return family.Range{Addr: c.flash - size, Size: size}
}
