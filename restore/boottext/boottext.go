// Package boottext reads what comes out of a device's serial port that is no packet: the text of boot loaders
// and consoles. It makes it safe to show, and names what it recognises. docs/cable.md has the table with sources.
package boottext

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits.
const (
	MaxRaw   = 4096 // bytes that are looked at: the first and the last ones
	MaxLines = 12   // that are shown: the first and the last ones
	MaxLine  = 120  // characters of a line
)

// Kind is who has said something. Append-only: the numbers go from the worker to the page.
type Kind uint8

// The kinds.
const (
	Unknown     Kind = iota
	ESPDownload      // the ROM of an ESP, waiting for a download
	ESPEmpty         // the ROM of an ESP, which finds no program
	ESPROM           // the ROM of an ESP, starting
	ESPCrash         // a program on an ESP that has crashed
	UBoot            // U-Boot, starting or at its prompt
	MCUboot
	Zephyr // a program with Zephyr
	GRUB
	Barebox
	OpenSBI
	TrustedFirmware
	Linux        // its kernel's messages or a login
	ESPDisabled  // the ROM of an ESP whose downloads are switched off for good
	ESPBrownout  // an ESP whose supply breaks down
	ESPFlashRead // the ROM of an ESP, which reads no program from the flash
	ESPBadImage  // the ROM or boot loader of an ESP, which finds an image that is damaged
	ESPWatchdog  // an ESP that its watchdog resets
	kinds
)

var names = [kinds]string{
	"nothing known", "the ESP chip's ROM boot loader, waiting for a download", "the ESP chip's ROM boot loader, which finds no program in the flash",
	"the ESP chip's ROM boot loader", "a program on an ESP chip that has crashed", "U-Boot", "MCUboot's log", "a program with Zephyr", "GRUB", "barebox",
	"OpenSBI", "Trusted Firmware", "Linux",
	"the ESP chip's ROM boot loader, whose downloads are switched off for good", "an ESP chip whose supply voltage breaks down",
	"the ESP chip's ROM boot loader, which reads no program from the flash",
	"the ESP chip's boot loader, which finds a damaged program", "an ESP chip that its watchdog resets",
}

// causes are why an ESP does not run its program, the plainest first.
var causes = []Kind{ESPBrownout, ESPDisabled, ESPEmpty, ESPBadImage, ESPFlashRead, ESPCrash, ESPWatchdog}

// Cause returns why an ESP does not run its program, as far as a text tells; Unknown: it does not.
func Cause(raw []byte) Kind {
	text := plain(raw)
	for _, k := range causes {
		for _, p := range patterns {
			if p.kind == k && anyLine(text, p.any) {
				return k
			}
		}
	}
	return Unknown
}

// ESP reports whether a chip of Espressif has said it, its ROM or a program on it. Of what one says only the most telling counts.
func (k Kind) ESP() bool {
	return k >= ESPDownload && k <= ESPCrash || k >= ESPDisabled && k <= ESPWatchdog
}

// String names the kind as a person knows it.
func (k Kind) String() string {
	if k < kinds {
		return names[k]
	}
	return names[Unknown]
}

// patterns are matched in this order. An ESP says several things at once, of which the first counts.
var patterns = []struct {
	kind Kind
	any  []string
}{
	{ESPDownload, []string{"waiting for download", "boot:0x%x (DOWNLOAD", "boot mode:(1,%d)"}},
	{ESPDisabled, []string{"ownload mode is disabled", "ownload boot modes disabled"}},
	{ESPBrownout, []string{"rownout detector was triggered", "_BROWN_OUT_", "(BROWNOUT_"}},
	{ESPEmpty, []string{"nvalid header: 0xffffffff", "No bootable app partitions"}},
	{ESPBadImage, []string{"nvalid header: 0x%x", "Checksum failed", "hash failed", "invalid magic byte", "csum err"}},
	{ESPFlashRead, []string{"flash read err, %d"}},
	{ESPCrash, []string{"Guru Meditation Error: Core", "Fatal exception (%d)", "^Exception (%d):", "abort() was called at", "assert failed: "}},
	{ESPWatchdog, []string{"WDT_SYS_R", "WDT_RTC_R", "WDT_CPU_R", "(SUPER_WDT", "watchdog got triggered", "Interrupt wdt timeout", "^Soft WDT reset", "rst cause:4"}},
	{ESPROM, []string{"ESP-ROM:esp%w", "rst:0x%x (%w),boot:0x%x", " ets %w  %d %d,rst cause:%d", "^ets %w %d %d %d:%d:%d", "^ets %w  %d %d %d:%d:%d"}},
	{UBoot, []string{"U-Boot 20%d.%d", "U-Boot SPL 20%d.%d", "U-Boot TPL 20%d.%d", "Hit any key to stop autoboot", "Autoboot in %d seconds", "' - try 'help'", "^=>$", "^U-Boot>$"}},
	{MCUboot, []string{"*** Booting MCUboot", "mcuboot: ", ": Starting bootloader", "Jumping to the first image slot", "Unable to find bootable image"}},
	{Zephyr, []string{"*** Booting Zephyr OS", "*** Booting nRF Connect SDK"}},
	{GRUB, []string{"GNU GRUB", "^grub>", "^grub rescue>"}},
	{Barebox, []string{"barebox 20%d.%d", "^barebox@"}},
	{OpenSBI, []string{"OpenSBI v%d.%d"}},
	{TrustedFirmware, []string{"NOTICE:  BL1: ", "NOTICE:  BL2: ", "NOTICE:  BL31: "}},
	{Linux, []string{"Linux version %d.%d", "^%w login:$", "BusyBox v%d", "Kernel panic - not syncing"}},
}

