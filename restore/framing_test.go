package restore_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
	"unbrick/restore"
)

// deafPort is a port that cannot send a break and has no modem lines, as some adapters.
type deafPort struct {
	port *emulator.Port
}

func (p *deafPort) Read(b []byte, wait time.Duration) (int, error) { return p.port.Read(b, wait) }
func (p *deafPort) Write(b []byte) error                           { return p.port.Write(b) }
func (p *deafPort) Now() time.Duration                             { return p.port.Now() }
func (p *deafPort) Close() error                                   { return p.port.Close() }
func (p *deafPort) SetSpeed(baud uint32) error                     { return p.port.SetSpeed(baud) }

// driver is a host that speaks by hand, to put a device into any state.
type driver struct {
	t    *testing.T
	port *emulator.Port
	seq  uint8
}

func (h *driver) write(b []byte) {
	h.t.Helper()
	if err := h.port.Write(b); err != nil {
		h.t.Fatal(err)
	}
}

func (h *driver) packet(q smp.Request) []byte {
	h.t.Helper()
	h.seq++
	head := q.Head()
	head.Sequence = h.seq
	p, err := smp.AppendPacket(nil, head, q)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// drain reads until the line is silent, and returns what came.
func (h *driver) drain() []byte {
	var all []byte
	buf := make([]byte, 512)
	for {
		n, err := h.port.Read(buf, 60*time.Millisecond)
		all = append(all, buf[:n]...)
		if err != nil {
			return all
		}
	}
}

// frames agrees on frames at a speed and passes the trial with so many patterns.
func (h *driver) frames(speed uint32, patterns int) {
	h.t.Helper()
	h.write(smp.AppendFrames(nil, h.packet(&smp.FramesRequest{Speed: speed})))
	if len(h.drain()) == 0 {
		h.t.Fatal("no answer to the request for frames")
	}
	if speed != 0 {
		if err := h.port.SetSpeed(speed); err != nil {
			h.t.Fatal(err)
		}
	}
	for n := range patterns {
		var p [frame.PatternSize]byte
		frame.Fill(&p, uint8(n))
		h.write(frame.AppendPattern(nil, frame.KindProbe, p[:]))
		if got := h.drain(); !bytes.Contains(got, frame.AppendPattern(nil, frame.KindEcho, p[:])[1:]) {
			h.t.Fatalf("pattern %d did not come back: %d bytes", n, len(got))
		}
	}
}

// TestEveryStateLeadsBack puts a device into every state of the cable, by hand, and lets a host come that
// knows nothing of it (a page that was loaded again), with and without a break: it gets through, and the
// device is restored over what was left.
func TestEveryStateLeadsBack(t *testing.T) {
	states := []struct {
		name string
		put  func(h *driver, r *rig, v *made)
	}{
		{"console, half a packet", func(h *driver, r *rig, v *made) {
			p := smp.AppendFrames(nil, h.packet(&smp.BeginRequest{Manifest: v.signed}))
			h.write(p[:len(p)/2])
		}},
		{"asked for frames, and did not hear the answer", func(h *driver, r *rig, v *made) {
			h.write(smp.AppendFrames(nil, h.packet(&smp.FramesRequest{})))
		}},
		{"asked for another speed, and did not hear the answer", func(h *driver, r *rig, v *made) {
			h.write(smp.AppendFrames(nil, h.packet(&smp.FramesRequest{Speed: 921600})))
		}},
		{"in the trial", func(h *driver, r *rig, v *made) { h.frames(0, 1) }},
		{"in the trial at speed", func(h *driver, r *rig, v *made) { h.frames(921600, 1) }},
		{"in frames", func(h *driver, r *rig, v *made) { h.frames(0, 2) }},
		{"in frames at speed", func(h *driver, r *rig, v *made) { h.frames(921600, 2) }},
		{"in frames, half a frame", func(h *driver, r *rig, v *made) {
			h.frames(0, 2)
			p := frame.AppendPacket(nil, h.packet(&smp.BeginRequest{Manifest: v.signed}))
			h.write(p[:len(p)/2])
		}},
		{"in frames at speed, noise", func(h *driver, r *rig, v *made) {
			h.frames(921600, 2)
			h.write(noise(4, 3000))
		}},
		{"begun at speed", func(h *driver, r *rig, v *made) {
			h.frames(921600, 2)
			h.write(frame.AppendPacket(nil, h.packet(&smp.BeginRequest{Manifest: v.signed, AsIs: true})))
			h.drain()
		}},
		{"half a file at speed", func(h *driver, r *rig, v *made) {
			h.frames(921600, 2)
			h.write(frame.AppendPacket(nil, h.packet(&smp.BeginRequest{Manifest: v.signed, AsIs: true})))
			h.drain()
			h.write(frame.AppendPacket(nil, h.packet(&smp.FileRequest{Number: 1, Size: 9000, SHA: [32]byte{1}, Block: 1024})))
			h.drain()
			for n := range uint16(4) {
				h.write(frame.AppendData(nil, &frame.Data{File: 1, Block: n, Bytes: make([]byte, 1024)}))
			}
		}},
		{"refreshing at speed", func(h *driver, r *rig, v *made) {
			h.frames(921600, 2)
			h.write(frame.AppendPacket(nil, h.packet(&smp.BeginRequest{Manifest: v.signed})))
		}},
	}
	waits := []time.Duration{0, 300 * time.Millisecond, 900 * time.Millisecond, 3 * time.Second}
	if sampled(2, 3) > 1 {
		waits = waits[:1]
	}
	for _, s := range states {
		for _, wait := range waits {
			for _, breaks := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %v, break %v", s.name, wait, breaks), func(t *testing.T) {
					r := newRig(t, even)
					v := r.release("1", 2, 1, code(1, 60_000))
					d := r.lost(nil)
					port := d.Port()
					h := &driver{t: t, port: port}
					// The device answers first when it has looked at its flash.
					h.write(smp.AppendFrames(nil, h.packet(&smp.EchoRequest{Text: []byte("x")})))
					if _, err := port.Read(make([]byte, 100), 5*time.Second); err != nil {
						t.Fatal(err)
					}
					h.drain()
					s.put(h, r, v)
					_, _ = port.Read(make([]byte, 1), wait)
					if err := port.SetSpeed(115200); err != nil {
						t.Fatal(err)
					}
					var host restore.Port = port
					if !breaks {
						host = &deafPort{port}
					}
					begun := port.Now()
					byHand := false
					session, err := restore.Connect(context.Background(), host, &restore.Options{Patience: 20 * time.Second,
						OnWay: func(w restore.Way) { byHand = byHand || w == restore.WayWait }})
					if err != nil {
						t.Fatal(err)
					}
					if took := port.Now() - begun; (took > 2*time.Second || byHand) && s.name != "refreshing at speed" {
						t.Errorf("connected after %v, by hand %t", took, byHand)
					}
					dev, err := session.Identify(context.Background())
					if err != nil {
						t.Fatal(err)
					}
					p, err := session.Plan(context.Background(), dev, source(t, v), nil)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := session.Run(context.Background(), p, nil); err != nil {
						t.Fatal(err)
					}
					port.Close()
					r.restored(d, v)
				})
			}
		}
	}
}

