package smp

import "encoding/base64"

// The console framing, as in Zephyr's "SMP Transport Specification", UART/serial and console.
const (
	// MaxLine is the longest line, markers and line feed included.
	MaxLine = 127
	// lineRaw is how many bytes a line carries: base64 turns 3 into 4, and 3 are markers and line feed.
	lineRaw = (MaxLine - 3) / 4 * 3
	// overhead is the length before a packet and the CRC behind it.
	overhead = 4

	first0, first1 = 0x06, 0x09 // a packet begins
	more0, more1   = 0x04, 0x14 // a packet goes on
)

// FramedSize returns how many bytes a packet of n bytes takes on the wire.
func FramedSize(n int) int {
	size := 0
	for left := n + overhead; left > 0; {
		raw := lineTake(left)
		size += 3 + (raw+2)/3*4
		left -= raw
	}
	return size
}

// lineTake returns how many of the left bytes go into the next line. The CRC is never torn: Zephyr
// rather shortens the line before.
func lineTake(left int) int {
	if left <= lineRaw {
		return left
	}
	if left < lineRaw+3 {
		return lineRaw - 3
	}
	return lineRaw
}

// AppendFrames appends a packet as console lines: at most FramedSize(len(packet)) bytes, so a buffer
// of that size does not grow. A packet longer than 65,533 bytes has no framing: it panics.
func AppendFrames(dst, packet []byte) []byte {
	if len(packet) > 0xffff-2 {
		panic("smp: packet too long for the console framing")
	}
	n := len(packet) + 2
	crc := CRC16(0, packet)
	head := [2]byte{byte(n >> 8), byte(n)}
	tail := [2]byte{byte(crc >> 8), byte(crc)}
	// at returns the i-th byte of length, packet and CRC.
	at := func(i int) byte {
		switch {
		case i < 2:
			return head[i]
		case i < 2+len(packet):
			return packet[i-2]
		}
		return tail[i-2-len(packet)]
	}
	marks := [2]byte{first0, first1}
	total := len(packet) + overhead
	for done := 0; done < total; {
		raw := lineTake(total - done)
		dst = append(dst, marks[0], marks[1])
		for end := done + raw; done < end; {
			var three [3]byte
			k := min(3, end-done)
			for j := range k {
				three[j] = at(done + j)
			}
			dst = base64.StdEncoding.AppendEncode(dst, three[:k])
			done += k
		}
		dst = append(dst, '\n')
		marks = [2]byte{more0, more1}
	}
	return dst
}

// CRC16 continues the CRC-16/XMODEM crc (0 at the beginning) over p.
func CRC16(crc uint16, p []byte) uint16 {
	for _, b := range p {
		crc ^= uint16(b) << 8
		for range 8 {
			carry := crc & 0x8000
			crc <<= 1
			if carry != 0 {
				crc ^= 0x1021
			}
		}
	}
	return crc
}