// match reports whether a line has a pattern: %d stands for digits, %x for hexadecimal ones, %w for the
// characters of a word, ^ and $ for the line's ends. (Regular expressions would be a tenth of what a page loads.)
func match(line, pattern string) bool {
	pattern, first := strings.CutPrefix(pattern, "^")
	pattern, last := strings.CutSuffix(pattern, "$")
	for i := range len(line) + 1 {
		if rest, ok := begins(line[i:], pattern); ok && (!last || strings.TrimRight(rest, " ") == "") {
			return true
		}
		if first {
			return false
		}
	}
	return false
}

func begins(s, pattern string) (rest string, ok bool) {
	for {
		literal, more, special := strings.Cut(pattern, "%")
		if !strings.HasPrefix(s, literal) {
			return "", false
		}
		s = s[len(literal):]
		if !special {
			return s, true
		}
		set := class(more[0])
		n := len(s) - len(strings.TrimLeft(s, set))
		if n == 0 {
			return "", false
		}
		s, pattern = s[n:], more[1:]
	}
}

// class is the characters that a letter behind % stands for.
func class(letter byte) string {
	switch letter {
	case 'd':
		return "0123456789"
	case 'x':
		return "0123456789abcdef"
	}
	return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
}

// Recognise returns who has said a text, each once. Of what an ESP says only the most telling counts.
func Recognise(raw []byte) []Kind {
	text := plain(raw)
	var found []Kind
	esp := false
	for _, p := range patterns {
		of := p.kind.ESP()
		if of && esp || !anyLine(text, p.any) {
			continue
		}
		esp = esp || of
		found = append(found, p.kind)
	}
	return found
}

func anyLine(text string, patterns []string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		for _, p := range patterns {
			if match(line, p) {
				return true
			}
		}
	}
	return false
}

// Lines makes text safe to show: the first and the last lines, each once, without control characters, bounded.
// Packets go, also those that a console repeats as the text that they are. What is hardly text, as at another
// speed, is no lines.
func Lines(raw []byte) []string {
	var lines []string
	seen := make(map[string]bool)
	good, bad := 0, 0
	for line := range strings.Lines(plain(raw)) {
		line = strings.TrimRight(unpacked(line), " \n")
		for _, r := range line {
			if r == replacement {
				bad++
			} else {
				good++
			}
		}
		if line != "" && !seen[line] {
			seen[line] = true
			lines = append(lines, cut(line))
		}
	}
	if good < 4 || bad*4 > good {
		return nil
	}
	if len(lines) > MaxLines {
		lines = append(lines[:MaxLines/2:MaxLines/2], lines[len(lines)-MaxLines/2:]...)
	}
	return lines
}

// unpacked takes the packets out of a line that a console has repeated without their marks.
func unpacked(line string) string {
	words := strings.SplitAfter(line, " ")
	for i, w := range words {
		if isPacket(strings.TrimRight(w, " \n")) {
			words[i] = ""
		}
	}
	return strings.Join(words, "")
}

const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// isPacket says whether a word is a packet in base64: its first two bytes say how many follow.
func isPacket(word string) bool {
	digits := strings.TrimSuffix(strings.TrimSuffix(word, "="), "=")
	n := len(digits) * 3 / 4
	if len(word)%4 != 0 || n <= 10 || strings.Trim(digits, base64) != "" {
		return false
	}
	first := 0
	for _, c := range []byte(digits[:3]) {
		first = first<<6 | strings.IndexByte(base64, c)
	}
	return first>>2 == n-2
}

func cut(line string) string {
	r := []rune(line)
	if len(r) <= MaxLine {
		return line
	}
	return string(r[:MaxLine-1]) + "…"
}

// replacement stands for what is no character of a text.
const replacement = '·'

// unescape takes out the sequences that move a cursor or set colours.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != 0x1b || i+1 == len(raw) {
			out = append(out, raw[i])
			continue
		}
		if i++; raw[i] != '[' {
			continue
		}
		for i++; i < len(raw) && raw[i] >= ' ' && raw[i] < '@'; i++ {
		}
	}
	return out
}

// plain is text of printable characters and line feeds. Console frames, ours and the device's, go.
func plain(raw []byte) string {
	if len(raw) > MaxRaw {
		raw = slices.Concat(raw[:MaxRaw/2], []byte{'\n'}, raw[len(raw)-MaxRaw/2:])
	}
	var b strings.Builder
	for line := range strings.Lines(string(unescape(raw))) {
		if i := frameAt(line); i >= 0 {
			line = line[:i]
		}
		// A lone carriage return begins the line anew, as a countdown does: both are kept, as two lines.
		line = strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\r", "\n")
		for len(line) > 0 {
			r, n := utf8.DecodeRuneInString(line)
			line = line[n:]
			switch {
			case r == '\n' || r >= ' ' && r < 0x7f:
				b.WriteRune(r)
			case r == '\t':
				b.WriteByte(' ')
			case r == '\b' || r == 0 || r == 7:
			case r == utf8.RuneError && n == 1, r < ' ', r >= 0x7f && r < 0xa0, !printable(r):
				b.WriteRune(replacement)
			default:
				b.WriteRune(r)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// printable keeps to the letters of European languages, box drawing and the like: nothing that turns the
// direction of a line or hides in it.
func printable(r rune) bool { return r >= 0xa0 && r < 0x300 && r != 0xad || r >= 0x2500 && r < 0x25a0 }

// frameAt returns where a console frame begins in a line, or -1.
func frameAt(line string) int {
	for _, mark := range []string{"\x06\x09", "\x04\x14"} {
		if i := strings.Index(line, mark); i >= 0 {
			return i
		}
	}
	return -1
}
