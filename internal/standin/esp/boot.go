package esp

import (
	"strconv"
	"time"
)

// poweredOn is the cause of a reset by power or EN.
func (m *model) poweredOn() string {
	switch {
	case m.is8266():
		return "2"
	case m.powerOn != "":
		return m.powerOn
	}
	return "0x1 (POWERON)"
}

// byUSB is the cause of a reset by the lines of the chip's own port.
func (m *model) byUSB() string {
	switch m.name {
	case "esp32s3", "esp32c3":
		return "0x15 (USB_UART_CHIP_RESET)"
	}
	return "0x15 (USB_UART_HPSYS)"
}

// byWatchdog is the cause of a reset by a watchdog.
func (m *model) byWatchdog() string {
	switch {
	case m.is8266():
		return "4"
	case m.old:
		return "0x10 (RTCWDT_RTC_RESET)"
	case m.name == "esp32s2" || m.name == "esp32s3" || m.name == "esp32c3":
		return "0x10 (RTCWDT_RTC_RST)"
	}
	return "0x10 (LP_WDT_SYS)"
}

// bySoftware is the cause of a reset that the program wanted or caused.
func (m *model) bySoftware() string {
	switch {
	case m.is8266():
		return "2"
	case m.old:
		return "0xc (SW_CPU_RESET)"
	}
	return "0xc (RTC_SW_CPU_RST)"
}

func (ch *Chip) say(s string) { ch.w.Send([]byte(s)) }

// head is what every reset begins with.
func (ch *Chip) head(number, mode string) string {
	if ch.m.is8266() {
		return ch.m.banner + "rst cause:" + ch.cause + ", boot mode:(" + number + ",6)\r\n\r\n"
	}
	return ch.m.banner + "rst:" + ch.cause + ",boot:" + number + " (" + mode + ")\r\n"
}

func (ch *Chip) sayDownload() {
	if ch.m.is8266() {
		ch.say(ch.head("1", ""))
		return
	}
	ch.say(ch.head(ch.m.bootDown, ch.m.download))
	if !ch.c.DownloadDenied {
		ch.say("waiting for download\r\n")
	}
}

// enter is when the loader begins to listen.
func (ch *Chip) enter() {
	if ch.c.DownloadDenied { // it hangs until the next reset
		return
	}
	ch.state = downloading
	ch.rom.begin()
}

// start is what a chip does that is not in download mode.
func (ch *Chip) start() {
	if ch.c.Port == OTG { // the program has no port like that
		ch.w.Leave(365 * 24 * time.Hour)
	}
	number := ch.m.bootOK
	if ch.m.is8266() {
		number = "3"
	}
	ch.say(ch.head(number, "SPI_FAST_FLASH_BOOT"))
	if ch.c.Crash == ReadErr {
		ch.say("flash read err, 1000\r\n")
		if ch.m.is8266() {
			ch.say("ets_main.c \r\n")
		} else {
			ch.say("ets_main.c 371 \r\n")
		}
		ch.again(300 * time.Millisecond)
		return
	}
	at := ch.m.bootAt
	img := ch.image(at)
	switch {
	case !img.magic && ch.m.is8266():
		ch.say("ets_main.c \r\n")
		ch.again(2 * time.Second)
		return
	case !img.magic:
		for range 8 {
			ch.say("invalid header: 0x" + hex8(img.word) + "\r\n")
		}
		ch.again(700 * time.Millisecond)
		return
	case !img.sound:
		ch.say("csum err:0x" + hex8(uint32(img.sum))[6:] + "!=0x" + hex8(uint32(img.want))[6:] + "\r\nets_main.c \r\n")
		ch.again(700 * time.Millisecond)
		return
	}
	for _, s := range img.segments {
		if ch.m.is8266() {
			ch.say("load 0x" + hex8(s[0]) + ", len " + strconv.Itoa(int(s[1])) + ", room 16 \r\n" +
				"tail 0\r\nchksum 0x" + hex8(uint32(img.sum))[6:] + "\r\n")
		} else {
			ch.say("load:0x" + hex8(s[0]) + ",len:0x" + strconv.FormatUint(uint64(s[1]), 16) + "\r\n")
		}
	}
	if ch.m.is8266() {
		ch.say("csum 0x" + hex8(uint32(img.sum))[6:] + "\r\n")
		ch.later(100*time.Millisecond, ch.program)
		return
	}
	ch.say("entry 0x" + hex8(img.entry) + "\r\n")
	ch.later(30*time.Millisecond, ch.loadApplication)
}

