package esp

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"unbrick/internal/standin"
)

// TestBeforeSync: nothing is answered, and the first SYNC is lost.
func TestBeforeSync(t *testing.T) {
	h := newHost(t, Config{Chip: "esp32"}, standin.Options{})
	h.classic()
	h.heard(0)
	h.send([]byte("AT\r\n\x00\x7f"))
	if h.chip.Faults > 0 {
		t.Errorf("noise before SYNC is a fault: %q", h.chip.Notes)
	}
	h.send(request(readReg, words(magicAt), 0))
	h.send(request(sync, syncBody(), 0))
	if f := h.frame(time.Second); f != nil {
		t.Errorf("answered %x", f)
	}
	h.noted("before SYNC")
	before := h.port.Now()
	h.send(request(sync, syncBody(), 0))
	for i := range 8 {
		if f := h.frame(100 * time.Millisecond); f == nil || f[1] != sync || bytes.Equal(f[4:8], make([]byte, 4)) {
			t.Fatalf("answer %d: %x", i, f)
		}
	}
	if took := h.port.Now() - before; took < 28*time.Millisecond || took > 40*time.Millisecond {
		t.Errorf("the answers took %v", took)
	}
	h.send([]byte{0x55})
	h.wire.Run(time.Millisecond)
	h.noted("outside of any frame")
}

// TestRefuses: what no host may send is refused by the documented number, noted, and nothing is written.
func TestRefuses(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		h := down(t, Config{Chip: m.name})
		good := h.begin(flashBegin, 4096, 4, 0)
		page := pattern(block, 1)
		other := append(bytes.Clone(good), 0, 0, 0, 0)
		if !m.old {
			other = good[:16]
		}
		size := len(h.chip.Flash())
		spoiled := func(i int, v uint32) []byte { b := bytes.Clone(good); copy(b[4*i:], words(v)); return b }
		h.refused(flashBegin, other, badFormat)
		h.refused(flashBegin, good[:12], badFormat)
		h.refused(flashBegin, spoiled(2, 0x4000), badParam)
		h.refused(flashBegin, spoiled(0, uint32(size)+1), failed)
		h.refused(flashBegin, spoiled(3, uint32(size)), failed)
		h.refused(flashData, chunk(page, 0), failed)
		h.refused(readReg, words(magicAt, 0), badFormat)
		h.refused(writeReg, words(magicAt, 0, 0), badFormat)
		h.unknown(0xd0, nil)
		h.unknown(memBegin, words(1, 1, 1, 1))
		if h.chip.Writes > 0 || h.chip.Erased > 0 || h.chip.Programmed > 0 || h.chip.Unwritten == 0 {
			t.Errorf("%+v", h.chip.Tally)
		}
		h.must(flashBegin, h.begin(flashBegin, 4096, 2, 0))
		h.refused(flashData, chunk(page[:1000], 0), badParam)
		h.refused(flashData, append(words(1000, 0, 0, 0), page...), badFormat)
		h.refused(flashData, append(words(block, 0, 1, 0), page...), badParam)
		h.refused(flashData, chunk(page, 1), badParam)
		h.send(request(flashData, chunk(page, 0), 0x11))
		if _, _, code := h.answer(flashData); code != badChecksum {
			t.Errorf("wrong checksum: code %#x", code)
		}
		if h.chip.Programmed > 0 {
			t.Error("something was programmed")
		}
		h.must(flashData, chunk(page, 0))
		h.refused(flashData, chunk(page, 0), badParam) // not twice
		h.must(flashData, chunk(page, 1))
		h.refused(flashData, chunk(page, 2), failed)
		if m.is8266() {
			for _, op := range []byte{setParams, attach, readSlow, changeBaud, deflBegin, deflData, deflEnd, flashMD5, securityInfo} {
				h.unknown(op, words(0, 0))
			}
			return
		}
		h.refused(attach, words(0), badFormat)
		h.refused(attach, words(0, 1), badParam)
		h.refused(setParams, words(0, 1<<20, 0x10000, 0x1000, 0x100), badFormat)
		h.refused(setParams, words(0, 1<<20, 0x10000, 0x1000, 0x100, 0xff), badParam)
		h.refused(flashMD5, words(0, uint32(size)+1, 0, 0), failed)
		h.refused(readSlow, words(0, 65), badLength)
		h.refused(deflBegin, h.begin(deflBegin, 1000, 1, 0), badParam)
		h.refused(deflData, chunk(page, 0), failed)
		h.refused(changeBaud, words(921600, 115200), badParam)
	})
}

// TestBeforeAttach: nothing reaches the flash before it was attached and its size set.
func TestBeforeAttach(t *testing.T) {
	for _, steps := range []int{0, 1} {
		h := newHost(t, Config{Chip: "esp32s2"}, standin.Options{})
		h.classic()
		h.sync()
		if steps > 0 {
			h.must(attach, words(0, 0))
		}
		h.refused(flashBegin, h.begin(flashBegin, 4096, 4, 0), failed)
		h.refused(deflBegin, h.begin(deflBegin, 4096, 4, 0), failed)
		h.refused(flashMD5, words(0, 4096, 0, 0), failed)
		h.refused(readSlow, words(0, 4), failed)
		if h.chip.Erased > 0 || h.chip.Unwritten != 2 {
			t.Errorf("%+v", h.chip.Tally)
		}
	}
}

