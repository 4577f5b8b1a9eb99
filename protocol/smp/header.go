package smp

import (
	"encoding/binary"
	"errors"
)

// Op says whether a packet reads or writes, asks or answers.
type Op uint8

// The operations.
const (
	Read          Op = 0
	ReadResponse  Op = 1
	Write         Op = 2
	WriteResponse Op = 3
)

// The groups that are spoken here.
const (
	GroupOS    = 0
	GroupImage = 1
	GroupUser  = 21826 // 0x5542, "UB"; 64 is every maker's first own group
)

// Command IDs of group 0 and group 1.
const (
	OSEcho       = 0
	OSReset      = 5
	OSParameters = 6
	OSBootloader = 8

	ImageState  = 0
	ImageUpload = 1
)

// HeaderSize is the size of a header in bytes.
const HeaderSize = 8

// ErrPacket says that bytes are no packet: too short, reserved bits set, or a length that is not that
// of the rest.
var ErrPacket = errors.New("malformed packet")

// Header is the head of a packet.
type Header struct {
	Op       Op
	Version  uint8 // 0: errors are "rc" only; 1: group errors are "err" maps
	Flags    uint8 // none is defined; sent as 0, not looked at
	Length   uint16
	Group    uint16
	Sequence uint8 // a response has that of its request
	ID       uint8
}

// Append appends the header's 8 bytes.
func (h *Header) Append(dst []byte) []byte {
	dst = append(dst, byte(h.Op)&7|h.Version&3<<3, h.Flags)
	dst = binary.BigEndian.AppendUint16(dst, h.Length)
	dst = binary.BigEndian.AppendUint16(dst, h.Group)
	return append(dst, h.Sequence, h.ID)
}

// ParsePacket splits a packet into header and body, which aliases it.
func ParsePacket(b []byte) (Header, []byte, error) {
	if len(b) < HeaderSize {
		return Header{}, nil, ErrPacket
	}
	h := Header{
		Op: Op(b[0] & 7), Version: b[0] >> 3 & 3, Flags: b[1],
		Length: binary.BigEndian.Uint16(b[2:]), Group: binary.BigEndian.Uint16(b[4:]),
		Sequence: b[6], ID: b[7],
	}
	if b[0]>>5 != 0 || h.Op > WriteResponse || int(h.Length) != len(b)-HeaderSize {
		return Header{}, nil, ErrPacket
	}
	return h, b[HeaderSize:], nil
}

// Response returns the header of the answer to a request.
func (h *Header) Response() Header {
	return Header{Op: h.Op | 1, Version: min(h.Version, 1), Group: h.Group, Sequence: h.Sequence, ID: h.ID}
}

// Answers reports whether h heads the answer to the request q.
func (h *Header) Answers(q *Header) bool {
	return h.Op == q.Op|1 && q.Op&1 == 0 && h.Group == q.Group && h.Sequence == q.Sequence && h.ID == q.ID
}
