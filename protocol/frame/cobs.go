package frame

import (
	"encoding/binary"
	"hash/crc32"
)

// Append appends the frame whose content is head and then payload: at most Size of both.
func Append(dst, head, payload []byte) []byte {
	crc := checksum(checksum(0, head), payload)
	var tail [crcSize]byte
	binary.BigEndian.PutUint32(tail[:], crc)
	dst = append(dst, 0, 1) // the code of the first group comes when the group is complete
	code := len(dst) - 1
	for _, part := range [...][]byte{head, payload, tail[:]} {
		for _, b := range part {
			if dst[code] == 255 {
				code = len(dst)
				dst = append(dst, 1)
			}
			if b == 0 {
				code = len(dst)
				dst = append(dst, 1)
				continue
			}
			dst = append(dst, b)
			dst[code]++
		}
	}
	return append(dst, 0)
}

// checksum continues the CRC-32 crc (0 at the beginning) over p. The library's own would put what it is given
// on the heap.
func checksum(crc uint32, p []byte) uint32 {
	crc = ^crc
	for _, b := range p {
		crc = crc32.IEEETable[byte(crc)^b] ^ crc>>8
	}
	return ^crc
}

// Decoder finds frames in a stream of bytes. It works in the caller's memory and never allocates. The zero
// value drops everything; use Reset.
type Decoder struct {
	buf   []byte
	n     int   // bytes of content
	left  uint8 // of the group
	code  uint8 // that the group began with; 0 before the first
	prior uint8 // that the group before it began with
	lost  bool  // the frame is damaged: nothing of it counts any more

	frames  uint64
	damaged uint64
}

// Reset makes d work in buf, of DecoderSize bytes.
func (d *Decoder) Reset(buf []byte) { *d = Decoder{buf: buf} }

// Frames returns how many whole frames were found.
func (d *Decoder) Frames() uint64 { return d.frames }

// Damaged returns how many frames were not whole.
func (d *Decoder) Damaged() uint64 { return d.damaged }

// Open reports whether a frame has begun and not ended.
func (d *Decoder) Open() bool { return d.code != 0 }

// Next takes bytes of p until a frame ends or p is used up, and returns how many it took. content is the
// frame's, kind first and without the CRC, valid until the next call; nil is none. bad says that a damaged
// frame has ended.
func (d *Decoder) Next(p []byte) (content []byte, used int, bad bool) {
	for i, b := range p {
		if b != 0 {
			d.take(b)
			continue
		}
		if d.code == 0 {
			continue // between two frames
		}
		content, bad = d.finish()
		return content, i + 1, bad
	}
	return nil, len(p), false
}

// take takes a byte inside of a frame.
func (d *Decoder) take(b byte) {
	if d.left > 0 {
		d.left--
		d.put(b)
		return
	}
	if d.code != 0 && d.code != 255 {
		d.put(0)
	}
	d.prior, d.code, d.left = d.code, b, b-1
}

func (d *Decoder) put(b byte) {
	if d.n == len(d.buf) {
		d.lost = true
		return
	}
	d.buf[d.n] = b
	d.n++
}

// finish ends a frame.
func (d *Decoder) finish() ([]byte, bool) {
	n := d.n
	// A group without bytes behind a full one says nothing: there is a shorter way to write the frame.
	whole := d.left == 0 && !d.lost && n > crcSize && !(d.code == 1 && d.prior == 255)
	d.n, d.left, d.code, d.prior, d.lost = 0, 0, 0, 0, false
	if whole {
		content := d.buf[: n-crcSize : n-crcSize]
		if checksum(0, content) == binary.BigEndian.Uint32(d.buf[n-crcSize:]) {
			d.frames++
			return content, false
		}
	}
	d.damaged++
	return nil, true
}
