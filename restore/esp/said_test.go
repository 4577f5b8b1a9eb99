package esp

import (
	"testing"

	"unbrick/restore/family"
)

const (
	bannerC3 = "ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\nSPIWP:0xee\r\nmode:DIO, clock div:1\r\n"
	loadsC3  = "load:0x3fcd6100,len:0x14\r\nload:0x403ce000,len:0x4f8\r\nentry 0x403ce000\r\nI (24) boot: ESP-IDF v5.1 2nd stage bootloader\r\n" +
		"I (41) boot: Partition Table:\r\nI (80) esp_image: segment 0: paddr=00010020\r\nI (99) boot: Loaded app from partition at offset 0x10000\r\n"
	banner32   = "ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nconfigsip: 0, SPIWP:0xee\r\n"
	dogC3      = "ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\nrst:0x8 (TG1WDT_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n"
	downC3     = "ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\nrst:0x1 (POWERON),boot:0x4 (DOWNLOAD(USB/UART0/1))\r\nwaiting for download\r\n"
	banner8266 = "\r\n ets Jan  8 2013,rst cause:2, boot mode:(3,6)\r\n\r\nload 0x40100000, len 1856, room 16 \r\ntail 0\r\nchksum 0x63\r\ncsum 0x63\r\n"
)

func TestOutcome(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want family.Outcome
	}{
		"nothing":               {"", family.Quiet},
		"the ROM alone":         {bannerC3, family.Quiet},
		"its boot loader alone": {bannerC3 + loadsC3, family.Quiet},
		"IDF":                   {bannerC3 + loadsC3 + "I (150) cpu_start: Starting scheduler.\r\n", family.Runs},
		"Arduino":               {banner32 + "load:0x3fff0030,len:1184\r\nentry 0x400805e4\r\nHello from setup\r\n", family.Runs},
		"no text of the ROM":    {"something cut\r\nHello from setup\r\n", family.Runs},
		"8266":                  {banner8266 + "v39c79d9b\r\n~ld\r\n\x8c\xfe\x90\r\nHello from setup\r\n", family.Runs},
		"8266, silent":          {banner8266 + "v39\xff\r\n~ld\r\n\x8c\xfe\x90", family.Quiet},
		"noise":                 {bannerC3 + loadsC3 + "\x8c\xfe\x90\x01\x02\xfe\x81\r\n\xfe\r\n", family.Quiet},
		"empty":                 {bannerC3 + "invalid header: 0xffffffff\r\ninvalid header: 0xffffffff\r\n", family.Empty},
		"no application":        {bannerC3 + loadsC3 + "E (116) boot: No bootable app partitions in the partition table\r\n", family.Empty},
		"flash":                 {banner32 + "flash read err, 1000\r\nets_main.c 371 \r\n" + banner32 + "flash read err, 1000\r\n", family.Empty},
		"panic":                 {bannerC3 + loadsC3 + "I (150) cpu_start: go\r\nGuru Meditation Error: Core  0 panic'ed (Load access fault).\r\n" + bannerC3, family.Crashes},
		"watchdog":              {bannerC3 + loadsC3 + "I (150) cpu_start: go\r\n" + dogC3 + loadsC3, family.Crashes},
		"reset by our watchdog": {dogC3 + loadsC3 + "I (150) cpu_start: go\r\n", family.Runs},
		"again and again":       {bannerC3 + bannerC3 + bannerC3 + bannerC3 + loadsC3, family.Crashes},
		"brown-out":             {banner32 + "entry 0x400805e4\r\n\r\nBrownout detector was triggered\r\n\r\n" + banner32, family.Crashes},
		"8266, exception":       {banner8266 + "Exception (28):\r\nepc1=0x4021d0a0\r\n" + banner8266, family.Crashes},
		"download again":        {downC3, family.Waits},
		"download, then it ran": {downC3 + bannerC3 + loadsC3 + "I (150) cpu_start: go\r\n", family.Runs},
		"downloads denied":      {"Download mode is disabled. Restart with GPIO0 high.\r\n", family.Waits},
	} {
		if got, _ := outcome([]byte(test.text)); got != test.want {
			t.Errorf("%s: got %v, want %v: %+v", name, got, test.want, said([]byte(test.text)))
		}
	}
}

func FuzzOutcome(f *testing.F) {
	f.Add([]byte(bannerC3 + loadsC3))
	f.Add([]byte(banner8266))
	f.Fuzz(func(t *testing.T, p []byte) {
		what, _ := outcome(p)
		if what == family.Runs && len(p) < 4 {
			t.Fatalf("%q runs", p)
		}
	})
}
