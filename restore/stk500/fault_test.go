package stk500

import (
	"context"
	"errors"
	"testing"
	"time"

	"unbrick/internal/standin"
	board "unbrick/internal/standin/stk500"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

// whole is a restoration from Enter to Start, of a board that may have anything happen to it.
func whole(r *rig, parts []release.Part, o *family.Options) error {
	p, err := r.w.Open(115200)
	if err != nil {
		return err
	}
	defer p.Close()
	return run(p, parts, o)
}

func run(p restore.Port, parts []release.Part, o *family.Options) error {
	l, err := Enter(ctx, p, 115200, 0, o)
	if err != nil {
		return err
	}
	if _, err := l.Describe(ctx); err != nil {
		return err
	}
	if _, err := restored(l, parts); err != nil {
		return err
	}
	_, err = l.Start(ctx)
	return err
}

// cutter is a port that is pulled out right after the host's n-th message, before it can be answered.
type cutter struct {
	*standin.Port
	n   int
	cut func()
}

func (c *cutter) Write(p []byte) error {
	err := c.Port.Write(p)
	if c.n--; c.n == 0 {
		c.cut()
	}
	return err
}

// TestUnplugged: pulled out behind any message, or any answer (many of them, where the same is done again and again), it ends with the word for that, and again it succeeds.
func TestUnplugged(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			parts := []release.Part{{Data: random(1, 1500)}, {Offset: 4000, Data: random(2, 100)}}
			exchanges := 0
			count := &family.Options{Trace: func(family.Exchange) { exchanges++ }}
			if err := whole(build(t, k.o, standin.Options{}), parts, count); err != nil {
				t.Fatal(err)
			}
			doubt := 0
			for at := 2; at < 2*exchanges; at += 1 + at/40 { // every one of entering, and then some
				r := build(t, k.o, standin.Options{})
				i := 0
				o := &family.Options{Trace: func(family.Exchange) {
					if i++; i*2 == at {
						r.w.Unplug()
					}
				}}
				p, err := r.w.Open(115200)
				if err != nil {
					t.Fatal(err)
				}
				c := &cutter{Port: p, cut: r.w.Unplug}
				if at%2 == 1 {
					c.n = at/2 + 1
				}
				err = run(c, parts, o)
				p.Close()
				var e *restore.Error
				if !errors.As(err, &e) || e.Code != restore.CodeVanished {
					t.Fatalf("pulled out after exchange %d of %d: %v", at/2, exchanges, err)
				}
				if r.Tally.Touched() && e.Touched == restore.TouchedNothing {
					t.Fatalf("pulled out after exchange %d: it says %v, and %d pages were written", at/2, e.Touched, r.Tally.Writes)
				}
				if !r.Tally.Touched() && e.Touched != restore.TouchedNothing {
					doubt++ // the first page may be on its way
				}
				r.w.Replug()
				if err := whole(r, parts, nil); err != nil {
					t.Fatalf("again, after exchange %d: %v", at/2, err)
				}
				r.holds(parts)
			}
			if doubt > 2 {
				t.Errorf("%d times it says that something was written, and nothing was", doubt)
			}
			t.Logf("%d exchanges", exchanges)
		})
	}
}

// TestCancelled: a context ends it between two exchanges.
func TestCancelled(t *testing.T) {
	for _, k := range kinds {
		for at := 0; at < 50; at += 7 {
			r := build(t, k.o, standin.Options{})
			stop, cancel := context.WithCancel(ctx)
			i := 0
			o := &family.Options{Trace: func(family.Exchange) {
				if i++; i > at {
					cancel()
				}
			}}
			l, err := Enter(stop, r.open(), 115200, 0, o)
			if err == nil {
				_, err = l.Compare(stop, []release.Part{{Data: random(1, 10000)}}, nil)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s, after %d: %v", k.name, at, err)
			}
			cancel()
		}
	}
}

