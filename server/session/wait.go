package session

import "unbrick/protocol"

// Seconds after which coming again is of use. Whatever ends in waiting says one of these or of package offer, on the link
// and before it: a server
// knows how busy it is, its terminals do not. That they do not all come at the same moment is each terminal's own care.
const (
	WaitBusy     = 30 // every session that there may be runs
	WaitShutdown = 30 // the server stops, and another begins when it has
	WaitInternal = 60 // trouble of its own
)

// waitFor is the wait of a fault, 0 for one that waiting does not mend.
func waitFor(f protocol.Fault) uint32 {
	switch f {
	case protocol.FaultBusy:
		return WaitBusy
	case protocol.FaultShutdown:
		return WaitShutdown
	case protocol.FaultInternal:
		return WaitInternal
	default:
		return 0
	}
}
