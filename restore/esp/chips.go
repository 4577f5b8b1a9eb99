package esp

// chip is what differs from one to the next. Numbers are from esptool's documentation and targets, as docs/families/esp.md lists them.
type chip struct {
	name   string // as manifests have it
	called string
	id     uint32 // in images and security information
	magic  uint32 // at 40001000, of those that do not tell an id
	loader uint32 // where the boot loader lies
	fuses  uint32 // base of the eFuse registers
	mac    uint32 // behind it

	count  field // of writes to the encryption switch: an odd number of bits is on
	secure field // boot
	manual field // encryption of what is written through the ROM, switched off
	keys   field // key manager holds the key of the encryption

	spi   spiRegs
	fifth bool // FLASH_BEGIN has a fifth word
	dog   dog
	otg   uint32 // register of the strap that is left when the chip is on its USB-OTG port; 0: not known
	force uint32 // register whose bit 0 forces the next start into the ROM; 0: none
}

// field is a register, behind the base of the eFuses, and a mask in it; none: mask 0.
type field struct{ reg, mask uint32 }

// spiRegs are registers of the controller of the flash.
type spiRegs struct {
	base               uint32
	usr, usr1, usr2    uint32
	mosi, miso         uint32 // lengths; 0: in usr1
	w0                 uint32
	addressTop, length bool // the address stands in the upper bits; lengths have registers of their own
}

// dog is the watchdog of the RTC, and the super watchdog.
type dog struct {
	key, config uint32 // write protection and the first register of its configuration; 0: none
	superKey    uint32
	superConf   uint32
	superWord   uint32 // that unlocks the super watchdog
	feed        uint32 // bit by which that feeds itself
	resets      bool   // it can be used to reset the chip
}

const (
	dogWord  = 0x50d83aa1
	romMagic = 0x40001000
)

func newSPI(base uint32) spiRegs {
	return spiRegs{base: base, usr: 0x18, usr1: 0x1c, usr2: 0x20, mosi: 0x24, miso: 0x28, w0: 0x58, length: true}
}

func dogC6(resets bool) dog {
	return dog{key: 0x600b1c18, config: 0x600b1c00, superKey: 0x600b1c20, superConf: 0x600b1c1c, superWord: dogWord, feed: 1 << 18,
		resets: resets}
}

var (
	usualCount  = field{0x34, 7 << 18}
	usualSecure = field{0x38, 1 << 20}
	usualManual = field{0x30, 1 << 20}
)

var chips = []*chip{
	{name: "esp8266", called: "ESP8266", id: none, magic: 0xfff0c101, fuses: 0x3ff00050,
		spi: spiRegs{base: 0x60000200, usr: 0x1c, usr1: 0x20, usr2: 0x24, w0: 0x40, addressTop: true}},
	{name: "esp32", called: "ESP32", id: none, magic: 0x00f01d83, loader: 0x1000, fuses: 0x3ff5a000, mac: 4,
		count: field{0, 0x7f << 20}, secure: field{0x18, 1 << 5}, manual: field{0x18, 1 << 7},
		spi: spiRegs{base: 0x3ff42000, usr: 0x1c, usr1: 0x20, usr2: 0x24, mosi: 0x28, miso: 0x2c, w0: 0x80, addressTop: true, length: true}},
	{name: "esp32s2", called: "ESP32-S2", id: 2, magic: 0x000007c6, loader: 0x1000, fuses: 0x3f41a000, mac: 0x44,
		count: usualCount, secure: usualSecure, manual: field{0x30, 1 << 19}, spi: newSPI(0x3f402000), fifth: true,
		dog: dog{key: 0x3f4080ac, config: 0x3f408094, resets: true}, otg: 0x3f404038},
	{name: "esp32s3", called: "ESP32-S3", id: 9, fuses: 0x60007000, mac: 0x44,
		count: usualCount, secure: usualSecure, manual: usualManual, spi: newSPI(0x60002000), fifth: true,
		dog: dog{key: 0x600080b0, config: 0x60008098, superKey: 0x600080b8, superConf: 0x600080b4,
			superWord: 0x8f1d312a, feed: 1 << 31, resets: true},
		otg: 0x60004038, force: 0x6000812c},
	{name: "esp32c3", called: "ESP32-C3", id: 5, fuses: 0x60008800, mac: 0x44,
		count: usualCount, secure: usualSecure, manual: usualManual, spi: newSPI(0x60002000), fifth: true,
		dog: dog{key: 0x600080a8, config: 0x60008090, superKey: 0x600080b0, superConf: 0x600080ac,
			superWord: 0x8f1d312a, feed: 1 << 31, resets: true}},
	{name: "esp32c2", called: "ESP32-C2", id: 12, fuses: 0x60008800, mac: 0x40,
		count: field{0x30, 7 << 7}, secure: field{0x30, 1 << 21}, manual: field{0x30, 1 << 6}, spi: newSPI(0x60002000), fifth: true},
	{name: "esp32c6", called: "ESP32-C6", id: 13, fuses: 0x600b0800, mac: 0x44,
		count: usualCount, secure: usualSecure, manual: usualManual, spi: newSPI(0x60003000), fifth: true, dog: dogC6(false)},
	{name: "esp32h2", called: "ESP32-H2", id: 16, fuses: 0x600b0800, mac: 0x44,
		count: usualCount, secure: usualSecure, manual: usualManual, spi: newSPI(0x60003000), fifth: true,
		dog: dog{key: 0x600b1c1c, config: 0x600b1c00, superKey: 0x600b1c24, superConf: 0x600b1c20, superWord: dogWord, feed: 1 << 18}},
	{name: "esp32c5", called: "ESP32-C5", id: 23, loader: 0x2000, fuses: 0x600b4800, mac: 0x44,
		count: field{0x34, 7 << 16}, secure: field{0x38, 1 << 25}, manual: usualManual, keys: field{0x34, 2 << 10}, spi: newSPI(0x60003000),
		fifth: true, dog: dogC6(true)},
	{name: "esp32c61", called: "ESP32-C61", id: 20, fuses: 0x600b4800, mac: 0x44,
		count: field{0x30, 7 << 23}, secure: field{0x34, 1 << 26}, manual: field{0x30, 1 << 14},
		spi: newSPI(0x60003000), fifth: true, dog: dogC6(true)},
	{name: "esp32p4", called: "ESP32-P4", id: 18, loader: 0x2000, fuses: 0x5012d000, mac: 0x44,
		count: usualCount, secure: usualSecure, manual: usualManual, keys: field{0x34, 2 << 9}, spi: newSPI(0x5008d000), fifth: true,
		dog: dog{key: 0x50116018, config: 0x50116000, superKey: 0x50116020, superConf: 0x5011601c,
			superWord: dogWord, feed: 1 << 18, resets: true}},
}

// none is the id of a chip whose ROM does not tell one.
const none = 0xffffffff

func (c *chip) is8266() bool { return c.id == none && c.magic == 0xfff0c101 }
func (c *chip) is32() bool   { return c.id == none && c.magic == 0x00f01d83 }

func byID(id uint32) *chip {
	for _, c := range chips {
		if c.id == id && id != none {
			return c
		}
	}
	return nil
}

func byMagic(magic uint32) *chip {
	for _, c := range chips {
		if c.magic == magic && magic != 0 {
			return c
		}
	}
	return nil
}

// Chips are the names of all that are known, as manifests have them.
func Chips() []string {
	var names []string
	for _, c := range chips {
		names = append(names, c.name)
	}
	return names
}
