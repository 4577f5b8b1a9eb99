package firmware_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"

	"unbrick/firmware"
	"unbrick/firmware/espimage"
	"unbrick/internal/firmwaretest"
	"unbrick/internal/mcuboottest"
	"unbrick/release"
)

var two = []firmwaretest.Segment{at(0x08000000, firmwaretest.Data(3000, 1)), at(0x08004000, firmwaretest.Data(70000, 2))}

// esp32c3 is where the chip sees its flash.
const esp32c3 = 0x42000000

func merged() []byte {
	return firmwaretest.Merge(0, map[uint32][]byte{0: firmwaretest.Boot(5).Bytes(), 0x8000: firmwaretest.Table(firmwaretest.Usual, true),
		0xe000: firmwaretest.OTAData(), 0x10000: firmwaretest.App(5, esp32c3, "1.2.3").Bytes()})
}

func signed() []byte {
	return mcuboottest.Sign(ed25519.NewKeyFromSeed(make([]byte, 32)), &mcuboottest.Spec{Major: 1, Minor: 2, Payload: firmwaretest.Data(900, 3)})
}

// samples are a sound file of each format.
var samples = []struct {
	name    string
	file    []byte
	format  firmware.Format
	family  string
	chip    string
	parts   string // offsets and lengths
	placing firmware.Placing
}{
	{"a.hex", firmwaretest.Hex(two, 16, "\n"), firmware.IntelHex, "", "", "at-08000000@8000000+3000 at-08004000@8004000+70000", firmware.Fixed},
	{"a.srec", firmwaretest.SRecord(two, 4), firmware.SRecord, "", "", "at-08000000@8000000+3000 at-08004000@8004000+70000", firmware.Fixed},
	{"a.elf", firmwaretest.ELF(0x28, []firmwaretest.Load{load(0x08000000, 0x08000000, two[0].Data), load(0x20000000, 0x08000bb8, two[1].Data)}),
		firmware.ELF, "", "", "program@8000000+73000", firmware.Fixed},
	{"uno.elf", firmwaretest.ELF(0x53, []firmwaretest.Load{load(0, 0, two[0].Data), load(0x800100, 3000, two[0].Data[:10]), load(0x810000, 0x810000, []byte{1, 2})}),
		firmware.ELF, "avr", "", "program@0+3010", firmware.Fixed},
	{"a.uf2", firmwaretest.UF2(two, 0x57755a57, ""), firmware.UF2, "", "stm32f4", "at-08000000@8000000+3000 at-08004000@8004000+70000", firmware.Fixed},
	{"esp.uf2", firmwaretest.UF2([]firmwaretest.Segment{at(0, merged())}, 0xd42ba06c, "behind"), firmware.UF2, "esp", "esp32c3", "program@0+71984", firmware.Fixed},
	{"md5.uf2", firmwaretest.UF2(two[:1], 0, "end"), firmware.UF2, "", "", "program@8000000+3000", firmware.Fixed},
	{"a.dfu", firmwaretest.DfuSe(two, two[:1]), firmware.DfuSe, "", "", "at-08000000@8000000+3000 at-08004000@8004000+70000", firmware.Fixed},
	{"b.dfu", firmwaretest.DFU(firmwaretest.Data(500, 4)), firmware.DFU, "", "", "program@0+500", firmware.Loose},
	{"app.bin", firmwaretest.App(5, esp32c3, "1.2.3").Bytes(), firmware.ESPApplication, "esp", "esp32c3", "app@10000+6448", firmware.Movable},
	{"boot.bin", firmwaretest.Boot(0).Bytes(), firmware.ESPBootloader, "esp", "esp32", "bootloader@1000+2560", firmware.Movable},
	{"8266.bin", firmwaretest.Arduino(), firmware.ESP8266Program, "esp", "esp8266", "program@0+10768", firmware.Fixed},
	{"merged.bin", merged(), firmware.ESPMerged, "esp", "esp32c3", "bootloader@0+2560 partitions@8000+3072 otadata@e000+8192 app0@10000+6448", firmware.Fixed},
	{"table.bin", firmwaretest.Table(firmwaretest.Usual, true), firmware.ESPTable, "esp", "", "partitions@8000+3072", firmware.Movable},
	{"boot_app0.bin", firmwaretest.OTAData(), firmware.ESPOTAData, "esp", "", "otadata@0+8192", firmware.Movable},
	{"signed.bin", signed(), firmware.MCUbootImage, "mcuboot", "", "image@0+1076", firmware.Movable},
	{"raw.bin", firmwaretest.Data(1000, 5), firmware.Raw, "", "", "program@0+1000", firmware.Loose},
}