// TestNoise: a line that loses, turns over or doubles bytes does not keep it from success, in a few runs at most. Nothing falls upon the
// loader.
func TestNoise(t *testing.T) {
	const most = 12
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			worst := 0
			for seed := uint64(1); seed <= 4; seed++ {
				for _, f := range []standin.Faults{{Drop: 2000}, {Flip: 3000}, {Double: 2000}, {Drop: 5000, Flip: 5000, Double: 5000}} {
					if k.o.Kind == board.STK500Boot { // a lost answer may cost it a whole round
						f.Drop, f.Flip, f.Double = f.Drop*5, f.Flip*5, f.Double*5
					}
					r := build(t, k.o, standin.Options{Seed: seed, ToHost: f, ToDev: f, Latency: time.Millisecond})
					parts := []release.Part{{Data: random(seed, 6000)}}
					err := whole(r, parts, nil)
					runs := 1
					for ; err != nil && runs < most; runs++ {
						var e *restore.Error
						if !errors.As(err, &e) || !e.Retry() {
							t.Fatalf("seed %d, %+v: %v", seed, f, err)
						}
						err = whole(r, parts, nil)
					}
					if err != nil {
						t.Fatalf("seed %d, %+v: %v after %d runs", seed, f, err, runs)
					}
					worst = max(worst, runs)
					r.holds(parts)
				}
			}
			t.Logf("at most %d runs", worst)
		})
	}
}

// TestFlipped: a byte that the line turned over on its way back is read again, and is no difference between host and flash.
func TestFlipped(t *testing.T) {
	r := build(t, board.Options{}, standin.Options{Seed: 3, ToHost: standin.Faults{Flip: 4000}})
	parts := []release.Part{{Data: random(1, 20000)}}
	copy(r.NOR.Data, parts[0].Data)
	l := r.enter(nil)
	if proof, err := l.Verify(ctx, parts, nil); err != nil || proof != family.ProofRead || r.w.Traffic().Spoiled == 0 {
		t.Errorf("%v, %v, %d bytes spoiled", proof, err, r.w.Traffic().Spoiled)
	}
	r.NOR.Data[12345] ^= 0x40
	_, err := l.Verify(ctx, parts, nil)
	var e *restore.Error
	if !errors.As(err, &e) || e.Code != restore.CodeVerify || e.Addr != 12345 {
		t.Errorf("another byte in the flash: %v", err)
	}
}

// TestProgress: what is told ascends, begins at nothing, ends with all, and does not do so before it is there.
func TestProgress(t *testing.T) {
	for _, k := range kinds {
		for seed := uint64(1); seed <= 5; seed++ {
			r := build(t, k.o, standin.Options{Seed: seed, ToHost: standin.Faults{Drop: 3000}})
			l := r.enter(nil)
			parts := []release.Part{{Data: random(1, 9000)}}
			var all []restore.Progress
			report := func(p restore.Progress) {
				if n := len(all); n > 0 && all[n-1].Stage == p.Stage {
					q := all[n-1]
					if p.Sectors < q.Sectors || p.Bytes < q.Bytes || p.Work < q.Work || p.Of != q.Of || p.WorkOf != q.WorkOf || p.Elapsed < q.Elapsed {
						t.Errorf("%s: %+v, then %+v", k.name, q, p)
					}
				} else if p.Sectors != 0 || p.Work != 0 {
					t.Errorf("%s: it begins with %+v", k.name, p)
				}
				if p.Stage == restore.StageWrite && p.Sectors > r.Tally.Writes {
					t.Errorf("%s: %d pages told, %d written", k.name, p.Sectors, r.Tally.Writes)
				}
				all = append(all, p)
			}
			d, err := l.Compare(ctx, parts, report)
			if err == nil {
				err = l.Write(ctx, d, report)
			}
			if err == nil {
				_, err = l.Verify(ctx, parts, report)
			}
			if err != nil {
				continue // noise; what was told is judged all the same
			}
			ends := 0
			for i, p := range all {
				if i+1 == len(all) || all[i+1].Stage != p.Stage {
					ends++
					if p.Sectors != p.Of || p.Work != p.WorkOf || p.Bytes != p.BytesOf || p.Of == 0 {
						t.Errorf("%s: it ends with %+v", k.name, p)
					}
				}
			}
			if ends != 3 {
				t.Errorf("%s: %d stages", k.name, ends)
			}
		}
	}
}

