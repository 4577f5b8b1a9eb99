package restore

import (
	"errors"
	"fmt"

	"unbrick/protocol/smp"
)

// Code says what ended an attempt. Numbers are shown to support and are append-only.
type Code uint8

// The codes.
const (
	CodeVanished     Code = 1  // the port is gone
	CodeSilent       Code = 2  // nothing answers
	CodeNoisy        Code = 3  // what arrives is damaged too often
	CodeSignature    Code = 4  // the release's signature is wrong
	CodeUnknownKey   Code = 5  // the release is signed with a key that the device does not trust
	CodeModel        Code = 6  // the release is for another model: Model
	CodeFloor        Code = 7  // the release is below the device's floor; Version is the oldest at hand that is not
	CodeBadFile      Code = 8  // not a release file
	CodeNoRoom       Code = 9  // no update file fits the workspace: Needs, Has
	CodeProof        Code = 10 // the device's proof had another outcome; nothing was written by it
	CodeVerify       Code = 11 // the whole digest is wrong after writing
	CodeFlash        Code = 12 // a sector cannot be erased or programmed any more: Addr
	CodeRefused      Code = 13 // the device refused for another reason: Fault
	CodeNoRelease    Code = 14 // no release for this model is at hand: Model
	CodeStoreFull    Code = 15 // the page's: the browser's storage does not take a release
	CodePortBusy     Code = 16 // the page's: another program has the port
	CodeBadRelease   Code = 17 // the bytes of a release do not match its manifest
	CodeProtocol     Code = 18 // an answer that breaks the protocol
	CodeProgramFault Code = 19 // the page's: a defect of ours
	CodeRestarted    Code = 20 // the device started anew in between
	CodeForeign      Code = 21 // it speaks SMP, but is no terminal of ours
	CodeUnlisted     Code = 22 // a boot loader does not list the image that it was given: it does not accept it
	CodePortStuck    Code = 23 // the page's: the browser neither opens the port nor lets it go
	CodePending      Code = 24 // it lists the image, which lies in a second slot and was not started
	CodeTrial        Code = 25 // another image runs after the start: the trial was refused or has failed
	CodeNotStarted   Code = 26 // the boot loader answers again after the start
	CodeExcluded     Code = 27 // the device trusts the release's keys, and Choice.Keys does not name enough of them
	CodeSigners      Code = 28 // fewer keys that the device trusts signed the release than it asks for
	CodeChip         Code = 29 // the file or release is for another chip: Model is the file's
	CodeProtected    Code = 30 // the chip's protection forbids it
	CodeTooLarge     Code = 31 // it does not fit the flash: Needs, Has
	CodeReserved     Code = 32 // it would write where the device's boot loader lies: Addr
	CodeStarted      Code = 33 // the reset works, and its program starts instead of its boot loader: BOOT was not held
	CodeUnfit        Code = 34 // the file would not start there: Err says why
	CodeNamed        Code = 35 // the device is known by name, and not how it is written to: Err says which, and what does it
	CodeNoProgram    Code = 36 // the page's: the program that speaks with this family cannot be had
)

var codeWords = [...]string{
	CodeVanished: "port vanished", CodeSilent: "no answer", CodeNoisy: "line too noisy", CodeSignature: "signature of the release is wrong",
	CodeUnknownKey: "release is signed with a key that the device does not trust", CodeModel: "release is for another model",
	CodeFloor: "release is below the device's security floor", CodeBadFile: "not a release file", CodeNoRoom: "no update file fits the workspace",
	CodeProof: "device's proof had another outcome", CodeVerify: "digest is wrong after writing", CodeFlash: "flash does not take it any more",
	CodeRefused: "device refused", CodeNoRelease: "no release for this model", CodeBadRelease: "release does not match its manifest",
	CodeProtocol: "answer breaks the protocol", CodeRestarted: "device started anew", CodeForeign: "device is no terminal of ours",
	CodeUnlisted: "boot loader does not list the image that it was given", CodePending: "image was not started",
	CodeTrial: "another image runs", CodeNotStarted: "boot loader did not start the image",
	CodeExcluded: "release is signed with another key than the one asked for",
	CodeSigners:  "release is signed by fewer keys than the device asks for",
	CodeChip:     "it is for another chip", CodeProtected: "chip is protected", CodeTooLarge: "it does not fit the flash",
	CodeReserved: "it would overwrite the boot loader", CodeStarted: "program starts instead of the boot loader", CodeUnfit: "it would not start there",
	CodeNamed:     "it can be named, and not written to",
	CodeNoProgram: "program for this family is not there",
	CodeStoreFull: "browser's storage does not take it", CodePortBusy: "port is in use", CodeProgramFault: "defect of the program", CodePortStuck: "port does not open",
}

func (c Code) String() string {
	if int(c) < len(codeWords) && codeWords[c] != "" {
		return codeWords[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// Touched says what the flash has seen of an attempt.
type Touched uint8

// What it has seen.
const (
	TouchedNothing  Touched = iota // not one flash operation
	TouchedPart                    // erased or written in part: it can be restored, and does not start
	TouchedAll                     // everything written; the verdict is missing or bad
	TouchedRenewed                 // only doubtful sectors were written again from themselves: it holds what it held
	TouchedSettings                // its software is verified and recorded; settings areas are erased in part
	TouchedWritten                 // an image is written, and its boot loader lists it
)

// Error is the end of an attempt.
type Error struct {
	Code    Code
	Touched Touched
	Fault   smp.Fault // what the device said, if it did
	Addr    uint32    // CodeFlash: of the sector
	Needs   uint32    // CodeNoRoom: bytes of workspace
	Has     uint32    // CodeNoRoom
	Model   string    // CodeModel: the release's; CodeNoRelease: the device's
	Version string    // of the release; CodeFloor: of the oldest at hand that would be taken, or empty
	Err     error     // cause, may be nil

	// Heard is, with CodeSilent and CodeNoisy of Connect, what the device said first and last, packets included. Package boottext
	// reads what is text in it.
	Heard []byte
}

func (e *Error) Error() string {
	s := e.Code.String()
	switch e.Code {
	case CodeNoRoom, CodeTooLarge:
		s += fmt.Sprintf(": needs %d bytes, has %d", e.Needs, e.Has)
	case CodeFlash, CodeReserved:
		s += fmt.Sprintf(": sector at %#x", e.Addr)
	case CodeModel, CodeNoRelease, CodeChip:
		s += fmt.Sprintf(": %q", e.Model)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Retry reports whether running it again, from Connect, can help without anything else changing.
func (e *Error) Retry() bool {
	switch e.Code {
	case CodeVanished, CodeSilent, CodeNoisy, CodeProof, CodeVerify, CodeRestarted, CodeProtocol, CodeStarted:
		return true
	case CodeSignature, CodeUnknownKey, CodeModel, CodeFloor, CodeBadFile, CodeNoRoom, CodeFlash, CodeRefused, CodeNoRelease,
		CodeBadRelease, CodeForeign, CodeUnlisted, CodePending, CodeTrial, CodeNotStarted, CodeExcluded, CodeSigners,
		CodeChip, CodeProtected, CodeTooLarge, CodeReserved, CodeUnfit, CodeNamed, CodeNoProgram:
		return false
	}
	return false
}

// fail makes an *Error of what ended a call: errors that are one already stay, as do those of the
// context.
func fail(code Code, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Code: code, Err: err}
}
