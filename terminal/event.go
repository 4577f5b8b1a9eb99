package terminal

import (
	"time"

	"unbrick/release"
)

// Event is one thing that happened on the device. Sector is a sector index of the whole part, or -1.
// What A, B and Digest mean is said at each code.
type Event struct {
	Step    uint8 // n for Sn of the specification; 0 outside its steps
	Element uint8 // 111 to 120; 0 for none
	Code    EventCode
	Sector  int32
	A, B    uint32
	Time    time.Duration // device time
	Digest  release.Digest
}

// EventCode says what happened. Numbers are append-only.
type EventCode uint8

// The events of a boot.
const (
	EventReset      EventCode = 1 + iota // A: ResetCause, B: faults counted in a row
	EventIdentity                        // 111 was read; A: keys in the boot area
	EventRecord                          // newest valid record; A: sequence, B: State
	EventNoRecord                        // no valid record
	EventDoubtful                        // Sector must not be believed
	EventDigest                          // whole image digest computed; A: bytes, B: microseconds, Digest: outcome
	EventRunning                         // the release of Digest runs; A: 1 if it confirmed itself
	EventRestore                         // restoration mode (S15); A: Why
	EventRefreshed                       // Sector was written again from itself; A: sectors left to refresh
	EventNotWritten                      // a record could not be written; A: record sector's address
)

// The events of a session and of a rewrite.
const (
	EventHello        EventCode = 32 + iota // S01; Digest: of the image that runs; A: workspace that can be secured
	EventInfo                               // S05; A: size of the update file, B: workspace needed
	EventNothing                            // S06; A: protocol.Reason
	EventRefused                            // the offer was refused; A: protocol.Fault
	EventStopped                            // S07; an application was stopped; A: region, B: its bytes
	EventStarted                            // an application was started again; A: region, B: its bytes
	EventSecured                            // S07; A: offset of the workspace, B: its bytes
	EventReleased                           // the workspace was given back
	EventRequest                            // S08; A: offset in the update file, B: its size
	EventData                               // S11; A: bytes stored, B: size of the file
	EventReceived                           // S11; the update file is whole; A: size, Digest: of the file
	EventBroken                             // the transfer broke; A: bytes stored, B: size of the file
	EventDisconnected                       // S12
	EventResident                           // S13; rewriter and drivers run from RAM; A: bytes
	EventProof                              // S13; the proof succeeded; A: sectors in the plan, B: microseconds
	EventProofFailed                        // S13 or S20; nothing was erased; Digest: of the update file; A: on the cable smp.Fault
	EventIntent                             // S13 or S20; before the intent record is written; A: sectors in the plan, Digest: wanted
	EventMark                               // Sector was marked; A: marks left in the record sector
	EventSector                             // S13 or S20; Sector was rewritten and read back; A: done, B: sectors in the plan
	EventRetry                              // an erase or program did not do what it should; Sector; A: attempt
	EventDead                               // Sector takes no erase or program any more; A: its address
	EventVerdict                            // S14 or S20; A: 1 the image is the wanted one, 0 not; Digest: what is there
	EventInstalled                          // behind the last flash operation of the `installed` record; Digest: its image; A: sequence
	EventConfirmed                          // the release confirmed itself; A: low 32 bits of the floor
	EventPrepare                            // record rewritten because marks ran out or doubt had to be carried over; A: sequence
)

// The events of restoration mode.
const (
	EventWaiting    EventCode = 80 + iota // S15; the cable is listened to
	EventConnected                        // S16; the first request of a host
	EventBegun                            // S17; a manifest was accepted; Digest: of the wanted image
	EventDenied                           // a request was refused; A: smp error number
	EventReceiving                        // S19; A: bytes stored, B: size
	EventRestored                         // S20; the wanted image is there and recorded; Digest
	EventResetAsked                       // the host asked for a reset
	EventErased                           // Sector of a settings area was erased, as a person wanted; A: done, B: sectors of the area
	EventReceipt                          // a receipt was signed; A: sequence of its record
)

var eventNames = [...]string{
	EventReset: "reset", EventIdentity: "identity", EventRecord: "record", EventNoRecord: "no record",
	EventDoubtful: "doubtful", EventDigest: "digest", EventRunning: "running", EventRestore: "restoration mode",
	EventRefreshed: "refreshed", EventNotWritten: "record not written",
	EventHello: "hello", EventInfo: "info", EventNothing: "nothing to do", EventRefused: "refused",
	EventStopped: "application stopped", EventStarted: "application started", EventSecured: "workspace secured",
	EventReleased: "workspace released", EventRequest: "request", EventData: "data", EventReceived: "received",
	EventBroken: "transfer broken", EventDisconnected: "disconnected", EventResident: "resident", EventProof: "proof",
	EventProofFailed: "proof failed", EventIntent: "intent", EventMark: "mark", EventSector: "sector",
	EventRetry: "retry", EventDead: "dead sector", EventVerdict: "verdict", EventInstalled: "installed",
	EventConfirmed: "confirmed", EventPrepare: "record renewed",
	EventWaiting: "waiting", EventConnected: "connected", EventBegun: "begun", EventDenied: "denied",
	EventReceiving: "receiving", EventRestored: "restored", EventResetAsked: "reset asked", EventErased: "settings erased",
	EventReceipt: "receipt",
}

// String returns the event's name, "event" for a number of the future.
func (c EventCode) String() string {
	if int(c) < len(eventNames) && eventNames[c] != "" {
		return eventNames[c]
	}
	return "event"
}

// noSector is the Sector of events that concern none.
const noSector = -1

// trace tells of what happens, with device time.
type trace struct {
	to    func(Event) // may be nil
	clock Clock
	step  uint8 // of the specification, for events of the flash
}

// emit tells of e.
func (t *trace) emit(e Event) {
	if t.to == nil {
		return
	}
	e.Time = t.clock.Now()
	t.to(e)
}

// note emits an event without sector.
func (t *trace) note(step, element uint8, code EventCode, a, b uint32) {
	t.emit(Event{Step: step, Element: element, Code: code, Sector: noSector, A: a, B: b})
}

// micros is a time in an event.
func micros(d time.Duration) uint32 { return uint32(d / time.Microsecond) }

// truth is a yes or no in an event.
func truth(yes bool) uint32 {
	if yes {
		return 1
	}
	return 0
}
