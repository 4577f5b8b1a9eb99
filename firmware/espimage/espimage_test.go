package espimage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"unbrick/firmware/espimage"
	"unbrick/internal/firmwaretest"
)

// A chip is found by each of its names, and no two share one.
func TestChips(t *testing.T) {
	ids, families := map[uint16]bool{}, map[uint32]bool{}
	n := 0
	for title, name := range map[string]string{"ESP8266": "esp8266", "ESP32": "esp32", "ESP32-S2": "esp32s2", "ESP32-S3": "esp32s3", "ESP32-C2": "esp32c2",
		"ESP32-C3": "esp32c3", "ESP32-C5": "esp32c5", "ESP32-C6": "esp32c6", "ESP32-C61": "esp32c61", "ESP32-H2": "esp32h2", "ESP32-P4": "esp32p4"} {
		c := espimage.ByName(name)
		if c == nil || espimage.ByTitle(title) != c || espimage.ByUF2(c.UF2) != c || ids[c.ID] || families[c.UF2] {
			t.Errorf("%s: %+v", name, c)
			continue
		}
		ids[c.ID], families[c.UF2] = true, true
		n++
		if c.Bootloader%espimage.Sector != 0 || c.Bootloader >= espimage.TableOffset {
			t.Errorf("%s: boot loader at 0x%x", name, c.Bootloader)
		}
	}
	if n != 11 || espimage.ByName("esp32c9") != nil || espimage.ByUF2(1) != nil || espimage.ByTitle("esp32") != nil {
		t.Errorf("%d chips, or one that is none", n)
	}
}

