package boottext_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"unbrick/protocol/smp"
	"unbrick/restore/boottext"
)

func TestRecognise(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []boottext.Kind
	}{
		"ESP32, download": {"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\nwaiting for download\r\n", []boottext.Kind{boottext.ESPDownload}},
		"ESP32-S3":        {"ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\nSPIWP:0xee\r\n", []boottext.Kind{boottext.ESPROM}},
		"ESP32-C3, empty": {"ESP-ROM:esp32c3-api1-20210207\r\nrst:0x7 (TG0WDT_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)\r\ninvalid header: 0xffffffff\r\ninvalid header: 0xffffffff\r\n", []boottext.Kind{boottext.ESPEmpty}},
		"ESP32, empty":    {"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nflash read err, 1000\r\nets_main.c 371 \r\n", []boottext.Kind{boottext.ESPFlashRead}},
		"ESP8266":         {"\r\n ets Jan  8 2013,rst cause:2, boot mode:(3,6)\r\n\r\nload 0x40100000, len 1856, room 16 \r\n", []boottext.Kind{boottext.ESPROM}},
		"ESP8266, load":   {"\r\n ets Jan  8 2013,rst cause:2, boot mode:(1,7)\r\n", []boottext.Kind{boottext.ESPDownload}},
		"ESP32, crash":    {"Guru Meditation Error: Core  1 panic'ed (LoadProhibited). Exception was unhandled.\r\n", []boottext.Kind{boottext.ESPCrash}},
		"U-Boot":          {"\r\n\r\nU-Boot 2023.01+dfsg-2+deb12u1 (Jan 01 2023 - 00:00:00 +0000)\r\n\r\nDRAM:  256 MiB\r\nHit any key to stop autoboot:  2 \b\b\b 1 \b\b\b 0 \r\n=> ", []boottext.Kind{boottext.UBoot}},
		"U-Boot SPL":      {"U-Boot SPL 2021.10 (Oct 04 2021 - 15:09:26 +0000)\r\nTrying to boot from MMC1\r\n", []boottext.Kind{boottext.UBoot}},
		"U-Boot, prompt":  {"\x06\x09ABkAAAAAAAEAB6FhZGd1bmJyaWNrW0c=\r\nUnknown command 'ABkAAAAAAAEAB6FhZGd1bmJyaWNrW0c' - try 'help'\r\n=> ", []boottext.Kind{boottext.UBoot}},
		"MCUboot":         {"*** Booting MCUboot v2.1.0-rc1 ***\r\n*** Using Zephyr OS build v3.7.0 ***\r\nI: Starting bootloader\r\nI: Bootloader chainload address offset: 0xc000\r\n", []boottext.Kind{boottext.MCUboot}},
		"Zephyr":          {"*** Booting Zephyr OS build v3.7.0 ***\r\nHello World! nrf52840dk\r\n", []boottext.Kind{boottext.Zephyr}},
		"MCUboot and Zephyr": {"*** Booting MCUboot v2.1.0 ***\r\nI: Jumping to the first image slot\r\n*** Booting Zephyr OS build v4.0.0 ***\r\n",
			[]boottext.Kind{boottext.MCUboot, boottext.Zephyr}},
		"GRUB":      {"error: no such device: 1b2c3d.\r\nEntering rescue mode...\r\ngrub rescue> ", []boottext.Kind{boottext.GRUB}},
		"barebox":   {"barebox 2023.05.0 #1 Mon May 8 12:00:00 UTC 2023\r\n", []boottext.Kind{boottext.Barebox}},
		"OpenSBI":   {"\r\nOpenSBI v1.3\r\n   ____                    _____ ____ _____\r\n", []boottext.Kind{boottext.OpenSBI}},
		"TF-A":      {"NOTICE:  BL31: v2.9(release):v2.9.0\r\nNOTICE:  BL31: Built : 08:00:00\r\n", []boottext.Kind{boottext.TrustedFirmware}},
		"login":     {"\r\nDebian GNU/Linux 12 box ttyS0\r\n\r\nbox login: ", []boottext.Kind{boottext.Linux}},
		"kernel":    {"[    0.000000] Linux version 6.1.0-13-armmp (debian-kernel@lists.debian.org)\r\n", []boottext.Kind{boottext.Linux}},
		"colours":   {"\x1b[1;32m*** Booting Zephyr OS build v3.7.0 ***\x1b[0m\r\n", []boottext.Kind{boottext.Zephyr}},
		"a program": {"temperature: 21.5\r\nrst the boot: no\r\nlogin: none\r\n", nil},
		"a path":    {"see => here, or U-Boot> in the text\r\n", nil},
		"nothing":   {"", nil},
	} {
		if got := boottext.Recognise([]byte(test.text)); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// Why an ESP does not run: the plainest cause counts, whatever it led to.
func TestCause(t *testing.T) {
	const rom = "ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n"
	for name, test := range map[string]struct {
		text string
		want boottext.Kind
	}{
		"brown-out":         {"Brownout detector was triggered\r\n\r\nets Jun  8 2016 00:22:57\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n", boottext.ESPBrownout},
		"brown-out, reset":  {rom + "rst:0xf (RTCWDT_BROWN_OUT_RESET),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n", boottext.ESPBrownout},
		"empty":             {rom + "rst:0x7 (TG0WDT_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)\r\ninvalid header: 0xffffffff\r\n", boottext.ESPEmpty},
		"no application":    {"E (110) boot: OTA app partition slot 0 is not bootable\r\nE (116) boot: No bootable app partitions in the partition table\r\n", boottext.ESPEmpty},
		"damaged":           {rom + "rst:0x3 (RTC_SW_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)\r\ninvalid header: 0x12345678\r\n", boottext.ESPBadImage},
		"damaged, checksum": {"E (365) esp_image: Checksum failed. Calculated 0x34 read 0x12\r\n", boottext.ESPBadImage},
		"flash":             {"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nflash read err, 1000\r\n", boottext.ESPFlashRead},
		"panic":             {"Guru Meditation Error: Core  0 panic'ed (StoreProhibited). Exception was unhandled.\r\nRebooting...\r\n", boottext.ESPCrash},
		"abort":             {"abort() was called at PC 0x40084b1f on core 0\r\n", boottext.ESPCrash},
		"ESP8266":           {"Exception (28):\r\nepc1=0x4000bf64 epc2=0x00000000\r\n", boottext.ESPCrash},
		"watchdog":          {rom + "rst:0x8 (TG1WDT_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n", boottext.ESPWatchdog},
		"watchdog, task":    {"E (10296) task_wdt: Task watchdog got triggered. The following tasks did not reset the watchdog in time:\r\n", boottext.ESPWatchdog},
		"watchdog, ESP8266": {"\r\n ets Jan  8 2013,rst cause:4, boot mode:(3,6)\r\n\r\nwdt reset\r\n", boottext.ESPWatchdog},
		"switched off":      {"Download mode is disabled. Restart with GPIO0 high.\r\n", boottext.ESPDisabled},
		"a good start":      {rom + "rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\nSPIWP:0xee\r\nentry 0x403cc71a\r\nI (30) boot: ESP-IDF v5.1\r\n", boottext.Unknown},
		"another's words":   {"U-Boot 2023.01\r\nwdt: started\r\n", boottext.Unknown},
	} {
		if got := boottext.Cause([]byte(test.text)); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

// What is shown is bounded, one line each, without anything that a terminal or a page would obey.
func TestLinesAreSafe(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	words := []string{"hello", "\x1b[2J", "\x1b]0;title\x07", "\r", "\n", "\x00", "\u202eabc", "\u2028", "é", "\xff", "\x9b31m", "<b>&", strings.Repeat("x", 500), "\x06\x09AAAA\n"}
	for range 2000 {
		var b []byte
		for range rnd.IntN(60) {
			b = append(b, words[rnd.IntN(len(words))]...)
		}
		lines := boottext.Lines(b)
		if len(lines) > boottext.MaxLines {
			t.Fatalf("%d lines of %q", len(lines), b)
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) > boottext.MaxLine || !utf8.ValidString(line) || line == "" {
				t.Fatalf("line %q of %q", line, b)
			}
			for _, r := range line {
				if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2028 {
					t.Fatalf("%q in %q", r, line)
				}
			}
		}
	}
}

func TestLines(t *testing.T) {
	packet, err := smp.AppendPacket(nil, smp.Header{Op: smp.Write}, &smp.EchoRequest{Text: []byte("unbrick")})
	if err != nil {
		t.Fatal(err)
	}
	frames := smp.AppendFrames(nil, packet)
	noise := make([]byte, 600)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for name, test := range map[string]struct {
		raw  []byte
		want []string
	}{
		"text":           {[]byte("\r\none\r\n\r\n  two\ttabs \r\nthree"), []string{"one", "  two tabs", "three"}},
		"packets only":   {frames, nil},
		"packets inside": {slices.Concat([]byte("before\r\n"), frames, []byte("behind\r\n")), []string{"before", "behind"}},
		"another speed":  {noise, nil},
		"a few bytes":    {[]byte("ab\r\n"), nil},
		"each once":      {bytes.Repeat([]byte("line\n"), 100), []string{"line"}},
		"first and last": {[]byte(numbered(2000)), strings.Fields("n0 n1 n2 n3 n4 n5 n1994 n1995 n1996 n1997 n1998 n1999")},
		// As the genuine U-Boot 2023.01 answers our calls: it drops the marks, and TAB lists its commands.
		"a console": {[]byte("=> \r\n  base bdinfo boot ...\r\n=> " + string(frames[2:]) + "=> \r\n  base bdinfo boot ...\r\n=> " + string(frames[2:])), []string{"=>", "  base bdinfo boot ..."}},
	} {
		if got := boottext.Lines(test.raw); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "n%d\n", i)
	}
	return b.String()
}