func told(parts []release.Part) string {
	var all []string
	for _, p := range parts {
		all = append(all, p.Name+"@"+hex(uint64(p.Offset))+"+"+decimal(len(p.Data)))
	}
	return strings.Join(all, " ")
}

func TestReadsEachFormat(t *testing.T) {
	seen := map[firmware.Format]bool{}
	for _, s := range samples {
		f, err := firmware.Read(s.name, s.file)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		seen[f.Format] = true
		if f.Format != s.format || f.Family != s.family || f.Chip != s.chip || told(f.Parts) != s.parts || f.Placing != s.placing {
			t.Errorf("%s: a %v of %q %q, placed %d: %s\nwant %s", s.name, f.Format, f.Family, f.Chip, f.Placing, told(f.Parts), s.parts)
		}
		for _, c := range f.Checks {
			if c.Kind == firmware.AppendedSHA256 && !c.Held {
				t.Errorf("%s: its digest was not found", s.name)
			}
		}
	}
	f, err := firmware.Read("x", must(release.AppendParts(nil, []release.Part{{Name: "a", Offset: 16, Data: []byte("x")}})))
	if err != nil || f.Format != firmware.PartsFile || told(f.Parts) != "a@10+1" {
		t.Errorf("a parts file: %+v %v", f, err)
	}
	seen[firmware.PartsFile] = true
	for i := 1; i <= firmware.Formats; i++ {
		if !seen[firmware.Format(i)] {
			t.Errorf("no sample of a %v", firmware.Format(i))
		}
	}
}

