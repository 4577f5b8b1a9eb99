//go:build linux

package serve

import (
	"bytes"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"unbrick/internal/standin"
)

// echo is a device that says what it hears, and notes its lines.
type echo struct {
	w     *standin.Wire
	lines [][2]bool
	heard []byte
	broke time.Duration
}

func (e *echo) Attach(w *standin.Wire) { e.w = w; w.Listen(standin.USBSpeed) }
func (e *echo) Lines(dtr, rts bool)    { e.lines = append(e.lines, [2]bool{dtr, rts}) }
func (e *echo) Byte(b byte, _ uint32)  { e.heard = append(e.heard, b); e.w.Send([]byte{b}) }
func (e *echo) Break(d time.Duration)  { e.broke = d }
func (e *echo) wire() *standin.Wire    { return standin.New(e, standin.Options{Real: true, Seed: 1}) }
func read(t *testing.T, r io.Reader, n int) []byte {
	t.Helper()
	p := make([]byte, n)
	if _, err := io.ReadFull(r, p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRFC2217: data with its FF doubled, lines, speeds and a break, each answered; and a device that leaves hangs up.
func TestRFC2217(t *testing.T) {
	e := &echo{}
	w := e.wire()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- Net(l, w) }()
	for round := range 2 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		for _, c := range []struct{ say, hear []byte }{
			{[]byte{iac, will, comPort, iac, do, comPort, iac, do, 99}, []byte{iac, do, comPort, iac, will, comPort, iac, wont, 99}},
			{[]byte{iac, sb, comPort, setBaud, 0, 0, 0x25, 0x80, iac, se}, []byte{iac, sb, comPort, setBaud + answer, 0, 0, 0x25, 0x80, iac, se}},
			{[]byte{iac, sb, comPort, setLines, 8, iac, se}, []byte{iac, sb, comPort, setLines + answer, 8, iac, se}},
			{[]byte{iac, sb, comPort, setLines, 11, iac, se}, []byte{iac, sb, comPort, setLines + answer, 11, iac, se}},
			{[]byte{iac, sb, comPort, setLines, 9, iac, se}, []byte{iac, sb, comPort, setLines + answer, 9, iac, se}},
			{[]byte{iac, sb, comPort, setLines, 5, iac, se}, []byte{iac, sb, comPort, setLines + answer, 5, iac, se}},
			{[]byte{iac, sb, comPort, 12, 3, iac, se}, []byte{iac, sb, comPort, 112, 3, iac, se}},
			{[]byte{'a', iac, iac, 0, 'b'}, []byte{'a', iac, iac, 0, 'b'}},
		} {
			if _, err := conn.Write(c.say); err != nil {
				t.Fatal(err)
			}
			if got := read(t, conn, len(c.hear)); !bytes.Equal(got, c.hear) {
				t.Errorf("to %v it answered %v, want %v", c.say, got, c.hear)
			}
		}
		w.Do(func() {
			want := [][2]bool{{true, false}, {true, true}, {false, true}}
			if !slices.Equal(e.lines, want) || e.broke != 250*time.Millisecond || !bytes.Equal(e.heard, []byte{'a', iac, 0, 'b'}) {
				t.Errorf("lines %v, break %v, heard %v", e.lines, e.broke, e.heard)
			}
			w.Leave(50 * time.Millisecond)
			e.lines, e.heard, e.broke = nil, nil, 0
		})
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("round %d: the device left, and its client read %d, %v", round, n, err)
		}
		conn.Close()
	}
	l.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestPTY: bytes both ways, the client's speed, and each opening is told.
func TestPTY(t *testing.T) {
	e := &echo{}
	w := e.wire()
	opened := make(chan bool, 10)
	term, err := PTY(w, func(p *standin.Port) {
		opened <- p.SetLines(true, false) == nil
	})
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	for range 2 {
		client, err := os.OpenFile(term.Path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !<-opened {
			t.Error("its lines cannot be set")
		}
		w.Do(func() { w.Listen(57600) })
		settings, err := unix.IoctlGetTermios(int(client.Fd()), unix.TCGETS2)
		if err != nil {
			t.Fatal(err)
		}
		settings.Cflag = settings.Cflag&^unix.CBAUD | unix.BOTHER
		settings.Ispeed, settings.Ospeed = 57600, 57600
		if err := unix.IoctlSetTermios(int(client.Fd()), unix.TCSETS2, settings); err != nil {
			t.Fatal(err)
		}
		text := []byte("every byte \x00\xff\r\n\x11\x13")
		if _, err := client.Write(text); err != nil {
			t.Fatal(err)
		}
		if got := read(t, client, len(text)); !bytes.Equal(got, text) {
			t.Errorf("came back %q", got)
		}
		client.Close()
		// One that is opened again at once has not been closed, as far as anybody can see.
		for asserted, i := true, 0; asserted; i++ {
			if i == 10000 {
				t.Fatal("nobody noticed that the client has gone")
			}
			w.Run(time.Millisecond)
			w.Do(func() { asserted, _ = w.Asserted() })
		}
	}
	if err := term.Close(); err != nil {
		t.Error(err)
	}
}