// TestGap: what lies between parts stays, though stk500boot erases it on the way.
func TestGap(t *testing.T) {
	for _, line := range []standin.Options{{}, {Seed: 5, ToHost: standin.Faults{Drop: 4000}}, {Seed: 6, ToDev: standin.Faults{Drop: 4000}}} {
		o := board.Options{Kind: board.STK500Boot, Flash: random(3, 20000)}
		r := build(t, o, line)
		parts := []release.Part{{Offset: 300, Data: random(1, 1000)}, {Offset: 9000, Data: random(2, 2000)}}
		want := append([]byte(nil), r.NOR.Data...)
		for _, p := range parts {
			copy(want[p.Offset:], p.Data)
		}
		l := r.enter(nil)
		_, err := restored(l, parts)
		for i := 0; err != nil && i < 8; i++ {
			_, err = restored(l, parts)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if want[i] != r.NOR.Data[i] {
				t.Fatalf("%+v: the byte at %#x is %02x, want %02x", line, i, r.NOR.Data[i], want[i])
			}
		}
	}
}

// loser is a port that loses the n-th page on its way, or the answer to it.
type loser struct {
	*standin.Port
	n       int
	request bool
	swallow int
}

func (p *loser) Write(b []byte) error {
	if len(b) > 256 {
		if p.n--; p.n == 0 {
			if p.request {
				return nil
			}
			p.swallow = 8
		}
	}
	return p.Port.Write(b)
}

func (p *loser) Read(b []byte, wait time.Duration) (int, error) {
	n, err := p.Port.Read(b, wait)
	if n > 0 && p.swallow > 0 {
		p.swallow -= n
		return 0, restore.ErrTimeout
	}
	return n, err
}

