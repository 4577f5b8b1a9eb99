package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
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

func deltaCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "create":
			return deltaCreate(ctx, args[1:], out, errOut)
		case "apply":
			return deltaApply(ctx, args[1:], out, errOut)
		case "info":
			return deltaInfo(ctx, args[1:], out, errOut)
		case "--help", "-h", "-help", "help":
			fmt.Fprintln(out, deltaHelp)
			return nil
		}
		return usageError("%q is none of create, apply, info", args[0])
	}
	return usageError("say create, apply or info; unbrick delta --help explains them")
}

// deltaFlags makes the flag set of one of the three, with --json.
func deltaFlags(verb string, errOut io.Writer) (*flag.FlagSet, *bool) {
	fs := newFlags("delta "+verb, deltaHelp, errOut)
	return fs, fs.Bool("json", false, "print the result as one line of JSON")
}

func deltaCreate(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs, asJSON := deltaFlags("create", errOut)
	to := fs.String("o", "", "file to write (required)")
	list := fs.String("geometry", "4KiB", "sectors of the software area, as 16KiB*4,64KiB; one size: all alike")
	workspace := sizeFlag(fs, "workspace", 0, "RAM that the device can secure; 0: no limit")
	state := sizeFlag(fs, "state-max", 0, "most decoder state; 0: no limit")
	stash := sizeFlag(fs, "stash-max", diff.DefaultStash, "most stash memory")
	batch := sizeFlag(fs, "batch", 0, "divide the plan into batches of sectors of at most this size, at each of which decoding can go on; 0: no batches")
	isa := fs.String("isa", "auto", "instruction set: auto, "+strings.Join(diff.ISAs(), ", "))
	effort := fs.String("effort", "best", "fast or best")
	erased := fs.String("erased", "ff", "byte that an erased flash reads: ff or 00")
	raw := rawFlag(fs)
	words, err := parseFlags(fs, args, out)
	if err != nil {
		return err
	}
	if len(words) != 2 || *to == "" {
		return usageError("create takes OLD, NEW and -o FILE")
	}
	if *isa != "auto" && !slices.Contains(diff.ISAs(), *isa) {
		return usageError("--isa %q is none of auto, %s", *isa, strings.Join(diff.ISAs(), ", "))
	}
	o := diff.Options{Workspace: *workspace, StateMax: *state, StashMax: *stash, Batch: *batch, ISA: *isa}
	if *stash == 0 {
		o.StashMax = diff.NoStash
	}
	switch *effort {
	case "fast":
		o.Effort = diff.EffortFast
	case "best":
		o.Effort = diff.EffortBest
	default:
		return usageError("--effort %q is neither fast nor best", *effort)
	}
	old, err := readImage(ctx, words[0], *raw)
	if err != nil {
		return err
	}
	new, err := readImage(ctx, words[1], *raw)
	if err != nil {
		return err
	}
	area, err := deltaGeometry(*list, *erased, max(len(old), len(new)))
	if err != nil {
		return err
	}
	o.Geometry = &area
	if isTerminal(errOut) && !*asJSON {
		o.Progress = func(done, total int) { fmt.Fprintf(errOut, "\rcomparing %3d %%", 100*done/total) }
		defer fmt.Fprint(errOut, "\r               \r")
	}
	if len(old)+len(new) >= 1<<20 {
		// What it works on is large and without pointers: to collect often costs little and saves a quarter.
		defer debug.SetGCPercent(debug.SetGCPercent(25))
	}
	file, err := diff.Create(ctx, old, new, &o)
	if err != nil {
		return errors.Join(stopped(ctx), err)
	}
	if err := replaceFile(*to, file); err != nil {
		return err
	}
	r, err := deltaReportOf(file)
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(out, r)
	}
	fmt.Fprintf(out, "%s: %d bytes, %.1f %% of the new image; rewrites %d of %d sectors; needs a workspace of %d bytes\n",
		*to, r.Size, 100*float64(r.Size)/float64(len(new)), r.Changed, r.Sectors, r.Workspace)
	return nil
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
	b, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(erased), "0x"), 16, 8)
	if err != nil || b != 0 && b != 0xff {
		return g, usageError("--erased %q is neither ff nor 00", erased)
	}
	g.Erased = byte(b)
	return g, nil
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

func deltaInfo(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs, asJSON := deltaFlags("info", errOut)
	words, err := parseFlags(fs, args, out)
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usageError("info takes one delta")
	}
	file, err := readFile(ctx, words[0], "an update file", limits.File)
	if err != nil {
		return err
	}
	r, err := deltaReportOf(file)
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	if *asJSON {
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
	fmt.Fprintf(out, "workspace  %d bytes: file, state %d, stash %d, history %d, sector buffer %d, digests, margin; resident code comes on top\n",
		r.Workspace, r.State, r.Stash, r.History, r.Buffer)
	fmt.Fprintf(out, "work       at most %d steps and %d old bytes, %d and %d for each byte that is built\n", r.MostSteps, r.MostReads, r.Steps, r.Reads)
	if r.Batches != 0 {
		fmt.Fprintf(out, "batches    %d of at most %d bytes; a checkpoint takes at most %d\n", r.Batches, r.Batch, r.Checkpoint)
	}
	if r.Segments != 0 {
		fmt.Fprintf(out, "segments   %d\n", r.Segments)
	}
	fmt.Fprintf(out, "order      %s\n", strings.Trim(fmt.Sprint(r.Order), "[]"))
	return nil
}
