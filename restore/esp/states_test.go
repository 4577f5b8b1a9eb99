package esp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"unbrick/internal/standin"
	chip "unbrick/internal/standin/esp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/esp"
	"unbrick/restore/family"
)

// TestDescribe: revision, flash and address of each chip, whatever they are.
func TestDescribe(t *testing.T) {
	revisions := map[string][][2]int{
		"esp8266": {{0, 0}}, "esp32": {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {3, 1}}, "esp32s2": {{0, 0}, {1, 0}, {1, 9}}, "esp32s3": {{0, 1}, {0, 2}, {1, 15}},
		"esp32c2": {{1, 0}, {1, 2}, {2, 13}}, "esp32c3": {{0, 3}, {0, 4}, {1, 1}, {1, 9}}, "esp32c5": {{1, 0}, {0, 15}}, "esp32c6": {{0, 0}, {0, 2}, {1, 9}},
		"esp32h2": {{0, 1}, {1, 2}}, "esp32p4": {{0, 1}, {1, 3}, {3, 0}, {4, 2}},
	}
	for _, k := range kinds {
		for i, rev := range revisions[k.name] {
			size := []int{256 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20, 16 << 20, 32 << 20}[i+1]
			mac := [6]byte{0x24, 0x0a, 0xc4, byte(i), 0xfe, 0x01}
			r := newRig(t, chip.Config{Chip: k.name, Major: rev[0], Minor: rev[1], Flash: size, MAC: mac}, standin.Options{Seed: uint64(i), Latency: 4 * time.Millisecond})
			begin := r.wire.Elapsed()
			l := r.enter()
			entered := r.wire.Elapsed()
			b, err := l.Describe(context.Background())
			if err != nil {
				t.Errorf("%s: %v", k.name, err)
				continue
			}
			want := fmt.Sprintf("%d.%d", rev[0], rev[1])
			serial := fmt.Sprintf("24:0a:c4:%02x:fe:01", i)
			if b.Chip != k.name || b.Revision != want || b.Flash != uint32(size) || b.Serial != serial || b.Sealed != nil || b.Family != family.ESP {
				t.Errorf("%s %s %d %s: described as %+v", k.name, want, size, serial, b)
			}
			r.faultless()
			if r.chip.Touched() {
				t.Errorf("%s: describing touched the flash", k.name)
			}
			if i == 0 {
				t.Logf("%-8s %-10s entered in %v, described in %v", k.name, b.Name, entered-begin, r.wire.Elapsed()-entered)
			}
		}
	}
}

// TestOddFlash: what says who it is in another way, says nothing, or is not there.
func TestOddFlash(t *testing.T) {
	for jedec, want := range map[uint32]uint32{0x1625c2: 4 << 20, 0x01471f: 4 << 20, 0x362560: 4 << 20} {
		r := newRig(t, chip.Config{Chip: "esp32s3", JEDEC: jedec}, standin.Options{})
		if b, err := r.enter().Describe(context.Background()); err != nil || b.Flash != want || b.Sealed != nil {
			t.Errorf("%06x: %+v, %v", jedec, b, err)
		}
	}
	r := newRig(t, chip.Config{Chip: "esp32c3", JEDEC: 0x0040ef}, standin.Options{})
	if b, err := r.enter().Describe(context.Background()); err != nil || b.Flash != 4<<20 {
		t.Errorf("no capacity: %+v, %v", b, err)
	}
	r = newRig(t, chip.Config{Chip: "esp32c3", JEDEC: 0xffffff}, standin.Options{})
	b, err := r.enter().Describe(context.Background())
	if err != nil || code(b.Sealed) != restore.CodeFlash {
		t.Errorf("no flash: %+v, %v", b, err)
	}
	r.faultless()
}

