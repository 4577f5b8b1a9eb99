package firmware_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"unbrick/firmware"
	"unbrick/internal/firmwaretest"
	"unbrick/release"
)

// targets are devices of each kind, for what is fuzzed.
var targets = []*firmware.Target{
	{Family: "esp", Chip: "esp32c3", Flash: 4 << 20, Bootloader: firmware.None, SecureBoot: true, Revised: true},
	{Family: "esp", Chip: "esp32"}, {Family: "esp", Chip: "esp8266"}, {Family: "avr", Flash: 32 << 10}, {Family: "mcuboot"}, {},
}

// sane is what holds of every file: a refusal is one, and what is accepted can be a release, is read alike again, and is judged.
func sane(t *testing.T, b []byte) {
	t.Helper()
	began := time.Now()
	f, err := firmware.Read("a.bin", b)
	if err != nil {
		refusedAny(t, "fuzz", err)
		return
	}
	parts := firmware.Ascend(f.Parts)
	file, err := release.AppendParts(nil, parts)
	if err != nil && !tooLarge(parts) {
		t.Fatalf("%v: %v", f.Format, err)
	}
	if again, no := firmware.Read("a.bin", bytes.Clone(b)); no != nil || !same(f, again) {
		t.Fatalf("%v is read otherwise again: %v", f.Format, no)
	}
	for _, target := range targets {
		err := firmware.Fit([]*firmware.File{f}, parts, target)
		var no *firmware.Refusal
		if err != nil && (!errors.As(err, &no) || no.Reason == 0) {
			t.Fatalf("no refusal: %v", err)
		}
	}
	if f.Format == firmware.ESPMerged {
		whole, err := f.Place(firmware.Where{Whole: true})
		if err == nil && !bytes.Equal(whole[0].Data, b) {
			t.Fatal("the whole is not the file")
		}
		for _, p := range f.Parts { // every part is a piece of the file, at its place
			if !bytes.Equal(p.Data, b[p.Offset-whole[0].Offset:][:len(p.Data)]) {
				t.Fatalf("%s is not what the file has there", p.Name)
			}
		}
	}
	if spent := time.Since(began); spent > 5*time.Second {
		t.Fatalf("%d bytes took %v", len(b), spent)
	}
	_ = file
}

func tooLarge(parts []release.Part) bool {
	n := 0
	for i := range parts {
		n += len(parts[i].Data)
	}
	return n+1000 > release.MaxImage
}

// FuzzRead: any bytes.
func FuzzRead(f *testing.F) {
	for _, s := range samples {
		if len(s.file) < 20000 {
			f.Add(s.file)
		}
	}
	f.Add(merged())
	f.Fuzz(sane)
}

// FuzzRepaired: bytes become a file whose sums are right, so that what lies behind them is reached.
func FuzzRepaired(f *testing.F) {
	for kind := range byte(8) {
		f.Add(kind, firmwaretest.Data(200, uint32(kind)))
		f.Add(kind, []byte("\x00\x01\x00\x10data and more data\x01\x00\x00\x00\x04\x00\x00\x00"))
	}
	rows := firmwaretest.Table(firmwaretest.Usual, false)
	f.Add(byte(4), rows[:160])
	f.Add(byte(5), rows[:160])
	f.Add(byte(3), firmwaretest.Data(64, 3))
	f.Fuzz(func(t *testing.T, kind byte, b []byte) { sane(t, repaired(kind%8, b)) })
}

func repaired(kind byte, b []byte) []byte {
	take := func(n int) []byte {
		n = min(n, len(b))
		head := b[:n:n]
		b = b[n:]
		return head
	}
	number := func() uint32 {
		var v [4]byte
		copy(v[:], take(4))
		return binary.LittleEndian.Uint32(v[:])
	}
	switch kind {
	case 0, 1: // records
		var lines []string
		for len(b) > 0 && len(lines) < 64 {
			head := number()
			data := take(int(head >> 24))
			if kind == 0 {
				lines = append(lines, firmwaretest.HexRecord(byte(head)&7, uint16(head>>8), data))
			} else {
				wide := []int{2, 2, 3, 4, 2, 2, 3, 4, 3, 2}[head%10]
				lines = append(lines, firmwaretest.SRecordLine(byte(head%10), head>>4, wide, data[:min(len(data), 250)]))
			}
		}
		if kind == 0 {
			return []byte(strings.Join(append(lines, ":00000001FF"), "\n"))
		}
		return []byte(strings.Join(append(lines, "S9030000FC"), "\n"))
	case 2: // DfuSe
		file := binary.LittleEndian.AppendUint32([]byte("DfuSe\x01"), uint32(10+len(b)))
		return firmwaretest.DFU(append(file, b...))
	case 3: // an image
		return imageOf(number, take).Bytes()
	case 4: // a table
		return firmwaretest.Table(rowsOf(number, take, &b), true)
	case 5: // a merged image: what is left lies behind the table
		rows := rowsOf(number, take, &b)
		return firmwaretest.Merge(0, map[uint32][]byte{0: firmwaretest.Boot(5).Bytes(), 0x8000: firmwaretest.Table(rows, true),
			0xe000: firmwaretest.OTAData(), 0x10000: firmwaretest.App(5, esp32c3, "1").Bytes(), 0x12000: append([]byte{0xff}, b...)})
	case 6: // UF2
		n := max(1, min(len(b)/16, 20))
		var file []byte
		for i := range n {
			block := make([]byte, 512)
			flags, addr, size := number()&0xd001, number(), number()%500
			for j, v := range []uint32{0x0a324655, 0x9e5d5157, flags, addr & 0xfffff, size, uint32(i), uint32(n), number()} {
				binary.LittleEndian.PutUint32(block[4*j:], v)
			}
			binary.LittleEndian.PutUint32(block[508:], 0x0ab16f30)
			file = append(file, block...)
		}
		return file
	}
	// ELF: headers as they come
	file := firmwaretest.ELF([]uint16{0x28, 0x53, 0xf3}[number()%3], []firmwaretest.Load{load(number(), number(), take(32)), load(number(), number(), take(32))})
	for i := 0; i+5 <= len(b); i += 5 {
		file[int(binary.LittleEndian.Uint16(b[i:]))%len(file)] = b[i+2]
	}
	return file
}

func imageOf(number func() uint32, take func(int) []byte) *firmwaretest.Image {
	head := number()
	m := &firmwaretest.Image{Short: head&1 != 0, Chip: uint16(head>>1) & 31, Mode: byte(head>>8) & 3, SizeFreq: byte(head >> 16), MinOld: byte(head >> 24), NoDigest: head&2 != 0}
	for range head>>4&3 + 1 {
		addr := number()
		data := bytes.Clone(take(int(addr & 0xfc)))
		for len(data)%4 != 0 {
			data = append(data, 0)
		}
		m.Segments = append(m.Segments, at(addr, data))
	}
	return m
}

func rowsOf(number func() uint32, take func(int) []byte, rest *[]byte) (rows []firmwaretest.Entry) {
	for len(*rest) >= 32 && len(rows) < 90 {
		kind, offset, size := number(), number(), number()
		label, _, _ := strings.Cut(string(take(16)), "\x00")
		number()
		rows = append(rows, firmwaretest.Entry{Label: label, Type: byte(kind >> 16), Subtype: byte(kind >> 24), Offset: offset, Size: size})
	}
	return rows
}
