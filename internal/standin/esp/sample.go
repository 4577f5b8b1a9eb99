package esp

import (
	"bytes"
	"encoding/binary"
)

// pattern is data that no two places have alike.
func pattern(n int, seed uint32) []byte {
	p := make([]byte, n)
	for i := range p {
		seed = seed*1664525 + 1013904223
		p[i] = byte(seed >> 24)
	}
	return p
}

// Sample is a boot loader, a table and an application that a chip starts from, as one file from address 0; the code in them is none.
func Sample(chip string) []byte {
	m := find(chip)
	if m == nil {
		return nil
	}
	all := bytes.Repeat([]byte{0xff}, 0x12000)
	copy(all[m.bootAt:], m.sample(2000))
	if m.is8266() {
		return all[:0x3000]
	}
	entry := all[0x8000:]
	copy(entry, []byte{0xaa, 0x50, 0, 0})
	binary.LittleEndian.PutUint32(entry[4:], 0x10000)
	binary.LittleEndian.PutUint32(entry[8:], 0x100000)
	clear(entry[12:32])
	copy(entry[12:], "factory")
	copy(all[0x10000:], m.sample(4000))
	return all
}

// sample is an image with one segment.
func (m *model) sample(size int) []byte {
	p := []byte{0xe9, 1, 2, 0x20, 0, 0, 0x08, 0x40}
	if !m.is8266() {
		p = append(p, 0xee, 0, 0, 0, byte(m.id), byte(m.id>>8), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	p = binary.LittleEndian.AppendUint32(p, 0x40080000)
	p = binary.LittleEndian.AppendUint32(p, uint32(size))
	sum := byte(0xef)
	for _, b := range pattern(size, uint32(m.bootAt)+7) {
		p = append(p, b)
		sum ^= b
	}
	for len(p)%16 != 15 {
		p = append(p, 0)
	}
	return append(p, sum)
}
