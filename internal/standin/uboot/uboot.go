// Package uboot is a board with U-Boot as far as it takes to be recognised, and a Linux behind it: log, countdown, prompt, login. What it says
// is of U-Boot 2023.01 (common/autoboot.c, common/cli_readline.c), as seen of Debian's build in QEMU. It knows no command, so that nothing
// can be written; a line that would have written counts.
package uboot

import (
	"fmt"
	"strings"
	"time"

	"unbrick/internal/standin"
)

// Options are what kind of U-Boot it is.
type Options struct {
	Seconds int    // of the countdown; 0: it stops at its prompt by itself
	Key     string // the only thing that stops it; empty: any key does
	Silent  bool   // its console says nothing, not even a prompt
	Prompt  string // empty: "=> "
	Boots   string // what starts when the countdown is over: its words; empty: a Linux with a login
	Running bool   // that was long ago
}

// Board is a standin.Device at 115200 baud.
type Board struct {
	Tally    standin.Tally
	Commands int // lines that it was given, empty ones not counted

	o     Options
	w     *standin.Wire
	state state
	left  int
	row   int
	line  []byte
	key   string
}

type state uint8

const (
	starting state = iota
	counting
	prompt
	system
)

const (
	log = "\r\n\r\nU-Boot 2023.01+dfsg-2+deb12u1 (Jan 01 2023 - 00:00:00 +0000)\r\n\r\nDRAM:  256 MiB\r\nCore:  51 devices, 14 uclasses, devicetree: board\r\n" +
		"Flash: 64 MiB\r\nLoading Environment from Flash... *** Warning - bad CRC, using default environment\r\n\r\nIn:    pl011@9000000\r\n" +
		"Out:   pl011@9000000\r\nErr:   pl011@9000000\r\nNet:   No ethernet found.\r\n"
	linux = "\r\nStarting kernel ...\r\n\r\n[    0.000000] Booting Linux on physical CPU 0x0\r\n[    0.000000] Linux version 6.1.0 (builder@host)\r\n" +
		"\r\nDebian GNU/Linux 12 board ttyAMA0\r\n\r\nboard login: "
	longest = 2048 // of a command line
)

// writes begin commands that write to a flash or to what is kept.
var writes = []string{"cp", "erase", "protect", "sf", "nand", "mmc", "saveenv", "mw", "load", "ubi", "env"}

// New makes a board that has no power yet.
func New(o Options) *Board {
	if o.Prompt == "" {
		o.Prompt = "=> "
	}
	if o.Boots == "" {
		o.Boots = linux
	}
	return &Board{o: o}
}

var (
	_ standin.Device  = (*Board)(nil)
	_ standin.Powered = (*Board)(nil)
)

// Attach implements standin.Device.
func (b *Board) Attach(w *standin.Wire) {
	b.w = w
	w.Listen(115200)
	if b.o.Running {
		b.state = system
		return
	}
	b.Reset()
}

// Power implements standin.Powered.
func (b *Board) Power(on bool) {
	if on {
		b.Reset()
	}
}

// Reset is power-on.
func (b *Board) Reset() {
	b.row++
	b.w.Silence()
	b.state, b.line, b.key = starting, nil, ""
	b.after(200*time.Millisecond, func() {
		b.say(log)
		b.left, b.state = b.o.Seconds, counting
		switch {
		case b.left == 0:
			b.stop()
		case b.o.Key != "":
			b.say(fmt.Sprintf("Autoboot in %d seconds\r\n", b.left))
			b.after(time.Second, b.tick)
		default:
			b.say(fmt.Sprintf("Hit any key to stop autoboot: %2d ", b.left))
			b.after(time.Second, b.tick)
		}
	})
}

// after calls f unless it is reset before.
func (b *Board) after(d time.Duration, f func()) {
	row := b.row
	b.w.After(d, func() {
		if row == b.row {
			f()
		}
	})
}

func (b *Board) say(s string) {
	if !b.o.Silent || b.state == system {
		b.w.Send([]byte(s))
	}
}

func (b *Board) tick() {
	if b.state != counting {
		return
	}
	b.left--
	if b.o.Key == "" {
		b.say(fmt.Sprintf("\b\b\b%2d ", b.left))
	}
	if b.left > 0 {
		b.after(time.Second, b.tick)
		return
	}
	b.state = system
	b.say(b.o.Boots)
}

// stop ends the countdown at the prompt.
func (b *Board) stop() {
	b.state = prompt
	b.say("\r\n" + b.o.Prompt)
}

// Stopped says whether it waits at its prompt.
func (b *Board) Stopped() bool { return b.state == prompt }

// Lines implements standin.Device: it has none.
func (b *Board) Lines(bool, bool) {}

// Break implements standin.Device. A Linux takes the next letter for a command to its kernel.
func (b *Board) Break(time.Duration) {
	if b.state == system {
		b.Tally.Fault("a break to a running Linux makes a command to the kernel of the next letter")
	}
}

// Byte implements standin.Device.
func (b *Board) Byte(c byte, _ uint32) {
	switch b.state {
	case counting:
		if b.o.Key == "" {
			b.stop()
			return
		}
		if b.key += string(rune(c)); !strings.HasPrefix(b.o.Key, b.key) {
			b.key = ""
		}
		if b.key == b.o.Key {
			b.stop()
		}
	case prompt:
		b.edit(c)
	case system:
		b.login(c)
	case starting: // its UART keeps a byte or two; here they are lost
	}
}

// edit is a key at the prompt.
func (b *Board) edit(c byte) {
	switch {
	case c == 3:
		b.line = b.line[:0]
		b.say("<INTERRUPT>\r\n" + b.o.Prompt)
	case c == '\r' || c == '\n':
		b.say("\r\n")
		b.obey(string(b.line))
		b.line = b.line[:0]
		b.say(b.o.Prompt)
	case c == 8 || c == 0x7f:
		if n := len(b.line); n > 0 {
			b.line = b.line[:n-1]
			b.say("\b \b")
		}
	case c == '\t':
		b.say("\a")
	case c >= ' ' && len(b.line) < longest:
		b.line = append(b.line, c)
		b.say(string([]byte{c}))
	}
}

func (b *Board) obey(line string) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	b.Commands++
	name, _, _ := strings.Cut(words[0], ".")
	for _, w := range writes {
		if name == w {
			b.Tally.Unwritten++
		}
	}
	b.say(fmt.Sprintf("Unknown command '%s' - try 'help'\r\n", words[0]))
}

// login is a key at a login.
func (b *Board) login(c byte) {
	if b.o.Boots != linux {
		return
	}
	switch c {
	case '\r', '\n':
		b.say("\r\nboard login: ")
	case 3:
		b.say("\r\nDebian GNU/Linux 12 board ttyAMA0\r\n\r\nboard login: ")
	default:
		if c >= ' ' && c < 0x7f {
			b.say(string([]byte{c}))
		}
	}
}
