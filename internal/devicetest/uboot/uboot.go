// Package uboot runs a genuine U-Boot in QEMU, for tests of recognition: Debian's build for the machine arm virt, executing from NOR, with its
// console on a pseudo-terminal. Debian has all that is needed: u-boot-qemu and qemu-system-arm. Where it is missing a test is skipped and says
// so; with UNBRICK_DEVICES=1 it fails.
package uboot

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"unbrick/restore"
	"unbrick/restore/serialport"
)

const (
	program  = "qemu-system-arm"
	image    = "/usr/lib/u-boot/qemu_arm/u-boot.bin"
	nor      = 64 << 20 // bytes of each of the machine's two
	patience = 30 * time.Second
)

// Board is a machine with power. It stands still until Run.
type Board struct {
	Path string // of its console

	t       testing.TB
	cmd     *exec.Cmd
	monitor net.Conn
	said    *bufio.Reader
}

// need skips or fails a test that cannot be run here.
func need(t testing.TB) string {
	t.Helper()
	qemu, err := exec.LookPath(program)
	if err == nil {
		_, err = os.Stat(image)
	}
	if err != nil {
		if os.Getenv("UNBRICK_DEVICES") == "1" {
			t.Fatal(err)
		}
		t.Skipf("NOT CHECKED on a genuine U-Boot: %v", err)
	}
	return qemu
}

var console = regexp.MustCompile(`/dev/pts/\d+`)

// Start gives a machine power that executes nothing yet, so that nothing of what it says is lost.
func Start(t testing.TB) *Board {
	t.Helper()
	qemu := need(t)
	dir := t.TempDir()
	code, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	var flash [2]string
	for i := range flash {
		flash[i] = filepath.Join(dir, fmt.Sprintf("flash%d", i))
		if err := os.WriteFile(flash[i], nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			err = os.WriteFile(flash[i], code, 0o600)
		}
		if err == nil {
			err = os.Truncate(flash[i], nor)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b := &Board{t: t}
	socket := filepath.Join(dir, "monitor")
	b.cmd = exec.Command(qemu, "-M", "virt", "-m", "256M", "-display", "none", "-monitor", "none", "-nodefaults", "-accel", "tcg", "-serial", "pty", "-S",
		"-qmp", "unix:"+socket+",server=on,wait=off",
		"-drive", "if=pflash,format=raw,file="+flash[0], "-drive", "if=pflash,format=raw,file="+flash[1])
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.cmd.Stderr = b.cmd.Stdout
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { b.cmd.Process.Kill() })
	t.Cleanup(func() {
		b.cmd.Process.Kill()
		b.cmd.Wait()
		if b.monitor != nil {
			b.monitor.Close()
		}
	})
	lines := bufio.NewReader(out)
	for b.Path == "" {
		line, err := lines.ReadString('\n')
		b.Path = console.FindString(line)
		if err != nil && b.Path == "" {
			t.Fatalf("qemu says no console: %q, %v", line, err)
		}
	}
	go io.Copy(io.Discard, lines)
	if b.monitor, err = net.Dial("unix", socket); err != nil {
		t.Fatal(err)
	}
	timer.Stop()
	b.said = bufio.NewReader(b.monitor)
	if err := b.do("qmp_capabilities"); err != nil {
		t.Fatal(err)
	}
	return b
}

// do gives QEMU's monitor a command.
func (b *Board) do(what string) error {
	if err := b.monitor.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(b.monitor, "{\"execute\": %q}\n", what); err != nil {
		return err
	}
	for {
		line, err := b.said.ReadString('\n')
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, `{"return"`):
			return nil
		case strings.HasPrefix(line, `{"error"`):
			return errors.New(line)
		}
	}
}

// Run lets it execute.
func (b *Board) Run() {
	b.t.Helper()
	if err := b.do("cont"); err != nil {
		b.t.Fatal(err)
	}
}

// Reset is power-on, again.
func (b *Board) Reset() {
	b.t.Helper()
	if err := b.do("system_reset"); err != nil {
		b.t.Fatal(err)
	}
}

// Open opens its console.
func (b *Board) Open(baud uint32) restore.Port {
	b.t.Helper()
	p, err := serialport.Open(b.Path, baud)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}
