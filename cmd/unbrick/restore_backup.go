package main

import (
	"context"
	"errors"
	"fmt"

	"unbrick/restore"
)

// readOut keeps what the device holds, once, before it is written.
func (r *restoration) readOut(ctx context.Context, s *restore.Session) error {
	if r.backup == "" || r.saved {
		return nil
	}
	can, err := s.CanBackup(ctx)
	if err != nil {
		return err
	}
	if !can {
		return errors.New("this device does not let its software be read out.\nIs the device safe? Yes. Nothing was written: it is as it " +
			"was.\nWhat to do: restore it without --backup")
	}
	b, err := s.Backup(ctx, r.device, nil)
	if err != nil {
		return err
	}
	if err := replaceFile(r.backup, b.Bytes); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	r.saved = true
	fmt.Fprintf(r.errOut, "Saved what it held: %s, %d bytes from address %#x on.\n", r.backup, len(b.Bytes), r.device.Layout.SoftwareBase())
	for _, at := range b.Unreadable {
		fmt.Fprintf(r.errOut, "The sector at %#x could not be read.\n", r.device.Layout.SoftwareBase()+at)
	}
	return nil
}
