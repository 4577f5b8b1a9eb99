// Package smp is the cable: the Simple Management Protocol of Zephyr's mcumgr and MCUboot's serial
// recovery, its console framing, and the user our own group in which a terminal in restoration mode says
// what SMP has no words for. docs/cable.md tells a firmware engineer the rest.
//
// Layers, each usable alone:
//
//   - Header and the packet: 8 bytes and one CBOR map.
//   - Console framing: AppendFrames, FramedSize and the Deframer.
//   - Group 0 (echo, reset, parameters), group 1 (image state, upload) and our own group.
//
// Requests and responses are CBOR maps with text keys. Since peers of groups 0 and 1 are not all ours,
// every decoder takes any key order, unknown keys, longer heads and indefinite lengths; encoders write
// the deterministic encoding of RFC 8949. Every length is checked against a named limit.
//
// The package is fit for a device: no goroutine, no clock, memory from the caller. What a device
// decodes (requests) and encodes (responses) is done without allocation; byte fields alias the input.
package smp

import "unbrick/limits"

// Limits of the cable.
const (
	// BufSize is the longest packet, header and CBOR map, that a terminal takes; it announces it in
	// the parameters and in identify. A host may learn a smaller one from other devices.
	BufSize = limits.Packet
	// BufCount is how many packets a terminal buffers: one, hence stop and wait.
	BufCount = 1
	// MinBufSize is the least a host works with: MCUboot's default is 512, some set less.
	MinBufSize = 96
	// MaxBufSize is the most that a host believes of an announced size.
	MaxBufSize = 64 << 10
)
