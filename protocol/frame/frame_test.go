package frame

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

func must(b []byte) []byte {
	content, _, bad := decode(b)
	if bad {
		panic("damaged")
	}
	return content
}

func decode(b []byte) (content []byte, used int, bad bool) {
	var d Decoder
	d.Reset(make([]byte, DecoderSize(2048)))
	return d.Next(b)
}

// TestSizes: nothing takes more than it is said to, and zero bytes stand at the ends alone.
func TestSizes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 1200 {
		for _, zeros := range []bool{false, true} {
			b := make([]byte, n)
			for i := range b {
				if b[i] = byte(rnd.Uint32()) | 1; zeros && rnd.IntN(3) == 0 {
					b[i] = 0
				}
			}
			f := Append(nil, []byte{byte(KindPacket)}, b)
			if len(f) > Size(1+n) || bytes.IndexByte(f[1:], 0) != len(f)-2 {
				t.Fatalf("%d bytes: %d on the wire, %d said", n, len(f), Size(1+n))
			}
			if got := must(f); !bytes.Equal(got[1:], b) {
				t.Fatalf("%d bytes: came as %x", n, got)
			}
		}
	}
}

// TestDamage: whatever one byte of a frame becomes, and wherever a byte is lost or added, that frame is not
// taken for another one and the one behind it is found.
func TestDamage(t *testing.T) {
	body := []byte{byte(KindPacket), 0, 7, 0, 0, 9, 255, 1}
	good := Append(nil, body[:1], body[1:])
	tail := Append(nil, []byte{byte(KindPacket)}, []byte("behind"))
	check := func(name string, b []byte) {
		t.Helper()
		var d Decoder
		d.Reset(make([]byte, DecoderSize(64)))
		var found [][]byte
		for p := append(b, tail...); len(p) > 0; {
			content, used, _ := d.Next(p)
			if content != nil {
				found = append(found, bytes.Clone(content))
			}
			p = p[used:]
		}
		if n := len(found); n == 0 || !bytes.Equal(found[n-1][1:], []byte("behind")) || n == 2 && !bytes.Equal(found[0], body) || n > 2 {
			t.Errorf("%s: found %x", name, found)
		}
	}
	for i := range good {
		for v := range 256 {
			b := bytes.Clone(good)
			b[i] = byte(v)
			check("changed", b)
			check("added", append(append(bytes.Clone(good[:i]), byte(v)), good[i:]...))
		}
		check("lost", append(bytes.Clone(good[:i]), good[i+1:]...))
	}
	var small Decoder
	small.Reset(make([]byte, 8))
	if content, _, bad := small.Next(Append(nil, body[:1], make([]byte, 100))); content != nil || !bad {
		t.Error("a frame longer than the buffer was taken")
	}
	if content, _, bad := decode([]byte{0, 255}); content != nil || bad {
		t.Error("half a frame was taken")
	}
}

// FuzzDecoder: what is taken encodes to the bytes that it was taken from.
func FuzzDecoder(f *testing.F) {
	f.Add(AppendPacket(nil, []byte{1, 0, 2}))
	f.Add(Append(nil, []byte{byte(KindData), 0, 0, 0}, bytes.Repeat([]byte{3}, 254)))
	f.Add(append(AppendAck(nil, &Ack{Next: 2}), AppendPattern(nil, KindEcho, make([]byte, PatternSize))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Decoder
		d.Reset(make([]byte, DecoderSize(512)))
		for p := b; len(p) > 0; {
			content, used, bad := d.Next(p)
			if used == 0 || bad && content != nil {
				t.Fatal("no progress")
			}
			if content != nil {
				again := Append(nil, content[:1], content[1:])
				// The zero byte before a frame may be missing: another one was there.
				if !bytes.HasSuffix(b[:len(b)-len(p)+used], again[1:]) {
					t.Fatalf("%x was taken for %x", p[:used], again)
				}
				ParseAck(content)
				ParseData(content)
				ParsePattern(content, KindProbe)
			}
			p = p[used:]
		}
	})
}

