package esp

import "encoding/binary"

// picture is what a ROM finds at an address.
type picture struct {
	word     uint32 // the first
	magic    bool   // it begins as an image
	sound    bool   // its checksum is right
	sum      byte   // that was computed
	want     byte   // that is written there
	id       int    // of the chip that it is for; -1: it does not say
	entry    uint32
	segments [][2]uint32 // address, length
}

// image looks at what the flash holds, as the chip reads it.
func (ch *Chip) image(at int) picture {
	p := picture{id: ch.m.id}
	size := len(ch.flash.Data)
	if at+24 > size {
		p.word = 0xffffffff
		return p
	}
	head := ch.Plain(at, 24)
	p.word = binary.LittleEndian.Uint32(head)
	n := int(head[1])
	if head[0] != 0xe9 || n < 1 || n > 16 {
		return p
	}
	p.magic = true
	p.entry = binary.LittleEndian.Uint32(head[4:])
	next := at + 8
	if !ch.m.is8266() {
		p.id = int(binary.LittleEndian.Uint16(head[12:]))
		next = at + 24
	}
	p.sum = 0xef
	for range n {
		if next+8 > size {
			return p
		}
		s := ch.Plain(next, 8)
		addr, length := binary.LittleEndian.Uint32(s), binary.LittleEndian.Uint32(s[4:])
		next += 8
		if length > uint32(size-next) {
			return p
		}
		for _, b := range ch.Plain(next, int(length)) {
			p.sum ^= b
		}
		p.segments = append(p.segments, [2]uint32{addr, length})
		next += int(length)
	}
	next = at + (next-at)&^15 + 15
	if next >= size {
		return p
	}
	p.want = ch.Plain(next, 1)[0]
	p.sound = p.sum == p.want
	return p
}

// application is where the application lies by the partition table, or -1 and why not.
func (ch *Chip) application() (int, string) {
	const table = 0x8000
	if len(ch.flash.Data) < table+0xc00 {
		return -1, "flash too small"
	}
	t := ch.Plain(table, 0xc00)
	if t[0] != 0xaa || t[1] != 0x50 {
		return -1, "partition 0 invalid magic number 0x" + hex8(uint32(binary.LittleEndian.Uint16(t)))[4:]
	}
	first := -1
	for ; len(t) >= 32 && t[0] == 0xaa && t[1] == 0x50; t = t[32:] {
		at := int(binary.LittleEndian.Uint32(t[4:]))
		if t[2] != 0 || at >= len(ch.flash.Data) {
			continue
		}
		if t[3] == 0 { // factory
			return at, ""
		}
		if t[3] >= 0x10 && t[3] < 0x20 && first < 0 {
			first = at
		}
	}
	if first < 0 {
		return -1, "No bootable app partitions in the partition table"
	}
	return first, ""
}

// crypt stands for AES: it turns what is written at an address into something that looks like nothing, and back.
func crypt(addr int, p []byte) {
	for i := range p {
		x := uint32(addr+i)>>4*0x9e3779b1 + uint32(addr+i)&15*0x85ebca6b
		x ^= x >> 15
		x *= 0x2c1b3c6d
		x ^= x >> 13
		p[i] ^= byte(x)
	}
}
