package firmware_test

import (
	"bytes"
	"errors"
	"testing"

	"unbrick/firmware"
	"unbrick/firmware/espimage"
	"unbrick/internal/firmwaretest"
	"unbrick/release"
)

func part(name string, offset uint32, data []byte) release.Part {
	return release.Part{Name: name, Offset: offset, Data: data}
}

func list(parts ...release.Part) []release.Part { return parts }

// TestFit: what starts is taken, and each way to a dead device is refused by its reason.
func TestFit(t *testing.T) {
	c3 := firmware.Target{Family: firmware.ESP, Chip: "esp32c3", Flash: 4 << 20, Major: 0, Minor: 4, Revised: true}
	with := func(change func(*firmware.Target)) *firmware.Target {
		v := c3
		change(&v)
		return &v
	}
	plain := with(func(*firmware.Target) {})
	empty := with(func(v *firmware.Target) { v.Bootloader = firmware.None })
	table, err := espimage.ParseTable(firmwaretest.Table(firmwaretest.Usual, true))
	if err != nil {
		t.Fatal(err)
	}
	tabled := with(func(v *firmware.Target) { v.Table = table })
	app, boot, tab := firmwaretest.App(5, esp32c3, "1").Bytes(), firmwaretest.Boot(5).Bytes(), firmwaretest.Table(firmwaretest.Usual, true)
	needs := firmwaretest.App(5, esp32c3, "1")
	needs.Min = 5
	old := firmwaretest.App(5, esp32c3, "1")
	old.Min, old.Max = 1, 3
	signed := firmwaretest.App(5, esp32c3, "1")
	signed.Signature = true
	large := firmwaretest.Boot(5)
	large.SizeFreq = 0x3f
	huge := []firmwaretest.Entry{{Label: "app0", Subtype: 0x10, Offset: 0x10000, Size: 0x400000}}
	small := []firmwaretest.Entry{{Label: "app0", Subtype: 0x10, Offset: 0x10000, Size: 0x1000}}
	moved := []firmwaretest.Entry{{Label: "app0", Subtype: 0x10, Offset: 0x20000, Size: 0x100000}}
	all := list(part("b", 0, boot), part("t", 0x8000, tab), part("a", 0x10000, app))
	uno := &firmware.Target{Family: firmware.AVR, Chip: "atmega328p", Flash: 32 << 10, Reserved: []firmware.Range{{Addr: 0x7e00, Size: 0x200}}}
	e8266 := &firmware.Target{Family: firmware.ESP, Chip: "esp8266", Flash: 4 << 20, Bootloader: firmware.None}
	arduino := firmwaretest.Arduino()
	data := firmwaretest.Data(600, 1)
	for _, test := range []struct {
		name  string
		parts []release.Part
		to    *firmware.Target
		want  firmware.Reason // 0: it fits
	}{
		{"application", list(part("a", 0x10000, app)), plain, 0},
		{"application in the second slot", list(part("a", 0x150000, app)), tabled, 0},
		{"all on an empty chip", all, empty, 0},
		{"merged", list(part("m", 0, merged())), empty, 0},
		{"signed", list(part("a", 0x10000, signed.Bytes())), with(func(v *firmware.Target) { v.SecureBoot = true }), 0},
		{"older chip", list(part("a", 0x10000, needs.Bytes())), plain, firmware.WrongRevision},
		{"newer chip", list(part("a", 0x10000, old.Bytes())), plain, firmware.WrongRevision},
		{"unknown revision", list(part("a", 0x10000, needs.Bytes())), with(func(v *firmware.Target) { v.Revised = false }), 0},
		{"another chip", list(part("a", 0x10000, firmwaretest.App(9, esp32c3, "1").Bytes())), plain, firmware.WrongChip},
		{"application at 0", list(part("a", 0, app)), plain, firmware.Swapped},
		{"boot loader at 0x10000", list(part("b", 0x10000, boot)), plain, firmware.Swapped},
		{"boot loader at 0x1000", list(part("b", 0x1000, boot)), plain, firmware.WrongOffset},
		{"application at 0x1000", list(part("a", 0x1000, app)), plain, firmware.WrongOffset},
		{"application at 0x11000", list(part("a", 0x11000, app)), plain, firmware.WrongOffset},
		{"application in a file system", list(part("a", 0x290000, app)), tabled, firmware.WrongOffset},
		{"merged at 0x10000", list(part("m", 0x10000, merged())), plain, firmware.MergedMoved},
		{"application alone on an empty chip", list(part("a", 0x10000, app)), empty, firmware.NoBootloader},
		{"no table on an empty chip", list(part("b", 0, boot), part("a", 0x10000, app)), empty, firmware.NoTable},
		{"no application on an empty chip", list(part("b", 0, boot), part("t", 0x8000, tab)), empty, firmware.NoApplication},
		{"overlap", list(part("a", 0x10000, app), part("x", 0x11000, data)), plain, firmware.Overlap},
		{"beyond the flash", list(part("x", 4<<20-0x1000, make([]byte, 0x1001))), plain, firmware.BeyondFlash},
		{"beyond the reach", list(part("x", 16<<20, data)), with(func(v *firmware.Target) { v.Flash = 32 << 20 }), firmware.BeyondReach},
		{"beyond the partition", list(part("t", 0x8000, firmwaretest.Table(small, true)), part("a", 0x10000, app)), plain, firmware.BeyondPartition},
		{"table beyond the flash", list(part("t", 0x8000, firmwaretest.Table(huge, true)), part("a", 0x10000, app)), plain, firmware.BeyondFlash},
		{"table says elsewhere", list(part("t", 0x8000, firmwaretest.Table(moved, true)), part("a", 0x10000, app)), plain, firmware.WrongOffset},
		{"table at 0x9000", list(part("t", 0x9000, tab)), plain, firmware.WrongOffset},
		{"two tables", list(part("t", 0x8000, tab), part("u", 0x9000, tab)), plain, firmware.WrongOffset},
		{"in the middle of a sector", list(part("x", 0x200800, data)), plain, firmware.WrongOffset},
		{"boot loader for a larger flash", list(part("b", 0, large.Bytes())), plain, firmware.SmallFlash},
		{"boot loader into the table", list(part("b", 0, append(bytes.Clone(boot), bytes.Repeat([]byte{0xff}, 0x8000)...))), plain, firmware.BeyondPartition},
		{"no image at 0x10000", list(part("x", 0x10000, data)), plain, firmware.NotImage},
		{"no boot loader at 0", list(part("x", 0, data)), plain, firmware.NotImage},
		{"no table at 0x8000", list(part("x", 0x8000, data)), plain, firmware.NotImage},
		{"over all of it", list(part("x", 0, bytes.Repeat(data, 200))), plain, firmware.NotImage},
		{"damaged application", list(part("a", 0x10000, app[:len(app)-1])), plain, firmware.CutShort},
		{"settings", list(part("x", 0x9000, data)), plain, 0},
		{"choice elsewhere", list(part("o", 0x12000, firmwaretest.OTAData())), tabled, firmware.WrongOffset},
		{"choice", list(part("o", 0xe000, firmwaretest.OTAData())), tabled, 0},
		{"unsigned", list(part("a", 0x10000, app)), with(func(v *firmware.Target) { v.SecureBoot = true }), firmware.Unsigned},
		{"bound boot loader", list(part("b", 0, boot)), with(func(v *firmware.Target) { v.SecureBootV1 = true }), firmware.ProtectedArea},
		{"keys", list(part("b", 0, boot)), with(func(v *firmware.Target) { v.KeyRecovery = true }), firmware.ProtectedArea},
		{"plain on encrypted", list(part("a", 0x10000, app)), with(func(v *firmware.Target) { v.EncryptedReady = true }), firmware.PlainOnEncrypted},
		{"no encrypting loader", list(part("a", 0x10000, app)), with(func(v *firmware.Target) { v.Encrypted, v.WriteOnly = true, true }), firmware.PlainOnEncrypted},
		{"loader encrypts", list(part("a", 0x10000, app)), with(func(v *firmware.Target) { v.Encrypted = true }), 0},
		{"reserved", list(part("a", 0x10000, app)), with(func(v *firmware.Target) { v.Reserved = []firmware.Range{{Addr: 0x11000, Size: 1}} }), firmware.ReservedArea},
		{"ESP8266", list(part("p", 0, arduino)), e8266, 0},
		{"ESP8266 elsewhere", list(part("p", 0x10000, arduino)), e8266, firmware.WrongOffset},
		{"ESP8266 program on another chip", list(part("p", 0, arduino)), plain, firmware.WrongChip},
		{"ESP8266 damaged", list(part("p", 0, arduino[:len(arduino)-16])), e8266, firmware.CutShort},
		{"ESP8266 with no image", list(part("p", 0, data)), e8266, firmware.NotImage},
		{"Uno", list(part("p", 0, data)), uno, 0},
		{"Uno with a boot loader", list(part("p", 0, data), part("l", 0x7e00, data[:0x200])), uno, firmware.ReservedArea},
		{"Uno with EEPROM", list(part("p", 0, data), part("e", 0x810000, data)), uno, firmware.NotFlash},
		{"Uno too large", list(part("p", 0, make([]byte, 33<<10))), uno, firmware.BeyondFlash},
		{"Uno elsewhere", list(part("p", 0x100, data)), uno, firmware.WrongOffset},
		{"MCUboot", list(part("i", 0, signedImage)), &firmware.Target{Family: firmware.MCUboot}, 0},
		{"MCUboot and no image", list(part("i", 0, data)), &firmware.Target{Family: firmware.MCUboot}, firmware.Malformed},
		{"nothing", nil, plain, firmware.Empty},
	} {
		err := firmware.Fit(nil, test.parts, test.to)
		if test.want == 0 && err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if test.want != 0 {
			refused(t, test.name, err, test.want)
		}
	}
}

