// Package espimages builds firmware for Espressif's chips that is sound in form and does nothing: boot loader, partition table and
// application, with checksums, digests and descriptors as their makers' tools write them (esptool documentation, "Firmware Image Format";
// ESP-IDF, "Partition Tables", "App Image Format"). For tests, and for what the demonstration offers.
package espimages

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
)

// Chip is what differs between chips.
type Chip struct {
	Name       string // as manifests have it
	ID         uint16 // in the header of an image
	Bootloader uint32 // where its ROM looks for the boot loader
	mapped     uint32 // an address at which it sees its flash
	ram        uint32 // and one of its RAM
}

// Chips are those that this package builds for.
var Chips = []Chip{
	{"esp8266", 0, 0, 0x40210000, 0x3ffe8000},
	{"esp32", 0, 0x1000, 0x3f400020, 0x3ffb0000},
	{"esp32s2", 2, 0x1000, 0x3f000020, 0x3ffb0000},
	{"esp32c3", 5, 0, 0x3c000020, 0x3fc80000},
	{"esp32s3", 9, 0, 0x3c000020, 0x3fc88000},
	{"esp32c2", 12, 0, 0x3c000020, 0x3fca0000},
	{"esp32c6", 13, 0, 0x42000020, 0x40800000},
	{"esp32h2", 16, 0, 0x42000020, 0x40800000},
	{"esp32p4", 18, 0x2000, 0x40000020, 0x4ff00000},
	{"esp32c5", 23, 0x2000, 0x42000020, 0x40800000},
}

// Find returns the chip of a name. It panics for one that is not built for: that is a defect of the caller.
func Find(name string) *Chip {
	for i := range Chips {
		if Chips[i].Name == name {
			return &Chips[i]
		}
	}
	panic("espimages: no chip " + name)
}

// Offsets of a usual layout.
const (
	Table       = 0x8000
	Settings    = 0x9000
	Application = 0x10000
)

var le = binary.LittleEndian

// App is an application with so many bytes of code, which seed decides.
func (c *Chip) App(project, version string, size int, seed uint32) []byte {
	if c.Name == "esp8266" {
		return c.image(0xe9, segment{c.ram, noise(size, seed)})
	}
	d := make([]byte, 256)
	le.PutUint32(d, 0xabcd5432)
	copy(d[16:48], version)
	copy(d[48:80], project)
	copy(d[80:96], "12:00:00")
	copy(d[96:112], "Nov 29 2026")
	copy(d[112:144], "v5.4.1")
	sum := sha256.Sum256(noise(64, seed))
	copy(d[144:176], sum[:])
	le.PutUint16(d[178:], 0xffff)
	return c.image(0xe9, segment{c.mapped, append(d, noise(size&^3, seed)...)}, segment{c.ram, noise(512, ^seed)})
}

// BootLoader is the second stage.
func (c *Chip) BootLoader(seed uint32) []byte {
	d := make([]byte, 80)
	d[0] = 0x50
	le.PutUint32(d[4:], 1)
	copy(d[8:40], "v5.4.1")
	copy(d[40:64], "Nov 29 2026 12:00:00")
	return c.image(0xe9, segment{c.ram, append(d, noise(16<<10, seed)...)})
}

type segment struct {
	addr uint32
	data []byte
}

// image is header, segments, checksum and, but on an ESP8266, digest.
func (c *Chip) image(magic byte, segments ...segment) []byte {
	b := []byte{magic, byte(len(segments)), 2, 0x20} // DIO, 4 MB, 40 MHz
	if c.Name == "esp8266" {
		b[3] = 0x40
	}
	b = le.AppendUint32(b, segments[len(segments)-1].addr)
	if c.Name != "esp8266" {
		h := make([]byte, 16)
		h[0] = 0xee
		le.PutUint16(h[4:], c.ID)
		le.PutUint16(h[9:], 0xffff)
		h[15] = 1
		b = append(b, h...)
	}
	sum := byte(0xef)
	for _, s := range segments {
		b = le.AppendUint32(b, s.addr)
		b = le.AppendUint32(b, uint32(len(s.data)))
		b = append(b, s.data...)
		for _, x := range s.data {
			sum ^= x
		}
	}
	for len(b)%16 != 15 {
		b = append(b, 0)
	}
	b = append(b, sum)
	if c.Name == "esp8266" {
		return b
	}
	digest := sha256.Sum256(b)
	return append(b, digest[:]...)
}

// PartitionTable has settings, and one application of so many bytes.
func PartitionTable(size uint32) []byte {
	var b []byte
	add := func(kind, sub byte, at, size uint32, label string) {
		e := make([]byte, 32)
		e[0], e[1], e[2], e[3] = 0xaa, 0x50, kind, sub
		le.PutUint32(e[4:], at)
		le.PutUint32(e[8:], size)
		copy(e[12:28], label)
		b = append(b, e...)
	}
	add(1, 2, Settings, 0x6000, "nvs")
	add(1, 1, 0xf000, 0x1000, "phy_init")
	add(0, 0, Application, size, "factory")
	sum := md5.Sum(b)
	b = append(b, 0xeb, 0xeb)
	for range 14 {
		b = append(b, 0xff)
	}
	b = append(b, sum[:]...)
	for len(b) < 0xc00 {
		b = append(b, 0xff)
	}
	return b
}

// Merged is all of it as it lies in the flash from 0 on.
func (c *Chip) Merged(project, version string, size int, seed uint32) []byte {
	if c.Name == "esp8266" {
		return c.App(project, version, size, seed)
	}
	var b []byte
	put := func(at uint32, p []byte) {
		for uint32(len(b)) < at {
			b = append(b, 0xff)
		}
		b = append(b, p...)
	}
	put(c.Bootloader, c.BootLoader(1))
	put(Table, PartitionTable(2<<20))
	put(Application, c.App(project, version, size, seed))
	return b
}

// noise is n bytes that look like code as far as a compressor can tell: words that come again, and some that do not.
func noise(n int, seed uint32) []byte {
	b := make([]byte, 0, n+4)
	x := seed*0x9e3779b1 + 1
	for len(b) < n {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		w := x
		if x>>28 > 5 {
			w = 0x00010137 + x>>24&31<<7
		}
		b = le.AppendUint32(b, w)
	}
	return b[:n]
}
