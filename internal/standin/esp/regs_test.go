package esp

import (
	"bytes"
	"testing"
	"time"

	"unbrick/internal/standin"
)

// command carries out a command of the flash, as hosts do. Registers by the tables of Espressif's tools, written down a second time.
func (h *host) command(spi uint32, old, first bool, op byte, bits int, addr, dummy int) []uint32 {
	h.t.Helper()
	usr, usr1, usr2, miso, w0 := spi+0x18, spi+0x1c, spi+0x20, spi+0x28, spi+0x58
	if old {
		usr, usr1, usr2, miso, w0 = spi+0x1c, spi+0x20, spi+0x24, spi+0x2c, spi+0x80
	}
	lengths, flags := uint32(0), uint32(0x80000000)
	if bits > 0 {
		flags |= 0x10000000
	}
	if addr >= 0 {
		flags |= 0x40000000
		lengths |= 23 << 26
		a := uint32(addr)
		if old {
			a <<= 8
		}
		h.reg(spi+4, a)
	}
	if dummy > 0 {
		flags |= 0x20000000
		lengths |= uint32(dummy - 1)
	}
	if first {
		w0 = spi + 0x40
		lengths |= uint32(bits-1) << 8
	} else if bits > 0 {
		h.reg(miso, uint32(bits-1))
	}
	h.reg(usr1, lengths)
	h.reg(usr, flags)
	h.reg(usr2, 7<<28|uint32(op))
	h.reg(w0, 0)
	h.reg(spi, 1<<18)
	busy := 0
	for v, _ := h.must(readReg, words(spi)); v != 0; v, _ = h.must(readReg, words(spi)) {
		if busy++; busy > 10 {
			h.t.Fatal("the command does not end")
		}
	}
	if busy == 0 {
		h.t.Error("the command was over at once")
	}
	var out []uint32
	for i := range max(1, (bits+31)/32) {
		v, _ := h.must(readReg, words(w0+4*uint32(i)))
		out = append(out, v)
	}
	return out
}

func (h *host) reg(at, v uint32) { h.t.Helper(); h.must(writeReg, words(at, v, 0xffffffff, 0)) }

func bases(name string) (spi uint32, old, first bool) {
	switch name {
	case "esp8266":
		return 0x60000200, true, true
	case "esp32":
		return 0x3ff42000, true, false
	case "esp32s2":
		return 0x3f402000, false, false
	case "esp32p4":
		return 0x5008d000, false, false
	case "esp32c5", "esp32c6", "esp32h2":
		return 0x60003000, false, false
	}
	return 0x60002000, false, false
}

// TestFlashIdentity: the machine gives it, only when the flash is attached, only as many bits as were asked for.
func TestFlashIdentity(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		h := newHost(t, Config{Chip: m.name, Flash: 8 << 20}, standin.Options{})
		h.classic()
		h.sync()
		spi, old, first := bases(m.name)
		if v := h.command(spi, old, first, 0x9f, 24, -1, 0); v[0] != 0 {
			t.Errorf("before it was attached: %#x", v)
		}
		h.ready()
		if v := h.command(spi, old, first, 0x9f, 24, -1, 0); v[0] != 0x1740ef {
			t.Errorf("identity %#x", v)
		}
		if v := h.command(spi, old, first, 0x9f, 16, -1, 0); v[0] != 0x40ef {
			t.Errorf("16 bits: %#x", v)
		}
		if v := h.command(spi, old, first, 0x5a, 32, 0, 8); v[0] != 0x50444653 {
			t.Errorf("SFDP %#x", v)
		}
		copy(h.chip.Flash()[0x12340:], pattern(64, 9))
		var got []byte
		for _, v := range h.command(spi, old, first, 0x03, 512, 0x12340, 0) {
			got = append(got, words(v)...)
		}
		if !bytes.Equal(got, pattern(64, 9)) {
			t.Errorf("read %x", got)
		}
		h.clean()
		h.command(spi, old, first, 0xc7, 0, -1, 0)
		if h.noted("writes"); h.chip.Unwritten == 0 || h.chip.Erased > 0 {
			t.Errorf("%+v", h.chip.Tally)
		}
	})
}