func TestTail(t *testing.T) {
	sealed := firmwaretest.App(5, 0x42000000, "1")
	sealed.Signature = true
	whole := sealed.Bytes()
	app := firmwaretest.App(0, 0x400d0000, "1").Bytes()
	v1 := append(bytes.Clone(app), append(make([]byte, 4), firmwaretest.Data(64, 1)...)...)
	flip := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	block := len(whole) - 0x1000
	for name, test := range map[string]struct {
		b    []byte
		want espimage.Signature
		err  error
	}{
		"nothing":          {app, espimage.Unsigned, nil},
		"fill":             {append(bytes.Clone(app), bytes.Repeat([]byte{0xff}, 999)...), espimage.Unsigned, nil},
		"signed":           {whole, espimage.SignedV2, nil},
		"version 1":        {v1, espimage.SignedV1, nil},
		"other bytes":      {append(bytes.Clone(app), "x"...), espimage.Unsigned, espimage.ErrBehind},
		"digest":           {flip(whole, block+4), espimage.Unsigned, espimage.ErrDigest},
		"over other bytes": {append(append(bytes.Clone(whole[:block-1]), 0), whole[block:]...), espimage.Unsigned, espimage.ErrDigest},
		"key":              {flip(whole, block+100), espimage.Unsigned, espimage.ErrDigest},
		"CRC":              {flip(whole, block+1196), espimage.Unsigned, espimage.ErrDigest},
		"version":          {flip(whole, block+1), espimage.Unsigned, espimage.ErrDigest}, // 3, of which the CRC is wrong
		"fill before it":   {flip(whole, block-1), espimage.Unsigned, espimage.ErrBehind},
		"behind the last":  {flip(whole, len(whole)-1), espimage.Unsigned, espimage.ErrBehind},
		"cut block":        {whole[:block+1000], espimage.Unsigned, espimage.ErrBehind},
	} {
		m, err := espimage.Parse(test.b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := m.Tail(test.b); !errors.Is(err, test.err) || m.Signature != test.want {
			t.Errorf("%s: %v, signature %d", name, err, m.Signature)
		}
	}
}

func TestTablesThatAreWrong(t *testing.T) {
	row := func(change func(e *firmwaretest.Entry)) []byte {
		rows := append([]firmwaretest.Entry(nil), firmwaretest.Usual...)
		change(&rows[3])
		return firmwaretest.Table(rows, true)
	}
	many := make([]firmwaretest.Entry, 96)
	for i := range many {
		many[i] = firmwaretest.Entry{Label: "x", Type: 1, Subtype: 2, Offset: uint32(0x10000 + i*0x1000), Size: 0x1000}
	}
	usual := firmwaretest.Table(firmwaretest.Usual, true)
	for name, test := range map[string]struct {
		b    []byte
		want error
	}{
		"overlap":       {row(func(e *firmwaretest.Entry) { e.Offset = 0x140000 }), espimage.ErrOverlap},
		"not aligned":   {row(func(e *firmwaretest.Entry) { e.Offset = 0x151000 }), espimage.ErrMisplaced},
		"empty":         {row(func(e *firmwaretest.Entry) { e.Size = 0 }), espimage.ErrMalformed},
		"around":        {row(func(e *firmwaretest.Entry) { e.Offset = 0xffff0000 }), espimage.ErrMalformed},
		"no name":       {row(func(e *firmwaretest.Entry) { e.Label = "" }), espimage.ErrMalformed},
		"second choice": {row(func(e *firmwaretest.Entry) { e.Type, e.Subtype, e.Size = 1, 0, 0x2000 }), espimage.ErrMalformed},
		"large choice":  {firmwaretest.Table([]firmwaretest.Entry{{Label: "o", Type: 1, Offset: 0x9000, Size: 0x4000}}, true), espimage.ErrMalformed},
		"too many":      {firmwaretest.Table(many, false)[:espimage.TableSize], espimage.ErrMalformed},
		"cut":           {usual[:64], espimage.ErrShort},
		"behind":        {append(bytes.Clone(usual[:300]), append([]byte{1}, usual[301:]...)...), espimage.ErrMalformed},
		"no entries":    {append([]byte{0xff}, usual[1:]...), espimage.ErrMalformed},
	} {
		if v, err := espimage.ParseTable(test.b); !errors.Is(err, test.want) {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
	if v, err := espimage.ParseTable(firmwaretest.Table(many[:95], false)[:espimage.TableSize]); err != nil || len(v.Partitions) != 95 || v.Digest {
		t.Errorf("95 entries: %v", err)
	}
	v, err := espimage.ParseTable(usual)
	if err != nil || !v.Digest || v.First().Label != "app0" || v.OTAData().Offset != 0xe000 || v.End() != 0x3f0000 || v.At(0x150000).Label != "app1" {
		t.Errorf("%+v %v", v, err)
	}
}

func TestOTAData(t *testing.T) {
	c, err := espimage.ParseOTAData(firmwaretest.OTAData())
	if err != nil || c.Sequence != [2]uint32{1, 0} {
		t.Fatalf("%+v %v", c, err)
	}
	for _, at := range []int{0, 28, 31, 100} {
		b := firmwaretest.OTAData()
		b[at] ^= 2
		if c, err := espimage.ParseOTAData(b); err == nil {
			t.Errorf("byte %d: %+v", at, c)
		}
	}
	if _, err := espimage.ParseOTAData(firmwaretest.OTAData()[:0x1000]); err == nil {
		t.Error("half of it was taken")
	}
}

// What a device has is read as its boot loader does, which starts the slot that the higher number names.
func TestStarts(t *testing.T) {
	sectors := func(first, second uint32, states ...uint32) []byte {
		b := bytes.Repeat([]byte{0xff}, espimage.OTADataSize)
		for i, n := range []uint32{first, second} {
			if s := b[i*espimage.Sector:]; n > 0 {
				binary.LittleEndian.PutUint32(s, n)
				binary.LittleEndian.PutUint32(s[24:], states[i])
				binary.LittleEndian.PutUint32(s[28:], crc32.Update(0xffffffff, crc32.IEEETable, s[:4]))
			}
		}
		return b
	}
	v, err := espimage.ParseTable(firmwaretest.Table(firmwaretest.Usual, true))
	if err != nil {
		t.Fatal(err)
	}
	broken := sectors(1, 2, 2, 2)
	broken[espimage.Sector+28] ^= 1
	for name, test := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing": {sectors(0, 0), "app0"}, "none at all": {nil, "app0"}, "first": {firmwaretest.OTAData(), "app0"}, "second": {sectors(1, 2, 2, 2), "app1"},
		"around": {sectors(3, 2, 2, 2), "app0"}, "failed": {sectors(1, 2, 2, 4), "app0"}, "invalid": {sectors(1, 2, 2, 3), "app0"}, "broken": {broken, "app0"},
	} {
		if got := v.Starts(espimage.ChoiceOf(test.b)); got.Label != test.want {
			t.Errorf("%s: %s", name, got.Label)
		}
	}
	if v.Starts(nil).Label != "app0" {
		t.Error("no choice at all")
	}
}

// FuzzParse: an image ends within its bytes, and one that is taken is refused when a byte of a segment changes.
func FuzzParse(f *testing.F) {
	for _, m := range []*firmwaretest.Image{{Segments: []firmwaretest.Segment{{Addr: 0x400d0000, Data: make([]byte, 64)}}},
		{Short: true, Segments: []firmwaretest.Segment{{Addr: 0x40100000, Data: make([]byte, 33)}}}, {Chip: 5, NoDigest: true, Segments: []firmwaretest.Segment{{}, {}}}} {
		f.Add(m.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := espimage.Parse(b)
		if err != nil {
			return
		}
		if m.Length > len(b) || m.Length < 16 || m.Chip == nil || m.Kind == 0 || m.Least > m.Most {
			t.Fatalf("%+v of %d bytes", m, len(b))
		}
		if err := m.Tail(b); err == nil && (m.Size < m.Length || m.Size > len(b)) {
			t.Fatalf("%+v of %d bytes", m, len(b))
		}
	})
}

// FuzzTable: partitions of a table that is taken are apart, and all of them are within 4 GiB.
func FuzzTable(f *testing.F) {
	f.Add(firmwaretest.Table(firmwaretest.Usual, false))
	f.Add(firmwaretest.Table(firmwaretest.Usual, true))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := espimage.ParseTable(b)
		if err != nil {
			return
		}
		for i := range v.Partitions {
			p := &v.Partitions[i]
			if p.End() <= p.Offset || v.At(p.Offset) != p || v.End() < uint64(p.End()) {
				t.Fatalf("%+v", p)
			}
		}
		_ = v.First()
	})
}
