package record

import (
	"encoding/binary"
	"hash/crc32"
)

// An entry is what stands behind a record's body: the commit mark, the seal, and behind these marks and copied batches,
// each in program units of its own. It says which of them it is, so that a torn one is none.
const entrySize = 8

// Tags of entries. The last two have a number in their lower half.
const (
	tagCommit = 0xA5C30000
	tagSeal   = 0xA5C40000
	tagMark   = 0x5A000000 // of a sector: it is about to be touched
	tagCopied = 0x5B000000 // of a batch: all its sectors are in their places and were read back
)

// noSector is what a mark names that only ends the doubt of the mark before it: there are at most limits.Sectors.
const noSector = 0xFFFF

// entry returns the bytes of one entry: its tag, and a CRC-32 over tag and the record's own CRC, so that an entry counts
// only behind the record it was written for.
func entry(tag, recordCRC uint32) [entrySize]byte {
	var b [entrySize]byte
	binary.LittleEndian.PutUint32(b[:], tag)
	sum := ^uint32(0)
	// By hand, because crc32.ChecksumIEEE would move its argument to the heap.
	for _, word := range [2]uint32{tag, recordCRC} {
		for range 4 {
			sum = crc32.IEEETable[byte(sum)^byte(word)] ^ sum>>8
			word >>= 8
		}
	}
	binary.LittleEndian.PutUint32(b[4:], ^sum)
	return b
}

// numbered returns the number of the entry b of the given kind, or -1 if b is none behind the record with this CRC.
func numbered(b []byte, kind, recordCRC uint32) int {
	tag := binary.LittleEndian.Uint32(b)
	if tag&0xFFFF0000 != kind || [entrySize]byte(b[:entrySize]) != entry(tag, recordCRC) {
		return -1
	}
	return int(tag & 0xFFFF)
}

// crcOf returns the CRC-32 at the end of a record's body.
func crcOf(body []byte) uint32 { return binary.LittleEndian.Uint32(body[len(body)-4:]) }
