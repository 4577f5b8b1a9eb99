// Package fit says what a device is to whoever judges whether a firmware file may be written to it: it brings together what package firmware
// judges by and what restore/family knows.
package fit

import (
	"strconv"
	"strings"

	"unbrick/firmware"
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
