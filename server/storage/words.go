package storage

import "slices"

// words are what the HTTP API calls the values of an enumeration.
type words []string

// of is the word of a value.
func (w words) of(n uint8) string {
	if int(n) < len(w) && w[n] != "" {
		return w[n]
	}
	return "unknown"
}

// parse is the reverse of words.of, not ok for what is no word.
func parse[T ~uint8](w words, s string) (value T, ok bool) {
	if i := slices.Index(w, s); i >= 0 && s != "" {
		return T(i), true
	}
	return 0, false
}

var (
	releaseStates = words{Offered: "offered", Withheld: "withheld", Withdrawn: "withdrawn", Superseded: "superseded"}
	fileStates    = words{FileWanted: "wanted", FileMaking: "making", FileReady: "ready", FileFailed: "failed", FileTooBig: "too-big",
		FileBarred: "barred"}
	deviceStates = words{Running: "running", Receiving: "receiving", Rewriting: "rewriting", NeedsCable: "needs-cable",
		HeldBack: "held-back", Restoration: "restoration"}
	sources    = words{ByServer: "server", ByDevice: "device", ByReporter: "reporter", ByOperator: "operator"}
	keyStates  = words{Enrolled: "enrolled", Barred: "barred"}
	enrolments = words{ByApproval: "approve", ByList: "list", ByFirst: "open"}
	standings  = words{Proven: "proven", Pending: "pending", SecondKey: "second-key", BarredKey: "barred-key", OtherName: "other-name",
		Forged: "bad-signature", Unsigned: "unsigned"}
	groups = words{GroupRestoration: "restoration", GroupCable: "needs-cable", GroupOverdue: "overdue", GroupHeld: "held-back",
		GroupSilent: "silent", GroupReceiving: "receiving", GroupRewriting: "rewriting", GroupRunning: "running"}
)

// String is the word of the state in the HTTP API.
func (s ReleaseState) String() string { return releaseStates.of(uint8(s)) }

// ParseReleaseState is the reverse of String.
func ParseReleaseState(s string) (ReleaseState, bool) { return parse[ReleaseState](releaseStates, s) }

// String is the word of the state in the HTTP API.
func (s FileState) String() string { return fileStates.of(uint8(s)) }

// ParseFileState is the reverse of String.
func ParseFileState(s string) (FileState, bool) { return parse[FileState](fileStates, s) }

// String is the word of the state in the HTTP API.
func (s DeviceState) String() string { return deviceStates.of(uint8(s)) }

// String is the word of the source in the HTTP API.
func (s Source) String() string { return sources.of(uint8(s)) }

// String is the word of the group in the HTTP API.
func (g Group) String() string { return groups.of(uint8(g)) }

// ParseGroup is the reverse of String.
func ParseGroup(s string) (Group, bool) { return parse[Group](groups, s) }

// String is the word of the enrolment in the HTTP API.
func (e Enrolment) String() string { return enrolments.of(uint8(e)) }

// ParseEnrolment is the reverse of String.
func ParseEnrolment(s string) (Enrolment, bool) { return parse[Enrolment](enrolments, s) }

// String is the word of the state in the HTTP API.
func (s KeyState) String() string { return keyStates.of(uint8(s)) }

// String is the word of the standing in the HTTP API.
func (s Standing) String() string { return standings.of(uint8(s)) }

// ParseStanding is the reverse of String.
func ParseStanding(s string) (Standing, bool) { return parse[Standing](standings, s) }
