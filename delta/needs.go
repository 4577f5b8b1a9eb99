package delta

import "math"

// Needs is everything that an update takes from a terminal's RAM, in bytes unless said otherwise.
type Needs struct {
	File     uint32 // the update file
	State    uint32 // the decoder's counters and tables
	Buffer   uint32 // one sector
	Stash    uint32 // old bytes that outlive their sector
	History  uint32 // bytes built lately, to copy from
	Leaves   uint32 // number of leaf digests of the new image
	Resident uint32 // code that runs from RAM while the flash is busy
}

// Workspace is the one answer to how much RAM an update needs: creator, server, command and
// terminal all ask it. It saturates instead of wrapping.
func (n Needs) Workspace() uint32 {
	sum := uint64(n.File) + uint64(n.State) + uint64(n.Buffer) + uint64(n.Stash) + uint64(n.History) +
		leafBytes*uint64(n.Leaves) + uint64(n.Resident) + workspaceMargin
	return uint32(min(sum, math.MaxUint32))
}

// NeedsOf returns what applying a file of fileSize bytes with header h takes.
func NeedsOf(h *Header, fileSize, leaves, resident uint32) Needs {
	return Needs{File: fileSize, State: h.State, Buffer: h.Buffer, Stash: h.Stash, History: h.History,
		Leaves: leaves, Resident: resident}
}
