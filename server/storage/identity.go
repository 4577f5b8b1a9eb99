package storage

import (
	"encoding/hex"
	"fmt"
	"time"

	"unbrick/limits"
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
