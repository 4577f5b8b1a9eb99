package esp

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"unbrick/internal/standin"
)

func each(t *testing.T, f func(t *testing.T, m *model)) {
	for i := range models {
		t.Run(models[i].name, func(t *testing.T) { f(t, &models[i]) })
	}
}

// TestStarts: with a sound flash it runs its program and says so, and with an empty one it says that, again and again.
func TestStarts(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		h := newHost(t, Config{Chip: m.name}, standin.Options{})
		if m.is8266() {
			if got := h.heard(time.Second); strings.Contains(got, "ets") || len(got) < 20 {
				t.Errorf("at 115200 it said %q, not garbage", got)
			}
			h.lines("01", 10, "00")
			if err := h.port.SetSpeed(74880); err != nil {
				t.Fatal(err)
			}
		}
		got := h.heard(3 * time.Second)
		for want, n := range map[string]int{"invalid header: 0xffffffff": 16, "ets_main.c": 1, "SPI_FAST_FLASH_BOOT": 2, "boot mode:(3,": 1} {
			if old := want == "ets_main.c" || want == "boot mode:(3,"; old == m.is8266() && strings.Count(got, want) < n {
				t.Errorf("empty: said %q, without %q", got, want)
			}
		}
		h.wire.Do(func() { h.chip.Put(0, firmware(m.name, m.id, m.bootAt)) })
		h.lines("01", 10, "00")
		if m.is8266() {
			h.heard(200 * time.Millisecond)
			if err := h.port.SetSpeed(115200); err != nil {
				t.Fatal(err)
			}
		}
		got = h.heard(2500 * time.Millisecond)
		if !h.chip.Running() || strings.Count(got, "the program runs") < 2 {
			t.Errorf("with a program: said %q", got)
		}
		if h.chip.Touched() || h.chip.Faults > 0 {
			t.Errorf("nobody did anything: %+v", h.chip.Tally)
		}
	})
}

// TestWhatTheFlashHolds decides what the boot loader says.
func TestWhatTheFlashHolds(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(p []byte)
		want  string
	}{
		"checksum of the boot loader": {func(p []byte) { p[40]++ }, "csum err:0x"},
		"no table":                    {func(p []byte) { clear(p[0x8000:0x8020]) }, "invalid magic number"},
		"no application":              {func(p []byte) { clear(p[0x10000:0x10100]) }, "invalid magic byte"},
		"application of another chip": {func(p []byte) { p[0x1000c] = 9 }, "mismatch chip ID, expected 5, found 9"},
		"checksum of the application": {func(p []byte) { p[0x10028]++ }, "Checksum failed"},
		"no boot loader":              {func(p []byte) { copy(p, []byte{1, 2, 3, 4}) }, "invalid header: 0x04030201"},
	} {
		p := firmware("esp32c3", 5, 0)
		c.spoil(p)
		h := newHost(t, Config{Chip: "esp32c3"}, standin.Options{})
		h.chip.Put(0, p)
		if got := h.heard(1500 * time.Millisecond); strings.Count(got, c.want) < 2 || h.chip.Running() {
			t.Errorf("%s: said %q", name, got)
		}
	}
}

// TestCrashes: each says its cause, begins again, and lets itself be brought into its loader.
func TestCrashes(t *testing.T) {
	for crash, want := range map[Crash]string{
		BrownOut: "Brownout", Watchdog: "Task watchdog", ReadErr: "flash read err, ", Panic: "Guru Meditation",
	} {
		h := newHost(t, Config{Chip: "esp32", Crash: crash}, standin.Options{})
		h.chip.Put(0, firmware("esp32", 0, 0x1000))
		if got := h.heard(4 * time.Second); strings.Count(got, want) < 2 || strings.Count(got, "ets Jul 29 2019") < 3 {
			t.Errorf("%v: said %q", crash, got)
		}
		h.classic()
		h.sync()
		h.clean()
	}
}