// sampled returns the step in which a sweep goes: 1, and so everything, for `make test-cable`.
func sampled(usual, short int) int {
	switch {
	case os.Getenv("UNBRICK_CABLE") == "all":
		return 1
	case testing.Short():
		return short
	}
	return usual
}

// accident is what happens to one frame or packet on its way.
type accident uint8

const (
	lostFrame accident = iota
	damagedFrame
	twiceFrame
	lateFrame
	accidents
)

func (a accident) String() string { return [...]string{"lost", "damaged", "twice", "late"}[a] }

// spoil does so to p; held keeps what comes late.
func (a accident) spoil(p []byte, held *[]byte) []byte {
	switch a {
	case lostFrame:
		return nil
	case damagedFrame:
		b := bytes.Clone(p)
		b[len(b)/2] ^= 0x21
		return b
	case twiceFrame:
		return append(p[:len(p):len(p)], p...)
	case lateFrame:
		*held = bytes.Clone(p)
		return nil
	case accidents:
	}
	return p
}

// TestEveryMessageSpoiled spoils each thing that either end says in a restoration at another speed, one at a
// time: lost, damaged, said twice, and late. Each of these runs ends in a restored device without being
// run again, and no device is left that a host which knows nothing could not reach.
func TestEveryMessageSpoiled(t *testing.T) {
	r := newRig(t, even)
	v := r.release("1", 2, 1, noise(1, 40_000))
	attempt := func(t *testing.T, spoilWrite, spoilRead int, a accident) (writes, reads int) {
		t.Helper()
		d := r.lost(&lab.Options{Seed: 3})
		inner := d.Port()
		if err := inner.Open(); err != nil {
			t.Fatal(err)
		}
		var held, heldRead []byte
		port := &faultyPort{Port: inner,
			write: func(n int, p []byte) ([]byte, error) {
				writes = n
				out := append(held, p...)
				held = nil
				if n == spoilWrite {
					return a.spoil(out, &held), nil
				}
				return out, nil
			},
			read: func(n int, p []byte) ([]byte, error) {
				reads = n
				out := append(heldRead, p...)
				heldRead = nil
				if n == spoilRead {
					return a.spoil(out, &heldRead), nil
				}
				return out, nil
			}}
		fast := &fastPort{faultyPort: port, port: inner}
		_, err := run(t, fast, source(t, v), &restore.Options{Patience: -1}, nil)
		if err != nil {
			t.Fatalf("write %d, read %d %v: %v", spoilWrite, spoilRead, a, err)
		}
		inner.Close()
		r.restored(d, v)
		d.PowerOff(emulator.NotBegun)
		return writes, reads
	}
	writes, reads := attempt(t, 0, 0, lostFrame)
	if writes < 40 || reads < 40 {
		t.Fatalf("a restoration of %d writes and %d reads", writes, reads)
	}
	step := sampled(5, 31) // and so every kind of accident
	for i := 0; i < int(accidents)*max(writes, reads); i += step {
		n, a := 1+i/int(accidents), accident(i%int(accidents))
		if n <= writes {
			attempt(t, n, 0, a)
		}
		if n <= reads {
			attempt(t, 0, n, a)
		}
	}
}

