package state

import "time"

// NoSector is the Sector of a row that concerns none.
const NoSector = ^uint32(0)

// LogRow is one event. Words are made by the page from Source and Code.
type LogRow struct {
	Time   time.Duration // of the device's clock
	Step   uint8         // 1-20, 0 none
	Source Source
	Code   uint16 // terminal.EventCode, or one of the Log codes below, by Source
	Sector uint32 // index in the whole part, NoSector when the event concerns none
	A, B   uint32 // as terminal.Event says at its code, or the Log code
	// What the row is about, where known: the release of an event's Digest, the application of a region, a reason in words.
	Text string
}

// Source is who tells an event.
type Source uint8

const (
	SourceTerminal  Source = iota // Code is a terminal.EventCode
	SourceBoard                   // Code is a Log code
	SourceServer                  // Code is a Log code
	SourceApparatus               // Code is a Log code
)

// Log codes of the other sources. Append-only.
const (
	LogPowerOn     uint16 = 1  // board
	LogPowerOff    uint16 = 2  // board: outside any flash operation
	LogCut         uint16 = 3  // board: A = operation, B = Tear
	LogReset       uint16 = 4  // board
	LogFault       uint16 = 5  // board: Text = fault
	LogMade        uint16 = 6  // board: Text = release
	LogLinkOpen    uint16 = 7  // server: S02
	LogMaking      uint16 = 8  // server: S03, Text = release, A = seconds to wait
	LogInfo        uint16 = 9  // server: S04, A = update file bytes, B = workspace it needs
	LogNoUpdate    uint16 = 10 // server: S04, nothing newer
	LogRequested   uint16 = 11 // server: S09, A = offset
	LogSending     uint16 = 12 // server: S10, A = bytes
	LogServerAway  uint16 = 13 // server
	LogIdentified  uint16 = 14 // apparatus: S16, A = sectors asked about, Text = serial
	LogSelected    uint16 = 15 // apparatus: S17, A = sectors to write, B = bytes to send, Text = release
	LogSent        uint16 = 16 // apparatus: S18, A = sectors, B = of
	LogRestored    uint16 = 17 // apparatus: S20, A = sectors written, B = bytes sent, Text = release
	LogEnded       uint16 = 18 // apparatus: A = restore.Code
	LogHealth      uint16 = 19 // board: A = Health
	LogNotNeeded   uint16 = 20 // apparatus: nothing to write, started
	LogStoreWarned uint16 = 21 // apparatus: the Lab's flash could not be kept in this browser
	LogReplay      uint16 = 22 // board: Text = what a replay does here
	LogMessage     uint16 = 23 // server: Text = a message of the link
	LogPacket      uint16 = 24 // apparatus: Text = a request or answer on the cable
	LogServerEnded uint16 = 25 // server: it ended the session, Text = why, A = seconds to wait
	LogMissed      uint16 = 26 // board: the rewrite ended before the armed cut, A = operation of the cut, B = of the rewrite
	LogOffered     uint16 = 27 // server: an update that nobody has asked for yet, Text = release
)
