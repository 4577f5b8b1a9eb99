package storage

import (
	"encoding/hex"
	"fmt"
	"time"

	"unbrick/limits"
)

// Enrolment says how the key that a device speaks with becomes that of its serial. The numbers are stored: append only.
type Enrolment uint8

// The ways.
const (
	ByApproval Enrolment = 1 // an operator approves it, or it came in a list
	ByList     Enrolment = 2 // it came in a list
	ByFirst    Enrolment = 3 // it is the first that spoke under the serial: whoever comes first has it
)

// PublicKey is the Ed25519 public key of a device; zero: none.
type PublicKey [32]byte

// String is the key in hex, which is how people name it.
func (k PublicKey) String() string { return hex.EncodeToString(k[:]) }

// KeyState says what a device key counts for. The numbers are stored: append only.
type KeyState uint8

// The states.
const (
	Enrolled KeyState = 1 // what it signed is the word of the device that has the serial
	Barred   KeyState = 2 // it was that before another took its place
)

// Identity is what a device key counts for: a serial has one that is enrolled, and those that were. A key is enrolled for one serial.
type Identity struct {
	Model, Serial string
	Public        PublicKey
	State         KeyState
	Since         time.Time
}

// MaxEnrolled is how many keys one call enrols at most.
const MaxEnrolled = limits.ListEntries

// KeyError says what is in the way of enrolling a device key.
type KeyError struct{ Wanted, Other Identity }

func (e *KeyError) Error() string {
	w, o := &e.Wanted, &e.Other
	switch {
	case o.State == Barred:
		return fmt.Sprintf("the key %v is barred for device %s of model %s: another took its place", w.Public, w.Serial, w.Model)
	case o.Model != w.Model || o.Serial != w.Serial:
		return fmt.Sprintf("the key %v of device %s of model %s is that of device %s of model %s", w.Public, w.Serial, w.Model, o.Serial, o.Model)
	}
	return fmt.Sprintf("device %s of model %s has another key, %v: that of a repaired board replaces it by rekey", w.Serial, w.Model, o.Public)
}

// Unwrap implements the contract of package errors.
func (e *KeyError) Unwrap() error { return ErrConflict }

// Standing says for whom somebody is taken who spoke under a serial. The numbers are stored: append only.
type Standing uint8

// The standings. Only what is Proven changes anything that others share.
const (
	Proven    Standing = 1 // signed with the key that is enrolled for the serial
	Pending   Standing = 2 // signed with a key of its own, and none is enrolled for the serial
	SecondKey Standing = 3 // signed with another key than the one that is enrolled, or with that of another device
	BarredKey Standing = 4 // signed with a key whose place another took
	OtherName Standing = 5 // signed for a name that is none of this server's
	Forged    Standing = 6 // the key that it names did not sign it, or proves nothing
	Unsigned  Standing = 7
)

// Standings are all of them, in order.
var Standings = []Standing{Proven, Pending, SecondKey, BarredKey, OtherName, Forged, Unsigned}

// Holds says whether who spoke has shown that he holds the key that he named.
func (s Standing) Holds() bool { return s <= BarredKey }

// Stranger is somebody who spoke under a serial and was not proven to be its device.
type Stranger struct {
	ID            int64 // given by the store, rising whenever it speaks
	Model, Serial string
	Key           PublicKey // that it named; zero: none
	Standing      Standing  // when it spoke last
	Name          string    // that it was signed for; OtherName only
	Address       string    // that it counts for: an IPv4 address or an IPv6 /64
	First, Last   time.Time
	Sessions      int64
	Claim         Claim
	Failed        Digest // image to which a rewrite failed, as it says; zero: none
}

// Example is the address of strangers that came with the demonstration: nobody spoke from it, and no connection has it.
const Example = "example"

// Bounds of strangers.
const (
	MaxStrangers   = limits.Strangers
	MaxFromAddress = limits.FromAddress
)

// StrangerQuery says which strangers are asked for.
type StrangerQuery struct {
	Models   []string // of these; empty: all
	Serial   string   // exactly; empty: all
	Search   string   // part of the serial; empty: all
	Standing Standing // 0: all
}

// StrangerCount is how many strangers of a model have a standing.
type StrangerCount struct {
	Model    string
	Standing Standing
	Number   int
}
