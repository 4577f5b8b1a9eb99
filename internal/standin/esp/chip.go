package esp

// model is what tells one kind of chip from another. Addresses are of Espressif's own tools (esptool, esptool-js 0.7.0).
type model struct {
	name     string // as manifests have it
	id       int    // in images and in GET_SECURITY_INFO; -1: images have none
	magic    uint32 // at 40001000
	bootAt   int    // where its boot loader lies
	info     int    // bytes that GET_SECURITY_INFO returns; 0: unknown command
	old      bool   // ESP8266 and ESP32: four words, autobaud
	efuse    uint32
	efuseLen int    // words that can be read
	mac      uint32 // offset in eFuse words' space, of the low part
	crypt    bit    // counter of flash encryption: its odd number of bits is "on"
	secure   bit
	manual   bit // switches encryption by the loader off
	spi      uint32
	spiOld   bool // registers as ESP8266 and ESP32 have them
	clkdiv   uint32
	crystal  int    // MHz
	usbBuf   uint32 // the ROM's variable that tells by which port it speaks
	usbValue uint32 // its value on USB-Serial-JTAG
	otgValue uint32 // on USB-OTG
	strap    uint32 // strapping register: bit 3 clear means download mode by pin
	force    uint32 // register with a bit 0 that forces download mode
	wdt      watchdog
	banner   string
	download string // in parentheses behind boot:
	bootOK   string // number of a start from flash
	bootDown string // number of download mode
	powerOn  string
}

// bit is a field of an eFuse word.
type bit struct {
	at    uint32 // byte offset from the eFuse base
	shift uint
	width uint
}

func (b bit) mask() uint32 { return (1<<b.width - 1) << b.shift }

// watchdog is where the two watchdogs are; 0: there is none.
type watchdog struct {
	protect, config    uint32
	swdProtect, swd    uint32
	swdKey, swdFeed    uint32
	resets, resetFrees bool // its reset can be used to start the program; with resetFrees the force bit must be cleared before
}

const wdtKey = 0x50d83aa1

