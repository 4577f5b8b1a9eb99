package delta

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"unbrick/delta/internal/coding"
)

// ErrCheckpoint says that there can be no checkpoint, or that one cannot be gone on from.
var ErrCheckpoint = errors.New("checkpoint")

// A checkpoint, little-endian. What is not in it follows from the file: docs/delta.md, section 9.
//
//	 0  `UDCP`
//	 4  version
//	 5  three zeros
//	 8  first 16 bytes of the file's SHA-256
//	24  sectors built
//	28  bytes of the data stream that were taken, those behind its end included
//	32  span
//	36  code
//	40  steps, 8 bytes
//	48  old bytes read, 8 bytes
//	56  how far back into the history was looked
//	60  how far from an end of a sector an edge was read
//	64  bytes of each edge kept
//	68  bytes in the stash
//	72  the edges, first the lower; the stash; CRC-32 of all before
const (
	checkpointMagic   = "UDCP"
	checkpointVersion = 1
	checkpointHead    = 72
	checkpointCheck   = 4
)

// Checkpoint returns the most bytes that a checkpoint of the file takes.
func (h *Header) Checkpoint() uint32 {
	return checkpointHead + 2*h.Edge + h.StashBytes + checkpointCheck
}

// AtBatch reports whether the sector that Next builds next begins a batch, and not the first one: then there can be a checkpoint.
func (d *Decoder) AtBatch() bool {
	return d.err == nil && d.given != nil && d.step > 0 && d.plan.opening
}

// Checkpoint writes into room, of Header.Checkpoint bytes, what decoding goes on from at the beginning of the batch that comes
// next, and returns how many bytes that takes. Sectors of the batches before may then be rewritten. It reads all of the file once.
func (d *Decoder) Checkpoint(room []byte) (int, error) {
	if !d.AtBatch() {
		return 0, fmt.Errorf("%w: no batch begins with the next sector", ErrCheckpoint)
	}
	size := checkpointHead + 2*d.edges.n + d.stash.used + checkpointCheck
	if uint64(len(room)) < uint64(size) {
		return 0, fmt.Errorf("%w: %d bytes of %d", ErrMemory, len(room), size)
	}
	b := room[:size]
	clear(b[:8])
	copy(b, checkpointMagic)
	b[4] = checkpointVersion
	digest := d.fileDigest()
	copy(b[8:24], digest[:])
	pos, span, code := d.in.Place()
	for i, v := range [...]uint32{d.step, pos, span, code} {
		binary.LittleEndian.PutUint32(b[24+4*i:], v)
	}
	work := d.Work()
	binary.LittleEndian.PutUint64(b[40:], work.Steps)
	binary.LittleEndian.PutUint64(b[48:], work.Reads)
	for i, v := range [...]uint32{d.reach, d.edges.reach, d.edges.n, d.stash.used} {
		binary.LittleEndian.PutUint32(b[56+4*i:], v)
	}
	rest := b[checkpointHead:]
	for _, part := range [...][]byte{d.edges.low[:d.edges.n], d.edges.high[:d.edges.n], d.stash.bytes[:d.stash.used]} {
		rest = rest[copy(rest, part):]
	}
	binary.LittleEndian.PutUint32(rest, crc32.ChecksumIEEE(b[:size-checkpointCheck]))
	return int(size), nil
}

// Resume makes the open decoder go on from a checkpoint of the same file: Next builds the first sector of the batch that it was
// taken before. All sectors of the batches before it count as given out. A checkpoint that is damaged, or of another file, is
// refused, and the decoder is as if nothing was asked: at its beginning.
func (d *Decoder) Resume(checkpoint []byte) error {
	if d.given == nil {
		return fmt.Errorf("%w: not open", ErrFormat)
	}
	err := d.resume(checkpoint)
	if err != nil {
		if again := d.Rewind(); again != nil {
			return again
		}
	}
	return err
}

func (d *Decoder) resume(b []byte) error {
	if err := d.intact(b); err != nil {
		return err
	}
	step := binary.LittleEndian.Uint32(b[24:])
	if step == 0 || step >= d.head.Changed {
		return fmt.Errorf("%w: behind sector %d of %d", ErrCheckpoint, step, d.head.Changed)
	}
	if err := d.pass(step, false, nil); err != nil {
		return err
	}
	if !d.plan.opening {
		return fmt.Errorf("%w: no batch begins behind sector %d", ErrCheckpoint, step)
	}
	return d.goOn(b)
}

// intact refuses what is no undamaged checkpoint of the open file.
func (d *Decoder) intact(b []byte) error {
	if len(b) < checkpointHead+checkpointCheck || string(b[:4]) != checkpointMagic {
		return fmt.Errorf("%w: none", ErrCheckpoint)
	}
	if b[4] != checkpointVersion {
		return fmt.Errorf("%w: version %d is unknown", ErrCheckpoint, b[4])
	}
	end := len(b) - checkpointCheck
	if crc32.ChecksumIEEE(b[:end]) != binary.LittleEndian.Uint32(b[end:]) {
		return fmt.Errorf("%w: damaged", ErrCheckpoint)
	}
	if b[5]|b[6]|b[7] != 0 {
		return fmt.Errorf("%w: reserved bytes", ErrCheckpoint)
	}
	if [16]byte(b[8:24]) != d.fileDigest() {
		return fmt.Errorf("%w: of another file", ErrCheckpoint)
	}
	return nil
}

// goOn takes from a checkpoint what does not follow from the plan, which has been read up to its sector.
func (d *Decoder) goOn(b []byte) error {
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	n, used, size := d.edges.n, d.stash.used, checkpointHead+2*uint64(d.edges.n)+uint64(d.stash.used)+checkpointCheck
	if word(64) != n || word(68) != used || uint64(len(b)) != size {
		return fmt.Errorf("%w: %d bytes, edges of %d, stash of %d, where the plan has %d, %d and %d",
			ErrCheckpoint, len(b), word(64), word(68), size, n, used)
	}
	_, data := d.head.Streams(d.file)
	in, ok := coding.ResumeReader(data, word(28), word(32), word(36))
	if !ok {
		return fmt.Errorf("%w: no place in the data stream", ErrCheckpoint)
	}
	work := Work{binary.LittleEndian.Uint64(b[40:]), binary.LittleEndian.Uint64(b[48:])}
	if work.Steps < d.steps() || work.Steps > d.budget.Steps || work.Reads > d.budget.Reads {
		return fmt.Errorf("%w: %d steps and %d old bytes", ErrCheckpoint, work.Steps, work.Reads)
	}
	if word(56) > d.head.History || word(60) > d.head.Edge {
		return fmt.Errorf("%w: history of %d bytes, edges of %d", ErrCheckpoint, word(56), word(60))
	}
	d.in, d.read, d.reach, d.edges.reach = in, work.Reads, word(56), word(60)
	d.before += work.Steps - d.steps()
	rest := b[checkpointHead:]
	for _, part := range [...][]byte{d.edges.low[:n], d.edges.high[:n], d.stash.bytes[:used]} {
		rest = rest[copy(part, rest):]
	}
	d.err = nil
	return nil
}

// fileDigest returns the first bytes of the file's SHA-256, calculated once.
func (d *Decoder) fileDigest() [16]byte {
	if !d.digested {
		sum := sha256.Sum256(d.file)
		copy(d.digest[:], sum[:])
		d.digested = true
	}
	return d.digest
}
