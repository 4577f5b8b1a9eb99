package emulator

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// together runs an agent and a host to their ends. The port is open before either begins.
func together(t *testing.T, b *Board, agent func(), host func(p *Port)) Ending {
	t.Helper()
	p := b.Host()
	if err := p.Open(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	b.PowerOn()
	go func() {
		defer close(done)
		defer p.Close()
		host(p)
	}()
	e := b.Run(agent)
	<-done
	return e
}

// readAll reads exactly n bytes.
func readAll(b *Board, n int) []byte {
	p := make([]byte, n)
	for have := 0; have < n; {
		k, err := b.Cable().Read(p[have:], time.Second)
		must(err)
		if k == 0 {
			return p[:have]
		}
		have += k
	}
	return p
}

func lineBoard(t testing.TB, l LineConfig) *Board {
	cfg := config(W25Q128JV(), smallGeometry(4, 0xFF))
	cfg.Line = l
	return newBoard(t, cfg)
}

// 1000 frames of 10 bits at 115200 baud take 86.8055 ms.
func TestLineTime(t *testing.T) {
	const wire = 86805555 * time.Nanosecond
	b := lineBoard(t, LineConfig{TurnAround: time.Millisecond})
	var received, sent, answered time.Duration
	together(t, b, func() {
		if got := readAll(b, 1000); !bytes.Equal(got, pattern(1000, 1)) {
			t.Error("the device received something else")
		}
		received = b.Clock().Now()
		must(b.Cable().Write(pattern(1000, 2)))
		sent = b.Clock().Now()
	}, func(p *Port) {
		must(p.Write(pattern(1000, 1)))
		if p.Now() != 0 {
			t.Errorf("writing took the host %v", p.Now())
		}
		buf := make([]byte, 1000)
		n, err := p.Read(buf, time.Second)
		if err != nil || !bytes.Equal(buf[:n], pattern(1000, 2)) {
			t.Errorf("the host received %d bytes, %v", n, err)
		}
		answered = p.Now()
	})
	if received != wire+time.Millisecond || sent != received+wire || answered != sent {
		t.Errorf("received at %v, sent at %v, answered at %v", received, sent, answered)
	}
	if s := b.LineStats(); s != (LineStats{ToDevice: 1000, ToHost: 1000}) {
		t.Errorf("counted %+v", s)
	}
}

func TestReadsEndAtAGapOrInTime(t *testing.T) {
	b := lineBoard(t, LineConfig{Baud: 1_000_000}) // 10 µs a character
	together(t, b, func() {
		p := make([]byte, 100)
		n, err := b.Cable().Read(p, 50*time.Millisecond)
		if n != 30 || err != nil || b.Clock().Now() != 320*time.Microsecond {
			t.Errorf("%d bytes, %v, at %v", n, err, b.Clock().Now())
		}
		start := b.Clock().Now()
		n, err = b.Cable().Read(p, 50*time.Millisecond)
		if n != 0 || err != nil || b.Clock().Now()-start != 50*time.Millisecond {
			t.Errorf("%d bytes, %v, after %v", n, err, b.Clock().Now()-start)
		}
		start = b.Clock().Now()
		if n, err = b.Cable().Read(p, 0); n != 0 || err != nil || b.Clock().Now() <= start {
			t.Errorf("a look: %d bytes, %v, after %v", n, err, b.Clock().Now()-start)
		}
	}, func(p *Port) {
		must(p.Write(pattern(10, 0)))
		must(p.Write(pattern(20, 0))) // behind the first, without a gap
		start := p.Now()
		n, err := p.Read(make([]byte, 10), 40*time.Millisecond)
		if n != 0 || !errors.Is(err, ErrTimeout) || p.Now()-start != 40*time.Millisecond {
			t.Errorf("host: %d bytes, %v, after %v", n, err, p.Now()-start)
		}
		var timeout interface{ Timeout() bool }
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v does not say that it is a timeout", err)
		}
	})
}

