package restore

import (
	"context"
	"errors"
	"fmt"

	"unbrick/protocol/smp"
)

// Backup is the software area of a device as its flash held it.
type Backup struct {
	Bytes      []byte
	Unreadable []uint32 // offsets of the sectors that could not be read whole; there Bytes are erased
}

// CanBackup asks whether the device's maker allows its software to be read out.
func (s *Session) CanBackup(ctx context.Context) (bool, error) {
	var got smp.Readout
	err := s.call(ctx, &smp.ReadoutRequest{}, &got, prompt)
	var said *smp.Error
	if errors.As(err, &said) {
		return false, nil
	}
	return err == nil, err
}

// Backup reads the whole software area of a device that was just identified. Nothing is written. report,
// which may be nil, is told how many bytes of all are there.
func (s *Session) Backup(ctx context.Context, d *Device, report func(done, of uint32)) (*Backup, error) {
	g := &d.Software
	b := &Backup{Bytes: make([]byte, 0, g.Size())}
	for i := range g.Sectors() {
		addr, size := g.Sector(i)
		for end := addr + size; uint32(len(b.Bytes)) < end; {
			at := uint32(len(b.Bytes))
			var got smp.Readout
			err := s.call(ctx, &smp.ReadoutRequest{Offset: at, Count: min(end-at, smp.MaxPart)}, &got, slow)
			var said *smp.Error
			switch {
			case errors.As(err, &said) && said.Fault() == smp.FaultUnreadable:
				b.Unreadable = append(b.Unreadable, addr)
				b.Bytes = b.Bytes[:addr]
				for range size {
					b.Bytes = append(b.Bytes, g.Erased)
				}
			case err != nil:
				return nil, fmt.Errorf("read out: %w", s.refused(err))
			case got.Offset != at || len(got.Data) == 0 || uint32(len(got.Data)) > end-at:
				return nil, &Error{Code: CodeProtocol, Err: fmt.Errorf("read-out of %d bytes at %d, asked at %d", len(got.Data), got.Offset, at)}
			default:
				b.Bytes = append(b.Bytes, got.Data...)
			}
			if report != nil {
				report(uint32(len(b.Bytes)), g.Size())
			}
		}
	}
	return b, nil
}
