package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

// boardResult is the last line of --json of a restoration by another family's boot loader.
type boardResult struct {
	Family        string  `json:"family"`
	Chip          string  `json:"chip"`
	Serial        string  `json:"serial,omitempty"`
	Parts         int     `json:"parts"`
	Bytes         int     `json:"bytes"`
	Blocks        int     `json:"blocks"`
	Written       int     `json:"blocks_written"`
	Block         uint32  `json:"block"` // bytes
	Proof         string  `json:"proof"`
	Start         string  `json:"start"`
	Runs          bool    `json:"runs"`
	Way           string  `json:"way"`
	Baud          uint32  `json:"baud"`
	BytesSent     uint64  `json:"bytes_sent"`
	BytesReceived uint64  `json:"bytes_received"`
	Repeated      int     `json:"repeated"`
	Seconds       float64 `json:"seconds"`
}

var (
	proofWords = [...]string{family.ProofNone: "none", family.ProofListed: "listed", family.ProofSamples: "samples",
		family.ProofRead: "read", family.ProofDigest: "digest"}
	startWords = [...]string{family.Quiet: "quiet", family.Runs: "runs", family.Crashes: "crashes", family.Empty: "empty",
		family.Waits: "waits", family.Unasked: "unasked",
		family.Unanswered: "unanswered", family.Tried: "tried", family.OnTrial: "on-trial", family.Stays: "stays"}
)

// boardRestoration is one restoration of a device of another family.
type boardRestoration struct {
	*restoration
	files []firmwareFile
	asked bool
}

// restoreBoard restores a device whose boot loader is of another family, from files.
func (r *restoration) restoreBoard(ctx context.Context) error {
	files, err := r.fileFlags.read(ctx)
	if err != nil {
		return err
	}
	b := &boardRestoration{restoration: r, files: files}
	result, err := tries(ctx, r, func() (*boardResult, bool, error) {
		result, err := b.once(ctx)
		return result, b.asked, err
	})
	if ctx.Err() != nil && err != nil {
		return r.stopped("Its boot loader is: run the same command again")
	}
	if err != nil {
		return explain(err)
	}
	return r.printBoard(result)
}

// once is one attempt.
func (b *boardRestoration) once(ctx context.Context) (*boardResult, error) {
	m, err := b.meet(ctx, b.errOut)
	if err != nil {
		return nil, err
	}
	defer m.close()
	parts, err := b.parts(ctx, m)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	b.meter, b.lastLine = restore.Meter{}, 0
	d, err := m.loader.Compare(ctx, parts, b.timed(began))
	b.endBar()
	if err != nil {
		return nil, err
	}
	if !b.asked {
		if err := b.ask(ctx, m, d); err != nil {
			return nil, err
		}
		b.asked = true
	}
	began = time.Now()
	b.meter, b.writing = restore.Meter{}, d.Differ > 0
	report := b.timed(began)
	m.used = true
	if d.Differ > 0 {
		if err := m.loader.Write(ctx, d, report); err != nil {
			return nil, err
		}
	}
	proof, err := m.loader.Verify(ctx, parts, report)
	if err != nil {
		return nil, err
	}
	b.endBar()
	sight, err := m.loader.Start(ctx)
	if err != nil {
		return nil, err
	}
	s := m.loader.Stats()
	result := &boardResult{Family: m.board.Family, Chip: m.board.Chip, Serial: m.board.Serial, Parts: len(parts), Blocks: d.Blocks,
		Written: d.Differ, Block: d.Block, Proof: proofWords[proof], Start: startWords[sight.Outcome], Runs: sight.Outcome == family.Runs,
		Way: m.loader.Way().String(), Baud: s.Baud, BytesSent: s.Sent, BytesReceived: s.Received, Repeated: s.Repeated,
		Seconds: time.Since(began).Seconds()}
	for i := range parts {
		result.Bytes += len(parts[i].Data)
	}
	return result, nil
}