// loadApplication is what a second boot loader does.
func (ch *Chip) loadApplication() {
	ch.say("I (30) boot: ESP-IDF v5.2.1 2nd stage bootloader\r\nI (31) boot: Partition Table:\r\n")
	at, label := ch.application()
	if at < 0 {
		ch.say("E (60) boot: " + label + "\r\nE (61) boot: load partition table error!\r\n")
		ch.again(300 * time.Millisecond)
		return
	}
	img := ch.image(at)
	switch {
	case !img.magic:
		ch.say("E (70) esp_image: image at 0x" + strconv.FormatInt(int64(at), 16) + " has invalid magic byte (nothing flashed here?)\r\n" +
			"E (71) boot: OTA app partition slot 0 is not bootable\r\nE (72) boot: No bootable app partitions in the partition table\r\n")
		ch.again(300 * time.Millisecond)
		return
	case img.id != ch.m.id:
		ch.say("E (70) boot_comm: mismatch chip ID, expected " + strconv.Itoa(ch.m.id) + ", found " + strconv.Itoa(img.id) + "\r\n" +
			"E (72) boot: No bootable app partitions in the partition table\r\n")
		ch.again(300 * time.Millisecond)
		return
	case !img.sound:
		ch.say("E (70) esp_image: Checksum failed. Calculated 0x" + hex8(uint32(img.sum))[6:] + " read 0x" + hex8(uint32(img.want))[6:] + "\r\n" +
			"E (72) boot: No bootable app partitions in the partition table\r\n")
		ch.again(300 * time.Millisecond)
		return
	}
	ch.say("I (80) boot: Loaded app from partition at offset 0x" + strconv.FormatInt(int64(at), 16) + "\r\n")
	ch.later(50*time.Millisecond, ch.program)
}

// program is the program, as far as a line can see it.
func (ch *Chip) program() {
	ch.state = running
	if ch.m.is8266() {
		ch.w.Listen(115200)
	}
	switch ch.c.Crash {
	case BrownOut:
		ch.say("\r\nBrownout detector was triggered\r\n\r\n")
		ch.again(200 * time.Millisecond)
		return
	case Watchdog:
		if ch.m.is8266() {
			ch.later(time.Second, func() { ch.reset(true, ch.m.byWatchdog()) })
			return
		}
		ch.say("E (5310) task_wdt: Task watchdog got triggered. The following tasks/users did not reset the watchdog in time:\r\n")
		ch.again(time.Second)
		return
	case Panic:
		if ch.m.is8266() {
			ch.say("\r\nException (28):\r\nepc1=0x4021d0a0 epc2=0x00000000\r\nFatal exception (28):\r\n")
		} else {
			ch.say("Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\nRebooting...\r\n")
		}
		ch.later(300*time.Millisecond, func() { ch.reset(false, ch.m.bySoftware()) })
		return
	}
	if !ch.m.is8266() {
		ch.say("I (150) cpu_start: Starting scheduler on CPU0\r\nI (160) main_task: Calling app_main()\r\n")
	}
	ch.chatter(1)
}

func (ch *Chip) chatter(n int) {
	text := ch.c.Program
	if text == "" {
		text = "the program runs, " + strconv.Itoa(n) + "\r\n"
	}
	ch.say(text)
	ch.later(time.Second, func() { ch.chatter(n + 1) })
}

// again is a chip that does not come up: its watchdog resets it.
func (ch *Chip) again(d time.Duration) {
	ch.later(d, func() { ch.reset(true, ch.m.byWatchdog()) })
}

func hex8(v uint32) string {
	s := strconv.FormatUint(uint64(v)|1<<32, 16)
	return s[1:]
}