// The bytes that come out are those that went in, also in another order of blocks and lines.
func TestBytesAreKept(t *testing.T) {
	uf2 := firmwaretest.UF2(two, 0, "end")
	var backwards []byte
	for i := len(uf2) - 512; i >= 0; i -= 512 {
		backwards = append(backwards, uf2[i:i+512]...)
	}
	lines := strings.Split(strings.TrimSpace(string(firmwaretest.SRecord(two, 4))), "\r\n")
	slices.Reverse(lines[1 : len(lines)-2])
	for name, file := range map[string][]byte{"a.hex": firmwaretest.Hex(two, 16, "\n"), "wide.hex": firmwaretest.Hex(two, 255, "\r\n"),
		"mark.hex": append([]byte("\xef\xbb\xbf\r\n"), firmwaretest.Hex(two, 32, "\r\n")...), "lower.hex": lower(firmwaretest.Hex(two, 16, "\n")),
		"turned.srec": []byte(strings.Join(lines, "\n")), "turned.uf2": backwards, "a.dfu": firmwaretest.DfuSe(two, nil)} {
		f, err := firmware.Read(name, file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(f.Parts) != 2 || !bytes.Equal(f.Parts[0].Data, two[0].Data) || !bytes.Equal(f.Parts[1].Data, two[1].Data) {
			t.Errorf("%s: other bytes, %s", name, told(f.Parts))
		}
	}
}

func lower(b []byte) []byte { return bytes.ToLower(b) }

// Gaps that no flash erases alone are filled, larger ones stay.
func TestGaps(t *testing.T) {
	d := firmwaretest.Data(100, 6)
	f, err := firmware.Read("a.hex", firmwaretest.Hex([]firmwaretest.Segment{at(0, d), at(355, d), at(711, d)}, 16, "\n"))
	if err != nil || told(f.Parts) != "at-00000000@0+455 at-000002c7@2c7+100" {
		t.Fatalf("%v %v", err, told(f.Parts))
	}
	if want := slices.Concat(d, bytes.Repeat([]byte{0xff}, 255), d); !bytes.Equal(f.Parts[0].Data, want) {
		t.Error("the gap is not filled with erased bytes")
	}
	var apart []firmwaretest.Segment
	for i := range uint32(17) {
		apart = append(apart, firmwaretest.Segment{Addr: i * 0x1000, Data: d})
	}
	refused(t, "17 pieces", must2(firmware.Read("a.hex", firmwaretest.Hex(apart, 16, "\n"))), firmware.TooManyParts)
}

func TestTextsThatAreWrong(t *testing.T) {
	rec, end := firmwaretest.HexRecord, firmwaretest.HexRecord(1, 0, nil)
	data := rec(0, 0x100, []byte{1, 2, 3, 4})
	srec := firmwaretest.SRecordLine
	sdata, send := srec(1, 0x100, 2, []byte{1, 2, 3}), srec(9, 0, 2, nil)
	for name, test := range map[string]struct {
		lines []string
		want  firmware.Reason
	}{
		"overlap.hex":          {[]string{data, rec(0, 0x103, []byte{4}), end}, firmware.Malformed},
		"no end.hex":           {[]string{data}, firmware.CutShort},
		"behind the end.hex":   {[]string{data, end, data}, firmware.Malformed},
		"two ends.hex":         {[]string{data, end, end}, firmware.Malformed},
		"sum.hex":              {[]string{data[:len(data)-1] + "0", end}, firmware.CheckFailed},
		"digit.hex":            {[]string{data[:12] + "G" + data[13:], end}, firmware.Malformed},
		"length.hex":           {[]string{":05" + data[3:], end}, firmware.Malformed},
		"odd.hex":              {[]string{data[:len(data)-1], end}, firmware.Malformed},
		"type.hex":             {[]string{rec(6, 0, nil), end}, firmware.Malformed},
		"text.hex":             {[]string{data, "hello", end}, firmware.Malformed},
		"two starts.hex":       {[]string{data, rec(5, 0, []byte{0, 0, 0, 0}), rec(3, 0, []byte{0, 0, 0, 0}), end}, firmware.Malformed},
		"short start.hex":      {[]string{data, rec(5, 0, []byte{0}), end}, firmware.Malformed},
		"around.hex":           {[]string{rec(2, 0, []byte{0x10, 0}), rec(0, 0xffff, []byte{1, 2}), end}, firmware.Malformed},
		"behind the flash.hex": {[]string{rec(4, 0, []byte{0xff, 0xff}), rec(0, 0xffff, []byte{1}), end}, firmware.Malformed},
		"nothing.hex":          {[]string{end}, firmware.Empty},
		"address.hex":          {[]string{rec(4, 0, []byte{1}), data, end}, firmware.Malformed},
		"overlap.srec":         {[]string{sdata, sdata, send}, firmware.Malformed},
		"no end.srec":          {[]string{sdata}, firmware.CutShort},
		"sum.srec":             {[]string{sdata[:len(sdata)-1] + "1", send}, firmware.CheckFailed},
		"count.srec":           {[]string{sdata, srec(5, 2, 2, nil), send}, firmware.CheckFailed},
		"reserved.srec":        {[]string{srec(4, 0, 2, nil), sdata, send}, firmware.Malformed},
		"length.srec":          {[]string{"S104" + sdata[4:], send}, firmware.Malformed},
		"end with data.srec":   {[]string{sdata, srec(9, 0, 2, []byte{1})}, firmware.Malformed},
	} {
		refused(t, name, must2(firmware.Read(name, []byte(strings.Join(test.lines, "\n")))), test.want)
	}
	if f, err := firmware.Read("a.srec", []byte(strings.Join([]string{sdata, srec(5, 1, 2, nil)}, "\n"))); err != nil || told(f.Parts) != "program@100+3" {
		t.Errorf("a count and no end: %v", err)
	}
	for name, text := range map[string][]string{
		"segments": {rec(2, 0, []byte{0x10, 0}), data, end}, "starts": {data, rec(3, 0, []byte{0, 0, 0, 0}), end, "", "  "}} {
		f, err := firmware.Read("a.hex", []byte(strings.Join(text, "\r\n")))
		if err != nil || len(f.Parts) != 1 || (name == "segments") != (f.Parts[0].Offset == 0x10100) {
			t.Errorf("%s: %+v %v", name, f, err)
		}
	}
}

func TestBinariesThatAreWrong(t *testing.T) {
	change := func(b []byte, at int, v ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[at:], v)
		return b
	}
	app, uf2 := firmwaretest.App(5, esp32c3, "1").Bytes(), firmwaretest.UF2(two, 0xd42ba06c, "behind")
	elf := firmwaretest.ELF(0x28, []firmwaretest.Load{load(0, 0, two[0].Data)})
	dfu := firmwaretest.DfuSe(two, nil)
	again := func(b []byte) []byte { return firmwaretest.DFU(b[:len(b)-16]) } // with a right CRC
	arduino := firmwaretest.Arduino()
	m := merged()
	noApp := m[:0x10000]
	mixed := firmwaretest.Merge(0, map[uint32][]byte{0: firmwaretest.Boot(5).Bytes(), 0x8000: firmwaretest.Table(firmwaretest.Usual, true),
		0x10000: firmwaretest.App(9, esp32c3, "1").Bytes()})
	swapped := firmwaretest.Merge(0, map[uint32][]byte{0: firmwaretest.App(5, esp32c3, "1").Bytes(), 0x8000: firmwaretest.Table(firmwaretest.Usual, true),
		0x10000: firmwaretest.App(5, esp32c3, "1").Bytes()})
	for name, test := range map[string]struct {
		file []byte
		want firmware.Reason
	}{
		"empty.bin":        {nil, firmware.Empty},
		"blank.bin":        {bytes.Repeat([]byte{0xff}, 5000), firmware.Empty},
		"page.bin":         {[]byte("<!DOCTYPE html>\n<p>Not found</p>\n"), firmware.Foreign},
		"archive.bin":      {append([]byte("PK\x03\x04"), app...), firmware.Foreign},
		"named.hex":        {firmwaretest.Data(100, 9), firmware.Unrecognised},
		"xtensa.elf":       {firmwaretest.ELF(0x5e, []firmwaretest.Load{load(0, 0, two[0].Data)}), firmware.NotFlashable},
		"c3.elf":           {firmwaretest.ELF(0xf3, []firmwaretest.Load{load(esp32c3, esp32c3, two[0].Data)}), firmware.NotFlashable},
		"x86.elf":          {firmwaretest.ELF(3, []firmwaretest.Load{load(0, 0, two[0].Data)}), firmware.Malformed},
		"wide.elf":         {change(elf, 4, 2), firmware.Malformed},
		"shared.elf":       {change(elf, 16, 3), firmware.Malformed},
		"cut.elf":          {elf[:len(elf)-1], firmware.CutShort},
		"head.elf":         {elf[:40], firmware.CutShort},
		"ram.elf":          {firmwaretest.ELF(0x53, []firmwaretest.Load{load(0x800100, 0x800100, two[0].Data)}), firmware.Malformed},
		"cut.uf2":          {uf2[:len(uf2)-512], firmware.CutShort},
		"half.uf2":         {uf2[:len(uf2)-100], firmware.CutShort},
		"twice.uf2":        {append(bytes.Clone(uf2[:512]), append(bytes.Clone(uf2[:512]), uf2[1024:]...)...), firmware.Malformed},
		"more.uf2":         {append(bytes.Clone(uf2), uf2[:512]...), firmware.Malformed},
		"md5.uf2":          {change(uf2, 40, uf2[40]^1), firmware.CheckFailed},
		"families.uf2":     {change(uf2, 512+28, 1), firmware.Malformed},
		"container.uf2":    {change(uf2, 9, uf2[9]|0x10), firmware.Malformed},
		"crc.dfu":          {change(dfu, 400, dfu[400]^1), firmware.CheckFailed},
		"cut.dfu":          {dfu[:len(dfu)-1], firmware.CutShort},
		"elements.dfu":     {again(change(dfu, 11+270, 3)), firmware.Malformed},
		"target.dfu":       {again(change(dfu, 11, 't')), firmware.Malformed},
		"version.dfu":      {again(change(dfu, 5, 2)), firmware.Malformed},
		"sum.bin":          {firmwareSum(), firmware.CheckFailed},
		"digest.bin":       {change(app, len(app)-1, app[len(app)-1]^1), firmware.CheckFailed},
		"cut.bin":          {app[:len(app)-1], firmware.CutShort},
		"chip.bin":         {change(app, 12, 77), firmware.Malformed},
		"behind.bin":       {append(bytes.Clone(app), "more"...), firmware.Malformed},
		"version 2.bin":    {append([]byte{0xea, 4, 0, 0}, app...), firmware.NotFlashable},
		"eboot.bin":        {change(arduino, 0x1800, arduino[0x1800]^1), firmware.CheckFailed},
		"eboot cut.bin":    {arduino[:len(arduino)-1], firmware.CutShort},
		"table.bin":        {change(firmwaretest.Table(firmwaretest.Usual, true), 20, 0x40), firmware.CheckFailed},
		"no app.bin":       {noApp, firmware.CutShort},
		"mixed.bin":        {mixed, firmware.WrongChip},
		"swapped.bin":      {swapped, firmware.Swapped},
		"table md5.bin":    {change(m, 0x8005, 0x91), firmware.CheckFailed},
		"otadata.bin":      {change(m, 0xe01c, 0), firmware.CheckFailed},
		"stray.bin":        {change(m, 0x8f00, 1, 2, 3), firmware.Malformed},
		"hash.bin":         {change(signed(), 40, 0xaa), firmware.CheckFailed},
		"cut signed.bin":   {signed()[:900], firmware.CutShort},
		"unplaced esp.bin": {firmwaretest.Merge(0, map[uint32][]byte{0x1000: firmwaretest.Boot(0).Bytes()}), firmware.CutShort},
	} {
		refused(t, name, must2(firmware.Read(name, test.file)), test.want)
	}
}

