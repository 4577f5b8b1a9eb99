package firmware

import (
	"cmp"
	"slices"
	"strings"

	"unbrick/firmware/espimage"
	"unbrick/release"
)

// Range is a piece of flash, in bytes.
type Range struct{ Addr, Size uint32 }

// end is the address behind it.
func (r Range) end() uint64 { return uint64(r.Addr) + uint64(r.Size) }

// State is what is known of a device's boot loader in its flash.
type State uint8

// The states.
const (
	Unknown State = iota
	Present
	None // the flash is empty, or its ROM says that it finds none
)

// Fit refuses, with a *Refusal, what would not start on a device, or would leave it dead. Files say what the parts are from, as far as that
// is known; parts are what would be written, in any order, and the device's own reader needs them ascending: Ascend makes them so.
func Fit(files []*File, parts []release.Part, t *Target) error {
	for _, f := range files {
		if err := t.takes(f); err != nil {
			return err
		}
	}
	sorted := Ascend(parts)
	if len(sorted) == 0 {
		return &Refusal{Reason: Empty}
	}
	if len(sorted) > release.MaxParts {
		return &Refusal{Reason: TooManyParts, Has: uint64(len(sorted)), Needs: release.MaxParts}
	}
	if err := t.bounds(sorted); err != nil {
		return err
	}
	switch t.Family {
	case ESP:
		return t.fitESP(sorted)
	case AVR:
		return t.fitAVR(sorted)
	case MCUboot:
		return t.fitMCUboot(sorted)
	}
	return nil
}

// Ascend returns parts by their offsets.
func Ascend(parts []release.Part) []release.Part {
	sorted := slices.Clone(parts)
	slices.SortStableFunc(sorted, func(a, b release.Part) int { return cmp.Compare(a.Offset, b.Offset) })
	return sorted
}

// Target is a device, as far as it is known.
type Target struct {
	Family, Chip string // as manifests have them; empty: not known
	Major, Minor uint8  // revision of the chip
	Revised      bool   // that it is known
	Flash        uint64 // bytes; 0: not known
	Reserved     []Range
	Bootloader   State           // of the flash
	Table        *espimage.Table // of the flash, for an ESP; nil: not known

	// Protections that the maker has switched on.
	SecureBoot     bool // only signed images start
	SecureBootV1   bool // and the boot loader is bound to the chip
	Encrypted      bool // the flash is encrypted, and the boot loader in the chip encrypts what is written
	EncryptedReady bool // the flash is encrypted, and what is written must be already
	WriteOnly      bool // the loader only writes: it does not encrypt
	KeyRecovery    bool // the flash begins with data that its keys cannot be had without
}

// takes compares what a file says of itself with the device.
func (t *Target) takes(f *File) error {
	foreign := f.Chip != "" && t.Chip != "" && !sameChip(f.Chip, t.Chip)
	if f.UF2Family != 0 && (foreign || f.Chip == "" && (t.Family == ESP || t.Family == AVR)) {
		return &Refusal{Reason: ForeignUF2, Format: f.Format, Has: uint64(f.UF2Family), Chip: f.Chip, Wanted: t.Chip}
	}
	family := f.Family
	if family == "" && f.ISA != "" && f.ISA != "riscv" {
		family = f.ISA
	}
	if family != "" && t.Family != "" && family != t.Family && (f.Family != "" || t.Family == ESP || t.Family == AVR) {
		return &Refusal{Reason: WrongFamily, Format: f.Format, Chip: cmp.Or(f.Chip, family), Wanted: cmp.Or(t.Chip, t.Family)}
	}
	if foreign {
		return &Refusal{Reason: WrongChip, Format: f.Format, Chip: f.Chip, Wanted: t.Chip}
	}
	return nil
}

// sameChip compares names of chips; an AVR with picoPower takes what is for the one without.
func sameChip(a, b string) bool {
	if FamilyOf(a) == AVR {
		a, b = strings.TrimSuffix(a, "p"), strings.TrimSuffix(b, "p")
	}
	return a == b
}

// bounds holds what is true of every flash.
func (t *Target) bounds(parts []release.Part) error {
	for i := range parts {
		p := &parts[i]
		end := uint64(p.Offset) + uint64(len(p.Data))
		if len(p.Data) == 0 {
			return &Refusal{Reason: Empty, Part: p.Name}
		}
		if i > 0 && uint64(parts[i-1].Offset)+uint64(len(parts[i-1].Data)) > uint64(p.Offset) {
			return &Refusal{Reason: Overlap, Part: p.Name, Addr: uint64(p.Offset), Detail: "the other is " + parts[i-1].Name}
		}
		if t.Family == AVR && p.Offset >= avrSpaces[len(avrSpaces)-1].from {
			return &Refusal{Reason: NotFlash, Part: p.Name, Addr: uint64(p.Offset)}
		}
		if t.Flash > 0 && end > t.Flash {
			return &Refusal{Reason: BeyondFlash, Part: p.Name, Has: end, Needs: t.Flash}
		}
		for _, r := range t.Reserved {
			if uint64(p.Offset) < r.end() && uint64(r.Addr) < end {
				return &Refusal{Reason: ReservedArea, Part: p.Name, Addr: max(uint64(p.Offset), uint64(r.Addr))}
			}
		}
	}
	return nil
}

// fitAVR: the boot loader starts what lies at 0.
func (t *Target) fitAVR(parts []release.Part) error {
	if first := &parts[0]; first.Offset != 0 {
		return &Refusal{Reason: WrongOffset, Part: first.Name, Addr: uint64(first.Offset)}
	}
	return nil
}

// fitMCUboot: a slot takes one signed image.
func (t *Target) fitMCUboot(parts []release.Part) error {
	if len(parts) != 1 {
		return &Refusal{Reason: TooManyParts, Has: uint64(len(parts)), Needs: 1}
	}
	f := &File{}
	if err := f.readMCUboot(parts[0].Data); err != nil {
		return err
	}
	return nil
}