// TestOnlyTheExactHistory enters the loader.
func TestOnlyTheExactHistory(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		steps  []any
		in     bool
	}{
		"classic":                  {Config{}, []any{"01", 100, "10", 50, "00"}, true},
		"tight":                    {Config{}, []any{"00", "11", "01", 100, "10", 50, "00"}, true},
		"one line after the other": {Config{}, []any{"01", 100, "11", "10", 50, "00"}, true},
		"BOOT comes too late":      {Config{}, []any{"01", 100, "00", 20, "10", 50, "00"}, false},
		"BOOT goes too early":      {Config{}, []any{"01", 100, "10", 5, "00", 50}, false},
		"both at once":             {Config{}, []any{"11", 100, "00"}, false},
		"only BOOT":                {Config{}, []any{"10", 100, "00"}, false},
		"only a reset":             {Config{}, []any{"01", 100, "00"}, false},
		"negated":                  {Config{}, []any{"10", 100, "01", 50, "11"}, false},
		"negated on such a board":  {Config{Inverted: true}, []any{"10", 100, "01", 50, "11"}, true},
		"a large capacitor":        {Config{Rise: 200 * time.Millisecond}, []any{"01", 100, "10", 50, "00"}, false},
		"and patience":             {Config{Rise: 200 * time.Millisecond}, []any{"01", 100, "10", 550, "00"}, true},
		"no wires":                 {Config{Port: Manual}, []any{"01", 100, "10", 50, "00"}, false},
		"USB sequence on a UART":   {Config{}, []any{"00", 100, "10", 100, "11", "01", 100, "00"}, false},
	} {
		c.config.Chip = "esp32c3"
		h := newHost(t, c.config, standin.Options{})
		h.chip.Put(0, Sample("esp32c3"))
		h.wire.Run(time.Second)
		h.lines(append(c.steps, 500)...)
		if reset := h.chip.Rebooted > 1; reset && (name == "both at once" || name == "only BOOT") {
			t.Errorf("%s: it was reset", name)
		}
		if h.chip.Downloading() != c.in {
			t.Errorf("%s: in the loader: %v", name, h.chip.Downloading())
		}
		if c.in {
			if got := h.heard(0); !strings.Contains(got, "boot:0x5 (DOWNLOAD(USB/UART0/1))\r\nwaiting for download\r\n") {
				t.Errorf("%s: it said %q", name, got)
			}
		}
	}
}

// TestByHand: a person holds BOOT and taps EN, or replugs it.
func TestByHand(t *testing.T) {
	h := newHost(t, Config{Chip: "esp8266", Port: Manual}, standin.Options{})
	h.wire.Do(func() { h.chip.Hold(true); h.chip.Press(true) })
	h.wire.Run(100 * time.Millisecond)
	h.wire.Do(func() { h.chip.Press(false) })
	h.wire.Run(200 * time.Millisecond)
	h.wire.Do(func() { h.chip.Hold(false) })
	h.sync()
	h.wire.Do(func() { h.chip.Press(true); h.chip.Press(false) })
	h.wire.Run(200 * time.Millisecond)
	if h.chip.Downloading() {
		t.Error("it is in the loader though BOOT was not held")
	}
	h.clean()
}

// TestWrites: each chip takes what it is sent, whole sectors are erased and no others, and the digest is right.
func TestWrites(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		h := down(t, Config{Chip: m.name})
		copy(h.chip.Flash(), bytes.Repeat([]byte{0}, 0x8000))
		data := pattern(5000, 3)
		h.write(0x2000, data)
		if got := h.chip.Flash(); !bytes.Equal(got[0x2000:0x2000+5000], data) || got[0x2000+5120] != 0xff || got[0x3fff] != 0xff ||
			got[0x1fff] != 0 || got[0x4000] != 0 && !m.is8266() {
			t.Error("the flash holds something else")
		}
		if want := 2; h.chip.Erased != want && !m.is8266() || h.chip.Erased != 4 && m.is8266() {
			t.Errorf("%d sectors were erased", h.chip.Erased)
		}
		if !m.is8266() {
			sum := md5.Sum(data)
			if _, got := h.must(flashMD5, words(0x2000, 5000, 0, 0)); string(got) != hex.EncodeToString(sum[:]) {
				t.Errorf("digest %q", got)
			}
			if _, got := h.must(readSlow, words(0x2010, 20)); len(got) != 64 || !bytes.Equal(got[:20], data[16:36]) {
				t.Errorf("read %x", got)
			}
		}
		h.clean()
		h.must(flashEnd, words(1))
		h.send(request(sync, syncBody(), 0))
		if f := h.frame(time.Second); f != nil {
			t.Errorf("after FLASH_END it answered %x", f)
		}
	})
}