// firmwareSum breaks the checksum of an application and makes its digest right again.
func firmwareSum() []byte {
	i := firmwaretest.App(5, esp32c3, "1")
	b := i.Bytes()
	b[len(b)-33] ^= 1
	return firmwaretest.Digest(b[:len(b)-32])
}

func TestWhatAnImageSays(t *testing.T) {
	i := firmwaretest.App(9, 0x42000000, "2.0-rc1")
	i.Min, i.Max, i.Signature = 2, 199, true
	f, err := firmware.Read("app.bin", i.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if f.Version != "2.0-rc1" || f.Project != "meter" || f.Date != "Nov 28 2026" || f.IDF != "v5.3.1" || f.Least != 2 || f.Most != 199 || f.Flash != 4<<20 ||
		f.Mode != 2 || f.Frequency != 40 || f.Image.Signature != espimage.SignedV2 || len(f.Parts[0].Data) != 0x3000 {
		t.Errorf("got %+v %+v", f, f.Image)
	}
	i = firmwaretest.App(0, 0x400d0000, "1")
	i.MinOld = 3
	i.NoDigest = true
	f, err = firmware.Read("app.bin", i.Bytes())
	if err != nil || f.Least != 300 || f.Most != espimage.NoMost {
		t.Errorf("got %+v %v", f, err)
	}
	if slices.ContainsFunc(f.Checks, func(c firmware.Check) bool { return c.Kind == firmware.AppendedSHA256 && c.Held }) {
		t.Error("a digest that is not there")
	}
}

// An image without a descriptor is told by where its segments go.
func TestKindBySegments(t *testing.T) {
	for _, test := range []struct {
		addr uint32
		want firmware.Format
	}{{0x400d0018, firmware.ESPApplication}, {0x3f400020, firmware.ESPApplication}, {0x40080000, firmware.ESPBootloader}} {
		i := &firmwaretest.Image{Segments: []firmwaretest.Segment{at(test.addr, firmwaretest.Data(64, 1))}}
		if f, err := firmware.Read("a.bin", i.Bytes()); err != nil || f.Format != test.want {
			t.Errorf("%x: %+v %v", test.addr, f, err)
		}
	}
}

// A merged image that is cut short anywhere is refused, or what comes out is whole.
func TestMergedCutShort(t *testing.T) {
	m := merged()
	whole, err := firmware.Read("m.bin", m)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0x1000; n < len(m); n += 0x1000 {
		f, err := firmware.Read("m.bin", m[:n])
		if err != nil {
			continue
		}
		if f.Format != firmware.ESPBootloader || n > 0x8000 || !bytes.Equal(f.Parts[0].Data, whole.Parts[0].Data) {
			t.Errorf("cut at 0x%x: a %v of %s", n, f.Format, told(f.Parts))
		}
	}
}

// The choice of the application is written although it is nothing but erased bytes: what a device has there may name another one.
func TestMergedKeepsTheChoice(t *testing.T) {
	m := merged()
	copy(m[0xe000:], bytes.Repeat([]byte{0xff}, 0x2000))
	f, err := firmware.Read("m.bin", m)
	if err != nil || !strings.Contains(told(f.Parts), "otadata@e000+8192") || len(f.Left) != 1 || f.Left[0].Name != "nvs" {
		t.Fatalf("%v %v", err, f)
	}
	// A file system that has content is a part, with all of its partition that the file has.
	fs := firmwaretest.Merge(0, map[uint32][]byte{0: m, 0x290000: append([]byte("files"), bytes.Repeat([]byte{0xff}, 0x160000-5)...)})
	f, err = firmware.Read("m.bin", fs)
	if err != nil || !strings.HasSuffix(told(f.Parts), "spiffs@290000+1441792") {
		t.Errorf("%v %s", err, told(f.Parts))
	}
}

// What the ROM of an ESP8266 starts may have anything behind it, at places of its project's own: all of it goes to 0.
func TestProgramOfAnESP8266(t *testing.T) {
	i := &firmwaretest.Image{Short: true, Segments: []firmwaretest.Segment{at(0x40100000, firmwaretest.Data(1000, 1))}}
	b := append(i.Bytes(), firmwaretest.Data(9000, 2)...)
	f, err := firmware.Read("combined.bin", b)
	if err != nil || f.Format != firmware.ESP8266Program || f.Chip != "esp8266" || len(f.Parts[0].Data) != len(b) {
		t.Fatalf("%+v %v", f, err)
	}
	empty := &firmware.Target{Family: "esp", Chip: "esp8266", Bootloader: firmware.None}
	if err := firmware.Fit([]*firmware.File{f}, f.Parts, empty); err != nil {
		t.Error(err)
	}
	f.Parts[0].Offset = 0x10000
	refused(t, "elsewhere", firmware.Fit(nil, f.Parts, empty), firmware.Swapped)
}

// Every byte of a small file of each format is flipped: it is refused, or what comes out would not be written to that device as something else.
func TestFlips(t *testing.T) {
	little := []firmwaretest.Segment{at(0x100, firmwaretest.Data(300, 8))}
	app := &firmwaretest.Image{Chip: 5, Segments: []firmwaretest.Segment{at(esp32c3, firmwaretest.Data(512, 9))}}
	checked := map[string][]byte{ // formats whose sums cover all that counts
		"a.hex": firmwaretest.Hex(little, 16, "\n"), "a.srec": firmwaretest.SRecord(little, 2), "a.dfu": firmwaretest.DfuSe(little, nil),
		"app.bin": app.Bytes(), "8266.bin": firmwaretest.Arduino(), "signed.bin": signed(), "table.bin": firmwaretest.Table(firmwaretest.Usual, true),
	}
	for name, file := range checked {
		want, err := firmware.Read(name, file)
		if err != nil {
			t.Fatal(err)
		}
		for i := range file {
			for _, mask := range []byte{1, 0x20, 0x80} {
				b := bytes.Clone(file)
				b[i] ^= mask
				f, err := firmware.Read(name, b)
				if err != nil {
					refusedAny(t, name, err)
					continue
				}
				if f.Format == firmware.Raw || f.Format == firmware.DFU || same(f, want) {
					continue // nothing says any more where it belongs, or it says the same
				}
				if name == "signed.bin" || name == "8266.bin" && (i == 2 || i == 3) {
					continue // signature bytes, which only the device can judge
				}
				t.Errorf("%s: byte %d ^ %#x: %v %s", name, i, mask, f.Format, told(f.Parts))
			}
		}
	}
}

// same reports whether two files would write the same bytes to the same places, apart from bytes that the checks of their format leave out.
func same(a, b *firmware.File) bool {
	if a.Format != b.Format || a.Chip != b.Chip || told(a.Parts) != told(b.Parts) {
		return false
	}
	for i := range a.Parts {
		if !bytes.Equal(a.Parts[i].Data, b.Parts[i].Data) {
			return false
		}
	}
	return true
}

func refusedAny(t *testing.T, name string, err error) {
	t.Helper()
	var no *firmware.Refusal
	if !errors.As(err, &no) || no.Reason == 0 || len(no.Error()) < 10 {
		t.Errorf("%s: %v is no refusal", name, err)
	}
}

func refused(t *testing.T, name string, err error, want firmware.Reason) {
	t.Helper()
	var no *firmware.Refusal
	if !errors.As(err, &no) || no.Reason != want {
		t.Errorf("%s: %v, want reason %d", name, err, want)
	}
}

func must2[T any](_ T, err error) error { return err }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
