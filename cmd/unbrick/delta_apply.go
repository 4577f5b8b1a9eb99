package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
)

func deltaApply(ctx context.Context, words []string, p *printer) error {
	name, flashName := words[0], words[1]
	file, err := readFile(ctx, name, "an update file", limits.File)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(flashName, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	written, err := applyDelta(ctx, file, f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		if written == 0 {
			return fmt.Errorf("%w; %s is untouched", err, flashName)
		}
		return fmt.Errorf("%w; %d sectors of %s are already rewritten", err, written, flashName)
	}
	return p.tell(map[string]int{"sectors_written": written, "size": len(file)},
		"%s: %d sectors rewritten, digest right\n", flashName, written)
}

// fileFlash is a software area in a file; behind its end it reads erased.
type fileFlash struct {
	f      *os.File
	erased byte
}

func (a fileFlash) Read(addr uint32, p []byte) error {
	n, err := a.f.ReadAt(p, int64(addr))
	if err != nil && err != io.EOF {
		return err
	}
	for i := n; i < len(p); i++ {
		p[i] = a.erased
	}
	return nil
}

// applyDelta proves a delta against a flash file, then rewrites it. It returns how many sectors were
// written, also when it fails. The decoder gets exactly the memory that the file announces; the digest of
// the result, which a terminal knows from the signed manifest, is found by building the new
// image once in memory.
func applyDelta(ctx context.Context, file []byte, f *os.File) (written int, err error) {
	h, err := delta.ParseHeader(file)
	if err != nil {
		return 0, err
	}
	area := h.Geometry()
	board := fileFlash{f, h.Erased}
	if err := checkBase(&h, f); err != nil {
		return 0, err
	}
	var d delta.Decoder
	if err := d.Open(file, &area, board, make([]byte, h.Memory())); err != nil {
		return 0, err
	}
	image := make([]byte, h.ToSize)
	if err := board.Read(0, image); err != nil {
		return 0, err
	}
	for {
		sector, data, err := d.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		addr, _ := area.Sector(sector)
		copy(image[addr:], data)
	}
	if sum := sha256.Sum256(image); [8]byte(sum[:8]) != h.To {
		return 0, fmt.Errorf("%w: this is another base, or the delta is damaged", delta.ErrMismatch)
	}
	m, err := release.Describe("flash", "new", 0, 0, image, &area)
	if err != nil {
		return 0, err
	}
	leaves := release.MakeLeaves(m.Leaves())
	if err := delta.Prove(&d, &m, board, leaves, nil, false, make([]byte, (area.Sectors()+7)/8)); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := delta.Rewrite(&d, &m, leaves, delta.PutFunc(func(sector int, data []byte) error {
		addr, _ := area.Sector(sector)
		if err := extend(f, int64(addr), h.Erased); err != nil {
			return err
		}
		written++
		_, err := f.WriteAt(data, int64(addr))
		return err
	})); err != nil {
		return written, err
	}
	if err := extend(f, int64(h.ToSize), h.Erased); err != nil {
		return written, err
	}
	return written, f.Sync()
}

// checkBase compares the base that the delta names with the file's beginning.
func checkBase(h *delta.Header, f *os.File) error {
	if h.From == [8]byte{} {
		return nil // a mixed or doubtful base has no name; the proof decides
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(f, 0, int64(h.FromSize)))
	if err != nil {
		return err
	}
	if got := [8]byte(sum.Sum(nil)[:8]); n != int64(h.FromSize) || got != h.From {
		return fmt.Errorf("wrong base: the delta is for %d bytes with digest %x, these have %x", h.FromSize, h.From, got)
	}
	return nil
}

// extend fills the file with erased bytes up to length.
func extend(f *os.File, length int64, erased byte) error {
	info, err := f.Stat()
	if err != nil || info.Size() >= length {
		return err
	}
	_, err = f.WriteAt(bytes.Repeat([]byte{erased}, int(length-info.Size())), info.Size())
	return err
}

var _ flash.Reader = fileFlash{}
