// Package avr runs genuine boot loaders of AVR boards in simavr, for tests: their UART is a pseudo-terminal, and the edge that a
// capacitor makes of DTR and RTS comes by a pipe. testdata/board.c is the board; it is built when a test first wants one.
//
// Debian has all that is needed: simavr, libsimavr-dev, libelf-dev, arduino-core-avr and gcc. Where it is missing a test is skipped and
// says so; with UNBRICK_DEVICES=1 it fails.
package avr

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"unbrick/restore"
	"unbrick/restore/serialport"
)

// core is where Debian keeps the boot loaders of Arduino's boards.
const core = "/usr/share/arduino/hardware/arduino/avr/bootloaders/"

// Model is a board.
type Model struct {
	Name  string
	MCU   string // as simavr and avrdude know it
	Hertz int
	Hex   string // its boot loader
	Flash int    // bytes
	Boot  uint32 // where the fuses start it
	Baud  uint32
}

// The boards.
var (
	Optiboot      = Model{"Optiboot", "atmega328p", 16_000_000, core + "optiboot/optiboot_atmega328.hex", 32 << 10, 0x7e00, 115200}
	ATmegaBOOT    = Model{"ATmegaBOOT", "atmega328p", 16_000_000, core + "atmega/ATmegaBOOT_168_atmega328.hex", 32 << 10, 0x7800, 57600}
	ATmegaBOOT168 = Model{"ATmegaBOOT on ATmega168", "atmega168", 16_000_000, core + "atmega/ATmegaBOOT_168_diecimila.hex", 16 << 10, 0x3800, 19200}
	STK500Boot    = Model{"stk500boot", "atmega2560", 16_000_000, core + "stk500v2/stk500boot_v2_mega2560.hex", 256 << 10, 0x3e000, 115200}
)

// Need returns where a program is, or ends the test.
func Need(t testing.TB, what string) string {
	t.Helper()
	path, err := exec.LookPath(what)
	if err == nil {
		return path
	}
	if os.Getenv("UNBRICK_DEVICES") == "1" {
		t.Fatalf("%s is needed: %v", what, err)
	}
	t.Skipf("NOT CHECKED: there is no %s", what)
	return ""
}

var program struct {
	sync.Once
	path string
	err  error
}

// build compiles the board.
func build(t testing.TB) string {
	t.Helper()
	cc := Need(t, "gcc")
	for _, file := range []string{"/usr/include/simavr/sim_avr.h", "/usr/include/libelf.h", Optiboot.Hex} {
		if _, err := os.Stat(file); err == nil {
			continue
		} else if os.Getenv("UNBRICK_DEVICES") == "1" {
			t.Fatal(err)
		} else {
			t.Skipf("NOT CHECKED on genuine boot loaders: %v", err)
		}
	}
	program.Do(func() {
		dir, err := os.MkdirTemp("", "board")
		if err != nil {
			program.err = err
			return
		}
		program.path = filepath.Join(dir, "board")
		out, err := exec.Command(cc, "-O2", "-o", program.path, source(), "-lsimavr", "-lelf").CombinedOutput()
		if err != nil {
			program.err = errors.New("the board does not compile: " + err.Error() + "\n" + string(out))
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// Board is a board with power.
type Board struct {
	Path string // of its serial port

	t     testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.Reader
	said  bytes.Buffer
	flash string
}

// patience bounds what the board does at once.
const patience = 20 * time.Second

// Start gives a board power. flash is what it holds beside its loader, which lies where it lies; nil: nothing.
func (m Model) Start(t testing.TB, flash []byte) *Board {
	t.Helper()
	program := build(t)
	dir := t.TempDir()
	b := &Board{Path: filepath.Join(dir, "tty"), t: t, flash: filepath.Join(dir, "flash")}
	whole := bytes.Repeat([]byte{0xff}, m.Flash)
	copy(whole, flash)
	if err := m.load(whole); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.flash, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	b.cmd = exec.Command(program, m.MCU, strconv.Itoa(m.Hertz), strconv.FormatUint(uint64(m.Boot), 16), b.Path, b.flash)
	b.cmd.Stderr = &b.said
	var err error
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if b.out, err = b.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Unplug() })
	b.Flash() // it answers once it runs
	return b
}

func (b *Board) say(what string) error {
	_, err := io.WriteString(b.in, what)
	return err
}

// Reset makes an edge on RESET.
func (b *Board) Reset() { _ = b.say("r") }

// Hold holds the board in reset until the first byte comes, for a host that moves no lines of a pseudo-terminal.
func (b *Board) Hold() { _ = b.say("h") }

// Flash is what its flash holds now.
func (b *Board) Flash() []byte {
	b.t.Helper()
	if err := b.say("d"); err != nil {
		b.t.Fatal(err)
	}
	if _, err := io.ReadFull(b.out, make([]byte, 1)); err != nil {
		b.t.Fatal(err)
	}
	return b.read()
}

func (b *Board) read() []byte {
	b.t.Helper()
	flash, err := os.ReadFile(b.flash)
	if err != nil {
		b.t.Fatal(err)
	}
	return flash
}

// Unplug takes its power away, whatever it does, and returns what its flash holds.
func (b *Board) Unplug() []byte {
	b.t.Helper()
	if b.cmd == nil {
		return nil
	}
	b.in.Close()
	timer := time.AfterFunc(patience, func() { b.cmd.Process.Kill() })
	err := b.cmd.Wait()
	timer.Stop()
	b.cmd = nil
	if err != nil {
		b.t.Errorf("the board: %v", err)
	}
	if b.said.Len() > 0 {
		b.t.Logf("the board: %s", bytes.TrimSpace(b.said.Bytes()))
	}
	return b.read()
}

// Open opens its port.
func (b *Board) Open(baud uint32) restore.Port {
	b.t.Helper()
	p, err := serialport.Open(b.Path, baud)
	if err != nil {
		b.t.Fatal(err)
	}
	return &port{Port: p, board: b}
}

// port is a pseudo-terminal with the lines that it lacks.
type port struct {
	*serialport.Port
	board *Board
	low   bool
}

// SetLines makes the edge when a line is asserted that was released, as the capacitor does.
func (p *port) SetLines(dtr, rts bool) error {
	low := dtr || rts
	if low && !p.low {
		if err := p.board.say("r"); err != nil {
			return restore.ErrVanished
		}
	}
	p.low = low
	return nil
}

func (p *port) SetDTR(on bool) error { return p.SetLines(on, false) }
func (p *port) SetRTS(on bool) error { return p.SetLines(false, on) }
