// Package fit asks of firmware files whether they may be written to a device that a boot loader has described: it brings together what
// package firmware judges and what restore/family knows, and says a refusal as an error of a restoration.
package fit

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"unbrick/firmware"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

// Target is the device as package firmware judges it. What is in its flash (boot loader, partition table) the caller adds, if it is known.
func Target(b *family.Board) *firmware.Target {
	t := &firmware.Target{Family: b.Family, Chip: b.Chip, Flash: uint64(b.Flash)}
	t.Major, t.Minor, t.Revised = revision(b.Revision)
	for _, r := range b.Reserved {
		t.Reserved = append(t.Reserved, firmware.Range{Addr: r.Addr, Size: r.Size})
	}
	for _, p := range b.Protections {
		switch p {
		case family.SecureBoot:
			t.SecureBoot = true
		case family.SecureBootV1:
			t.SecureBootV1 = true
		case family.EncryptionDevelop:
			t.Encrypted = true
		case family.EncryptionRelease:
			t.EncryptedReady = true
		case family.SecureDownload:
			t.WriteOnly = true
		case family.KeyRecovery:
			t.KeyRecovery = true
		}
	}
	return t
}

// revision reads major.minor.
func revision(s string) (major, minor uint8, known bool) {
	first, second, found := strings.Cut(strings.TrimPrefix(s, "v"), ".")
	a, err := strconv.ParseUint(first, 10, 8)
	b, no := strconv.ParseUint(second, 10, 8)
	return uint8(a), uint8(b), found && err == nil && no == nil
}

// Check refuses what would not start on a device, or would leave it dead, before anything is written.
func Check(files []*firmware.File, parts []release.Part, t *firmware.Target) error {
	return Explain(firmware.Fit(files, parts, t))
}

// Explain makes an *restore.Error of a refusal of package firmware; other errors stay as they are.
func Explain(err error) error {
	var no *firmware.Refusal
	if !errors.As(err, &no) {
		return err
	}
	e := &restore.Error{Code: restore.CodeUnfit, Err: err}
	switch no.Reason {
	case firmware.WrongFamily, firmware.WrongChip, firmware.ForeignUF2:
		e.Code, e.Model = restore.CodeChip, no.Chip
	case firmware.BeyondFlash, firmware.BeyondReach, firmware.BeyondPartition, firmware.SmallFlash, firmware.TooLong:
		e.Code, e.Needs, e.Has = restore.CodeTooLarge, most(no.Has), most(no.Needs)
	case firmware.ReservedArea:
		e.Code, e.Addr = restore.CodeReserved, most(no.Addr)
	case firmware.Unsigned, firmware.ProtectedArea, firmware.PlainOnEncrypted:
		e.Code = restore.CodeProtected
	case firmware.Empty, firmware.Unrecognised, firmware.Foreign, firmware.Malformed, firmware.CutShort, firmware.CheckFailed, firmware.NotFlashable:
		e.Code = restore.CodeBadFile
	}
	return e
}

func most(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }
