package esp

import (
	"strings"

	"unbrick/restore/family"
)

// boot is one start of a chip, as its text tells.
type boot struct {
	download bool // the strap says the ROM
	flash    bool // the strap says the program
	waits    bool // for a download
	refuses  bool // downloads are switched off
	empty    bool // no boot loader or no program is found
	entered  bool // a boot loader or program was entered
	crash    bool
	dog      bool // a watchdog has reset it
	program  bool // something that only a program says
}

// said reads what a chip has said: its starts, the first one perhaps only in part.
func said(raw []byte) []boot {
	var all []boot
	cause := false
	now := func() *boot { return &all[len(all)-1] }
	for line := range strings.FieldsFuncSeq(string(raw), func(r rune) bool { return r == '\n' || r == '\r' || r == 0 }) {
		banner := strings.Contains(line, "ESP-ROM:") || strings.HasPrefix(strings.TrimLeft(line, " "), "ets J")
		reset := strings.Contains(line, "rst:0x") || strings.Contains(line, "rst cause:")
		cut := false
		if banner || reset && cause || len(all) == 0 {
			// What begins without a banner is a program's, but for a first line of which the beginning is missing.
			all = append(all, boot{entered: !banner && !reset})
			cause = false
			cut = !banner && !reset
		}
		cause = cause || reset
		b := now()
		has := func(words ...string) bool {
			for _, w := range words {
				if strings.Contains(line, w) {
					return true
				}
			}
			return false
		}
		switch {
		case has("waiting for download"):
			b.waits, b.download = true, true
		case has("ownload mode is disabled", "ownload boot modes disabled"):
			b.refuses, b.download = true, true
		case has("nvalid header: 0x", "flash read err,", "No bootable app", "ets_main.c", "invalid magic byte", "csum err", "Checksum failed"):
			b.empty = true
		case has("Guru Meditation", "Fatal exception", "abort() was called", "rownout detector", "Exception (", "Soft WDT reset", "assert failed",
			"watchdog got triggered", "Rebooting...", "wdt reset"):
			b.crash = true
		case has("entry 0x", "~ld", "csum 0x", "Calling app_main", "jump to run user"):
			b.entered = true
		case has("cpu_start:", "app_init:", "main_task:", "app_start:"):
			b.entered, b.program = true, true
		case b.entered && !cut && !loaders(line) && readable(line):
			b.program = true
		}
		if reset {
			b.download = b.download || has("(DOWNLOAD", "boot mode:(1,")
			b.flash = b.flash || has("FLASH_BOOT", "boot mode:(3,")
			b.dog = b.dog || has("WDT", "rst cause:4")
		}
	}
	return all
}

// loaders says whether a line is one of ROM or boot loader.
func loaders(line string) bool {
	for _, w := range []string{" boot: ", " boot.esp32", " esp_image: ", " qio_mode: ", " efuse: ", " flash_encrypt: ", " secure_boot",
		" bootloader", "load:0x", "mode:", "SPIWP:", "Build:", "Saved PC:", "configsip:", "clk_drv:", "ho 0 tail", "chksum",
		"csum", "tail ", "load 0x", "user code done", "rst:0x", "ctal Flash", " wdt",
		"boot out of range", "2nd boot", "SPI Speed", "SPI Mode", "SPI Flash Size", "Register dump", "Backtrace:"} {
		if strings.Contains(line, w) {
			return true
		}
	}
	return false
}

// readable says whether a line is text, as noise at another speed is not.
func readable(line string) bool {
	letters := 0
	for i := range len(line) {
		c := line[i]
		if c >= 0x7f || c < ' ' && c != '\t' && c != 0x1b {
			return false
		}
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' {
			letters++
		}
	}
	return letters >= 4
}

// outcome judges what a chip has said since it was told to start. It is sure when listening on would tell nothing more.
func outcome(raw []byte) (family.Outcome, bool) {
	starts := said(raw)
	if len(starts) == 0 {
		return family.Quiet, false
	}
	last := starts[len(starts)-1]
	crashes, empties := 0, 0
	for i, b := range starts {
		if b.crash || i > 0 && b.dog { // the first may be ours
			crashes++
		}
		if b.empty {
			empties++
		}
	}
	switch {
	case last.waits || last.refuses:
		return family.Waits, true
	case empties > 0:
		return family.Empty, empties > 1 || len(starts) > 2
	case crashes > 0 || len(starts) > 3: // one start more than it was told to is a board's own, as the supply comes up
		return family.Crashes, len(starts) > 2
	case last.program:
		return family.Runs, false
	}
	return family.Quiet, false
}
