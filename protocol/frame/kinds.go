package frame

import "encoding/binary"

// AppendPacket appends a frame with an SMP packet.
func AppendPacket(dst, packet []byte) []byte {
	return Append(dst, []byte{byte(KindPacket)}, packet)
}

// AppendPattern appends a probe or its echo.
func AppendPattern(dst []byte, k Kind, pattern []byte) []byte {
	return Append(dst, []byte{byte(k)}, pattern)
}

// Fill makes the pattern with the given number: every byte value, in an order that the number decides, so
// that neither a stuck line nor an earlier echo passes.
func Fill(p *[PatternSize]byte, number uint8) {
	for i := range p {
		p[i] = byte(i)*167 ^ number*29
	}
}

// Data is a block of the file that was announced last.
type Data struct {
	File  uint8 // low byte of the file's number
	Block uint16
	Bytes []byte // the announced block size, or what is left at the end
}

// AppendData appends the frame of a block.
func AppendData(dst []byte, m *Data) []byte {
	head := [dataHead]byte{byte(KindData), m.File}
	binary.BigEndian.PutUint16(head[2:], m.Block)
	return Append(dst, head[:], m.Bytes)
}

// ParseData reads the content of a frame of KindData. Bytes alias it.
func ParseData(content []byte) (Data, bool) {
	if len(content) <= dataHead || len(content) > dataHead+MaxBlock || Kind(content[0]) != KindData {
		return Data{}, false
	}
	return Data{File: content[1], Block: binary.BigEndian.Uint16(content[2:]), Bytes: content[dataHead:]}, true
}

// Ack says which blocks of a file are there, and where the work stands.
type Ack struct {
	File    uint8  // low byte of the number of the file that blocks are counted for
	Next    uint32 // all blocks before this one are there; the number of blocks: all
	Have    uint64 // bit i: block Next+1+i is there
	Applied uint16 // low bits of the number of files applied since begin
	Phase   uint8  // as in status
	Fault   uint8  // as code in status
}

// AppendAck appends the frame of an acknowledgement.
func AppendAck(dst []byte, m *Ack) []byte {
	b := [ackSize]byte{byte(KindAck), m.File, byte(m.Next >> 16)}
	binary.BigEndian.PutUint16(b[3:], uint16(m.Next))
	binary.BigEndian.PutUint64(b[5:], m.Have)
	binary.BigEndian.PutUint16(b[13:], m.Applied)
	b[15], b[16] = m.Phase, m.Fault
	return Append(dst, b[:], nil)
}

// ParseAck reads the content of a frame of KindAck.
func ParseAck(content []byte) (Ack, bool) {
	if len(content) != ackSize || Kind(content[0]) != KindAck {
		return Ack{}, false
	}
	m := Ack{File: content[1], Next: uint32(content[2])<<16 | uint32(binary.BigEndian.Uint16(content[3:])), Have: binary.BigEndian.Uint64(content[5:]),
		Applied: binary.BigEndian.Uint16(content[13:]), Phase: content[15], Fault: content[16]}
	return m, m.Next <= MaxBlocks
}

// ParsePattern reads the content of a probe or an echo.
func ParsePattern(content []byte, k Kind) (pattern []byte, ok bool) {
	if len(content) != 1+PatternSize || Kind(content[0]) != k {
		return nil, false
	}
	return content[1:], true
}

// AppendHangUp appends what ends the framing at the device's end at once: as many damaged frames as that
// takes. In the console framing it is noise; the line feed keeps it from the next line of whoever reads lines.
func AppendHangUp(dst []byte) []byte {
	for range MaxBad {
		dst = append(dst, 0, 1)
	}
	return append(dst, 0, '\n')
}
