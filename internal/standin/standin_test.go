package standin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"unbrick/restore"
	"unbrick/restore/porttest"
)

// recorder is a device that notes what happens to it.
type recorder struct {
	w     *Wire
	speed uint32
	got   []byte
	last  time.Duration // when the last byte came
	lines []string
	power []bool
	broke time.Duration
	echo  bool
}

func (r *recorder) Attach(w *Wire) { r.w = w; w.Listen(r.speed) }
func (r *recorder) Lines(dtr, rts bool) {
	r.lines = append(r.lines, fmt.Sprintf("%v %v", dtr, rts))
}
func (r *recorder) Byte(b byte, _ uint32) {
	r.got, r.last = append(r.got, b), r.w.Now()
	if r.echo {
		r.w.Send([]byte{b})
	}
}
func (r *recorder) Break(d time.Duration) { r.broke = d }
func (r *recorder) Power(on bool)         { r.power = append(r.power, on) }

func build(t *testing.T, o Options) (*recorder, *Wire) {
	t.Helper()
	if o.Seed == 0 {
		o.Seed = 1
	}
	t.Logf("seed %d", o.Seed)
	r := &recorder{speed: 115200}
	return r, New(r, o)
}

func open(t *testing.T, w *Wire, baud uint32) *Port {
	t.Helper()
	p, err := w.Open(baud)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// everything reads until nothing comes for a second.
func everything(t *testing.T, p *Port) []byte {
	t.Helper()
	var all []byte
	for {
		var b [100]byte
		n, err := p.Read(b[:], time.Second)
		if err != nil {
			if !restore.IsTimeout(err) {
				t.Fatal(err)
			}
			return all
		}
		all = append(all, b[:n]...)
	}
}

// TestConformance: the host's end is a restore.Port, in both times.
func TestConformance(t *testing.T) {
	for name, o := range map[string]Options{
		"virtual": {}, "real": {Real: true}, "virtual, ragged": {Ragged: true, Latency: 4 * time.Millisecond, Asserts: true},
		"real, ragged": {Real: true, Ragged: true, Latency: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range porttest.Checks() {
				// In virtual time nothing waits: a read for a minute is over at once.
				if !o.Real && (c.Name == "close ends a waiting read" || c.Name == "pulling out ends a waiting read") {
					continue
				}
				t.Run(c.Name, func(t *testing.T) {
					r, w := build(t, o)
					c.Run(t, &porttest.Rig{
						Open: func(baud uint32) (restore.Port, error) {
							p, err := w.Open(baud)
							if err != nil {
								return nil, err
							}
							w.Do(func() { w.Listen(baud) })
							return p, nil
						},
						Busy: restore.ErrBusy,
						Send: func(b []byte) { w.Do(func() { w.Send(b) }) },
						Recv: func(n int) (got []byte) {
							for range 20000 {
								if w.Do(func() { got = r.got }); len(got) >= n {
									break
								}
								w.Run(time.Millisecond)
							}
							w.Do(func() { got, r.got = r.got, nil })
							return got
						},
						Unplug: w.Unplug, Refuse: w.Refuse,
					})
				})
			}
		})
	}
}

// TestBytesTakeTheirTime: ten bits each, both ways, and a Write waits when the port is full.
func TestBytesTakeTheirTime(t *testing.T) {
	for _, baud := range []uint32{9600, 115200, 921600} {
		r, w := build(t, Options{})
		r.echo = true
		w.Do(func() { w.Listen(baud) })
		p := open(t, w, baud)
		data := bytes.Repeat([]byte("abcdefgh"), 1250)
		if err := p.Write(data); err != nil {
			t.Fatal(err)
		}
		one := 10 * time.Second / time.Duration(baud)
		if now, least := p.Now(), one*(10000-sendRoom-1); now < least {
			t.Errorf("at %d Write took %v, at least %v", baud, now, least)
		}
		if got := everything(t, p); !bytes.Equal(got, data) {
			t.Errorf("at %d came %d bytes", baud, len(got))
		}
		if want := one * 10000; r.last != want {
			t.Errorf("at %d the last byte came at %v, want %v", baud, r.last, want)
		}
	}
}

