package smp

import (
	"fmt"
	"strconv"

	"unbrick/internal/cbor"
)

// RC is a return code of the protocol itself, in the key "rc".
type RC uint16

// The return codes (mcumgr_err_t).
const (
	RCOK           RC = 0
	RCUnknown      RC = 1
	RCNoMemory     RC = 2
	RCInvalid      RC = 3
	RCTimeout      RC = 4
	RCNoEntry      RC = 5
	RCBadState     RC = 6
	RCTooLarge     RC = 7
	RCNotSupported RC = 8
	RCCorrupt      RC = 9
	RCBusy         RC = 10
	RCDenied       RC = 11
	RCTooOld       RC = 12
	RCTooNew       RC = 13
)

var rcNames = [...]string{"ok", "unknown error", "out of memory", "invalid value", "timeout", "no entry", "bad state",
	"response too large", "not supported", "corrupt", "busy", "access denied", "requested version too old", "requested version too new"}

func (c RC) String() string { return name(rcNames[:], uint32(c), "rc") }

// Fault is an error of our own group, in the map "err" with its number. A terminal answers uploads of group 1
// with it as well. Append-only.
type Fault uint16

// The faults.
const (
	FaultNone       Fault = 0
	FaultUnknown    Fault = 1
	FaultMalformed  Fault = 2  // the request's body is not what the command takes
	FaultPhase      Fault = 3  // not at this moment: see the phase in status
	FaultBusy       Fault = 4  // long work is under way: ask for status
	FaultManifest   Fault = 5  // not a manifest, or of another shape
	FaultKey        Fault = 6  // signed with no key that the device trusts
	FaultSignature  Fault = 7  // a signature is wrong
	FaultSigners    Fault = 8  // signed by fewer trusted keys than the device asks for
	FaultModel      Fault = 9  // the release is for another model
	FaultFloor      Fault = 10 // the release is below the security floor
	FaultSize       Fault = 11 // larger than the software area, or than announced
	FaultRange      Fault = 12 // a sector, leaf, level or offset that does not exist
	FaultWorkspace  Fault = 13 // does not fit the workspace
	FaultDigest     Fault = 14 // the file arrived with another digest than announced
	FaultTrust      Fault = 15 // the release asks for a newer trust statement, or is outside of what this one allows
	FaultFormat     Fault = 16 // not an update file, or for another geometry
	FaultProof      Fault = 17 // decoding it does not lead to the signed image
	FaultLeaves     Fault = 18 // the leaf digests do not lead to the signed root
	FaultErase      Fault = 19 // a sector does not erase: see addr in status
	FaultProgram    Fault = 20 // a sector does not take its bytes: see addr in status
	FaultVerify     Fault = 21 // the flash does not hold the signed image
	FaultRecord     Fault = 22 // no record could be written: see addr in status; or the one that counts does not read back
	FaultUnreadable Fault = 23 // the flash cannot be read there
	FaultDenied     Fault = 24 // the device's maker does not allow it
	FaultStatement  Fault = 25 // no trust statement, or not one of this device's makers
	FaultOld        Fault = 26 // the trust statement is not newer than the device's own
	FaultUnblessed  Fault = 27 // with this trust statement, what is installed would not run any more
)

var faultNames = [...]string{"none", "unknown", "malformed", "phase", "busy", "manifest", "key", "signature", "signers", "model",
	"floor", "size", "range", "workspace", "digest", "trust", "format", "proof", "leaves", "erase", "program", "verify", "record",
	"unreadable", "denied",
	"statement", "old statement", "unblessed"}

func (f Fault) String() string { return name(faultNames[:], uint32(f), "fault") }

// RC returns the return code that says nearly the same to a client of version 0.
func (f Fault) RC() RC {
	switch f {
	case FaultNone:
		return RCOK
	case FaultMalformed, FaultManifest, FaultSize, FaultRange, FaultFormat, FaultStatement:
		return RCInvalid
	case FaultPhase:
		return RCBadState
	case FaultBusy:
		return RCBusy
	case FaultKey, FaultSignature, FaultSigners, FaultModel, FaultFloor, FaultTrust, FaultDenied, FaultOld, FaultUnblessed:
		return RCDenied
	case FaultWorkspace:
		return RCNoMemory
	case FaultDigest, FaultProof, FaultLeaves, FaultVerify, FaultUnreadable:
		return RCCorrupt
	case FaultUnknown, FaultErase, FaultProgram, FaultRecord:
		return RCUnknown
	}
	return RCUnknown
}

func name(words []string, n uint32, thing string) string {
	if n < uint32(len(words)) {
		return words[n]
	}
	return thing + " " + strconv.FormatUint(uint64(n), 10)
}

// Error is an error that the other side answered with.
type Error struct {
	Group uint16 // whose code it is; 0 with Legacy
	Code  uint32 // of that group, or an RC
	RC    bool   // the code is an RC of the protocol itself
}

func (e *Error) Error() string {
	switch {
	case e.RC:
		return "device answered " + RC(e.Code).String()
	case e.Group == GroupUser:
		return "device answered " + Fault(e.Code).String()
	}
	return fmt.Sprintf("device answered error %d of group %d", e.Code, e.Group)
}

// Fault returns the fault of our own group that e carries, or FaultNone.
func (e *Error) Fault() Fault {
	if e.RC || e.Group != GroupUser || e.Code > 0xffff {
		return FaultNone
	}
	return Fault(e.Code)
}

// AppendFault appends the packet that answers the request headed by q with f: as an "err" map of our
// own group, or as "rc" to a client of version 0.
func AppendFault(dst []byte, q *Header, f Fault) ([]byte, error) {
	if q.Version == 0 {
		return AppendRC(dst, q, f.RC())
	}
	start := len(dst)
	h := q.Response()
	w := cbor.Appending(h.Append(dst))
	w.Map(1)
	w.Text("err")
	w.Map(2)
	w.Text("rc")
	w.Uint(uint64(f))
	w.Text("group")
	w.Uint(GroupUser)
	return seal(w, start)
}

// AppendRC appends the packet that answers the request headed by q with a return code of the protocol.
func AppendRC(dst []byte, q *Header, c RC) ([]byte, error) {
	start := len(dst)
	h := q.Response()
	w := cbor.Appending(h.Append(dst))
	w.Map(1)
	w.Text("rc")
	w.Uint(uint64(c))
	return seal(w, start)
}

// ResponseError returns the *Error that a response's body carries, nil if it carries none, and
// another error if it is no CBOR map. "rc" 0 is no error.
func ResponseError(body []byte) error {
	var e Error
	r := cbor.NewLenientReader(body)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "rc"):
			if c := r.Int(); c != 0 && e.Code == 0 {
				e = Error{Code: uint32(c), RC: true}
			}
		case is(k, "err") && r.Kind() == cbor.KindMap:
			e = Error{}
			for n := r.Map(); r.Next(&n); {
				switch k := r.TextBytes(); {
				case is(k, "group"):
					e.Group = uint16(r.UintMax(0xffff))
				case is(k, "rc"):
					e.Code = r.Uint32()
				default:
					r.Skip()
				}
			}
		default:
			r.Skip()
		}
	}
	if err := r.Finish(); err != nil {
		return fmt.Errorf("%w: %w", ErrBody, err)
	}
	if e.Code == 0 {
		return nil
	}
	return &e
}
