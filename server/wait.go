package server

import "unbrick/protocol"

// Seconds after which coming again is of use. Whatever ends in waiting says one of these or of package offer, on the link
// and before it: a server
// knows how busy it is, its terminals do not. That they do not all come at the same moment is each terminal's own care.
const (
	waitBusy     = 30 // every session that there may be runs
	waitShutdown = 30 // the server stops, and another begins when it has
	waitInternal = 60 // trouble of its own
)

// waitFor is the wait of a fault, 0 for one that waiting does not mend.
func waitFor(f protocol.Fault) uint32 {
	switch f {
	case protocol.FaultBusy:
		return waitBusy
	case protocol.FaultShutdown:
		return waitShutdown
	case protocol.FaultInternal:
		return waitInternal
	default:
		return 0
	}
}
