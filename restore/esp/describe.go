package esp

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"unbrick/restore"
	"unbrick/restore/family"
)

// Flags of the security information.
const (
	flagSecureBoot = 1 << 0
	flagDownload   = 1 << 2
)

// Describe says who the chip is and what protects it. Nothing is written to its flash.
func (l *Loader) Describe(ctx context.Context) (*family.Board, error) {
	if l.board == nil {
		if err := l.describe(ctx); err != nil {
			l.board, l.chip = nil, nil
			return nil, l.fail(err)
		}
	}
	b := *l.board
	return &b, nil
}

func (l *Loader) describe(ctx context.Context) error {
	l.board = &family.Board{Family: family.ESP, Loader: "ROM boot loader"}
	odd, id, err := l.who(ctx)
	if err != nil {
		return err
	}
	b := l.board
	if l.chip == nil {
		l.chip = &chip{id: id, spi: newSPI(0), fifth: true}
		b.Name = fmt.Sprintf("an ESP chip with the number %d", id)
		b.Sealed = &restore.Error{Code: restore.CodeForeign, Err: errors.New("this chip is not known yet, and so never written to")}
		return nil
	}
	b.Chip, b.Name = l.chip.name, l.chip.called
	if l.flags&flagDownload != 0 {
		l.sealedByDownload(odd)
		return nil
	}
	if l.watched() {
		if err := l.stopDogs(ctx); err != nil {
			return err
		}
	}
	if b.Serial, err = l.serial(ctx); err != nil {
		return err
	}
	major, minor, err := l.revision(ctx)
	if err != nil {
		return err
	}
	b.Revision = fmt.Sprintf("%d.%d", major, minor)
	if err := l.protections(ctx, odd); err != nil {
		return err
	}
	if l.chip.id == 18 && major == 3 && (minor == 1 || minor == 2) {
		b.Sealed = &restore.Error{Code: restore.CodeRefused,
			Err: errors.New("the ROM of this revision leaves the flash without power, which nothing here switches on yet: use the maker's tool")}
		return nil
	}
	if err := l.crystals(ctx); err != nil {
		return err
	}
	return l.measure(ctx)
}

// who finds out which chip it is: by its number, or, where the ROM tells none, by a word of the ROM.
func (l *Loader) who(ctx context.Context) (odd bool, id uint32, err error) {
	info, err := l.rom.security(ctx)
	for range 3 { // an answer has no checksum: two must agree
		if err != nil {
			break
		}
		var again []byte
		if again, err = l.rom.security(ctx); err == nil && string(again) == string(info) {
			break
		}
		info = again
	}
	if err != nil && !refused(err) {
		return false, 0, err
	}
	if err == nil {
		l.flags = le32(info)
		odd = bits.OnesCount8(info[4])%2 == 1
		if len(info) >= 20 {
			id = le32(info[12:])
			l.chip = byID(id)
			return odd, id, nil
		}
	}
	old := err != nil // its ROM knows no security information
	magic, err := l.rom.sure(ctx, romMagic)
	switch {
	case err == nil:
		if l.chip = byMagic(magic); l.chip == nil {
			return odd, 0, &restore.Error{Code: restore.CodeForeign,
				Err: fmt.Errorf("its ROM has %08x where each known chip has its own number", magic)}
		}
	case refused(err) && !old:
		l.chip = byID(2) // only the S2 tells flags and no number
		l.flags |= flagDownload
	default:
		return odd, 0, err
	}
	return odd, l.chip.id, nil
}

// sealedByDownload is what is known of a chip in secure download mode: hardly anything.
func (l *Loader) sealedByDownload(odd bool) {
	b := l.board
	b.Protections = append(b.Protections, family.SecureDownload)
	if l.flags&flagSecureBoot != 0 {
		b.Protections = append(b.Protections, family.SecureBoot)
	}
	b.Notes = append(b.Notes, family.NoVerify, family.NoCompare, family.SizeGuess)
	if odd {
		b.Protections = append(b.Protections, family.EncryptionRelease)
		b.Sealed = &restore.Error{Code: restore.CodeProtected,
			Err: errors.New("its flash is encrypted and its ROM in secure download mode: anything written would make it useless for good")}
	}
}

// protections finds out what a maker has switched on.
func (l *Loader) protections(ctx context.Context, odd bool) error {
	b, c := l.board, l.chip
	if c.is8266() {
		b.Notes = append(b.Notes, family.NoVerify, family.NoCompare)
		return nil
	}
	seen := map[uint32]uint32{}
	set := func(f field) (uint32, error) {
		if f.mask == 0 {
			return 0, nil
		}
		v, ok := seen[f.reg]
		if !ok {
			var err error
			if v, err = l.rom.sure(ctx, c.fuses+f.reg); err != nil {
				return 0, err
			}
			seen[f.reg] = v
		}
		return v & f.mask, nil
	}
	count, err := set(c.count)
	if err != nil {
		return err
	}
	secure, err := set(c.secure)
	if err != nil {
		return err
	}
	manual, err := set(c.manual)
	if err != nil {
		return err
	}
	keys, err := set(c.keys)
	if err != nil {
		return err
	}
	first := uint32(0)
	if c.is32() {
		if first, err = set(field{c.secure.reg, 1 << 4}); err != nil {
			return err
		}
	}
	if secure != 0 || first != 0 || l.flags&flagSecureBoot != 0 {
		b.Protections = append(b.Protections, family.SecureBoot)
	}
	if first != 0 {
		b.Protections = append(b.Protections, family.SecureBootV1)
		b.Reserved = append(b.Reserved, family.Range{Addr: 0, Size: 0x8000})
	}
	if bits.OnesCount32(count)%2 == 0 && !odd {
		return nil
	}
	if keys != 0 {
		b.Protections = append(b.Protections, family.KeyRecovery)
		b.Reserved = append(b.Reserved, family.Range{Addr: 0, Size: 0x2000})
	}
	switch {
	case manual != 0:
		b.Protections = append(b.Protections, family.EncryptionRelease)
		b.Sealed = &restore.Error{Code: restore.CodeProtected,
			Err: errors.New("its flash is encrypted for good: only its maker can make a file for it, and nothing can tell whether a file is one")}
	case c.is32():
		b.Protections = append(b.Protections, family.EncryptionDevelop)
		b.Sealed = &restore.Error{Code: restore.CodeProtected,
			Err: errors.New("its flash is encrypted, and the ROM of an ESP32 does not encrypt what it writes: it would not start")}
	default:
		b.Protections = append(b.Protections, family.EncryptionDevelop)
		b.Notes = append(b.Notes, family.NoVerify, family.NoCompare)
	}
	return nil
}

// measure finds out how large the flash is, and opens it.
func (l *Loader) measure(ctx context.Context) error {
	if err := l.open(ctx, 0); err != nil {
		return err
	}
	size, err := l.flashSize(ctx)
	if err != nil {
		return err
	}
	if size == 0 {
		l.board.Sealed = &restore.Error{Code: restore.CodeFlash,
			Err: errors.New("the chip's flash does not answer: a pin that selects its voltage may be held, or it is broken")}
		return nil
	}
	l.board.Flash = size
	return l.open(ctx, size)
}