// TestLatency: an adapter's timer gathers bytes, and a full packet does not wait for it.
func TestLatency(t *testing.T) {
	_, w := build(t, Options{Latency: 16 * time.Millisecond})
	p := open(t, w, 115200)
	w.Run(20 * time.Millisecond)
	w.Do(func() { w.Send([]byte("x")) })
	var b [4096]byte
	n, err := p.Read(b[:], time.Second)
	if n != 1 || err != nil || p.Now() != 32*time.Millisecond {
		t.Errorf("one byte: %d, %v at %v", n, err, p.Now())
	}
	w.Do(func() { w.Send(make([]byte, 100)) })
	n, err = p.Read(b[:], time.Second)
	if n != packet || err != nil || p.Now() > 32*time.Millisecond+packet*byteTime(115200) {
		t.Errorf("a packet: %d, %v at %v", n, err, p.Now())
	}
}

// TestWrongSpeed: what is more than 3 % off is garbage, both ways, and what is less is not.
func TestWrongSpeed(t *testing.T) {
	text := []byte(strings.Repeat("the quick brown fox ", 10))
	for _, c := range []struct {
		host, device uint32
		good         bool
		times        float64 // of the bytes, that the device hears
	}{
		{115200, 115200, true, 1}, {115200, 118600, true, 1}, {115200, 119500, false, 1}, {115200, 74880, false, 0.65},
		{115200, 460800, false, 4}, {115200, 1500000, false, 4},
		{921600, 115200, false, 0.125}, {57600, AnySpeed, true, 1}, {115200, USBSpeed, true, 1},
	} {
		r, w := build(t, Options{})
		w.Do(func() { w.Listen(c.device) })
		p := open(t, w, c.host)
		if err := p.Write(text); err != nil {
			t.Fatal(err)
		}
		w.Run(time.Second)
		if bytes.Equal(r.got, text) != c.good || float64(len(r.got)) < 0.9*c.times*200 || float64(len(r.got)) > 1.1*c.times*200 {
			t.Errorf("%d to %d: %d bytes %.30q", c.host, c.device, len(r.got), r.got)
		}
		w.Do(func() { w.Send(text) })
		if got := everything(t, p); c.device != AnySpeed && bytes.Equal(got, text) != c.good {
			t.Errorf("%d from %d: %.30q", c.host, c.device, got)
		}
	}
}

// TestSpeedBeforeSent: what was not sent when the speed changes goes out at the new one.
func TestSpeedBeforeSent(t *testing.T) {
	r, w := build(t, Options{})
	p := open(t, w, 115200)
	if err := errors.Join(p.Write(bytes.Repeat([]byte("A"), 100)), p.SetSpeed(921600)); err != nil {
		t.Fatal(err)
	}
	w.Run(time.Second)
	if bytes.Contains(r.got, []byte("AAAA")) {
		t.Errorf("the device understood %q", r.got)
	}
}

// TestFaults: as many as were asked for, and the same with the same seed.
func TestFaults(t *testing.T) {
	const n = 20000
	data := bytes.Repeat([]byte{0x55}, n)
	run := func(seed uint64, f Faults) ([]byte, uint64) {
		r, w := build(t, Options{Seed: seed, ToDev: f})
		p := open(t, w, 115200)
		if err := p.Write(data); err != nil {
			t.Fatal(err)
		}
		w.Run(2 * time.Second)
		return r.got, w.Traffic().Spoiled
	}
	for name, f := range map[string]Faults{"drop": {Drop: 100}, "flip": {Flip: 100}, "double": {Double: 100}} {
		got, spoiled := run(7, f)
		if spoiled < n/150 || spoiled > n/70 {
			t.Errorf("%s: %d of %d bytes were spoiled", name, spoiled, n)
		}
		want := map[string]int{"drop": n - int(spoiled), "flip": n, "double": n + int(spoiled)}[name]
		wrong := len(got) - bytes.Count(got, []byte{0x55})
		if len(got) != want || (name == "flip") != (wrong == int(spoiled)) {
			t.Errorf("%s: %d bytes came, want %d; %d wrong", name, len(got), want, wrong)
		}
		again, _ := run(7, f)
		other, _ := run(8, f)
		if !bytes.Equal(got, again) || name == "flip" && bytes.Equal(got, other) {
			t.Errorf("%s: a seed does not decide the run", name)
		}
	}
}

