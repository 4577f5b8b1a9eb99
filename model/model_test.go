package model

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"unbrick/flash"
)

func small(t testing.TB) Model {
	t.Helper()
	g, err := flash.ParseGeometry("4KiB", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return Model{ID: "0001", Name: "Meter", Layout: flash.Layout{Geometry: g, Boot: 64 << 10}, RAM: 256 << 10, Resident: 16 << 10, Line: DefaultLine}
}

func full(t testing.TB) Model {
	t.Helper()
	m := small(t)
	g, err := flash.ParseGeometry("16KiB*4,64KiB,128KiB*7", 0)
	if err != nil {
		t.Fatal(err)
	}
	g.ProgramUnit, g.Page, g.Blocks = 4, 256, []uint32{256 << 10}
	m.ID, m.Name = "hub-2.b_C", "Höhenmesser"
	m.Layout = flash.Layout{Geometry: g, Boot: 32 << 10, Settings: []flash.Area{{Name: "calibration", Addr: 896 << 10, Size: 128 << 10}}}
	m.Apps = []App{{"system", 32 << 10, 255, true}, {"display", 64 << 10, 3, false}, {"log", 16 << 10, 1, false}}
	m.ISA, m.Line, m.Hints, m.MaxUpdate = "arm-thumb", 921600, []string{"Hold the button and plug in the cable.", "The lamp blinks."}, 100_000
	return m
}

// vectors are files of a header that says what the record is, an empty line, and hex digits.
func TestVectors(t *testing.T) {
	for name, want := range map[string]Model{"small": small(t), "full": full(t)} {
		file, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		_, digits, _ := strings.Cut(string(file), "\n\n")
		b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := want.Append(nil); !bytes.Equal(got, b) {
			t.Errorf("%s: encodes as\n%x, want\n%x", name, got, b)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%+v, want\n%+v", name, got, want)
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	m := small(t)
	if got := m.Append([]byte("head")); !bytes.Equal(got[4:], m.Append(nil)) || string(got[:4]) != "head" {
		t.Errorf("got %x", got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	m := full(t)
	good := m.Append(nil)
	for n := range good {
		if _, err := Decode(good[:n]); err == nil {
			t.Errorf("%d of %d bytes were accepted", n, len(good))
		}
	}
	if _, err := Decode(append(good[:len(good):len(good)], 0)); err == nil {
		t.Error("a trailing byte was accepted")
	}
	if _, err := Decode(make([]byte, MaxEncoded+1)); err == nil || !strings.Contains(err.Error(), "at most 4096") {
		t.Errorf("a long record: %v", err)
	}
	version := bytes.Clone(good)
	version[2] = 2 // the value behind the map's head and key 0
	if _, err := Decode(version); err == nil || !strings.Contains(err.Error(), "unknown version") {
		t.Errorf("version 2: %v", err)
	}
	swapped := bytes.Replace(good, []byte{keyUnit, 4, keyPage}, []byte{keyPage, 4, keyUnit}, 1)
	if bytes.Equal(swapped, good) {
		t.Fatal("the vector has another shape")
	}
	if _, err := Decode(swapped); err == nil {
		t.Error("keys out of order were accepted")
	}
	m.RAM = 1 // an encoding of an invalid model
	if _, err := Decode(m.Append(nil)); err == nil || !strings.Contains(err.Error(), "resident code") {
		t.Errorf("invalid model: %v", err)
	}
}

// TestLargestModel: a model that reaches every limit at once still has a record.
func TestLargestModel(t *testing.T) {
	m := full(t)
	m.ID, m.Name, m.ISA = strings.Repeat("i", MaxID), strings.Repeat("n", MaxName), strings.Repeat("x", MaxISA)
	m.RAM, m.Resident, m.Line, m.MaxUpdate, m.Readout = MaxRAM, MaxRAM, MaxLine, 1<<32-1, true
	m.Apps, m.Hints, m.Layout.Settings = nil, nil, nil
	for i := range MaxApps {
		m.Apps = append(m.Apps, App{fmt.Sprintf("%0*d", MaxAppName, i), 1 << 20, MaxImportance, true})
	}
	for range MaxHints {
		m.Hints = append(m.Hints, strings.Repeat("h", MaxHint))
	}
	g := &m.Layout.Geometry
	g.Runs, g.ProgramUnit, g.Page, g.Blocks = nil, flash.MaxUnit, flash.MaxPage, []uint32{1 << 17, 1 << 18, 1 << 19, 1 << 20}
	for i := range uint32(flash.MaxRuns) {
		g.Runs = append(g.Runs, flash.Run{Size: 1<<16 + i%2<<16, Count: 40})
	}
	m.Layout.Boot = 1 << 16
	for i := range uint32(flash.MaxSettings) {
		m.Layout.Settings = append(m.Layout.Settings, flash.Area{Name: fmt.Sprintf("%0*d", flash.MaxAreaName, i), Addr: g.Size() - (flash.MaxSettings-i)<<17, Size: 1 << 17})
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	b := m.Append(nil)
	if _, err := Decode(b); err != nil {
		t.Errorf("%d bytes: %v", len(b), err)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		says  string
		spoil func(*Model)
	}{
		{"id: not an identifier: 0 bytes", func(m *Model) { m.ID = "" }},
		{"id: not an identifier: 33 bytes", func(m *Model) { m.ID = strings.Repeat("1", 33) }},
		{"byte 0 is not", func(m *Model) { m.ID = "../x" }},
		{"byte 2 is not", func(m *Model) { m.ID = "ab/c" }},
		{"name: not a printable text: 65 bytes", func(m *Model) { m.Name = strings.Repeat("n", 65) }},
		{"not UTF-8", func(m *Model) { m.Name = "\xff" }},
		{"cannot be shown", func(m *Model) { m.Name = "a\nb" }},
		{"layout: boot area", func(m *Model) { m.Layout.Boot = 0 }},
		{"settings area name", func(m *Model) { m.Layout.Settings[0].Name = "\x01" }},
		{"RAM of 0", func(m *Model) { m.RAM = 0 }},
		{"RAM of 4294967295", func(m *Model) { m.RAM = 1<<32 - 1 }},
		{"resident code of", func(m *Model) { m.Resident = m.RAM + 1 }},
		{"33 applications", func(m *Model) { m.Apps = make([]App, 33) }},
		{"application 2: no name", func(m *Model) { m.Apps[1].Name = "" }},
		{"application 3: name \"system\" is taken", func(m *Model) { m.Apps[2].Name = "system" }},
		{"application 2: name: not a printable text: 33 bytes", func(m *Model) { m.Apps[1].Name = strings.Repeat("a", 33) }},
		{"\"display\": 0 bytes", func(m *Model) { m.Apps[1].Size = 0 }},
		{"\"log\": 4294967295 bytes where 163840", func(m *Model) { m.Apps[2].Size = 1<<32 - 1 }},
		{"instruction set of 17", func(m *Model) { m.ISA = strings.Repeat("x", 17) }},
		{"byte 3 is not a letter", func(m *Model) { m.ISA = "arm v7" }},
		{"line of 300 baud", func(m *Model) { m.Line = 300 }},
		{"line of 5000000 baud", func(m *Model) { m.Line = 5_000_000 }},
		{"9 hints", func(m *Model) { m.Hints = make([]string, 9) }},
		{"hint 2: not a printable text: 201 bytes", func(m *Model) { m.Hints[1] = strings.Repeat("h", 201) }},
	} {
		m := full(t)
		c.spoil(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want %q in it", err, c.says)
		}
	}
}

// The largest record that the other limits allow must not exceed MaxEncoded.
func TestLargestFits(t *testing.T) {
	m := small(t)
	m.ID, m.Name, m.ISA = strings.Repeat("i", MaxID), strings.Repeat("n", MaxName), strings.Repeat("a", MaxISA)
	g := &m.Layout.Geometry
	g.Runs = nil
	for i := range flash.MaxRuns {
		g.Runs = append(g.Runs, flash.Run{Size: uint32(64<<10 + i%2*256), Count: 1})
	}
	g.Runs[0] = flash.Run{Size: 4096, Count: 300}
	m.Layout.Boot = 0x10000
	g.Page = 256
	g.Blocks = []uint32{0x10000, 0x20000, 0x40000, 0x80000}
	for i := range flash.MaxSettings {
		addr, n := g.Sector(g.Sectors() - flash.MaxSettings + i)
		m.Layout.Settings = append(m.Layout.Settings, flash.Area{Name: strings.Repeat("s", flash.MaxAreaName), Addr: addr, Size: n})
	}
	m.RAM, m.Resident, m.Line, m.MaxUpdate = MaxRAM, 1<<20, MaxLine, 1<<32-1
	for i := range MaxApps {
		m.Apps = append(m.Apps, App{Name: strings.Repeat("x", MaxAppName-1) + string(rune('A'+i)), Size: 1 << 17, Importance: 255, Fixed: true})
	}
	for range MaxHints {
		m.Hints = append(m.Hints, strings.Repeat("h", MaxHint))
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	b := m.Append(nil)
	if len(b) > MaxEncoded {
		t.Fatalf("%d bytes, at most %d", len(b), MaxEncoded)
	}
	if _, err := Decode(b); err != nil {
		t.Fatal(err)
	}
}

func TestMaxWorkspace(t *testing.T) {
	for _, c := range []struct {
		name string
		ram  uint32
		apps []App
		want uint32
	}{
		{"no applications", 1000, nil, 1000},
		{"all can stop", 1000, []App{{"a", 300, 0, false}, {"b", 300, 0, false}}, 1000},
		{"fixed at the bottom", 1000, []App{{"a", 300, 0, true}, {"b", 300, 0, false}}, 700},
		{"fixed in the middle, below larger", 1000, []App{{"a", 500, 0, false}, {"b", 200, 0, true}, {"c", 100, 0, false}}, 500},
		{"fixed in the middle, above larger", 1000, []App{{"a", 300, 0, false}, {"b", 200, 0, true}, {"c", 100, 0, false}}, 500},
		{"fixed on top, no rest", 1000, []App{{"a", 300, 0, false}, {"b", 700, 0, true}}, 300},
		{"all fixed", 1000, []App{{"a", 1000, 0, true}}, 0},
		{"between two fixed", 1000, []App{{"a", 100, 0, true}, {"b", 600, 0, false}, {"c", 200, 0, true}}, 600},
	} {
		m := Model{RAM: c.ram, Apps: c.apps}
		if got := m.MaxWorkspace(); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	a, b := small(f), full(f)
	f.Add(a.Append(nil))
	f.Add(b.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			return
		}
		if got := m.Append(nil); !bytes.Equal(got, b) {
			t.Fatalf("%x was accepted but encodes as %x", b, got)
		}
	})
}

// A record that allows reading out has one key more; saying that it does not is no record's way.
func TestReadout(t *testing.T) {
	m := small(t)
	without := m.Append(nil)
	m.Readout = true
	b := m.Append(nil)
	if got, err := Decode(b); err != nil || !got.Readout {
		t.Errorf("got %t, %v", got.Readout, err)
	}
	if len(b) != len(without)+2 {
		t.Errorf("the key takes %d bytes", len(b)-len(without))
	}
	b[len(b)-1] = 0xf4
	if _, err := Decode(b); err == nil {
		t.Error("a record that says no with the key was accepted")
	}
}

// TestDocumentShowsAModel: docs/model.md has the record of testdata/small.txt, key by key.
func TestDocumentShowsAModel(t *testing.T) {
	page, err := os.ReadFile("../docs/model.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/small.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, payload, _ := strings.Cut(string(text), "\n\n")
	_, example, _ := strings.Cut(string(page), "### Example of a model\n")
	example, _, _ = strings.Cut(example, "\n## ")
	shown := ""
	for line := range strings.Lines(example) {
		line, ok := strings.CutPrefix(line, "    ")
		if words := strings.Fields(line); ok && len(words) > 1 {
			shown += words[0]
			if len(words[0]) == 2 && shown != words[0] {
				shown += words[1]
			}
		}
	}
	if want := strings.ReplaceAll(payload, "\n", ""); shown != want {
		t.Errorf("the document shows\n%s, want\n%s", shown, want)
	}
}
