package protocol

import "unbrick/release"

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

// Challenge is the server's first message, before any other: what a terminal's hello is signed over. It is random, for
// this connection alone.
type Challenge struct{ Nonce Nonce }

// Hello is the terminal's first message: who it is, what it runs and what it can take (S01, S02).
// All of it is the terminal's claim; VerifyHello says whether the device key that it names made it. Decode allocates;
// Append does not.
type Hello struct {
	Model     string
	Serial    string
	Release   string        // version text of the release that runs
	Era       uint16        // its era
	Order     uint64        // its order
	Digest    Digest        // SHA-256 of its image
	Floor     release.Floor // security floor: releases below it are refused
	Keys      []KeyID       // whose signatures count
	Threshold uint8         // how many of them a release needs
	Statement uint32        // version of the trust statement that it keeps, 0: none
	Reads     uint16        // bits of its identification: the formats that it reads
	Workspace uint32        // bytes of RAM that it can secure for an update
	Kinds     Kinds
	Staging   uint32   // bytes of its staging area, 0: none
	Stages    uint8    // bits of its identification: what it can stage
	Connected bool     // it stays connected and takes news
	Confirmed bool     // the release that runs has confirmed itself
	Report    *Report  // nil: no rewrite since the last report
	Refused   []Digest // update files that failed their proof here: not to be offered again
	Sequence  uint32   // of its record
	Device    []byte   // public key of the device, empty: it has none
	Fresh     []byte   // nonce that a freshness statement must name, empty: it asks for none
	Signature []byte   // by Device over what AppendSigned yields; there exactly if Device is
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
	Wait      uint32 // seconds after which asking again is of use, at most MaxWait; 0: the terminal's usual time
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
	Wait  uint32 // as in Info; never 0 with FaultBusy and FaultShutdown
}

// News tells a terminal that stays connected that there may be something newer: it says hello again, over this nonce, at a
// moment that it draws from the next Wait seconds.
type News struct {
	Nonce Nonce
	Wait  uint32
}

// Trust brings a trust statement, before Info, to a terminal that reads them and has an older one.
type Trust struct{ Statement []byte }

// Fresh answers the fresh nonce of Hello, before Info: a freshness statement.
type Fresh struct{ Signed []byte }

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

// Code returns CodeChallenge.
func (*Challenge) Code() Code { return CodeChallenge }

// Code returns CodeNews.
func (*News) Code() Code { return CodeNews }

// Code returns CodeTrust.
func (*Trust) Code() Code { return CodeTrust }

// Code returns CodeFresh.
func (*Fresh) Code() Code { return CodeFresh }