func TestReceiveBufferOverruns(t *testing.T) {
	b := lineBoard(t, LineConfig{Depth: 16})
	together(t, b, func() {
		secure(b)
		if b.Cable().Depth() != 16 {
			t.Errorf("depth %d", b.Cable().Depth())
		}
		eraseNow(b.Flash(), 8192, 4096) // 45 ms, the bytes take 8.7
		if got := readAll(b, 100); !bytes.Equal(got, pattern(16, 1)) {
			t.Errorf("got % x", got)
		}
	}, func(p *Port) { must(p.Write(pattern(100, 1))) })
	if s := b.LineStats(); s.Overrun != 84 || s.ToDevice != 100 {
		t.Errorf("counted %+v", s)
	}
}

func TestNoise(t *testing.T) {
	run := func(seed uint64, l LineConfig) ([]byte, []byte, LineStats) {
		cfg := config(W25Q128JV(), smallGeometry(4, 0xFF))
		cfg.Line, cfg.Seed = l, seed
		b := newBoard(t, cfg)
		var down, up []byte
		together(t, b, func() {
			down = readAll(b, 20000)
			must(b.Cable().Write(pattern(20000, 2)))
		}, func(p *Port) {
			must(p.Write(pattern(20000, 1)))
			for {
				buf := make([]byte, 4096)
				n, err := p.Read(buf, 5*time.Second)
				if err != nil {
					return
				}
				up = append(up, buf[:n]...)
			}
		})
		return down, up, b.LineStats()
	}
	down, up, stats := run(5, LineConfig{BitErrors: 1e-3})
	// 400000 bits: about 320 damaged bytes and 80 lost ones, by the law of large numbers.
	if stats.Damaged < 200 || stats.Damaged > 450 || stats.Lost < 30 || stats.Lost > 150 {
		t.Errorf("bit errors: %+v", stats)
	}
	if len(down)+len(up) != 40000-int(stats.Lost) {
		t.Errorf("%d and %d bytes arrived, %+v", len(down), len(up), stats)
	}
	down2, up2, stats2 := run(5, LineConfig{BitErrors: 1e-3})
	if !bytes.Equal(down, down2) || !bytes.Equal(up, up2) || stats != stats2 {
		t.Error("the same seed gives another noise")
	}
	down3, _, _ := run(6, LineConfig{BitErrors: 1e-3})
	if bytes.Equal(down, down3) {
		t.Error("another seed gives the same noise")
	}
	if _, _, s := run(5, LineConfig{LostBytes: 0.01}); s.Lost < 300 || s.Lost > 500 || s.Damaged != 0 {
		t.Errorf("lost bytes: %+v", s)
	}
}

func TestSpeeds(t *testing.T) {
	b := lineBoard(t, LineConfig{})
	together(t, b, func() {
		if got := readAll(b, 64); bytes.Equal(got, pattern(64, 1)) || len(got) == 64 {
			t.Error("the device understood another speed")
		}
		must(b.Cable().SetSpeed(921600))
		if got := readAll(b, 64); !bytes.Equal(got, pattern(64, 1)) {
			t.Errorf("at the same speed: % x", got)
		}
		if b.Cable().SetSpeed(maxBaud+1) == nil {
			t.Error("a speed beyond all was accepted")
		}
		b.Reset(CauseSoftware)
	}, func(p *Port) {
		must(p.SetSpeed(921600))
		must(p.Write(pattern(64, 1)))
		_, _ = p.Read(make([]byte, 1), 2*time.Second)
		must(p.Write(pattern(64, 1)))
		if p.SetSpeed(0) == nil {
			t.Error("a speed of 0 was accepted")
		}
	})
	if b.line.deviceBaud != 115200 && b.Run(func() {}).Kind == EndReturned && b.line.deviceBaud != 115200 {
		t.Errorf("%d baud after a reset", b.line.deviceBaud)
	}
}

func TestBreak(t *testing.T) {
	b := lineBoard(t, LineConfig{})
	together(t, b, func() {
		n, err := b.Cable().Read(make([]byte, 10), time.Second)
		if n != 0 || err != nil || b.Clock().Now() > time.Millisecond {
			t.Errorf("%d bytes, %v, at %v: a break ends a read", n, err, b.Clock().Now())
		}
		if !b.Cable().Break() || b.Cable().Break() {
			t.Error("a break must be told once")
		}
		_, _ = b.Cable().Read(make([]byte, 10), time.Second)
		if b.Cable().Break() {
			t.Error("a short pulse is no break")
		}
	}, func(p *Port) {
		must(p.Break(10 * time.Millisecond))
		if p.Now() != 10*time.Millisecond {
			t.Errorf("the break took %v", p.Now())
		}
		must(p.Break(50 * time.Microsecond)) // less than a frame
		if p.Break(0) == nil || p.Break(time.Hour) == nil {
			t.Error("breaks of no or endless length were accepted")
		}
	})
}

// A break that began before a reset is seen after it, if it lasts; one that ended is not.
func TestBreakOverAReset(t *testing.T) {
	for _, long := range []bool{true, false} {
		b := lineBoard(t, LineConfig{})
		b.PowerOn()
		p := b.Host()
		must(p.Open())
		done := make(chan struct{})
		go func() {
			defer close(done)
			d := 5 * time.Millisecond
			if long {
				d = 500 * time.Millisecond
			}
			must(p.Break(d))
			_ = p.Close()
		}()
		b.Run(func() {
			b.Clock().Sleep(20 * time.Millisecond)
			b.Reset(CauseSoftware)
		})
		b.Run(func() {
			_, _ = b.Cable().Read(make([]byte, 1), 100*time.Millisecond)
			if got := b.Cable().Break(); got != long {
				t.Errorf("break of 500 ms %v: seen after a reset at 20 ms %v", long, got)
			}
		})
		<-done
	}
}

func TestHostWithoutADevice(t *testing.T) {
	b := lineBoard(t, LineConfig{})
	p := b.Host()
	timesOut := func(when string) {
		t.Helper()
		start := p.Now()
		if n, err := p.Read(make([]byte, 1), 3*time.Second); n != 0 || !errors.Is(err, ErrTimeout) || p.Now()-start != 3*time.Second {
			t.Errorf("%s: %d bytes, %v, after %v", when, n, err, p.Now()-start)
		}
	}
	timesOut("without power")
	must(p.Write([]byte("nobody")))
	timesOut("after a write")
	must(p.Close())
	b.Run(func() {})
	p = b.Host()
	timesOut("after the agent returned")
	b.Cut(NotBegun)
	timesOut("after a cut")
	b.PowerOn()
	b.Halt()
	timesOut("halted")
	if s := b.LineStats(); s.Unheard != 6 {
		t.Errorf("counted %+v", s)
	}
}

// Between a reset and the next run the host's time stands still; so it does after a cut if the clock is kept.
func TestTimeStandsStillBetweenRuns(t *testing.T) {
	for _, cut := range []bool{false, true} {
		b := lineBoard(t, LineConfig{})
		b.KeepClock(cut)
		p := b.Host()
		must(p.Open())
		got := make(chan time.Duration)
		go func() {
			_, _ = p.Read(make([]byte, 1), time.Second)
			got <- p.Now()
			_ = p.Close()
		}()
		b.Run(func() {
			b.Clock().Sleep(10 * time.Millisecond)
			if cut {
				b.Cut(NotBegun)
			}
			b.Reset(CauseSoftware)
		})
		if cut {
			b.Elapse(100 * time.Millisecond) // off for that long
		}
		b.Run(func() { must(b.Cable().Write([]byte{1})) })
		want := 10*time.Millisecond + chars(1, DefaultBaud)
		if cut {
			want += 100 * time.Millisecond
		}
		if at := <-got; at != want {
			t.Errorf("cut %v: the host heard the device at %v, want %v", cut, at, want)
		}
	}
}