// TestWhoItIs: magic number, MAC address and revision where each chip has them, and nothing elsewhere.
func TestWhoItIs(t *testing.T) {
	each(t, func(t *testing.T, m *model) {
		mac := [6]byte{0x24, 0x6f, 0x28, 0x01, 0x02, 0x03}
		h := down(t, Config{Chip: m.name, MAC: mac, Major: 1, Minor: 1})
		read := func(at uint32) uint32 { v, _ := h.must(readReg, words(at)); return v }
		want := map[string]uint32{"esp8266": 0xfff0c101, "esp32": 0x00f01d83, "esp32s2": 0x7c6}[m.name]
		if got := read(0x40001000); want != 0 && got != want {
			t.Errorf("magic %#x", got)
		}
		switch m.name {
		case "esp8266":
			if read(0x3ff0005c) != 0x246f28 || read(0x3ff00054) != 0x0102 || read(0x3ff00050) != 0x03000000 {
				t.Error("MAC address")
			}
		case "esp32":
			if read(0x3ff5a004) != 0x28010203 || read(0x3ff5a008)&0xffff != 0x246f || read(0x3ff5a00c)>>15&1 != 1 {
				t.Error("MAC address or revision")
			}
			// What the ROM believes of its clock, as hosts compute it.
			if f := float64(read(0x3ff5f06c)>>7&0x1ffffff) * 15625 * float64(read(0x3ff5a010)&0xff) / 40; f < 41.5e6 || f > 41.7e6 {
				t.Errorf("clock %f", f)
			}
		default:
			base := map[string]uint32{"esp32s2": 0x3f41a044, "esp32s3": 0x60007044, "esp32c2": 0x60008840, "esp32c3": 0x60008844,
				"esp32c5": 0x600b4844, "esp32c6": 0x600b0844, "esp32h2": 0x600b0844, "esp32p4": 0x5012d044}[m.name]
			if read(base) != 0x28010203 || read(base+4)&0xffff != 0x246f {
				t.Error("MAC address")
			}
			w := func(n uint32) uint32 { return read(base + 4*n) }
			rev := map[string]func() uint32{
				"esp32s2": func() uint32 { return w(3)>>18&3<<8 | w(3)>>20&1<<3 | w(4)>>4&7 },
				"esp32s3": func() uint32 { return w(5)>>24&3<<8 | w(5)>>23&1<<3 | w(3)>>18&7 },
				"esp32c3": func() uint32 { return w(5)>>24&3<<8 | w(5)>>23&1<<3 | w(3)>>18&7 },
				"esp32c2": func() uint32 { return w(1)>>20&3<<8 | w(1)>>16&15 }, "esp32c6": func() uint32 { return w(3)>>22&3<<8 | w(3)>>18&15 },
				"esp32h2": func() uint32 { return w(3)>>21&3<<8 | w(3)>>18&7 }, "esp32c5": func() uint32 { return w(2)>>4&3<<8 | w(2)&15 },
				"esp32p4": func() uint32 { return w(2)>>23&1<<10 | w(2)>>4&3<<8 | w(2)&15 }}[m.name]()
			if rev != 0x101 {
				t.Errorf("revision %#x", rev)
			}
			_, info := h.must(securityInfo, nil)
			ids := map[string]byte{"esp32s3": 9, "esp32c2": 12, "esp32c3": 5, "esp32c5": 23, "esp32c6": 13, "esp32h2": 16, "esp32p4": 18}
			if m.name == "esp32s2" && len(info) != 12 || m.name != "esp32s2" && (len(info) != 20 || info[12] != ids[m.name]) {
				t.Errorf("security info %x", info)
			}
		}
		h.clean()
		read(0x12345678)
		h.noted("in no table")
	})
}

