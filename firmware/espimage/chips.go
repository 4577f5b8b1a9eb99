package espimage

// Chip is a kind of Espressif chip.
type Chip struct {
	Name       string // as manifests have it: "esp32c3"
	Title      string // for people: "ESP32-C3"
	ID         uint16 // in the header of an image; no ESP8266 has one
	Bootloader uint32 // where in the flash its ROM looks for the boot loader
	UF2        uint32 // its family in UF2 files

	mapped [2]span // addresses at which its flash is seen: only applications have segments there
}

type span struct{ from, to uint32 }

// ESP8266 is the one chip whose images have a short header, which names no chip.
const ESP8266 = "esp8266"

// NoID is the ID of a chip that no image header names.
const NoID = 0xffff

var chips = []Chip{
	{ESP8266, "ESP8266", NoID, 0, 0x7eab61ed, [2]span{{0x40200000, 0x40300000}}},
	{"esp32", "ESP32", 0, 0x1000, 0x1c5f21b0, [2]span{{0x3f400000, 0x3f800000}, {0x400d0000, 0x40400000}}},
	{"esp32s2", "ESP32-S2", 2, 0x1000, 0xbfdd4eee, [2]span{{0x3f000000, 0x3f3f0000}, {0x40080000, 0x40b80000}}},
	{"esp32c3", "ESP32-C3", 5, 0, 0xd42ba06c, [2]span{{0x3c000000, 0x3c800000}, {0x42000000, 0x42800000}}},
	{"esp32s3", "ESP32-S3", 9, 0, 0xc47e5767, [2]span{{0x3c000000, 0x3e000000}, {0x42000000, 0x44000000}}},
	{"esp32c2", "ESP32-C2", 12, 0, 0x2b88d29c, [2]span{{0x3c000000, 0x3c400000}, {0x42000000, 0x42400000}}},
	{"esp32c6", "ESP32-C6", 13, 0, 0x540ddf62, [2]span{{0x42000000, 0x43000000}}},
	{"esp32h2", "ESP32-H2", 16, 0, 0x332726f6, [2]span{{0x42000000, 0x43000000}}},
	{"esp32p4", "ESP32-P4", 18, 0x2000, 0x3d308e94, [2]span{{0x40000000, 0x4c000000}}},
	{"esp32c61", "ESP32-C61", 20, 0, 0x77d850c4, [2]span{{0x42000000, 0x44000000}}},
	{"esp32c5", "ESP32-C5", 23, 0x2000, 0xf71c0343, [2]span{{0x42000000, 0x44000000}}},
}

// ByName returns the chip that manifests call so, or nil.
func ByName(name string) *Chip { return find(func(c *Chip) bool { return c.Name == name }) }

// ByTitle returns the chip that people call so, or nil.
func ByTitle(title string) *Chip { return find(func(c *Chip) bool { return c.Title == title }) }

// ByUF2 returns the chip of a family of UF2 files, or nil.
func ByUF2(family uint32) *Chip { return find(func(c *Chip) bool { return c.UF2 == family }) }

// byID returns the chip that an image header names, or nil.
func byID(id uint16) *Chip { return find(func(c *Chip) bool { return c.ID == id && id != NoID }) }

func find(is func(*Chip) bool) *Chip {
	for i := range chips {
		if is(&chips[i]) {
			return &chips[i]
		}
	}
	return nil
}

// Maps reports whether the chip sees its flash at an address, or a program's code and data lie there that its boot loader takes from it.
func (c *Chip) Maps(addr uint32) bool {
	for _, s := range c.mapped {
		if addr >= s.from && addr < s.to {
			return true
		}
	}
	return false
}

// Mapped reports whether any chip with a long header sees its flash at an address.
func Mapped(addr uint32) bool {
	return find(func(c *Chip) bool { return c.Name != ESP8266 && c.Maps(addr) }) != nil
}
