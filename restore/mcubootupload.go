package restore

import (
	"context"
	"errors"
	"fmt"

	"unbrick/protocol/smp"
)

// upload brings the image from an offset on, going on at the offset that is answered.
func (i *Installer) upload(ctx context.Context, from int) error {
	buffer := leastBuffer
	if i.s.sized {
		buffer = int(i.s.params.BufSize)
	}
	i.ceiling = max(min(buffer, smp.BufSize)-aroundPiece, 16)
	i.piece = i.aligned(i.ceiling)
	at, silent, begun := from, 0, from > 0
	for at < len(i.file) {
		if at == 0 {
			if begun {
				if silent++; silent > maxSilent {
					return &Error{Code: CodeProtocol, Err: errors.New("it begins again and again")}
				}
			}
			next, err := i.first(ctx)
			if err != nil {
				return err
			}
			if next > len(i.file) {
				return &Error{Code: CodeProtocol, Err: fmt.Errorf("offset %d of an image of %d is wanted", next, len(i.file))}
			}
			at, begun = next, true
			if at > firstData*2 {
				i.out.Resumed = uint32(at) // the program's server has found it
			}
			if i.before.holds(i.m) && !i.program {
				// The same image is there already. What is listed now, the slot being empty, is not ours.
				if err := i.s.list(ctx, &i.before); err != nil {
					return err
				}
			}
			i.tell(at)
			continue
		}
		n := min(i.piece, len(i.file)-at)
		q := smp.UploadRequest{Image: i.o.Number, Offset: uint32(at), Data: i.file[at : at+n]}
		i.touched = TouchedPart
		var next smp.Offset
		err := i.s.call(ctx, &q, &next, patience{wait: min(pieceWait<<silent, pieceWaitMax), tries: 1, answer: smp.HeaderSize + 64})
		var said *smp.Error
		switch {
		case errors.As(err, &said):
			return fmt.Errorf("upload at %d: %w", at, i.s.refused(err))
		case err == nil && int(next.Offset) > len(i.file):
			return &Error{Code: CodeProtocol, Err: fmt.Errorf("offset %d of an image of %d is wanted", next.Offset, len(i.file))}
		case err == nil && int(next.Offset) > at:
			silent = 0
			i.through(n)
			at = int(next.Offset)
		case err == nil:
			silent++ // it wants something else, or took nothing
			at = int(next.Offset)
		case retryable(err):
			silent++
			i.lost()
		default:
			return fmt.Errorf("upload at %d: %w", at, err)
		}
		if silent > maxSilent {
			if err == nil {
				err = &Error{Code: CodeProtocol, Err: errors.New("it takes no bytes")}
			}
			return fmt.Errorf("upload at %d: %w", at, err)
		}
		i.tell(at)
	}
	return nil
}

func (i *Installer) aligned(n int) int {
	if n > alignPiece {
		n -= n % alignPiece
	}
	return n
}

// through notes a piece that arrived; after some in a row they grow again.
func (i *Installer) through(n int) {
	i.proven = max(i.proven, n)
	i.arrived++
	if i.arrived >= growBehind && i.piece < i.aligned(i.ceiling) {
		i.arrived = 0
		i.piece = i.aligned(min(2*i.piece, i.ceiling))
		i.progress.Slowed = i.piece < i.aligned(i.ceiling)
	}
}

// lost makes pieces smaller. A size that never got through is not tried again: the loader's buffer is
// smaller than that.
func (i *Installer) lost() {
	i.s.repeated++
	i.arrived = 0
	if i.piece > i.proven {
		i.ceiling = max(i.piece/2, alignPiece)
	}
	if i.piece > alignPiece {
		i.piece = i.aligned(max(i.piece/2, alignPiece))
		i.progress.Slowed = true
	}
}