// TestOwnUSB: the sequence of the chip's own port, its leaving the bus, and its watchdogs.
func TestOwnUSB(t *testing.T) {
	for _, c := range []struct {
		name                           string
		protect, config, swdWP, swd    uint32
		swdKey, feed                   uint32
		away, freezes, inLoaderByForce bool
	}{
		{name: "esp32c3", protect: 0x600080a8, config: 0x60008090, swdWP: 0x600080b0, swd: 0x600080ac, swdKey: 0x8f1d312a, feed: 1 << 31},
		{name: "esp32s3", protect: 0x600080b0, config: 0x60008098, swdWP: 0x600080b8, swd: 0x600080b4, swdKey: 0x8f1d312a, feed: 1 << 31,
			inLoaderByForce: true},
		{name: "esp32c6", protect: 0x600b1c18, config: 0x600b1c00, swdWP: 0x600b1c20, swd: 0x600b1c1c, swdKey: wdtKey, feed: 1 << 18,
			freezes: true},
		{name: "esp32h2", protect: 0x600b1c1c, config: 0x600b1c00, swdWP: 0x600b1c24, swd: 0x600b1c20, swdKey: wdtKey, feed: 1 << 18,
			freezes: true},
		{name: "esp32c5", protect: 0x600b1c18, config: 0x600b1c00, swdWP: 0x600b1c20, swd: 0x600b1c1c, swdKey: wdtKey, feed: 1 << 18},
		{name: "esp32p4", protect: 0x50116018, config: 0x50116000, swdWP: 0x50116020, swd: 0x5011601c, swdKey: wdtKey, feed: 1 << 18},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, Config{Chip: c.name, Port: JTAG}, standin.Options{})
			h.chip.Put(0, firmware(c.name, h.chip.m.id, h.chip.m.bootAt))
			h.lines("00", 100, "01")
			if err := h.port.Return(t.Context()); err == nil {
				h.wire.Run(100 * time.Millisecond)
			}
			if h.chip.Downloading() {
				t.Error("a reset alone enters the loader")
			}
			h.lines("00", 100, "10", 100, "11", "01")
			if err := h.port.SetLines(false, false); err == nil {
				t.Error("it did not leave the bus")
			}
			before := h.port.Now()
			if err := h.port.Return(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := h.port.Now() - before; took < 300*time.Millisecond || took > 1500*time.Millisecond {
				t.Errorf("it was away for %v", took)
			}
			h.sync()
			h.wire.Run(6 * time.Second)
			if h.chip.Downloading() || h.chip.Rebooted != 4 {
				t.Errorf("its watchdogs did not reset it: %d resets", h.chip.Rebooted)
			}
			if err := h.port.Return(t.Context()); err != nil {
				t.Fatal(err)
			}
			// A person enters it, and the host stops them.
			h.wire.Do(func() { h.chip.Hold(true); h.chip.Press(true); h.chip.Press(false) })
			h.wire.Run(2 * time.Second)
			if err := h.port.Return(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.wire.Do(func() { h.chip.Hold(false) })
			h.sync()
			h.reg(c.protect, wdtKey)
			h.reg(c.config, 0)
			h.reg(c.protect, 0)
			h.reg(c.swdWP, c.swdKey)
			v, _ := h.must(readReg, words(c.swd))
			h.reg(c.swd, v|c.feed)
			h.reg(c.swdWP, 0)
			h.wire.Run(20 * time.Second)
			if !h.chip.Downloading() {
				t.Error("it was reset though its watchdogs are off")
			}
			// RTS does not lead out: the pin was low at the last full reset.
			h.lines("01")
			_ = h.port.Return(t.Context())
			h.wire.Run(100 * time.Millisecond)
			if !h.chip.Downloading() {
				t.Error("RTS led out of the loader after a person had entered it")
			}
			h.clean()
			h.sync()
			h.reg(c.config, 0)
			h.noted("locked")
			h.reg(c.protect, wdtKey)
			h.reg(c.config+4, 2000)
			if c.inLoaderByForce {
				h.reg(c.config, 0xd0000102)
				h.wire.Run(2 * time.Second)
				if err := h.port.Return(t.Context()); err != nil || !h.chip.Downloading() {
					t.Errorf("it left though download mode is forced: %v", err)
				}
				h.sync()
				h.reg(0x6000812c, 0)
				h.reg(c.protect, wdtKey)
				h.reg(c.config+4, 2000)
			}
			h.reg(c.config, 0xd0000102)
			h.wire.Run(2 * time.Second)
			if frozen := h.chip.state == frozen; frozen != c.freezes || h.chip.Downloading() {
				t.Errorf("after a reset by watchdog: frozen %v, in the loader %v", frozen, h.chip.Downloading())
			}
		})
	}
}