// TestLeaves: a device that leaves the bus takes its port with it, and comes back as another.
func TestLeaves(t *testing.T) {
	r, w := build(t, Options{})
	p := open(t, w, 115200)
	if err := p.SetLines(true, false); err != nil {
		t.Fatal(err)
	}
	gone := p.Gone()
	w.Do(func() { w.Send([]byte("before")); w.Leave(time.Second) })
	select {
	case <-gone:
	default:
		t.Error("the port does not say that it is gone")
	}
	if _, err := p.Read(make([]byte, 10), time.Minute); !errors.Is(err, restore.ErrVanished) {
		t.Errorf("read: %v", err)
	}
	for what, err := range map[string]error{
		"write": p.Write([]byte("x")), "lines": p.SetLines(true, true), "speed": p.SetSpeed(9600), "break": p.Break(1),
	} {
		if !errors.Is(err, restore.ErrVanished) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := p.Return(context.Background()); err != nil || p.Now() != time.Second {
		t.Errorf("return: %v at %v", err, p.Now())
	}
	w.Do(func() { w.Send([]byte("after")) })
	if got := everything(t, p); string(got) != "after" {
		t.Errorf("heard %q", got)
	}
	if want := []string{"true false", "false false"}; !slices.Equal(r.lines, want) {
		t.Errorf("lines %q, want %q", r.lines, want)
	}
	w.Do(func() { w.Leave(time.Minute) })
	before := p.Now()
	if err := p.Return(context.Background()); !errors.Is(err, restore.ErrVanished) || p.Now() != before+back {
		t.Errorf("return of one that stays away: %v after %v", err, p.Now()-before)
	}
	ended, stop := context.WithCancel(context.Background())
	stop()
	if err := p.Return(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("return: %v", err)
	}
}

// TestPulledOut: who is pulled out does not come back by itself, and has no power.
func TestPulledOut(t *testing.T) {
	r, w := build(t, Options{})
	w.Do(func() { w.Leave(time.Second) })
	w.Unplug()
	w.Run(time.Minute)
	if _, err := w.Open(115200); !errors.Is(err, restore.ErrVanished) {
		t.Errorf("open: %v", err)
	}
	w.Replug()
	open(t, w, 115200)
	if !slices.Equal(r.power, []bool{false, true}) {
		t.Errorf("power went %v", r.power)
	}
}

// TestLinesAtOpening: systems assert both lines when a port is opened, and all release them when it is closed.
func TestLinesAtOpening(t *testing.T) {
	r, w := build(t, Options{Asserts: true})
	p := open(t, w, 115200)
	if err := errors.Join(p.SetRTS(true), p.Close()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"true true", "false false", "false true", "false false"}; !slices.Equal(r.lines, want) {
		t.Errorf("lines %q, want %q", r.lines, want)
	}
}

// TestHostThatDoesNotRead loses bytes, and it is counted.
func TestHostThatDoesNotRead(t *testing.T) {
	_, w := build(t, Options{})
	p := open(t, w, 115200)
	w.Do(func() { w.Send(make([]byte, hostRoom+100)) })
	w.Run(10 * time.Second)
	if got, lost := len(everything(t, p)), w.Traffic().Lost; got != hostRoom || lost != 100 {
		t.Errorf("read %d, lost %d", got, lost)
	}
}

// TestTimers come in order, and not when they were stopped.
func TestTimers(t *testing.T) {
	_, w := build(t, Options{})
	var got []string
	add := func(s string) func() { return func() { got = append(got, s) } }
	w.Do(func() {
		w.After(3*time.Millisecond, add("c"))
		w.After(time.Millisecond, func() { add("a")(); w.After(0, add("at once")) })
		w.After(2*time.Millisecond, add("never")).Stop()
		w.After(3*time.Millisecond, add("d"))
	})
	w.Run(time.Second)
	if strings.Join(got, " ") != "a at once c d" {
		t.Errorf("came %q", got)
	}
}

// TestNOR: programming only clears bits, erasing takes the whole sector, and both are counted.
func TestNOR(t *testing.T) {
	var tally Tally
	n := NewNOR(8192, 4096, &tally)
	if !n.Program(4100, []byte{0xf0}) || n.Program(4100, []byte{0x0f}) || n.Data[4100] != 0 {
		t.Error("programming does not AND")
	}
	n.Erase(4100 + 8192)
	if n.Data[4100] != 0xff || tally.Erased != 1 || tally.Programmed != 2 || !tally.Touched() {
		t.Errorf("after an erase: %x, %+v", n.Data[4100], tally)
	}
	if !n.Program(8191, []byte{1, 2}) || n.Data[8191] != 1 || n.Data[0] != 2 {
		t.Error("addresses do not wrap")
	}
}
