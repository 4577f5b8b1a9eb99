package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"

	"github.com/spf13/cobra"
)

const deltaHelp = `Makes, applies and explains deltas: files that turn one firmware image into another, in place.

usage: unbrick delta create OLD NEW -o D [flags]    OLD and NEW are raw images
       unbrick delta apply D FLASHFILE [--json]     proves D, then rewrites FLASHFILE sector by sector
       unbrick delta info D [--json]                what D is and what memory it needs

example:
  unbrick delta create v1.bin v2.bin -o v1-v2.delta --geometry 4KiB --workspace 64KiB
  unbrick delta apply v1-v2.delta flash.bin

FLASHFILE holds the software area from its first byte; a shorter file is extended with erased bytes.
A base other than OLD is refused before anything is written.

exit codes: 0 done, 1 it did not work (create wrote no file, apply says whether FLASHFILE was touched),
2 the words are off`

func deltaCommand() *cobra.Command {
	g := group("delta", "makes, applies and explains the files that turn one image into another", deltaHelp,
		"say create, apply or info; unbrick delta --help explains them", deltaCreate(),
		verb("apply D FLASHFILE", "proves a delta, then rewrites a flash file", "",
			takes(2, 2, "apply takes a delta and a flash file"), deltaApply),
		verb("info D", "tells what a delta is and what memory it needs", "", takes(1, 1, "info takes one delta"), deltaInfo))
	jsonFlag(g.PersistentFlags())
	return g
}

// creation are the words of delta create.
type creation struct {
	diff.Options
	to, geometry, effort, erased string
	raw                          *bool
}

func deltaCreate() *cobra.Command {
	f := &creation{Options: diff.Options{StashMax: diff.DefaultStash}}
	c := verb("create OLD NEW -o FILE", "makes a delta", "", takes(2, 2, "create takes OLD, NEW and -o FILE"), f.create)
	set := c.Flags()
	set.StringVarP(&f.to, "output", "o", "", "`file` to write (required)")
	set.StringVar(&f.geometry, "geometry", "4KiB", "sectors of the software area, as 16KiB*4,64KiB; one size: all alike")
	set.Var((*size)(&f.Workspace), "workspace", "RAM that the device can secure; 0: no limit")
	set.Var((*size)(&f.StateMax), "state-max", "most decoder state; 0: no limit")
	set.Var((*size)(&f.StashMax), "stash-max", "most stash memory")
	set.Var((*size)(&f.Batch), "batch", "divide the plan into batches of sectors of at most this size, at each of which decoding can go "+
		"on; 0: no batches")
	set.StringVar(&f.ISA, "isa", "auto", "instruction set: auto, "+strings.Join(diff.ISAs(), ", "))
	set.StringVar(&f.effort, "effort", "best", "fast or best")
	set.StringVar(&f.erased, "erased", "ff", "byte that an erased flash reads: ff or 00")
	f.raw = rawFlag(set)
	completes(c, "isa", append(diff.ISAs(), "auto")...)
	completes(c, "effort", "fast", "best")
	return c
}

func (f *creation) check() error {
	if f.to == "" {
		return usageError("create takes OLD, NEW and -o FILE")
	}
	if f.ISA != "auto" && !slices.Contains(diff.ISAs(), f.ISA) {
		return usageError("--isa %q is none of auto, %s", f.ISA, strings.Join(diff.ISAs(), ", "))
	}
	if f.StashMax == 0 {
		f.StashMax = diff.NoStash
	}
	switch f.effort {
	case "fast":
		f.Effort = diff.EffortFast
	case "best":
		f.Effort = diff.EffortBest
	default:
		return usageError("--effort %q is neither fast nor best", f.effort)
	}
	return nil
}

func (f *creation) create(ctx context.Context, words []string, p *printer) error {
	errOut := p.errOut
	if err := f.check(); err != nil {
		return err
	}
	old, err := readImage(ctx, words[0], *f.raw)
	if err != nil {
		return err
	}
	new, err := readImage(ctx, words[1], *f.raw)
	if err != nil {
		return err
	}
	area, err := deltaGeometry(f.geometry, f.erased, max(len(old), len(new)))
	if err != nil {
		return err
	}
	f.Geometry = &area
	if isTerminal(errOut) && !p.json {
		f.Progress = func(done, total int) { fmt.Fprintf(errOut, "\rcomparing %3d %%", 100*done/total) }
		defer fmt.Fprint(errOut, "\r               \r")
	}
	if len(old)+len(new) >= 1<<20 {
		// What it works on is large and without pointers: to collect often costs little and saves a quarter.
		defer debug.SetGCPercent(debug.SetGCPercent(25))
	}
	file, err := diff.Create(ctx, old, new, &f.Options)
	if err != nil {
		return errors.Join(stopped(ctx), err)
	}
	if err := replaceFile(f.to, file); err != nil {
		return err
	}
	r, err := deltaReportOf(file)
	if err != nil {
		return err
	}
	return p.tell(r, "%s: %d bytes, %.1f %% of the new image; rewrites %d of %d sectors; needs a workspace of %d bytes\n",
		f.to, r.Size, 100*float64(r.Size)/float64(len(new)), r.Changed, r.Sectors, r.Workspace)
}

// deltaGeometry reads --geometry and --erased for images of at most size bytes.
func deltaGeometry(list, erased string, size int) (flash.Geometry, error) {
	whole := uint32(0)
	if !strings.ContainsAny(list, "*,") {
		sector, err := flash.ParseSize(list)
		if err != nil || sector == 0 {
			return flash.Geometry{}, usageError("--geometry %q: not a sector size", list)
		}
		if size > delta.MaxImage {
			return flash.Geometry{}, usageError("images of %d bytes, at most %d", size, delta.MaxImage)
		}
		whole = (uint32(max(size, 1)) + sector - 1) / sector * sector
	}
	g, err := flash.ParseGeometry(list, whole)
	if err != nil {
		return g, usageError("%v", err)
	}
	g.Erased, err = erasedByte(erased)
	return g, err
}

// erasedByte reads --erased.
func erasedByte(s string) (byte, error) {
	b, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(s), "0x"), 16, 8)
	if err != nil || b != 0 && b != 0xff {
		return 0, usageError("--erased %q is neither ff nor 00", s)
	}
	return byte(b), nil
}

// deltaReport is what delta info tells.
type deltaReport struct {
	Size      int    `json:"size"`
	Kind      string `json:"kind"`
	ISA       string `json:"isa"`
	State     uint32 `json:"state"`
	Stash     uint32 `json:"stash"`
	History   uint32 `json:"history"`
	Edge      uint32 `json:"edge"`
	Buffer    uint32 `json:"buffer"`
	Workspace uint32 `json:"workspace"`

	Steps      uint8  `json:"steps"`      // of work, for each byte that is built
	Reads      uint8  `json:"reads"`      // old bytes likewise
	MostSteps  uint64 `json:"most_steps"` // in all
	MostReads  uint64 `json:"most_reads"` // in all
	Segments   int    `json:"segments"`   // of the old image, that run at addresses of their own
	Batches    uint32 `json:"batches"`    // 0: decoding cannot go on in the middle
	Batch      uint32 `json:"batch"`      // bytes of the largest
	Checkpoint uint32 `json:"checkpoint"` // bytes of a checkpoint, at most; 0 without batches

	Order    []int  `json:"order"`
	Changed  int    `json:"changed_sectors"`
	Sectors  int    `json:"sectors"`
	Geometry string `json:"geometry"`
	FromSize uint32 `json:"from_size"`
	ToSize   uint32 `json:"to_size"`
	From     string `json:"from,omitempty"`
	To       string `json:"to"`
	Control  int    `json:"control_stream"`
	Data     int    `json:"data_stream"`
}

func deltaReportOf(file []byte) (*deltaReport, error) {
	h, err := delta.ParseHeader(file)
	if err != nil {
		return nil, err
	}
	area := h.Geometry()
	leaves := uint32(0)
	if n := release.LeafSize(&area); n != 0 {
		leaves = (h.ToSize + n - 1) / n
	}
	needs := delta.NeedsOf(&h, uint32(len(file)), leaves, 0)
	control, data := h.Streams(file)
	r := &deltaReport{
		Size: len(file), Kind: h.Kind.String(), ISA: h.Setup.ISA.String(), State: h.State, Stash: h.Stash,
		History: h.History, Buffer: h.Buffer, Workspace: needs.Workspace(), Order: []int{}, Changed: int(h.Changed),
		Sectors: area.Sectors(), Geometry: area.String(), FromSize: h.FromSize, ToSize: h.ToSize,
		To: fmt.Sprintf("%x", h.To), Control: len(control), Data: len(data),
	}
	r.Edge, r.Steps, r.Reads, r.Segments, r.Batches, r.Batch = h.Edge, h.Steps, h.Reads, int(h.Setup.Old.Count), h.Batches, h.Batch
	if h.Batches != 0 {
		r.Checkpoint = h.Checkpoint()
	}
	if h.From != [8]byte{} {
		r.From = fmt.Sprintf("%x", h.From)
	}
	var d delta.Decoder
	if err := d.Open(file, &area, nil, make([]byte, h.Memory())); err != nil {
		return nil, err
	}
	most := h.Budget(d.Built())
	r.MostSteps, r.MostReads = most.Steps, most.Reads
	err = d.Plan(func(sector int) { r.Order = append(r.Order, sector) })
	return r, err
}

func deltaInfo(ctx context.Context, words []string, p *printer) error {
	name, out := words[0], p.Writer
	file, err := readFile(ctx, name, "an update file", limits.File)
	if err != nil {
		return err
	}
	r, err := deltaReportOf(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.json {
		return printJSON(out, r)
	}
	from := "nothing"
	if r.Kind == "delta" {
		from = fmt.Sprintf("%d bytes", r.FromSize)
		if r.From != "" {
			from += " (" + r.From + ")"
		}
	}
	fmt.Fprintf(out, "%s of %d bytes: from %s to %d bytes (%s)\n", r.Kind, r.Size, from, r.ToSize, r.To)
	fmt.Fprintf(out, "sectors    %d of %d rewritten, geometry %s\n", r.Changed, r.Sectors, r.Geometry)
	fmt.Fprintf(out, "streams    control %d, data %d bytes; instruction set %s\n", r.Control, r.Data, r.ISA)
	fmt.Fprintf(out, "workspace  %d bytes: file, state %d, stash %d, history %d, sector buffer %d, digests, margin; resident code comes "+
		"on top\n",
		r.Workspace, r.State, r.Stash, r.History, r.Buffer)
	fmt.Fprintf(out, "work       at most %d steps and %d old bytes, %d and %d for each byte that is built\n", r.MostSteps, r.MostReads,
		r.Steps, r.Reads)
	if r.Batches != 0 {
		fmt.Fprintf(out, "batches    %d of at most %d bytes; a checkpoint takes at most %d\n", r.Batches, r.Batch, r.Checkpoint)
	}
	if r.Segments != 0 {
		fmt.Fprintf(out, "segments   %d\n", r.Segments)
	}
	fmt.Fprintf(out, "order      %s\n", strings.Trim(fmt.Sprint(r.Order), "[]"))
	return nil
}
