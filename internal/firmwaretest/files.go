package firmwaretest

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// HexRecord writes a record of Intel HEX.
func HexRecord(kind byte, offset uint16, data []byte) string {
	sum := byte(len(data)) + byte(offset>>8) + byte(offset) + kind
	for _, c := range data {
		sum += c
	}
	return fmt.Sprintf(":%02X%04X%02X%X%02X", len(data), offset, kind, data, -sum)
}

// Hex writes segments as Intel HEX, with width bytes in a line.
func Hex(segments []Segment, width int, newline string) []byte {
	var lines []string
	high := uint16(0)
	for _, s := range segments {
		for at := 0; at < len(s.Data); {
			addr := s.Addr + uint32(at)
			if h := uint16(addr >> 16); h != high {
				high = h
				lines = append(lines, HexRecord(4, 0, []byte{byte(h >> 8), byte(h)}))
			}
			n := min(width, len(s.Data)-at, 0x10000-int(uint16(addr)))
			lines = append(lines, HexRecord(0, uint16(addr), s.Data[at:at+n]))
			at += n
		}
	}
	lines = append(lines, HexRecord(1, 0, nil), "")
	return []byte(strings.Join(lines, newline))
}

// SRecordLine writes an S-record with an address of wide bytes.
func SRecordLine(kind byte, addr uint32, wide int, data []byte) string {
	rec := []byte{byte(wide + len(data) + 1)}
	for i := wide - 1; i >= 0; i-- {
		rec = append(rec, byte(addr>>(8*i)))
	}
	rec = append(rec, data...)
	sum := byte(0)
	for _, c := range rec {
		sum += c
	}
	return fmt.Sprintf("S%d%X%02X", kind, rec, ^sum)
}

// SRecord writes segments as S-records with addresses of wide bytes, and their count.
func SRecord(segments []Segment, wide int) []byte {
	lines := []string{SRecordLine(0, 0, 2, []byte("test"))}
	for _, s := range segments {
		for at := 0; at < len(s.Data); at += 32 {
			lines = append(lines, SRecordLine(byte(wide-1), s.Addr+uint32(at), wide, s.Data[at:min(at+32, len(s.Data))]))
		}
	}
	lines = append(lines, SRecordLine(5, uint32(len(lines)-1), 2, nil), SRecordLine(byte(11-wide), 0, wide, nil), "")
	return []byte(strings.Join(lines, "\r\n"))
}

// Load is a segment of an ELF file.
type Load struct {
	Virtual, Physical uint32
	Data              []byte
}

// ELF writes a program for a machine.
func ELF(machine uint16, loads []Load) []byte {
	b := make([]byte, 52+32*len(loads))
	copy(b, "\x7fELF\x01\x01\x01")
	put16, put32 := binary.LittleEndian.PutUint16, binary.LittleEndian.PutUint32
	put16(b[16:], 2)
	put16(b[18:], machine)
	put32(b[20:], 1)
	put32(b[28:], 52)
	put16(b[40:], 52)
	put16(b[42:], 32)
	put16(b[44:], uint16(len(loads)))
	for i, l := range loads {
		h := b[52+32*i:]
		for j, v := range []uint32{1, uint32(len(b)), l.Virtual, l.Physical, uint32(len(l.Data)), uint32(len(l.Data)), 5, 4} {
			put32(h[4*j:], v)
		}
		b = append(b, l.Data...)
	}
	return b
}

// AVRELF writes a program for an AVR as avr-gcc does, with the section that names the chip.
func AVRELF(chip string, loads []Load) []byte {
	put16, put32 := binary.LittleEndian.PutUint16, binary.LittleEndian.PutUint32
	b := ELF(0x53, loads)
	var note []byte
	for _, v := range []uint32{4, uint32(32 + 2 + len(chip)), 1, 0x525641, 0, 0x8000, 0x800100, 0x800, 0x810000, 0x400, 4, 1} {
		note = binary.LittleEndian.AppendUint32(note, v)
	}
	note = append(append(append(note, 0), chip...), 0)
	names := []byte("\x00.note.gnu.avr.deviceinfo\x00.shstrtab\x00")
	at := len(b)
	b = append(append(b, note...), names...)
	section := func(name, kind, offset, size int) {
		h := make([]byte, 40)
		put32(h, uint32(name))
		put32(h[4:], uint32(kind))
		put32(h[16:], uint32(offset))
		put32(h[20:], uint32(size))
		b = append(b, h...)
	}
	put32(b[32:], uint32(len(b)))
	put16(b[46:], 40)
	put16(b[48:], 3)
	put16(b[50:], 2)
	section(0, 0, 0, 0)
	section(1, 7, at, len(note))
	section(26, 3, at+len(note), len(names))
	return b
}

// UF2 writes segments as UF2 for a family (0: none), 256 bytes in a block. MD5s, if asked for, are behind the data of each block, as esptool
// writes them, or at the end of the data area, as the format's own page says.
func UF2(segments []Segment, family uint32, sums string) []byte {
	type chunk struct {
		addr uint32
		data []byte
	}
	var chunks []chunk
	for _, s := range segments {
		for at := 0; at < len(s.Data); at += 256 {
			chunks = append(chunks, chunk{s.Addr + uint32(at), s.Data[at:min(at+256, len(s.Data))]})
		}
	}
	var file []byte
	for i, c := range chunks {
		b := make([]byte, 512)
		flags := uint32(0)
		if family != 0 {
			flags |= 0x2000
		}
		if sums != "" {
			flags |= 0x4000
			at := 32 + len(c.data)
			if sums == "end" {
				at = 512 - 4 - 24
			}
			d := md5.Sum(c.data)
			binary.LittleEndian.PutUint32(b[at:], c.addr)
			binary.LittleEndian.PutUint32(b[at+4:], uint32(len(c.data)))
			copy(b[at+8:], d[:])
		}
		for j, v := range []uint32{0x0a324655, 0x9e5d5157, flags, c.addr, uint32(len(c.data)), uint32(i), uint32(len(chunks)), family} {
			binary.LittleEndian.PutUint32(b[4*j:], v)
		}
		copy(b[32:], c.data)
		binary.LittleEndian.PutUint32(b[508:], 0x0ab16f30)
		file = append(file, b...)
	}
	return file
}

// DFU appends a suffix to b.
func DFU(b []byte) []byte {
	b = append(b, 0xff, 0xff, 0x11, 0xdf, 0x83, 0x04, 0x1a, 0x01, 'U', 'F', 'D', 16)
	return binary.LittleEndian.AppendUint32(b, ^crc32.ChecksumIEEE(b))
}

// DfuSe writes segments as the elements of one target, and others as those of a second one, of another memory.
func DfuSe(segments, others []Segment) []byte {
	target := func(alternate byte, segments []Segment) []byte {
		var body []byte
		for _, s := range segments {
			body = binary.LittleEndian.AppendUint32(body, s.Addr)
			body = binary.LittleEndian.AppendUint32(body, uint32(len(s.Data)))
			body = append(body, s.Data...)
		}
		b := append([]byte("Target"), alternate, 1, 0, 0, 0)
		b = append(b, bytes.Repeat([]byte{0}, 255)...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(segments)))
		return append(b, body...)
	}
	targets, n := target(0, segments), byte(1)
	if len(others) > 0 {
		targets, n = append(targets, target(1, others)...), 2
	}
	b := append([]byte("DfuSe"), 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(11+len(targets)))
	b = append(append(b, n), targets...)
	return DFU(b)
}

// Data is n bytes that are not alike.
func Data(n int, seed uint32) []byte { return fill(n, seed) }
