// Package firmwaretest writes firmware files, for tests: a second hand at each form beside the readers in package firmware, from the
// documents alone. It shares no code with them, and can write what is wrong on purpose.
package firmwaretest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
)

// Segment is a piece of an image with the address that it is for.
type Segment struct {
	Addr uint32
	Data []byte
}

// Image is an image for an ESP.
type Image struct {
	Short     bool   // header of the ESP8266
	Chip      uint16 // id
	Mode      byte
	SizeFreq  byte
	MinOld    byte
	Min, Max  uint16
	NoDigest  bool
	Segments  []Segment
	Signature bool // blocks of secure boot 2, with no real signature
}

// App is an application of a few KiB for a chip whose flash is seen at addr.
func App(chip uint16, addr uint32, version string) *Image {
	desc := make([]byte, 256)
	binary.LittleEndian.PutUint32(desc, 0xabcd5432)
	copy(desc[16:48], version)
	copy(desc[48:80], "meter")
	copy(desc[80:96], "12:34:56")
	copy(desc[96:112], "Nov 28 2026")
	copy(desc[112:144], "v5.3.1")
	return &Image{Chip: chip, Mode: 2, SizeFreq: 0x20, Segments: []Segment{
		{addr + 0x20, append(desc, fill(1200, 3)...)}, {0x40080000, fill(900, 5)}, {addr + 0x10020, fill(4000, 7)}}}
}

// Boot is a boot loader for a chip, with its descriptor.
func Boot(chip uint16) *Image {
	desc := make([]byte, 80)
	desc[0] = 0x50
	desc[4] = 1
	copy(desc[8:40], "v5.3.1")
	copy(desc[40:64], "Nov 28 2026 12:00:00")
	return &Image{Chip: chip, Mode: 2, SizeFreq: 0x2f, Segments: []Segment{
		{0x3fff0018, append(desc, fill(400, 11)...)}, {0x40078000, fill(2000, 13)}}}
}

// fill is n bytes that are not alike.
func fill(n int, seed uint32) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*1664525 + 1013904223
		b[i] = byte(seed >> 24)
	}
	return b
}

// Bytes writes it.
func (m *Image) Bytes() []byte {
	b := []byte{0xe9, byte(len(m.Segments)), m.Mode, m.SizeFreq, 0, 0, 8, 0x40}
	if !m.Short {
		b = append(b, 0xee, 0, 0, 0, byte(m.Chip), byte(m.Chip>>8), m.MinOld, byte(m.Min), byte(m.Min>>8), byte(m.Max), byte(m.Max>>8), 0, 0, 0, 0, 1)
		if m.NoDigest {
			b[23] = 0
		}
	}
	sum := byte(0xef)
	for _, s := range m.Segments {
		b = binary.LittleEndian.AppendUint32(b, s.Addr)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Data)))
		b = append(b, s.Data...)
		for _, c := range s.Data {
			sum ^= c
		}
	}
	for len(b)%16 != 15 {
		b = append(b, 0)
	}
	b = append(b, sum)
	if !m.Short && !m.NoDigest {
		d := sha256.Sum256(b)
		b = append(b, d[:]...)
	}
	if m.Signature {
		for len(b)%0x1000 != 0 {
			b = append(b, 0xff)
		}
		block := make([]byte, 1196, 1216)
		block[0], block[1] = 0xe7, 2
		d := sha256.Sum256(b)
		copy(block[4:], d[:])
		copy(block[36:], fill(1160, 17))
		block = binary.LittleEndian.AppendUint32(block, crc32.ChecksumIEEE(block))
		b = append(b, block[:1216]...)
		for len(b)%0x1000 != 0 {
			b = append(b, 0xff)
		}
	}
	return b
}

// Entry is a row of a partition table.
type Entry struct {
	Label         string
	Type, Subtype byte
	Offset, Size  uint32
}

// Usual is the table of a project with two applications.
var Usual = []Entry{{"nvs", 1, 2, 0x9000, 0x5000}, {"otadata", 1, 0, 0xe000, 0x2000}, {"app0", 0, 0x10, 0x10000, 0x140000},
	{"app1", 0, 0x11, 0x150000, 0x140000}, {"spiffs", 1, 0x82, 0x290000, 0x160000}}

// Table writes a partition table, to its full length.
func Table(entries []Entry, digest bool) []byte {
	var b []byte
	for _, e := range entries {
		row := make([]byte, 32)
		row[0], row[1], row[2], row[3] = 0xaa, 0x50, e.Type, e.Subtype
		binary.LittleEndian.PutUint32(row[4:], e.Offset)
		binary.LittleEndian.PutUint32(row[8:], e.Size)
		copy(row[12:28], e.Label)
		b = append(b, row...)
	}
	if digest {
		d := md5.Sum(b)
		b = append(append(append(b, 0xeb, 0xeb), bytes.Repeat([]byte{0xff}, 14)...), d[:]...)
	}
	return append(b, bytes.Repeat([]byte{0xff}, 0xc00-len(b))...)
}

// OTAData is the choice of the application with number 1, as Arduino's boot_app0.bin has it.
func OTAData() []byte {
	b := bytes.Repeat([]byte{0xff}, 0x2000)
	copy(b, []byte{1, 0, 0, 0})
	copy(b[28:], []byte{0x9a, 0x98, 0x43, 0x47}) // as the genuine file has it
	return b
}

// Merge puts parts where they belong, with bytes 0xFF between them.
func Merge(base uint32, parts map[uint32][]byte) []byte {
	end := uint32(0)
	for at, p := range parts {
		end = max(end, at+uint32(len(p))-base)
	}
	b := bytes.Repeat([]byte{0xff}, int(end))
	for at, p := range parts {
		copy(b[at-base:], p)
	}
	return b
}

// Arduino is a program of the Arduino core for the ESP8266: eboot, and at 0x1000 the application with the length and the CRC of all.
func Arduino() []byte {
	boot := (&Image{Short: true, Mode: 3, SizeFreq: 0x40, Segments: []Segment{{0x4010f000, fill(2000, 19)}, {0x3fff20b8, fill(40, 23)}}}).Bytes()
	b := append(boot, bytes.Repeat([]byte{0xaa}, 0x1000-len(boot))...)
	text := fill(6001, 29) // odd lengths are there
	clear(text[:8])
	app := &Image{Short: true, Mode: 3, SizeFreq: 0x40, Segments: []Segment{{0x40201010, text}, {0x40100000, fill(634, 31)}}}
	b = append(b, app.Bytes()...)
	// The CRC is that of all bytes with length and CRC as zeros.
	crc := uint32(0xffffffff)
	for _, c := range b {
		for bit := byte(0x80); bit > 0; bit >>= 1 {
			high := crc&0x80000000 != 0
			crc <<= 1
			if high != (c&bit != 0) {
				crc ^= 0x04c11db7
			}
		}
	}
	binary.LittleEndian.PutUint32(b[0x1010:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[0x1014:], crc)
	return b
}

// Digest appends its SHA-256 to b.
func Digest(b []byte) []byte {
	d := sha256.Sum256(b)
	return append(b, d[:]...)
}