// fastPort is a faultyPort with speeds and a break.
type fastPort struct {
	*faultyPort
	port *emulator.Port
}

func (p *fastPort) SetSpeed(baud uint32) error  { return p.port.SetSpeed(baud) }
func (p *fastPort) Break(d time.Duration) error { return p.port.Break(d) }

// TestVanishesAtEveryFrame pulls the plug at each write of a restoration in frames, on a device of its own
// each time, and runs it again: the first run ends in a clear error, the second one in a restored device.
func TestVanishesAtEveryFrame(t *testing.T) {
	r := newRig(t, even)
	v := r.release("1", 2, 1, noise(1, 40_000))
	step := sampled(4, 17)
	for k, done := 1, false; !done; k += step {
		for _, power := range []bool{false, true} {
			d := r.lost(&lab.Options{Seed: uint64(k)})
			inner := d.Port()
			if err := inner.Open(); err != nil {
				t.Fatal(err)
			}
			port := &fastPort{port: inner, faultyPort: &faultyPort{Port: inner, write: func(n int, p []byte) ([]byte, error) {
				if n == k {
					return nil, fmt.Errorf("write %d: %w", n, restore.ErrVanished)
				}
				return p, nil
			}}}
			_, err := run(t, port, source(t, v), nil, nil)
			inner.Close()
			if err == nil {
				done = true
			} else {
				if code := retryable(t, err); code != restore.CodeVanished {
					t.Fatalf("write %d: got %v", k, err)
				}
				if power { // the device lived on the cable's power
					d.PowerOff(emulator.Half)
					r.on(d)
				}
				again := d.Port()
				if err := again.Open(); err != nil {
					t.Fatal(err)
				}
				if err := again.SetSpeed(115200); err != nil {
					t.Fatal(err)
				}
				if _, err := run(t, again, source(t, v), nil, nil); err != nil {
					t.Fatalf("write %d, power lost: %v: again: %v", k, power, err)
				}
				again.Close()
			}
			r.restored(d, v)
			d.PowerOff(emulator.NotBegun)
		}
	}
}

// reopeningPort is a port as a browser has it: it changes its speed by being closed and opened again, which
// drops DTR and raises it.
type reopeningPort struct {
	*emulator.Port
	speeds []uint32
}

func (p *reopeningPort) SetSpeed(baud uint32) error {
	p.speeds = append(p.speeds, baud)
	if err := p.Port.SetSpeed(baud); err != nil {
		return err
	}
	if err := p.Port.SetDTR(true); err != nil {
		return err
	}
	return p.Port.SetDTR(false)
}

// TestSpeedChangeResets has a device whose reset is wired to DTR, so that a change of the port's speed resets
// it: the trial fails, and the restoration goes on at base speed.
func TestSpeedChangeResets(t *testing.T) {
	r := newRig(t, even)
	v := r.release("1", 2, 1, noise(1, 60_000))
	d := r.lost(&lab.Options{Line: emulator.LineConfig{Reset: emulator.DTR}})
	inner := d.Port()
	if err := inner.Open(); err != nil {
		t.Fatal(err)
	}
	port := &reopeningPort{Port: inner}
	if _, err := run(t, port, source(t, v), nil, nil); err != nil {
		t.Fatal(err)
	}
	inner.Close()
	r.restored(d, v)
	if len(port.speeds) != 2 || port.speeds[0] != 921600 || port.speeds[1] != 115200 {
		t.Errorf("speeds %d, want one other and back", port.speeds)
	}
}