var signedImage = signed()

// TestFitsByFile: what a file says of itself is compared, too.
func TestFitsByFile(t *testing.T) {
	esp := &firmware.Target{Family: firmware.ESP, Chip: "esp32"}
	uno := &firmware.Target{Family: firmware.AVR, Chip: "atmega328p"}
	arm := firmwaretest.ELF(0x28, []firmwaretest.Load{load(0, 0, two[0].Data)})
	avr := firmwaretest.ELF(0x53, []firmwaretest.Load{load(0, 0, two[0].Data)})
	for _, test := range []struct {
		name string
		file []byte
		to   *firmware.Target
		want firmware.Reason
	}{
		{"app.bin", firmwaretest.App(5, esp32c3, "1").Bytes(), esp, firmware.WrongChip},
		{"app.bin", firmwaretest.App(5, esp32c3, "1").Bytes(), uno, firmware.WrongFamily},
		{"signed.bin", signed(), esp, firmware.WrongFamily},
		{"c3.uf2", firmwaretest.UF2([]firmwaretest.Segment{at(0, two[0].Data)}, 0xd42ba06c, ""), esp, firmware.ForeignUF2},
		{"f4.uf2", firmwaretest.UF2([]firmwaretest.Segment{at(0, two[0].Data)}, 0x57755a57, ""), esp, firmware.ForeignUF2},
		{"any.uf2", firmwaretest.UF2([]firmwaretest.Segment{at(0, two[0].Data)}, 0x12345678, ""), uno, firmware.ForeignUF2},
		{"no.uf2", firmwaretest.UF2([]firmwaretest.Segment{at(0, two[0].Data)}, 0, ""), uno, 0},
		{"arm.elf", arm, esp, firmware.WrongFamily},
		{"arm.elf", arm, uno, firmware.WrongFamily},
		{"avr.elf", avr, esp, firmware.WrongFamily},
		{"avr.elf", avr, uno, 0},
		{"328p.elf", firmwaretest.AVRELF("atmega328p", []firmwaretest.Load{load(0, 0, two[0].Data)}), uno, 0},
		{"328.elf", firmwaretest.AVRELF("atmega328", []firmwaretest.Load{load(0, 0, two[0].Data)}), uno, 0},
		{"2560.elf", firmwaretest.AVRELF("atmega2560", []firmwaretest.Load{load(0, 0, two[0].Data)}), uno, firmware.WrongChip},
		{"a.hex", firmwaretest.Hex([]firmwaretest.Segment{at(0, two[0].Data)}, 16, "\n"), uno, 0},
	} {
		f, err := firmware.Read(test.name, test.file)
		if err != nil {
			t.Fatal(err)
		}
		if err = firmware.Fit([]*firmware.File{f}, f.Parts, test.to); test.want != 0 {
			refused(t, test.name, err, test.want)
		} else if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestPlace(t *testing.T) {
	read := func(name string, b []byte) *firmware.File {
		f, err := firmware.Read(name, b)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	table := read("t.bin", firmwaretest.Table([]firmwaretest.Entry{{Label: "nvs", Type: 1, Subtype: 2, Offset: 0x9000, Size: 0x4000},
		{Label: "ota", Type: 1, Offset: 0xd000, Size: 0x2000}, {Label: "b", Subtype: 0x11, Offset: 0x20000, Size: 0x10000},
		{Label: "a", Subtype: 0x10, Offset: 0x40000, Size: 0x10000}}, true)).Table
	app, choice := read("a.bin", firmwaretest.App(0, 0x400d0000, "1").Bytes()), read("o.bin", firmwaretest.OTAData())
	raw, whole := read("r.bin", firmwaretest.Data(100, 1)), read("m.bin", merged())
	for _, test := range []struct {
		name  string
		f     *firmware.File
		where firmware.Where
		want  string
		no    firmware.Reason
	}{
		{"usual place", app, firmware.Where{}, "app@10000+6448", 0},
		{"first slot of a table", app, firmware.Where{Table: table}, "app@40000+6448", 0},
		{"slot that the device starts", app, firmware.Where{Table: table, Choice: &espimage.Choice{Sequence: [2]uint32{3, 4}}}, "app@20000+6448", 0},
		{"a place that is said", app, firmware.Where{Offset: 0x20000, Given: true, Table: table}, "app@20000+6448", 0},
		{"choice", choice, firmware.Where{Table: table}, "otadata@d000+8192", 0},
		{"choice without a table", choice, firmware.Where{}, "", firmware.Unplaced},
		{"raw", raw, firmware.Where{Offset: 0, Given: true}, "program@0+100", 0},
		{"raw and no place", raw, firmware.Where{}, "", firmware.Unplaced},
		{"raw at the end of the world", raw, firmware.Where{Offset: 1<<32 - 50, Given: true}, "", firmware.BeyondFlash},
		{"merged", whole, firmware.Where{}, "bootloader@0+2560 partitions@8000+3072 otadata@e000+8192 app0@10000+6448", 0},
		{"merged as it is", whole, firmware.Where{Whole: true}, "whole@0+71984", 0},
		{"merged elsewhere", whole, firmware.Where{Offset: 0x10000, Given: true}, "", firmware.MergedMoved},
		{"HEX elsewhere", read("a.hex", firmwaretest.Hex(two, 16, "\n")), firmware.Where{Offset: 0, Given: true}, "", firmware.WrongOffset},
	} {
		parts, err := test.f.Place(test.where)
		if test.no != 0 {
			refused(t, test.name, err, test.no)
		} else if err != nil || told(parts) != test.want {
			t.Errorf("%s: %s %v", test.name, told(parts), err)
		}
	}
}

// Every reason has words of its own, and so has everything else that people read.
func TestWords(t *testing.T) {
	seen := map[string]bool{}
	once := func(s string) {
		if s == "" || seen[s] {
			t.Errorf("%q is said twice, or nothing", s)
		}
		seen[s] = true
	}
	for i := 1; i <= firmware.Reasons; i++ {
		e := &firmware.Refusal{Reason: firmware.Reason(i)}
		if once(e.Error()); e.Error() == "refused" {
			t.Errorf("reason %d has no words", i)
		}
	}
	for i := 1; i <= firmware.Formats; i++ {
		once(firmware.Format(i).String())
	}
	for i := 1; i <= firmware.CheckKinds; i++ {
		once(firmware.CheckKind(i).String())
	}
	var no *firmware.Refusal
	if err := error(&firmware.Refusal{Reason: firmware.CheckFailed}); !errors.As(err, &no) {
		t.Error("a refusal is none")
	}
}
