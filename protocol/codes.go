package protocol

import "strconv"

// Code is the first item of every message. Append-only.
type Code uint8

// The messages.
const (
	CodeHello     Code = 1
	CodeInfo      Code = 2
	CodeRequest   Code = 3
	CodeData      Code = 4
	CodeCredit    Code = 5
	CodeEnd       Code = 6
	CodeDone      Code = 7
	CodeGone      Code = 8
	CodeError     Code = 9
	CodePing      Code = 10
	CodePong      Code = 11
	CodeBye       Code = 12
	CodeChallenge Code = 13
	CodeNews      Code = 14
	CodeTrust     Code = 15
	CodeFresh     Code = 16
)

var codeNames = [...]string{"", "hello", "info", "request", "data", "credit", "end", "done", "gone", "error", "ping", "pong", "bye",
	"challenge", "news", "trust", "fresh"}

func (c Code) String() string { return name(codeNames[:], uint32(c), "message") }

// Kind is what an update file is. Append-only.
type Kind uint8

// The kinds. KindNone in an Info means that there is no update file, and Reason says why.
const (
	KindNone  Kind = 0
	KindDelta Kind = 1
	KindFull  Kind = 2
	// KindBsdiff is a classic patch, applied in RAM: only for terminals that have room for the whole image.
	KindBsdiff Kind = 3
)

var kindNames = [...]string{"none", "delta", "full", "bsdiff"}

func (k Kind) String() string { return name(kindNames[:], uint32(k), "kind") }

// Kinds is a set of kinds, a bit for each.
type Kinds uint32

// Has reports whether k is in the set.
func (s Kinds) Has(k Kind) bool { return s>>k&1 != 0 }

// KindsOf returns the set of the given kinds.
func KindsOf(kinds ...Kind) Kinds {
	var s Kinds
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// Reason is why an Info offers nothing. Append-only.
type Reason uint8

// The reasons.
const (
	ReasonOffered      Reason = 0 // there is an update file
	ReasonUpToDate     Reason = 1 // the terminal runs the newest release meant for it
	ReasonNoRelease    Reason = 2 // nothing is published for this model
	ReasonUnknownModel Reason = 3
	ReasonNoFit        Reason = 4 // needs the cable: Workspace bytes needed, Has bytes there
	ReasonHeld         Reason = 5 // rewrites to this release went wrong, or a sector it needs takes no data: a person must look
	ReasonNotYet       Reason = 6 // the rollout has not come to this device
	ReasonPreparing    Reason = 7 // the update file is being made: ask again after Wait seconds
	ReasonUnknownBase  Reason = 8 // the server does not know the image that runs, and full does not fit
	ReasonUnknownKey   Reason = 9 // no release is signed with enough keys that the terminal trusts
)

var reasonNames = [...]string{"offered", "up to date", "no release", "unknown model", "no fit", "held", "not yet", "preparing", "unknown base", "unknown key"}

func (r Reason) String() string { return name(reasonNames[:], uint32(r), "reason") }

// Verdict is how the last rewrite ended. Append-only.
type Verdict uint8

// The verdicts.
const (
	VerdictNone     Verdict = 0 // nothing to report
	VerdictGood     Verdict = 1 // the software area holds the wanted image and runs it
	VerdictFailed   Verdict = 2 // rewritten, but not to the wanted image: the cable was needed
	VerdictRefused  Verdict = 3 // refused before the first erase: the old image runs
	VerdictRestored Verdict = 4 // came back over the cable
)

var verdictNames = [...]string{"none", "good", "failed", "refused", "restored"}

func (v Verdict) String() string { return name(verdictNames[:], uint32(v), "verdict") }

// Fault is what an Error message says. Append-only.
type Fault uint8

// The faults.
const (
	FaultMalformed  Fault = 1  // a message that no decoder takes
	FaultVersion    Fault = 2  // another version of the link
	FaultUnexpected Fault = 3  // a message at the wrong moment
	FaultBusy       Fault = 4  // too many sessions: come again
	FaultInternal   Fault = 5  // the server's own trouble
	FaultShutdown   Fault = 6  // the server stops: come again
	FaultTimeout    Fault = 7  // the other side was silent for too long
	FaultCredit     Fault = 8  // more was sent than granted
	FaultDigest     Fault = 9  // the update file arrived with another digest
	FaultSignature  Fault = 10 // the manifest's signature is wrong
	FaultKey        Fault = 11 // the manifest is signed with a key that is not trusted
	FaultModel      Fault = 12 // the release is for another model
	FaultOrder      Fault = 13 // the release is not newer
	FaultFloor      Fault = 14 // the release is below the security floor
	FaultWorkspace  Fault = 15 // the workspace cannot be secured
	FaultSize       Fault = 16 // a size beyond what there is
	FaultManifest   Fault = 17 // not a manifest
	FaultRetry      Fault = 18 // this file failed its proof before
	FaultSector     Fault = 19 // a sector that is needed takes no data
	FaultTrust      Fault = 20 // the release asks for a newer trust statement
	FaultStale      Fault = 21 // no freshness statement, or not one of this hello
	FaultSignatures Fault = 22 // fewer signers than the device asks for
	FaultEra        Fault = 23 // the release is of another era than the device takes
)

var faultNames = [...]string{"", "malformed", "version", "unexpected", "busy", "internal", "shutdown", "timeout", "credit", "digest",
	"signature", "key", "model", "order", "floor", "workspace", "size", "manifest", "retry", "sector", "trust", "stale", "signatures", "era"}

func (f Fault) String() string { return name(faultNames[:], uint32(f), "fault") }

// name returns the n-th word, or the kind of thing and its number for one from the future.
func name(words []string, n uint32, thing string) string {
	if n < uint32(len(words)) && words[n] != "" {
		return words[n]
	}
	return thing + " " + strconv.FormatUint(uint64(n), 10)
}