// TestEraseSizeOf8266: sectors in front of a boundary of 64 KiB are counted twice, and the usual correction is right.
func TestEraseSizeOf8266(t *testing.T) {
	for _, c := range []struct{ at, n int }{{0, 1}, {0, 2}, {0, 31}, {0, 32}, {0, 40}, {3, 1},
		{3, 13}, {3, 26}, {3, 40}, {15, 2}, {15, 3}, {16, 17},
	} {
		h := down(t, Config{Chip: "esp8266", Times: Times{Erase: time.Microsecond}})
		head := min(16-c.at%16, c.n)
		send := c.n - head
		if c.n < 2*head {
			send = (c.n + 1) / 2
		}
		h.must(flashBegin, h.begin(flashBegin, send*sector, 0, c.at*sector))
		if h.chip.Erased != c.n && h.chip.Erased != c.n+1 || h.chip.Erased == c.n+1 && c.n%2 == 0 {
			t.Errorf("sector %d, %d sectors, sent %d: %d were erased", c.at, c.n, send, h.chip.Erased)
		}
	}
}

func deflated(p []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(p)
	w.Close()
	return b.Bytes()
}

func (h *host) compressed(at int, p []byte) {
	h.t.Helper()
	z := deflated(p)
	blocks := (len(z) + block - 1) / block
	h.must(deflBegin, h.begin(deflBegin, (len(p)+block-1)/block*block, blocks, at))
	for i := range blocks {
		h.must(deflData, chunk(z[i*block:min(len(z), (i+1)*block)], i))
	}
}

// TestDeflated: the tail is held until END, which leaves the loader, or is not held.
func TestDeflated(t *testing.T) {
	data := append(bytes.Repeat([]byte("over and over "), 700), pattern(4096, 5)...)
	data = data[:13*block] // the last block is whole, and held all the same
	for _, tail := range []bool{false, true} {
		h := down(t, Config{Chip: "esp32s3", WritesTail: tail})
		h.compressed(0x10000, data)
		got := h.chip.Flash()[0x10000 : 0x10000+len(data)]
		if bytes.Equal(got, data) != tail || !bytes.Equal(got[:len(data)-block], data[:len(data)-block]) {
			t.Errorf("writes its tail: %v: before END %v is right", tail, bytes.Equal(got, data))
		}
		h.clean()
		h.must(deflEnd, words(1))
		if !bytes.Equal(got, data) {
			t.Error("after END the flash holds something else")
		}
		h.send(request(readReg, words(magicAt), 0))
		if h.frame(time.Second) != nil {
			t.Error("after END it answers")
		}
	}
}

// TestSpoiledDeflate: after an error every block fails until a reset.
func TestSpoiledDeflate(t *testing.T) {
	z := deflated(pattern(3000, 1))
	adler := bytes.Clone(z)
	adler[len(adler)-1]++
	broken := bytes.Clone(z)
	broken[1]++
	for name, c := range map[string]struct {
		z    []byte
		size int
		want byte
	}{"no zlib": {broken, 3072, badDeflate}, "sum": {adler, 3072, badAdler}, "more than announced": {z, 1024, badSize}} {
		h := down(t, Config{Chip: "esp32c6"})
		var code byte
		h.must(deflBegin, h.begin(deflBegin, c.size, 4, 0))
		for i := 0; i*block < len(c.z) && code == fine; i++ {
			_, _, code = h.ask(deflData, chunk(c.z[i*block:min(len(c.z), (i+1)*block)], i))
		}
		if code != c.want {
			t.Errorf("%s: code %#x, want %#x", name, code, c.want)
		}
		h.must(deflBegin, h.begin(deflBegin, 3072, 4, 0))
		h.refused(deflData, chunk(z[:block], 0), c.want)
		h.classic()
		h.sync()
		h.ready()
		h.compressed(0, pattern(3000, 1))
	}
}