// TestOTG: the port of the ROM is there in the loader alone.
func TestOTG(t *testing.T) {
	h := newHost(t, Config{Chip: "esp32s2", Port: OTG}, standin.Options{})
	h.wire.Run(time.Second)
	if _, err := h.wire.Open(115200); err == nil {
		t.Fatal("the program has the port of the ROM")
	}
	h.wire.Do(func() { h.chip.Hold(true); h.chip.Press(true); h.chip.Press(false) })
	h.wire.Run(2 * time.Second)
	h.wire.Do(func() { h.chip.Hold(false) })
	var err error
	if h.port, err = h.wire.Open(115200); err != nil {
		t.Fatal(err)
	}
	h.sync()
	h.classic() // does nothing
	if v, _ := h.must(readReg, words(0x3ffffd14)); v != 2 {
		t.Errorf("it speaks by %d", v)
	}
	if v, _ := h.must(readReg, words(0x3f404038)); v&8 != 0 {
		t.Error("BOOT was not low")
	}
	h.reg(0x3f4080ac, wdtKey)
	h.reg(0x3f408098, 2000)
	h.reg(0x3f408094, 0xd0000102)
	h.wire.Run(3 * time.Second)
	if h.chip.Downloading() {
		t.Error("the watchdog did not lead out")
	}
	h.clean()
}

// TestProtected: what a protection forbids is refused and counted, and nothing is written.
func TestProtected(t *testing.T) {
	h := newHost(t, Config{Chip: "esp32c3", SecureDownload: true, Encrypted: true, SecureBoot: true}, standin.Options{})
	h.classic()
	h.sync()
	_, info := h.must(securityInfo, nil)
	if info[0] != 5 || info[4] != 1 {
		t.Errorf("flags %x, counter %x", info[:4], info[4])
	}
	for _, c := range []struct {
		op   byte
		body []byte
	}{{readReg, words(magicAt)}, {writeReg, words(0x60002000, 0, 0, 0)}, {flashMD5, words(0, 4096, 0, 0)}, {readSlow, words(0, 64)},
		{deflBegin, h.begin(deflBegin, 4096, 4, 0)}, {memBegin, words(1, 1, 1, 1)}} {
		before := h.chip.Refused
		if h.unknown(c.op, c.body); h.chip.Refused != before+1 {
			t.Errorf("command %#x is not counted", c.op)
		}
	}
	if h.chip.Writes > 0 || h.chip.Unwritten != 1 || h.chip.Erased > 0 {
		t.Errorf("%+v", h.chip.Tally)
	}
	h.ready()
	h.must(flashBegin, h.begin(flashBegin, 4096, 4, 0)) // the ROM does it
	denied := newHost(t, Config{Chip: "esp32", DownloadDenied: true}, standin.Options{})
	denied.classic()
	for range 3 {
		denied.send(request(sync, syncBody(), 0))
		denied.wire.Run(100 * time.Millisecond)
	}
	if denied.chip.Syncs > 0 {
		t.Error("download mode is disabled, and SYNC is answered")
	}
}