// TestLostPage: stk500boot counts what it erases. Whether it was a page or the answer to it that was lost, on one that differs or one that
// held the same, nothing is left erased, and nothing beyond is touched. What is told does not go back.
func TestLostPage(t *testing.T) {
	for n := 1; n <= 11; n++ {
		for _, request := range []bool{true, false} {
			r := build(t, board.Options{Kind: board.STK500Boot, Flash: random(3, 30*256)}, standin.Options{})
			want := append([]byte(nil), r.NOR.Data...)
			for _, at := range []int{5, 10} {
				for i := range 256 {
					want[at*256+i] ^= 0xff
				}
			}
			p, err := r.w.Open(115200)
			if err != nil {
				t.Fatal(err)
			}
			l, err := Enter(ctx, &loser{Port: p, n: n, request: request}, 115200, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			parts := []release.Part{{Data: want[:15*256]}}
			d, err := l.Compare(ctx, parts, nil)
			if err != nil || d.Differ != 11 {
				t.Fatalf("%+v, %v", d, err)
			}
			last := 0
			err = l.Write(ctx, d, func(p restore.Progress) {
				if p.Sectors < last {
					t.Errorf("page %d: %d pages are told, then %d", n, last, p.Sectors)
				}
				last = p.Sectors
			})
			if err != nil || last != 11 {
				t.Errorf("page %d lost (request %v): %d pages, %v", n, request, last, err)
			}
			if string(want) != string(r.NOR.Data) {
				t.Errorf("page %d lost (request %v): the flash holds something else", n, request)
			}
			r.clean()
		}
	}
}

// TestOtherBoard: after a reset another chip answers. It is not written to.
func TestOtherBoard(t *testing.T) {
	r := build(t, board.Options{}, standin.Options{})
	l := r.enter(nil)
	if _, err := l.Describe(ctx); err != nil {
		t.Fatal(err)
	}
	l.sign[2]++ // as if it had been another one before
	r.w.Run(10 * time.Second)
	_, err := l.Compare(ctx, []release.Part{{Data: []byte{1}}}, nil)
	if code(err) != restore.CodeRestarted || r.Tally.Touched() {
		t.Error(err)
	}
}

func FuzzAnswer1(f *testing.F) {
	f.Add([]byte("\x14\x1e\x95\x0f\x10"), 3)
	f.Add([]byte("\x14AVR ISP\x10"), 7)
	f.Fuzz(func(t *testing.T, in []byte, n int) {
		if n < 0 || n > maxPage {
			return
		}
		data, more, err := answer1(in, n)
		switch {
		case err != nil && (data != nil || more != 0):
			t.Errorf("%v, and %x, %d", err, data, more)
		case err == nil && more == 0 && (len(data) != n || in[0] != inSync || in[n+1] != ok):
			t.Errorf("%x is an answer of %d bytes: %x", in, n, data)
		case more < 0 || more > n+2 || more > 0 && len(in)+more != n+2:
			t.Errorf("%x: %d more", in, more)
		}
	})
}

func FuzzAnswer2(f *testing.F) {
	f.Add(append2(nil, 3, []byte("\x01\x00\x08AVRISP_2")), byte(3))
	f.Add(append2([]byte("\x1b\x03\x1b"), 3, []byte{0x13, 0}), byte(3))
	f.Add([]byte{start2, 3, 0, 2, token2, 0x13, 0, 0}, byte(3)) // a wrong sum
	f.Fuzz(func(t *testing.T, in []byte, seq byte) {
		body, drop := answer2(in, seq)
		if drop < 0 || drop > len(in) || len(body) > maxBody {
			t.Fatalf("%d bytes, %d dropped of %d", len(body), drop, len(in))
		}
		if body != nil && string(append2(nil, seq, body)) != string(in[drop:drop+len(body)+frame2]) {
			t.Fatalf("%x is no message with %d: %x", in, seq, body)
		}
		// What comes byte by byte means the same.
		at := 0
		for i := range in {
			b, d := answer2(in[at:i+1], seq)
			if at += d; b != nil {
				if body == nil || string(b) != string(body) {
					t.Fatalf("in pieces %x, at once %x", b, body)
				}
				return
			}
		}
		if body != nil {
			t.Fatalf("at once %x, in pieces nothing", body)
		}
	})
}

// FuzzLoader answers with anything: it ends, in bounded time, and writes nothing over the loader.
func FuzzLoader(f *testing.F) {
	f.Add([]byte("\x14\x10\x14\x10\x14\x10\x14\x1e\x95\x0f\x10"), uint64(1))
	f.Fuzz(func(t *testing.T, says []byte, seed uint64) {
		p := &parrot{says: says}
		w := standin.New(p, standin.Options{Seed: seed})
		port, err := w.Open(115200)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Enter(ctx, port, 115200, 0, nil)
		if err == nil {
			_, err = restored(l, []release.Part{{Data: random(1, 300)}})
		}
		if err != nil && code(err) == 0 {
			t.Fatalf("%v is no error of ours", err)
		}
		if w.Elapsed() > 2*time.Minute {
			t.Fatalf("it took %v", w.Elapsed())
		}
	})
}

// parrot says the next few of its bytes whenever it hears a space, which ends a command, or the end of a message.
type parrot struct {
	w    *standin.Wire
	says []byte
}

func (p *parrot) Attach(w *standin.Wire) { p.w = w; w.Listen(standin.AnySpeed) }
func (p *parrot) Lines(bool, bool)       {}
func (p *parrot) Break(time.Duration)    {}
func (p *parrot) Byte(b byte, _ uint32) {
	if len(p.says) == 0 {
		return
	}
	n := min(len(p.says), 1+int(p.says[0]%16))
	if b == space || b == 0x14 {
		p.w.Send(p.says[:n])
		p.says = p.says[n:]
	}
}