// TestDeviceWithoutLast: a device that does not know that a file is the last one waits, and is asked for the
// verdict; one that knows is not asked.
func TestDeviceWithoutLast(t *testing.T) {
	for _, knows := range []bool{true, false} {
		r := newRig(t, even)
		v := r.release("1", 2, 1, noise(1, 60_000))
		d := r.lost(nil)
		inner := d.Port()
		if err := inner.Open(); err != nil {
			t.Fatal(err)
		}
		told := 0
		port := &fastPort{port: inner, faultyPort: &faultyPort{Port: inner, write: func(_ int, p []byte) ([]byte, error) {
			var dec frame.Decoder
			dec.Reset(make([]byte, frame.DecoderSize(4096)))
			content, used, _ := dec.Next(p)
			if content == nil || used != len(p) || frame.Kind(content[0]) != frame.KindPacket {
				return p, nil
			}
			h, body, err := smp.ParsePacket(content[1:])
			var q smp.FileRequest
			if err != nil || h.Group != smp.GroupUser || h.ID != smp.UserFile || q.DecodeBody(body) != nil || !q.Last {
				return p, nil
			}
			told++
			q.Last = knows
			packet, err := smp.AppendPacket(nil, h, &q)
			if err != nil {
				t.Fatal(err)
			}
			return frame.AppendPacket(nil, packet), nil
		}}}
		finishes := 0
		_, err := run(t, port, source(t, v), &restore.Options{Trace: func(c restore.Call) {
			if c.Group == smp.GroupUser && c.ID == smp.UserFinish {
				finishes++
			}
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		inner.Close()
		r.restored(d, v)
		want := 1
		if knows {
			want = 0
		}
		if told == 0 || finishes != want {
			t.Errorf("device knows %v: told %d times, asked to finish %d times, want %d", knows, told, finishes, want)
		}
	}
}

// dumbPort takes a break and sends none, as a pseudo-terminal does.
type dumbPort struct{ deafPort }

func (p *dumbPort) Break(time.Duration) error { return nil }

// TestOpensAgain opens the cable of a device that is fine again and again. Whoever closed it let the device go,
// so that the next one is answered at once; whoever only vanished is noticed by the first call that gets no answer.
// A person is never asked to switch the device off and on.
func TestOpensAgain(t *testing.T) {
	const atOnce, soon, speeds = 100 * time.Millisecond, 600 * time.Millisecond, 1800 * time.Millisecond
	for _, test := range []struct {
		name string
		fast uint32
		end  func(s *restore.Session, port *emulator.Port)
		most time.Duration
	}{
		{"closed", 0, func(s *restore.Session, _ *emulator.Port) { s.Close() }, atOnce},
		{"killed", 0, func(*restore.Session, *emulator.Port) {}, soon},
		{"killed in mid-frame", 0, func(_ *restore.Session, port *emulator.Port) {
			p := frame.AppendData(nil, &frame.Data{File: 1, Bytes: make([]byte, 1024)})
			_ = port.Write(p[:len(p)/2])
		}, soon},
		{"another program", 0, func(_ *restore.Session, port *emulator.Port) { _ = port.Write([]byte("AT\r\n+++ATZ\r\n")) }, soon},
		{"killed at another speed", 921600, func(*restore.Session, *emulator.Port) {}, speeds},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, even)
			d := r.device(r.release("1", 2, 1, code(1, 60_000)), nil)
			port := d.Port()
			for i := range 4 {
				if err := port.Open(); err != nil {
					t.Fatal(err)
				}
				if err := port.SetSpeed(115200); err != nil {
					t.Fatal(err)
				}
				asked := false
				began := port.Now()
				o := &restore.Options{OnWay: func(w restore.Way) { asked = asked || w == restore.WayWait }}
				host := restore.Port(&dumbPort{deafPort{port}})
				if i == 0 {
					host = port // the first break brings the device in
				}
				s, err := restore.Connect(t.Context(), host, o)
				if err != nil {
					t.Fatal(err)
				}
				if took := port.Now() - began; i > 0 && (asked || took > test.most) {
					t.Errorf("opening %d: answered after %v, asked a person %t", i+1, took, asked)
				}
				if _, err := s.Identify(t.Context()); err != nil {
					t.Fatal(err)
				}
				if test.fast != 0 {
					h := &driver{t: t, port: port, seq: 100}
					port.Write(frame.AppendPacket(nil, h.packet(&smp.FramesRequest{Speed: test.fast})))
					h.drain()
					if err := port.SetSpeed(test.fast); err != nil {
						t.Fatal(err)
					}
					for n := range uint8(2) {
						var p [frame.PatternSize]byte
						frame.Fill(&p, n)
						h.write(frame.AppendPattern(nil, frame.KindProbe, p[:]))
						h.drain()
					}
				}
				test.end(s, port)
				port.Close()
			}
		})
	}
}