// timed shows progress with the time since a moment.
func (b *boardRestoration) timed(began time.Time) family.Report {
	return func(p restore.Progress) {
		p.Elapsed = time.Since(began)
		b.progress(p)
	}
}

// parts are what is to be in the flash.
func (b *boardRestoration) parts(ctx context.Context, m *meeting) ([]release.Part, error) {
	switch {
	case m.loader == nil && m.session == nil:
		return nil, errNamed(m)
	case m.loader == nil:
		return nil, errors.New("this device takes releases or signed images, no such files.\nIs the device safe? Yes. " +
			"Nothing was written: it is " +
			"as it was.\nWhat to do: unbrick identify says what it is; give --release-file or --image")
	case m.board.Sealed != nil:
		return nil, m.board.Sealed
	}
	return place(ctx, b.files, m.loader, m.board)
}

// ask shows the facts and waits for a yes.
func (b *boardRestoration) ask(ctx context.Context, m *meeting, d *family.Difference) error {
	fmt.Fprintf(b.errOut, "Found %s", m.board.Name)
	if m.board.Revision != "" {
		fmt.Fprintf(b.errOut, " revision %s", m.board.Revision)
	}
	if m.board.Serial != "" {
		fmt.Fprintf(b.errOut, ", %s", m.board.Serial)
	}
	fmt.Fprintf(b.errOut, ", %s", m.board.Loader)
	if m.board.Flash > 0 {
		fmt.Fprintf(b.errOut, ", %d KiB of flash", m.board.Flash>>10)
	}
	fmt.Fprintln(b.errOut, ".")
	for _, f := range b.files {
		fmt.Fprintf(b.errOut, "%s: %v", f.Name, f.Format)
		for _, s := range []string{f.Project, f.Version, f.Chip} {
			if s != "" {
				fmt.Fprintf(b.errOut, ", %s", release.Clean(s, 64))
			}
		}
		for _, c := range f.Checks {
			if c.Held {
				fmt.Fprintf(b.errOut, ", %v right", c.Kind)
			}
		}
		fmt.Fprintln(b.errOut, ".")
	}
	for _, p := range d.Parts {
		fmt.Fprintf(b.errOut, "  %#08x  %-16s %d bytes\n", p.Offset, p.Name, len(p.Data))
	}
	if d.Differ == 0 {
		fmt.Fprintln(b.errOut, "The flash has all of that already. It only has to start.")
		return nil
	}
	fmt.Fprintf(b.errOut, "%d of %d blocks of %d bytes to write, %d bytes to send, about %v. What lies elsewhere stays.\n", d.Differ, d.Blocks,
		d.Block, d.Bytes, d.Work.Round(time.Second))
	return b.confirm(ctx, "Restore it?", true)
}

func (r *restoration) printBoard(v *boardResult) error {
	if r.json {
		return printJSON(r.out, v)
	}
	proof := map[string]string{"none": "nothing could be asked of it, so this is not verified",
		"samples": "pieces of it were read back and match",
		"read":    "every byte was read back and matches", "digest": "the device's own digest of every part matches"}[v.Proof]
	head := "Restored"
	if v.Written == 0 {
		head = "Nothing had to be written"
	}
	start := map[string]string{"quiet": "It was told to start, and says nothing at this port that tells whether it runs.", "runs": "It runs.",
		"crashes": "It starts and crashes: this firmware may be for another board.",
		"empty":   "Its boot loader finds no program: the file may be only a part of what it needs.",
		"waits":   "It waits in its boot loader: press its reset button.", "unasked": "Press its reset button, or plug it " +
			"in again, to start it."}[v.Start]
	fmt.Fprintf(r.out, "%s: %s.\n%s\n%d of %d blocks written, %d bytes sent, %.1f s.\n", head, proof, start, v.Written,
		v.Blocks, v.BytesSent, v.Seconds)
	return nil
}
