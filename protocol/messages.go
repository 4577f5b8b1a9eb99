package protocol

// Message is one message of the link. The methods have pointer receivers; a message may be used again.
type Message interface {
	// Code returns the message's code.
	Code() Code
	// Append appends the encoding to dst, which grows only when its capacity is too small, and
	// refuses with ErrLimit what a decoder would not take.
	Append(dst []byte) ([]byte, error)
	// Decode reads one whole message. Byte fields alias b. After an error the message is undefined.
	Decode(b []byte) error
}

// Hello is the terminal's first message: who it is, what it runs and what it can take (S01, S02).
// All of it is the terminal's claim. Decode allocates; Append does not.
type Hello struct {
	Version   uint32 // of the link
	Model     string
	Serial    string
	Release   string // version text of the release that runs
	Order     uint64 // its order
	Digest    Digest // SHA-256 of its image
	Floor     uint64 // security floor: releases with a lower counter are refused
	Keys      []KeyID
	Workspace uint32 // bytes of RAM that it can secure for an update
	Kinds     Kinds
	Confirmed bool     // the release that runs has confirmed itself
	Report    *Report  // nil: no rewrite since the last report
	Refused   []Digest // update files that failed their proof here: not to be offered again
}

// Report tells how the last rewrite went.
type Report struct {
	From, To     Digest // images
	Verdict      Verdict
	Fault        Fault // why it was refused, or 0
	Erases       uint32
	RecordErases uint32   // erases of record sectors
	FailedErases uint32   // erases and programs that did not work
	Dead         []uint32 // addresses of sectors that do not take an erase any more
}

// Info is the server's answer to Hello (S04, S05): what there is, or why there is nothing.
type Info struct {
	Kind      Kind
	Reason    Reason // ReasonOffered exactly if Kind is not KindNone
	Size      uint32 // bytes of the update file
	Digest    Digest // its SHA-256
	Workspace uint32 // bytes of workspace that it needs
	Has       uint32 // workspace that the terminal said it has
	Steps     uint8  // updates in a row to the wanted release, this one included; 0 with KindNone
	Wait      uint32 // seconds after which asking again is of use; 0: the terminal's usual time
	Manifest  []byte // signed manifest of the release the file leads to; may be empty with KindNone
}

// Request asks for an update file from an offset on, and grants the first credit (S08, S09).
type Request struct {
	Digest Digest
	Offset uint32
	Credit uint32 // bytes that may be sent at once
}

// Data carries bytes of the update file (S10).
type Data struct {
	Offset uint32
	Bytes  []byte // 1 to MaxData
}

// Credit grants that many bytes more.
type Credit struct{ Bytes uint32 }

// End says that everything was sent.
type End struct {
	Size   uint32
	Digest Digest
}

// Done says that the update file of this digest is whole and stored (S11).
type Done struct{ Digest Digest }

// Gone answers a Request for a file that is no more, with new information.
type Gone struct{ Info Info }

// Error says what went wrong. The text is for a log and must be shown quoted.
type Error struct {
	Fault Fault
	Text  []byte // at most MaxReason bytes, UTF-8
}

// Ping asks the peer's Conn for a Pong with the same number.
type Ping struct{ Number uint32 }

// Pong answers a Ping.
type Pong struct{ Number uint32 }

// Bye is the last message of a side. The terminal sends it first; the server answers; the terminal
// closes.
type Bye struct{}

// Code returns CodeHello.
func (*Hello) Code() Code { return CodeHello }

// Code returns CodeInfo.
func (*Info) Code() Code { return CodeInfo }

// Code returns CodeRequest.
func (*Request) Code() Code { return CodeRequest }

// Code returns CodeData.
func (*Data) Code() Code { return CodeData }

// Code returns CodeCredit.
func (*Credit) Code() Code { return CodeCredit }

// Code returns CodeEnd.
func (*End) Code() Code { return CodeEnd }

// Code returns CodeDone.
func (*Done) Code() Code { return CodeDone }

// Code returns CodeGone.
func (*Gone) Code() Code { return CodeGone }

// Code returns CodeError.
func (*Error) Code() Code { return CodeError }

// Code returns CodePing.
func (*Ping) Code() Code { return CodePing }

// Code returns CodePong.
func (*Pong) Code() Code { return CodePong }

// Code returns CodeBye.
func (*Bye) Code() Code { return CodeBye }