// TestNotErased: programming only clears bits, and the ROM sees it.
func TestNotErased(t *testing.T) {
	h := down(t, Config{Chip: "esp32"})
	clear(h.chip.Flash()[0x1000:0x2000])
	h.must(flashBegin, h.begin(flashBegin, 4096, 8, 0))
	for i := range 4 {
		h.must(flashData, chunk(pattern(block, 2), i))
	}
	h.refused(flashData, chunk(pattern(block, 2), 4), badWrite)
	h.noted("not erased")
	locked := down(t, Config{Chip: "esp32", Locked: true})
	locked.write(0, pattern(4096, 1))
	if locked.chip.Erased+locked.chip.Programmed > 0 || locked.chip.Flash()[0] != 0xff {
		t.Error("a locked flash was written")
	}
}

// TestDeafWhileErasing: what exceeds 128 bytes is lost.
func TestDeafWhileErasing(t *testing.T) {
	h := down(t, Config{Chip: "esp32c3"})
	h.send(request(flashBegin, h.begin(flashBegin, 8192, 8, 0), 0))
	h.wire.Run(10 * time.Millisecond)
	h.send(request(readReg, words(magicAt), 0))
	if h.answer(flashBegin); h.chip.Erased != 2 {
		t.Error("not erased")
	}
	if v, _, _ := h.answer(readReg); v != h.chip.m.magic { // it was kept
		t.Errorf("register %#x", v)
	}
	h.clean()
	p := pattern(block, 4)
	h.send(request(flashBegin, h.begin(flashBegin, 8192, 8, 0), 0))
	h.wire.Run(10 * time.Millisecond)
	h.send(request(flashData, chunk(p, 0), 0))
	h.answer(flashBegin)
	if f := h.frame(time.Second); f != nil {
		t.Errorf("answered %x", f)
	}
	h.noted("lost")
	if took := h.port.Now(); took < 160*time.Millisecond {
		t.Errorf("four sectors were erased in %v", took)
	}
}

// TestTimes: a digest takes its time, and so do blocks.
func TestTimes(t *testing.T) {
	h := down(t, Config{Chip: "esp32", Times: Times{MD5: 8 * time.Second}})
	before := h.port.Now()
	h.must(flashMD5, words(0, 1<<20, 0, 0))
	if took := h.port.Now() - before; took < 8*time.Second || took > 9*time.Second {
		t.Errorf("the digest of a MiB took %v", took)
	}
}

// TestSpeedChange: the answer comes at the old speed, then it is deaf, then garbage; and the clock is off where it is.
func TestSpeedChange(t *testing.T) {
	for _, c := range []struct {
		config Config
		ask    uint32
		good   bool
	}{
		{Config{Chip: "esp32c3"}, 921600, true}, {Config{Chip: "esp32s3", Port: JTAG, Stays: true}, 921600, true},
		{Config{Chip: "esp32"}, 921600, false}, {Config{Chip: "esp32"}, 958464, true}, {Config{Chip: "esp32", Clock: 1.001}, 460800, true},
		{Config{Chip: "esp32c2", Crystal: 26}, 460800, false}, {Config{Chip: "esp32c2", Crystal: 26}, 708923, true},
		{Config{Chip: "esp32c5", Crystal: 40}, 460800, false}, {Config{Chip: "esp32c5", Crystal: 40}, 552960, true},
		{Config{Chip: "esp32c5"}, 460800, true},
	} {
		h := newHost(t, c.config, standin.Options{})
		if c.config.Port == JTAG {
			h.lines("00", 100, "10", 100, "11", "01", 100, "00", 100)
		} else {
			h.classic()
		}
		h.sync()
		h.must(changeBaud, words(c.ask, 0))
		real := map[uint32]uint32{958464: 921600, 708923: 460800, 552960: 460800}[c.ask]
		if real == 0 {
			real = c.ask
		}
		if err := h.port.SetSpeed(real); err != nil {
			t.Fatal(err)
		}
		if got := h.heard(50 * time.Millisecond); len(got) < 3 {
			t.Errorf("%v: no garbage, %q", c, got)
		}
		h.send(request(readReg, words(magicAt), 0))
		got := h.heard(50 * time.Millisecond)
		if good := strings.HasPrefix(got, "\xc0\x01\x0a"); good != c.good {
			t.Errorf("%+v: answered %q", c, got)
		}
	}
}

// TestAutobaud: ESP8266 and ESP32 take the speed of SYNC, the others hear 115200 alone.
func TestAutobaud(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		h := newHost(t, Config{Chip: m.name}, standin.Options{})
		h.classic()
		if err := h.port.SetSpeed(230400); err != nil {
			t.Fatal(err)
		}
		h.heard(0)
		for range 3 {
			h.send(request(sync, syncBody(), 0))
			h.wire.Run(100 * time.Millisecond)
		}
		if (h.chip.Syncs > 0) != m.old {
			t.Errorf("%d SYNC were answered", h.chip.Syncs)
		}
	})
}

// TestBeyond16MiB: three bytes of address reach no further, and the flash begins at 0 again.
func TestBeyond16MiB(t *testing.T) {
	h := down(t, Config{Chip: "esp32s3", Flash: 32 << 20})
	p := pattern(block, 8)
	h.write(romLimit+4096, p)
	if !bytes.Equal(h.chip.Flash()[4096:4096+block], p) || h.chip.Flash()[romLimit+4096] != 0xff {
		t.Error("it does not wrap")
	}
	if _, got := h.must(readSlow, words(romLimit+4096, 64)); !bytes.Equal(got, p[:64]) {
		t.Errorf("read %x", got)
	}
	h.noted("beyond 16 MiB")
}