// TestProtected: what a maker has switched on is said, and where writing would spoil a chip nothing is written.
func TestProtected(t *testing.T) {
	for _, c := range []struct {
		name   string
		c      chip.Config
		want   []family.Protection
		sealed restore.Code
		notes  []family.Note
		err    restore.Code // of Compare, with parts at the boot loader's place and behind
	}{
		{"secure boot", chip.Config{Chip: "esp32s3", SecureBoot: true}, []family.Protection{family.SecureBoot}, 0, nil, 0},
		{"secure boot V2 of an ESP32", chip.Config{Chip: "esp32", Major: 3, SecureBoot: true}, []family.Protection{family.SecureBoot}, 0, nil, 0},
		{"secure boot V1", chip.Config{Chip: "esp32", SecureBootV1: true}, []family.Protection{family.SecureBoot, family.SecureBootV1}, 0, nil, restore.CodeReserved},
		{"encryption, development", chip.Config{Chip: "esp32c3", Encrypted: true}, []family.Protection{family.EncryptionDevelop}, 0,
			[]family.Note{family.NoVerify, family.NoCompare}, 0},
		{"encryption, development, ESP32", chip.Config{Chip: "esp32", Encrypted: true}, []family.Protection{family.EncryptionDevelop}, restore.CodeProtected, nil,
			restore.CodeProtected},
		{"encryption, release", chip.Config{Chip: "esp32c6", Encrypted: true, Release: true}, []family.Protection{family.EncryptionRelease}, restore.CodeProtected, nil,
			restore.CodeProtected},
		{"encryption, release, ESP32", chip.Config{Chip: "esp32", Encrypted: true, Release: true}, []family.Protection{family.EncryptionRelease}, restore.CodeProtected, nil,
			restore.CodeProtected},
		{"secure download", chip.Config{Chip: "esp32c3", SecureDownload: true, SecureBoot: true}, []family.Protection{family.SecureDownload, family.SecureBoot}, 0,
			[]family.Note{family.NoVerify, family.NoCompare, family.SizeGuess}, 0},
		{"secure download, S2", chip.Config{Chip: "esp32s2", SecureDownload: true}, []family.Protection{family.SecureDownload}, 0,
			[]family.Note{family.NoVerify, family.NoCompare, family.SizeGuess}, 0},
		{"secure download and encryption", chip.Config{Chip: "esp32s3", SecureDownload: true, Encrypted: true},
			[]family.Protection{family.SecureDownload, family.EncryptionRelease}, restore.CodeProtected, []family.Note{family.NoVerify, family.NoCompare, family.SizeGuess},
			restore.CodeProtected},
		{"keys from the key manager", chip.Config{Chip: "esp32c5", Encrypted: true, KeyManager: true}, []family.Protection{family.KeyRecovery, family.EncryptionDevelop}, 0,
			[]family.Note{family.NoVerify, family.NoCompare}, 0},
		{"keys from the key manager, P4", chip.Config{Chip: "esp32p4", Encrypted: true, KeyManager: true}, []family.Protection{family.KeyRecovery, family.EncryptionDevelop}, 0,
			[]family.Note{family.NoVerify, family.NoCompare}, 0},
		{"P4 without power at its flash", chip.Config{Chip: "esp32p4", Major: 3, Minor: 1}, nil, restore.CodeRefused, nil, restore.CodeRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.c, standin.Options{Seed: 3})
			before := bytes.Clone(r.chip.Flash())
			ctx := context.Background()
			l := r.enter()
			b, err := l.Describe(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(b.Protections, c.want) || code(b.Sealed) != c.sealed || !slices.Equal(b.Notes, c.notes) {
				t.Errorf("described as %+v, sealed %v", b, b.Sealed)
			}
			var loader, id int
			for _, k := range kinds {
				if k.name == c.c.Chip {
					loader, id = k.loader, k.id
				}
			}
			parts := software(1, c.c.Chip, loader, id, 50000)
			d, err := l.Compare(ctx, parts, nil)
			if code(err) != c.err {
				t.Fatalf("comparing: %v", err)
			}
			r.faultless()
			if err != nil {
				if r.chip.Touched() || !bytes.Equal(before, r.chip.Flash()) {
					t.Error("the flash was touched")
				}
				if touched(err) != restore.TouchedNothing {
					t.Errorf("touched %v", touched(err))
				}
				if c.sealed != 0 {
					if _, err := l.Verify(ctx, parts, nil); code(err) != c.sealed {
						t.Errorf("verifying: %v", err)
					}
				}
				return
			}
			if err := l.Write(ctx, d, nil); err != nil {
				t.Fatal(err)
			}
			proof, err := l.Verify(ctx, parts, nil)
			if err != nil {
				t.Fatal(err)
			}
			if compares := !slices.Contains(c.notes, family.NoCompare); compares != (proof == family.ProofDigest) || !compares && proof != family.ProofNone {
				t.Errorf("proof %v", proof)
			}
			r.holds(parts)
			r.faultless()
			s, err := l.Start(ctx)
			if err != nil || s.Outcome != family.Runs {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

// TestReserved: what belongs to a chip's boot loader or keys is not written, with an address.
func TestReserved(t *testing.T) {
	for _, c := range []struct {
		c    chip.Config
		part uint32
		size int
		code restore.Code
	}{
		{chip.Config{Chip: "esp32", SecureBootV1: true}, 0x7fff, 1, restore.CodeReserved},
		{chip.Config{Chip: "esp32", SecureBootV1: true}, 0x8000, 1, 0},
		{chip.Config{Chip: "esp32c5", Encrypted: true, KeyManager: true}, 0, 0x4000, restore.CodeReserved},
		{chip.Config{Chip: "esp32c5", Encrypted: true, KeyManager: true}, 0x2000, 0x4000, 0},
		{chip.Config{Chip: "esp32c3", Flash: 1 << 20}, 1<<20 - 4096, 4097, restore.CodeTooLarge},
		{chip.Config{Chip: "esp32c3", Flash: 1 << 20}, 1<<20 - 4096, 4096, 0},
		{chip.Config{Chip: "esp32s3", Flash: 32 << 20}, 16<<20 - 4096, 4097, restore.CodeTooLarge},
		{chip.Config{Chip: "esp32c3"}, 0xfffff000, 4097, restore.CodeTooLarge},
		{chip.Config{Chip: "esp32c3", SecureDownload: true}, 0x10100, 100, restore.CodeUnfit},
	} {
		r := newRig(t, c.c, standin.Options{})
		l := r.enter()
		if _, err := l.Describe(context.Background()); err != nil {
			t.Fatal(err)
		}
		asked := l.Stats().Sent
		_, err := l.Compare(context.Background(), []release.Part{{Name: "x", Offset: c.part, Data: make([]byte, c.size)}}, nil)
		if code(err) != c.code {
			t.Errorf("%+v at %#x: %v", c.c, c.part, err)
		}
		if err != nil && l.Stats().Sent != asked {
			t.Errorf("%+v at %#x: the chip was asked before", c.c, c.part)
		}
		r.faultless()
		if r.chip.Touched() {
			t.Errorf("%+v: touched", c.c)
		}
	}
}

// TestEnter: each wiring by its own way, and each failure by its own name.
func TestEnter(t *testing.T) {
	for _, c := range []struct {
		name string
		c    chip.Config
		cut  string // what of the cable is
		way  family.Way
		code restore.Code
		says string
	}{
		{"BOOT is not connected", chip.Config{Chip: "esp32c3"}, "no BOOT", 0, restore.CodeStarted, "hold its BOOT button"},
		{"BOOT is not connected, ESP32", chip.Config{Chip: "esp32"}, "no BOOT", 0, restore.CodeStarted, "hold its BOOT button"},
		{"it hears nothing", chip.Config{Chip: "esp32c3"}, "deaf", 0, restore.CodeSilent, "RX pin"},
		{"nothing is there", chip.Config{Chip: "esp32c3"}, "nothing", 0, restore.CodeSilent, "check cable and power"},
		{"classic", chip.Config{Chip: "esp32"}, "", family.WayClassic, 0, ""},
		{"slow to rise", chip.Config{Chip: "esp32", Rise: 120 * time.Millisecond}, "", family.WaySlow, 0, ""},
		{"inverted", chip.Config{Chip: "esp32c3", Inverted: true}, "", family.WayInverted, 0, ""},
		{"its own port", chip.Config{Chip: "esp32s3", Port: chip.JTAG}, "", family.WayUSB, 0, ""},
		{"its own port, stays", chip.Config{Chip: "esp32s3", Port: chip.JTAG, Stays: true}, "", family.WayUSB, 0, ""},
		{"downloads denied", chip.Config{Chip: "esp32", DownloadDenied: true}, "", 0, restore.CodeSilent, "does not answer"},
		{"no lines", chip.Config{Chip: "esp32c3", Port: chip.Manual}, "", 0, restore.CodeSilent, "BOOT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.c, standin.Options{Seed: 2})
			var ways []family.Way
			var heard []byte
			r.o.OnWay = func(w family.Way) { ways = append(ways, w) }
			r.o.Heard = func(p []byte) { heard = append(heard[:0], p...) }
			r.o.Patience = 0
			for _, p := range software(1, c.c.Chip, map[string]int{"esp32": 0x1000}[c.c.Chip], map[string]int{"esp32c3": 5, "esp32s3": 9}[c.c.Chip], 30000) {
				r.chip.Put(int(p.Offset), p.Data)
			}
			l, err := esp.Enter(context.Background(), &broken{r.port, c.cut}, &r.o)
			if code(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, ways %v, heard %q", err, ways, heard)
			}
			if err == nil && l.Way() != c.way {
				t.Errorf("by %v instead of %v", l.Way(), c.way)
			}
			t.Logf("%v in %v, ways %v", err, r.wire.Elapsed(), ways)
			if err != nil {
				return
			}
			// The way that worked is tried first the next time.
			r.o.Way = l.Way()
			ways = nil
			if l = r.enter(); len(ways) != 1 || l.Way() != c.way {
				t.Errorf("again by %v", ways)
			}
		})
	}
}

// broken is a port of which a wire is cut.
type broken struct {
	*standin.Port
	what string
}

func (b *broken) SetLines(dtr, rts bool) error {
	return b.Port.SetLines(dtr && b.what != "no BOOT", rts)
}

func (b *broken) Write(p []byte) error {
	if b.what == "deaf" || b.what == "nothing" {
		return nil
	}
	return b.Port.Write(p)
}

func (b *broken) Read(p []byte, wait time.Duration) (int, error) {
	for {
		begin := b.Now()
		n, err := b.Port.Read(p, wait)
		if b.what != "nothing" || err != nil {
			return n, err
		}
		wait -= b.Now() - begin
	}
}

// TestByHand: a person who holds BOOT and presses EN, while somebody calls.
func TestByHand(t *testing.T) {
	for _, name := range []string{"esp8266", "esp32", "esp32c3", "esp32c5"} {
		r := newRig(t, chip.Config{Chip: name, Port: chip.Manual}, standin.Options{Seed: 4})
		r.wire.Do(func() { // the person reads what to do, and does it
			r.wire.After(9*time.Second, func() { r.chip.Hold(true); r.chip.Press(true) })
			r.wire.After(9500*time.Millisecond, func() { r.chip.Press(false) })
			r.wire.After(11*time.Second, func() { r.chip.Hold(false) })
		})
		l, err := esp.Enter(context.Background(), r.port, &r.o)
		if err != nil || l.Way() != family.WayHand {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var loader, id int
		for _, k := range kinds {
			if k.name == name {
				loader, id = k.loader, k.id
			}
		}
		parts := software(1, name, loader, id, 30000)
		_, _, s, err := whole(context.Background(), l, parts)
		if err != nil {
			t.Errorf("%s: %v; %q", name, err, r.chip.Notes)
			continue
		}
		r.holds(parts)
		t.Logf("%s: %v", name, s.Outcome)
		if s.Outcome != family.Runs && s.Outcome != family.Unasked {
			t.Errorf("%s: outcome %v, %q", name, s.Outcome, s.Heard)
		}
	}
}

// TestOwnPort: a program with a USB port of its own, of which the numbers say nothing about the ROM's; a person holds BOOT and presses EN.
func TestOwnPort(t *testing.T) {
	for _, name := range []string{"esp32s3", "esp32c6", "esp32p4"} {
		r := newRig(t, chip.Config{Chip: name, Port: chip.JTAG}, standin.Options{Seed: 4})
		r.o.USB, r.o.Patience = family.USB{Vendor: 0x303a, Product: 0x4001}, 10*time.Second
		r.wire.Do(func() {
			r.wire.After(4*time.Second, func() { r.chip.Hold(true); r.chip.Press(true) })
			r.wire.After(4500*time.Millisecond, func() { r.chip.Press(false) })
			r.wire.After(7*time.Second, func() { r.chip.Hold(false) })
		})
		l, err := esp.Enter(context.Background(), r.port, &r.o)
		if err != nil || l.Way() != family.WayHand {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var loader, id int
		for _, k := range kinds {
			if k.name == name {
				loader, id = k.loader, k.id
			}
		}
		parts := software(1, name, loader, id, 100_000) // longer than its watchdogs take
		_, _, s, err := whole(context.Background(), l, parts)
		if err != nil {
			t.Errorf("%s: %v; %q", name, err, r.chip.Notes)
			continue
		}
		r.holds(parts)
		r.faultless()
		if want := map[string]family.Outcome{"esp32c6": family.Unasked}[name]; want != 0 && s.Outcome != want || want == 0 && s.Outcome != family.Runs {
			t.Errorf("%s: outcome %v, %q", name, s.Outcome, s.Heard)
		}
	}
}

// TestThere: a chip that waits already, on each port, is not reset; what cannot be told to start is left to a person.
func TestThere(t *testing.T) {
	for _, c := range []struct {
		chip string
		port chip.USB
		want family.Outcome
	}{
		{"esp32c3", chip.JTAG, family.Runs}, {"esp32s3", chip.JTAG, family.Runs}, {"esp32c6", chip.JTAG, family.Unasked}, {"esp32h2", chip.JTAG, family.Unasked},
		{"esp32c5", chip.JTAG, family.Runs}, {"esp32p4", chip.JTAG, family.Runs}, {"esp32c3", chip.UART, family.Runs}, {"esp32s2", chip.OTG, family.Quiet},
		{"esp32s3", chip.OTG, family.Quiet},
	} {
		t.Run(fmt.Sprint(c.chip, " ", c.port), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, chip.Config{Chip: c.chip, Port: c.port}, standin.Options{Seed: 4})
			r.port.Close()
			r.wire.Unplug()
			r.wire.Do(func() { r.chip.Hold(true) })
			r.wire.Replug()
			r.open()
			r.wire.Run(500 * time.Millisecond)
			r.wire.Do(func() { r.chip.Hold(false) })
			if !r.chip.Downloading() {
				t.Fatal("not in download mode")
			}
			r.o.Way = family.WayThere
			resets := r.chip.Rebooted
			l := r.enter()
			if l.Way() != family.WayThere || r.chip.Rebooted != resets {
				t.Errorf("by %v, %d resets", l.Way(), r.chip.Rebooted-resets)
			}
			var loader, id int
			for _, k := range kinds {
				if k.name == c.chip {
					loader, id = k.loader, k.id
				}
			}
			parts := software(1, c.chip, loader, id, 30000)
			_, _, s, err := whole(context.Background(), l, parts)
			if err != nil {
				t.Fatalf("%v; %q", err, r.chip.Notes)
			}
			r.holds(parts)
			r.faultless()
			if s.Outcome != c.want && !(c.port == chip.OTG && s.Outcome == family.Runs) {
				t.Errorf("outcome %v, heard %q", s.Outcome, s.Heard)
			}
		})
	}
}

// TestStart: how a start went, with its cause.
func TestStart(t *testing.T) {
	for _, name := range []string{"esp32", "esp32c3", "esp8266"} {
		for _, c := range []struct {
			name  string
			crash chip.Crash
			empty bool
			want  family.Outcome
			cause []boottext.Kind
		}{
			{"runs", chip.Healthy, false, family.Runs, []boottext.Kind{boottext.Unknown}},
			{"brown-out", chip.BrownOut, false, family.Crashes, []boottext.Kind{boottext.ESPBrownout}},
			{"watchdog", chip.Watchdog, false, family.Crashes, []boottext.Kind{boottext.ESPWatchdog}},
			{"panic", chip.Panic, false, family.Crashes, []boottext.Kind{boottext.ESPCrash}},
			{"flash", chip.ReadErr, false, family.Empty, []boottext.Kind{boottext.ESPFlashRead}},
			{"empty", chip.Healthy, true, family.Empty, []boottext.Kind{boottext.ESPEmpty}},
		} {
			r := newRig(t, chip.Config{Chip: name, Crash: c.crash}, standin.Options{Seed: 4})
			var loader, id int
			for _, k := range kinds {
				if k.name == name {
					loader, id = k.loader, k.id
				}
			}
			if !c.empty {
				for _, p := range software(1, name, loader, id, 30000) {
					r.chip.Put(int(p.Offset), p.Data)
				}
			}
			l := r.enter()
			begin := r.wire.Elapsed()
			s, err := l.Start(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if s.Outcome != c.want {
				t.Errorf("%s, %s: outcome %v, heard %q", name, c.name, s.Outcome, s.Heard)
			}
			if got := boottext.Cause(s.Heard); !slices.Contains(c.cause, got) && (name != "esp8266" || c.crash == chip.Panic) {
				t.Errorf("%s, %s: cause %v, heard %q", name, c.name, got, s.Heard)
			}
			t.Logf("%s, %s: known in %v", name, c.name, r.wire.Elapsed()-begin)
		}
	}
}

// TestLocked: a flash that takes nothing is noticed.
func TestLocked(t *testing.T) {
	parts := software(1, "esp32c3", 0, 5, 40000)
	r := newRig(t, chip.Config{Chip: "esp32c3", Locked: true}, standin.Options{})
	_, _, _, err := whole(context.Background(), r.enter(), parts)
	if c := code(err); c != restore.CodeVerify && c != restore.CodeFlash || !strings.Contains(err.Error(), "locked") {
		t.Errorf("%v", err)
	}
}

// TestRead reads a backup.
func TestRead(t *testing.T) {
	for _, name := range []string{"esp32c3", "esp8266"} {
		r := newRig(t, chip.Config{Chip: name}, standin.Options{Seed: 1, Latency: time.Millisecond})
		for i := range r.chip.Flash() {
			r.chip.Flash()[i] = byte(i * 7 >> 3)
		}
		l := r.enter()
		p := make([]byte, 10000)
		var last restore.Progress
		begin := r.wire.Elapsed()
		if err := l.Read(context.Background(), 0x12345, p, func(q restore.Progress) {
			if q.Work < last.Work || q.Bytes < last.Bytes {
				t.Error("progress goes back")
			}
			last = q
		}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(p, r.chip.Flash()[0x12345:][:len(p)]) || last.Bytes != 10000 || last.Work != last.WorkOf {
			t.Errorf("%s: read something else, %+v", name, last)
		}
		t.Logf("%s: %.0f bytes a second", name, 10000/(r.wire.Elapsed()-begin).Seconds())
		r.faultless()
		if err := l.Read(context.Background(), 4<<20-100, p[:101], nil); code(err) != restore.CodeTooLarge {
			t.Errorf("%s: behind its end: %v", name, err)
		}
	}
}

// TestEndedContext: a context ends each work between two exchanges.
func TestEndedContext(t *testing.T) {
	parts := software(1, "esp32c3", 0, 5, 40000)
	for n := 1; n < 300; n += 11 {
		r := newRig(t, chip.Config{Chip: "esp32c3"}, standin.Options{Seed: 6})
		ctx, end := context.WithCancel(context.Background())
		count := 0
		r.o.Trace = func(family.Exchange) {
			if count++; count == n {
				end()
			}
		}
		l, err := esp.Enter(ctx, r.port, &r.o)
		if err == nil {
			_, _, _, err = whole(ctx, l, parts)
		}
		if count < n {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %d exchanges: %v", n, err)
		}
	}
}