// TestEncrypted: the fuses say it, the chip encrypts where it may, its digest is that of the cells, and plain text bricks it.
func TestEncrypted(t *testing.T) {
	image := firmware("esp32s3", 9, 0)
	encrypted := func(h *host, at, size int, on uint32) []byte {
		return append(words(uint32(size), uint32(size/block), block, uint32(at)), words(on)...)
	}
	h := newHost(t, Config{Chip: "esp32s3", Encrypted: true}, standin.Options{})
	h.chip.Put(0, image)
	if h.heard(2 * time.Second); !h.chip.Running() {
		t.Fatal("it does not start")
	}
	h.classic()
	h.sync()
	h.ready()
	if v, _ := h.must(readReg, words(0x60007034)); v>>18&7 != 1 {
		t.Errorf("counter %#x", v)
	}
	h.must(flashBegin, encrypted(h, 0x10000, 4096, 1))
	for i := range 4 {
		h.must(flashData, chunk(image[0x10000+i*block:0x10000+(i+1)*block], i))
	}
	want := image[0x10000:0x11000]
	if !bytes.Equal(h.chip.Plain(0x10000, 4096), want) || bytes.Equal(h.chip.Flash()[0x10000:0x11000], want) {
		t.Error("it did not encrypt")
	}
	h.refused(flashBegin, encrypted(h, 0x10008, 4096, 1), badParam)
	h.write(0, image[:4096])
	h.classic()
	h.lines("01", 20, "00")
	if got := h.heard(2 * time.Second); h.chip.Running() {
		t.Errorf("plain text starts: %q", got)
	}
	r := down(t, Config{Chip: "esp32s3", Encrypted: true, Release: true})
	if v, _ := r.must(readReg, words(0x60007030)); v>>20&1 != 1 {
		t.Error("no fuse says that the loader does not encrypt")
	}
	r.refused(flashBegin, encrypted(r, 0, 4096, 1), failed)
	if r.chip.Erased > 0 || r.chip.Unwritten != 1 {
		t.Errorf("%+v", r.chip.Tally)
	}
	v1 := down(t, Config{Chip: "esp32", SecureBootV1: true, Encrypted: true})
	if v, _ := v1.must(readReg, words(0x3ff5a018)); v>>4&1 != 1 {
		t.Error("no fuse says Secure Boot V1")
	}
	if v, _ := v1.must(readReg, words(0x3ff5a000)); v>>20&0x7f != 1 {
		t.Error("no fuse says encryption")
	}
}

// TestOneWatchdogIsNotEnough: the other one resets the chip.
func TestOneWatchdogIsNotEnough(t *testing.T) {
	h := newHost(t, Config{Chip: "esp32c3", Port: JTAG, Stays: true}, standin.Options{})
	h.lines("00", 100, "10", 100, "11", "01", 100, "00", 100)
	h.sync()
	h.reg(0x600080a8, wdtKey)
	h.reg(0x60008090, 0)
	h.wire.Run(6 * time.Second)
	if h.chip.Downloading() {
		t.Error("it was not reset")
	}
}

// TestFlashWithoutPower: a late P4 is to switch its flash on first.
func TestFlashWithoutPower(t *testing.T) {
	h := down(t, Config{Chip: "esp32p4", Major: 3, Minor: 1})
	if v := h.command(0x5008d000, false, false, 0x9f, 24, -1, 0); v[0] != 0 {
		t.Errorf("without power it says %#x", v)
	}
	for _, at := range []uint32{0x5011010c, 0x501151bc, 0x501151b8, 0x501153fc} {
		h.reg(at, 1)
	}
	if v := h.command(0x5008d000, false, false, 0x9f, 24, -1, 0); v[0] != 0x1640ef {
		t.Errorf("with power it says %#x", v)
	}
	h.clean()
}