// TestWindow sends files through a line that loses blocks and acknowledgements, each a few times late, and
// compares with what a receiver must have: every block once, never more than the window ahead.
func TestWindow(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		count := uint32(1 + rnd.IntN(300))
		limit := 1 + rnd.IntN(Window)
		loss := rnd.IntN(60)
		var r Receiver
		var s Sender
		r.Begin(count, 0)
		s.Begin(count, 0)
		got := make([]bool, count)
		type ack struct {
			next uint32
			have uint64
		}
		var line []uint32
		var back []ack
		for step := 0; !s.Whole(); step++ {
			if step > 200_000 {
				t.Fatalf("seed %d: no end", seed)
			}
			for {
				b, ok := s.Next(limit)
				if !ok {
					break
				}
				if next, _ := r.State(); b >= count || b >= next+Window {
					t.Fatalf("seed %d: block %d of %d was sent, wanted is %d", seed, b, count, next)
				}
				line = append(line, b)
				if s.InFlight() > limit {
					t.Fatalf("seed %d: %d on their way, %d allowed", seed, s.InFlight(), limit)
				}
			}
			switch {
			case len(line) > 0:
				b := line[0]
				line = line[1:]
				if rnd.IntN(100) < loss {
					continue
				}
				if fresh := r.Take(b); fresh == got[b] {
					t.Fatalf("seed %d: block %d new: %v", seed, b, fresh)
				}
				got[b] = true
				next, have := r.State()
				if rnd.IntN(100) >= loss {
					back = append(back, ack{next, have})
				}
				if rnd.IntN(3) > 0 {
					continue
				}
			case len(back) == 0:
				s.Expire()
				continue
			}
			for _, a := range back {
				s.Take(a.next, a.have)
			}
			if rnd.IntN(8) == 0 && len(back) > 0 {
				s.Take(back[0].next, back[0].have) // a late one says less than is known
			}
			back = back[:0]
		}
		if !r.Whole() {
			t.Fatalf("seed %d: the sender is done and the receiver is not", seed)
		}
	}
}

// TestReceiver: nothing beyond the file or the window is taken.
func TestReceiver(t *testing.T) {
	var r Receiver
	if r.Take(0) || r.Whole() {
		t.Error("a file without blocks has one")
	}
	r.Begin(70, 0)
	for _, b := range []uint32{64, 69, 70, 1 << 20} {
		if r.Take(b) {
			t.Errorf("block %d was taken", b)
		}
	}
	if !r.Take(63) || r.Take(63) || !r.Take(0) || r.Take(0) {
		t.Error("window")
	}
	if next, have := r.State(); next != 1 || have != 1<<61 {
		t.Errorf("got %d, %x", next, have)
	}
}

// TestGuard is the table of when an end gives up.
func TestGuard(t *testing.T) {
	const ms = time.Millisecond
	proven := func() *Guard {
		g := &Guard{}
		g.Begin(DeviceSilence)
		g.Probed()
		g.Probed()
		return g
	}
	var off Guard
	if off.On() || off.Damaged() || off.Listened(time.Hour) {
		t.Error("console framing gives nothing up")
	}
	trial := &Guard{}
	trial.Begin(DeviceSilence)
	trial.Probed()
	if trial.Valid(); trial.Proven() || trial.Listened(499*ms) || trial.Left() != ms || !trial.Listened(ms) || trial.On() {
		t.Error("a trial with one pattern lasts 500 ms, whatever else comes")
	}
	g := proven()
	if !g.Proven() || g.Left() != DeviceSilence || g.Listened(999*ms) {
		t.Error("two patterns end the trial")
	}
	if g.Valid(); g.Left() != DeviceSilence || g.Listened(999*ms) || !g.Listened(ms) || g.On() {
		t.Error("a valid frame begins the silence anew")
	}
	g = proven()
	for i := range MaxBad - 1 {
		if g.Damaged() {
			t.Fatalf("gave up after %d damaged frames", i+1)
		}
	}
	g.Valid()
	for range MaxBad - 1 {
		g.Damaged()
	}
	if !g.On() || !g.Damaged() || g.On() {
		t.Error("16 damaged frames in a row, and not fewer, are too many")
	}
}

// TestFill: patterns have every byte value and differ.
func TestFill(t *testing.T) {
	var a, b [PatternSize]byte
	for n := range 256 {
		var seen [256]bool
		Fill(&a, uint8(n))
		for _, c := range a {
			seen[c] = true
		}
		if Fill(&b, uint8(n+1)); a == b || seen != [256]bool(bytesTrue()) {
			t.Fatalf("pattern %d", n)
		}
	}
}

func bytesTrue() []bool {
	b := make([]bool, 256)
	for i := range b {
		b[i] = true
	}
	return b
}

// TestNoAllocation: a device has no heap for what comes and goes.
func TestNoAllocation(t *testing.T) {
	var d Decoder
	d.Reset(make([]byte, DecoderSize(2048)))
	wire := make([]byte, 0, 4096)
	block := make([]byte, MaxBlock)
	var r Receiver
	if n := testing.AllocsPerRun(10, func() {
		r.Begin(10, 0)
		wire = AppendData(wire[:0], &Data{Block: 3, Bytes: block})
		content, _, _ := d.Next(wire)
		m, _ := ParseData(content)
		r.Take(uint32(m.Block))
		wire = AppendAck(wire[:0], &Ack{})
		wire = AppendPacket(wire[:0], block)
		wire = AppendPattern(wire[:0], KindEcho, block[:PatternSize])
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
