// Package frame is the fast framing of the cable: binary frames with a CRC-32, numbered blocks of a file
// with a window in flight, and selective retransmission. docs/cable.md has the rules of speed and of the
// way back to the console framing; package smp has the packets that frames carry.
//
// A frame on the wire is a zero byte, its content in COBS (consistent overhead byte stuffing, which has no
// zero), and a zero byte. The content is a kind, what belongs to the kind, and the CRC-32 (IEEE 802.3, most
// significant byte first) of all that. Whatever is damaged or lost, the next zero byte ends it.
//
// The package is fit for a device: no goroutine, no clock, no allocation, memory from the caller.
package frame

import "unbrick/limits"

// Kind says what a frame is. Append-only.
type Kind uint8

// The kinds.
const (
	KindPacket Kind = 1 // an SMP packet, either way
	KindData   Kind = 2 // a block of the announced file, to the device
	KindAck    Kind = 3 // which blocks are there, and where the work stands, to the host
	KindProbe  Kind = 4 // PatternSize bytes, to the device
	KindEcho   Kind = 5 // the same bytes, to the host
)

// Limits.
const (
	// MaxBlock is the largest block, in bytes; MinBlock the smallest that a host may announce. A block is
	// a power of two.
	MaxBlock = limits.Block
	MinBlock = limits.SmallBlock
	// MaxBlocks is how many blocks a file may have.
	MaxBlocks = limits.Blocks
	// Window is how many blocks may be on their way, the oldest unacknowledged one included.
	Window = limits.Window
	// PatternSize is the length of the pattern in a probe.
	PatternSize = 256
	// MaxBad is how many damaged frames in a row end the framing.
	MaxBad = 16

	dataHead = 4
	ackSize  = 17
	crcSize  = 4
)

// Size returns the most bytes that a frame with n bytes of content, kind included, takes on the wire.
func Size(n int) int {
	n += crcSize
	return 2 + n + n/254 + 1
}

// DataSize returns the most bytes that a block of n bytes takes on the wire.
func DataSize(n int) int { return Size(dataHead + n) }

// DecoderSize returns how much memory a Decoder needs for frames of n bytes, kind included.
func DecoderSize(n int) int { return max(n, dataHead+MaxBlock, 1+PatternSize) + crcSize }
