package fit

import (
	"context"

	"unbrick/firmware"
	"unbrick/firmware/espimage"
	"unbrick/restore/family"
)

// Of is a device as package firmware judges it, and where the parts of a file go in it: what its boot loader has described, and what its flash
// holds where that decides. Nothing is written.
func Of(ctx context.Context, l family.Loader, b *family.Board) (*firmware.Target, firmware.Where, error) {
	t, where := Target(b), firmware.Where{}
	if b.Family != family.ESP || b.Sealed != nil || t.WriteOnly || t.Encrypted || t.EncryptedReady {
		return t, where, nil
	}
	chip := espimage.ByName(b.Chip)
	if chip == nil || b.Flash == 0 {
		return t, where, nil
	}
	var first [32]byte
	if err := l.Read(ctx, chip.Bootloader, first[:], nil); err != nil {
		return nil, where, err
	}
	t.Bootloader = firmware.None
	if espimage.Is(first[:]) {
		t.Bootloader = firmware.Present
	}
	if b.Chip == espimage.ESP8266 || b.Flash < espimage.TableOffset+espimage.TableSize {
		return t, where, nil
	}
	err := table(ctx, l, t, &where)
	return t, where, err
}

// table reads the partition table of the flash, and which application it starts.
func table(ctx context.Context, l family.Loader, t *firmware.Target, where *firmware.Where) error {
	b := make([]byte, espimage.TableSize)
	if err := l.Read(ctx, espimage.TableOffset, b[:64], nil); err != nil || !espimage.IsTable(b[:64]) {
		return err
	}
	if err := l.Read(ctx, espimage.TableOffset+64, b[64:], nil); err != nil {
		return err
	}
	parsed, err := espimage.ParseTable(b)
	if err != nil {
		return nil // as if there were none: what is written is judged by itself
	}
	t.Table, where.Table = parsed, parsed
	if p := parsed.OTAData(); p != nil {
		choice := make([]byte, espimage.OTADataSize)
		for i := range len(choice) / espimage.Sector { // of each sector only the number and its sum
			if err := l.Read(ctx, p.Offset+uint32(i*espimage.Sector), choice[i*espimage.Sector:][:64], nil); err != nil {
				return err
			}
		}
		where.Choice = espimage.ChoiceOf(choice)
	}
	return nil
}