var models = []model{
	{name: "esp8266", id: -1, magic: 0xfff0c101, old: true, efuse: 0x3ff00050, efuseLen: 4, spi: 0x60000200, spiOld: true, clkdiv: 0x60000014,
		crystal: 26, banner: " ets Jan  8 2013,"},
	{name: "esp32", magic: 0x00f01d83, bootAt: 0x1000, old: true, efuse: 0x3ff5a000, efuseLen: 7,
		crypt: bit{0, 20, 7}, secure: bit{0x18, 5, 1}, manual: bit{0x18, 7, 1}, spi: 0x3ff42000, spiOld: true, clkdiv: 0x3ff40014, crystal: 40,
		banner:   "ets Jul 29 2019 12:21:46\r\n\r\n",
		download: "DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2)", bootOK: "0x13", bootDown: "0x3", powerOn: "0x1 (POWERON_RESET)"},
	{name: "esp32s2", id: 2, magic: 0x7c6, bootAt: 0x1000, info: 12, efuse: 0x3f41a000, efuseLen: 96, mac: 0x44, crypt: bit{0x34, 18, 3},
		secure: bit{0x38, 20, 1}, manual: bit{0x30, 19, 1}, spi: 0x3f402000, clkdiv: 0x3f400014, crystal: 40, usbBuf: 0x3ffffd14, otgValue: 2,
		strap: 0x3f404038, force: 0x3f408128, wdt: watchdog{protect: 0x3f4080ac, config: 0x3f408094, resets: true},
		banner: "ESP-ROM:esp32s2-rc4-20191025\r\nBuild:Oct 25 2019\r\n", download: "DOWNLOAD(USB/UART0/1/SPI)", bootOK: "0x8", bootDown: "0x0"},
	{name: "esp32s3", id: 9, magic: 9, info: 20, efuse: 0x60007000, efuseLen: 96, mac: 0x44, crypt: bit{0x34, 18, 3}, secure: bit{0x38, 20, 1},
		manual: bit{0x30, 20, 1}, spi: 0x60002000, clkdiv: 0x60000014, crystal: 40, usbBuf: 0x3fcef14c, usbValue: 3, otgValue: 4,
		strap: 0x60004038, force: 0x6000812c, wdt: watchdog{protect: 0x600080b0, config: 0x60008098, swdProtect: 0x600080b8, swd: 0x600080b4,
			swdKey: 0x8f1d312a, swdFeed: 1 << 31, resets: true, resetFrees: true},
		banner: "ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\n", download: "DOWNLOAD(USB/UART0)", bootOK: "0x8", bootDown: "0x0"},
	{name: "esp32c2", id: 12, magic: 0x6f51306f, info: 20, efuse: 0x60008800, efuseLen: 96, mac: 0x40, crypt: bit{0x30, 7, 3},
		secure: bit{0x30, 21, 1}, manual: bit{0x30, 6, 1}, spi: 0x60002000, clkdiv: 0x60000014, crystal: 40,
		banner: "ESP-ROM:esp8684-api2-20220127\r\nBuild:Jan 27 2022\r\n", download: "DOWNLOAD(UART0)", bootOK: "0xc", bootDown: "0x4"},
	{name: "esp32c3", id: 5, magic: 0x1b31506f, info: 20, efuse: 0x60008800, efuseLen: 96, mac: 0x44, crypt: bit{0x34, 18, 3},
		secure: bit{0x38, 20, 1}, manual: bit{0x30, 20, 1}, spi: 0x60002000, clkdiv: 0x60000014, crystal: 40, usbBuf: 0x3fcdf07c, usbValue: 3,
		wdt: watchdog{protect: 0x600080a8, config: 0x60008090, swdProtect: 0x600080b0, swd: 0x600080ac, swdKey: 0x8f1d312a, swdFeed: 1 << 31,
			resets: true},
		banner: "ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n", download: "DOWNLOAD(USB/UART0/1)", bootOK: "0xc", bootDown: "0x5"},
	{name: "esp32c5", id: 23, magic: 0x63e1406f, bootAt: 0x2000, info: 20, efuse: 0x600b4800, efuseLen: 96, mac: 0x44, crypt: bit{0x34, 16, 3},
		secure: bit{0x38, 25, 1}, manual: bit{0x30, 20, 1}, spi: 0x60003000, clkdiv: 0x60000014, crystal: 48, usbBuf: 0x4085f514, usbValue: 3,
		wdt:    lowPower(0x600b1c00, 0x18, 0x20, 0x1c, true),
		banner: "ESP-ROM:esp32c5-eco2-20250121\r\nBuild:Jan 21 2025\r\n", download: "DOWNLOAD(USB/UART0/SPI)", bootOK: "0x18", bootDown: "0x8"},
	{name: "esp32c6", id: 13, magic: 0x2ce0806f, info: 20, efuse: 0x600b0800, efuseLen: 96, mac: 0x44, crypt: bit{0x34, 18, 3},
		secure: bit{0x38, 20, 1}, manual: bit{0x30, 20, 1}, spi: 0x60003000, clkdiv: 0x60000014, crystal: 40, usbBuf: 0x4087f580, usbValue: 3,
		wdt:      lowPower(0x600b1c00, 0x18, 0x20, 0x1c, false),
		banner:   "ESP-ROM:esp32c6-20220919\r\nBuild:Sep 19 2022\r\n",
		download: "DOWNLOAD(USB/UART0/SDIO_FEI_FEO)", bootOK: "0xc", bootDown: "0x4"},
	{name: "esp32h2", id: 16, magic: 0xd7b73e80, info: 20, efuse: 0x600b0800, efuseLen: 96, mac: 0x44, crypt: bit{0x34, 18, 3},
		secure: bit{0x38, 20, 1}, manual: bit{0x30, 20, 1}, spi: 0x60003000, clkdiv: 0x60000014, crystal: 32, usbBuf: 0x4084fefc, usbValue: 3,
		wdt:    lowPower(0x600b1c00, 0x1c, 0x24, 0x20, false),
		banner: "ESP-ROM:esp32h2-20221101\r\nBuild:Nov  1 2022\r\n", download: "DOWNLOAD(USB/UART0/SPI)", bootOK: "0xc", bootDown: "0x4"},
	{name: "esp32p4", id: 18, magic: 0, bootAt: 0x2000, info: 20, efuse: 0x5012d000, efuseLen: 96, mac: 0x44, crypt: bit{0x34, 18, 3},
		secure: bit{0x38, 20, 1}, manual: bit{0x30, 20, 1}, spi: 0x5008d000, clkdiv: 0x500ca014, crystal: 40, usbBuf: 0x4ff3fec8, usbValue: 6,
		otgValue: 5, strap: 0x500e0038, force: 0x50110008, wdt: lowPower(0x50116000, 0x18, 0x20, 0x1c, true),
		banner:   "ESP-ROM:esp32p4-eco2-20240710\r\nBuild:Jul 10 2024\r\n",
		download: "DOWNLOAD(USB/UART0/SPI)", bootOK: "0xc", bootDown: "0x4"},
}

// lowPower is a watchdog of the later chips.
func lowPower(base, protect, swdProtect, swd uint32, resets bool) watchdog {
	return watchdog{protect: base + protect, config: base, swdProtect: base + swdProtect, swd: base + swd, swdKey: wdtKey, swdFeed: 1 << 18,
		resets: resets}
}

// Names are the chips that there are.
func Names() []string {
	var names []string
	for i := range models {
		names = append(names, models[i].name)
	}
	return names
}

// BootAt is where a chip's boot loader lies in its flash, and whether there is such a chip.
func BootAt(chip string) (int, bool) {
	if m := find(chip); m != nil {
		return m.bootAt, true
	}
	return 0, false
}

func find(name string) *model {
	for i := range models {
		if models[i].name == name {
			return &models[i]
		}
	}
	return nil
}

func (m *model) is8266() bool { return m.id < 0 }

// status is how many bytes end an answer.
func (m *model) status() int {
	if m.is8266() {
		return 2
	}
	return 4
}
