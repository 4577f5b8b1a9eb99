package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	page "unbrick/lab/report"
	"unbrick/lab/sweep"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const powercutHelp = `Cuts the power of an emulated device inside every flash operation of the update from OLD to NEW, with every
way that an operation can be left, and of whatever recovers from that; checks after each cut that the
device runs a signed release, or can be brought back to exactly the wanted one.

usage: unbrick powercut --old FILE --new FILE [--geometry LIST] [--program-unit N] [--workspace N]
                        [--pairs] [--noise] [--budget DURATION] [--json] [--report FILE.html]
       unbrick powercut --replay ID [--old FILE --new FILE]

OLD and NEW are raw images of at most 16 MiB. --geometry is the whole part: boot area (its first sector
unless --boot says more), two record sectors, software area; a single size, as 4KiB, means as many such sectors
as the images need. Every failure comes with the id of its run, which --replay prints step by step.

example, for continuous integration:
  unbrick powercut --old v1.bin --new v2.bin --geometry 16KiB*4,64KiB,128KiB*3 --program-unit 4 --budget 5m --json

exit codes: 0 every check held, 1 a check failed (its replay id is printed) or it did not work,
2 the words are off`

// powercutFlags are the words of the command.
type powercutFlags struct {
	set                                *pflag.FlagSet // which were given
	raw                                *bool
	old, new, geometry, replay, report string
	unit                               uint
	page, boot, workspace              *uint32
	erased                             string
	ecc, pairs, noise, json            bool
	budget                             time.Duration
	seed                               uint64
	workers                            int
}

func (f *powercutFlags) check() error {
	if f.replay == "" && (f.old == "" || f.new == "") || (f.old == "") != (f.new == "") {
		return usageError("say --old FILE --new FILE; unbrick powercut --help explains it")
	}
	if f.replay != "" && (f.report != "" || f.json) {
		return usageError("--replay prints a timeline; it goes with neither --json nor --report")
	}
	return nil
}

func (f *powercutFlags) declare(set *pflag.FlagSet) {
	f.set = set
	set.StringVar(&f.old, "old", "", "image that the device runs")
	set.StringVar(&f.new, "new", "", "image that it is updated to")
	set.StringVar(&f.geometry, "geometry", "4KiB", "sectors of the part: one size, or a list of sizes and counts")
	set.UintVar(&f.unit, "program-unit", 8, "smallest program in bytes: 1, 2, 4, 8, 16 or 32")
	f.raw = rawFlag(set)
	f.page = sizeFlag(set, "page", 256, "most bytes that one program takes")
	f.boot = sizeFlag(set, "boot", 0, "boot area, whole sectors (default the first sector)")
	f.workspace = sizeFlag(set, "workspace", 0, "RAM that an update can have (default as much as it needs)")
	set.StringVar(&f.erased, "erased", "ff", "byte after erase: ff or 00")
	set.BoolVar(&f.ecc, "ecc", false, "the part corrects errors: torn units cannot be read")
	set.BoolVar(&f.pairs, "pairs", false, "cut a second time whatever recovers from the first cut, and draw third cuts; all second ones "+
		"if the image has at most 8 sectors of at most 4 KiB, else a share")
	set.BoolVar(&f.noise, "noise", false, "restore over noisy lines, and do every fault to every frame of the cable")
	set.DurationVar(&f.budget, "budget", 0, "stop after this time, as 90s or 10m (default when all is done)")
	set.Uint64Var(&f.seed, "seed", 1, "of what is drawn")
	set.IntVar(&f.workers, "workers", 0, "processors to use (default all)")
	set.BoolVar(&f.json, "json", false, "print the result as one line of JSON")
	set.StringVar(&f.report, "report", "", "write a page with the picture and all counts to this file")
	set.StringVar(&f.replay, "replay", "", "print the run with this id step by step")
}

// powercutCommand cuts the power of emulated devices.
func powercutCommand() *cobra.Command {
	f := &powercutFlags{}
	c := verb("powercut", "cuts the power everywhere in an update and checks what becomes of the device", powercutHelp, noWords, f.cut)
	f.declare(c.Flags())
	return c
}

// cut does what the words say.
func (f *powercutFlags) cut(ctx context.Context, _ []string, p *printer) error {
	out, errOut := p.Writer, p.errOut
	if err := f.check(); err != nil {
		return err
	}
	if f.replay != "" {
		return replayPowercut(ctx, f, out)
	}
	old, new, err := f.images(ctx)
	if err != nil {
		return err
	}
	shape, err := f.shape(max(len(old), len(new)))
	if err != nil {
		return err
	}
	subject, err := sweep.NewSubject(ctx, filepath.Base(f.old)+" to "+filepath.Base(f.new), shape, old, new, f.seed)
	if err != nil {
		return errors.Join(stopped(ctx), err)
	}
	debug.SetGCPercent(400) // many short lives of one device each: memory is cheaper than collecting it
	result, err := subject.Sweep(ctx, f.options(subject, errOut))
	if isTerminal(errOut) {
		fmt.Fprint(errOut, "\r\x1b[K")
	}
	if err != nil {
		return errors.Join(stopped(ctx), err)
	}
	if f.report != "" {
		if err := f.write(result, old, new); err != nil {
			return err
		}
	}
	if f.json {
		err = printJSON(out, result)
	} else {
		err = printSweep(out, result)
	}
	return errors.Join(err, f.verdict(result))
}

// verdict is an error, hence exit code 1, if a check failed.
func (f *powercutFlags) verdict(r *sweep.Result) error {
	if !r.Failed() {
		return nil
	}
	return fmt.Errorf("a check failed; unbrick powercut --old %s --new %s --replay %s shows it", f.old, f.new, r.Failures[0].ID)
}

func (f *powercutFlags) images(ctx context.Context) (old, new []byte, err error) {
	if old, err = readImage(ctx, f.old, *f.raw); err != nil {
		return nil, nil, err
	}
	new, err = readImage(ctx, f.new, *f.raw)
	return old, new, err
}

func (f *powercutFlags) shape(size int) (sweep.Shape, error) {
	erased, err := erasedByte(f.erased)
	if err != nil {
		return sweep.Shape{}, err
	}
	if f.unit == 0 || f.unit > 32 || f.unit&(f.unit-1) != 0 {
		return sweep.Shape{}, usageError("--program-unit %d is none of 1, 2, 4, 8, 16, 32", f.unit)
	}
	list, err := sweep.Fit(f.geometry, uint32(min(size, 1<<30)))
	if err != nil {
		return sweep.Shape{}, usageError("%v", err)
	}
	return sweep.Shape{
		Runs: list, Unit: uint32(f.unit), Page: max(*f.page, uint32(f.unit)), Erased: erased, ECC: f.ecc,
		Boot: *f.boot, RAM: *f.workspace,
	}, nil
}

// options decides how much is tried. Second cuts are all made on small images, and else as many as a
// budget, or a minute or so, has room for.
func (f *powercutFlags) options(s *sweep.Subject, errOut io.Writer) *sweep.Options {
	o := &sweep.Options{Seed: f.seed, Workers: f.workers, Budget: f.budget, Link: true, Defects: true, Hostile: true, Cable: 8}
	if f.pairs {
		o.Pairs, o.Triples = 1, 97
		if !s.Small() {
			o.Pairs = s.PairShare(pairsWanted(f.budget))
		}
	}
	if f.noise {
		o.Noise, o.Cable = 3, -1
	}
	if isTerminal(errOut) {
		o.Progress = func(p sweep.Progress) {
			fmt.Fprintf(errOut, "\r\x1b[K%v: %d of %d, %d runs", p.Kind, p.Done, p.Total, p.Runs)
		}
	}
	return o
}

// pairsWanted is about how many second cuts there is time for.
func pairsWanted(budget time.Duration) int {
	const perSecond = 1500 // of one processor, everything else aside
	if budget == 0 {
		budget = time.Minute
	}
	return int(budget.Seconds() * perSecond)
}

// write writes the report. It stands where it was asked for only when it is whole.
func (f *powercutFlags) write(r *sweep.Result, old, new []byte) error {
	line := "unbrick powercut"
	f.set.Visit(func(given *pflag.Flag) { line += " --" + given.Name + "=" + given.Value.String() })
	o := &page.Options{Command: line, Version: buildVersion(), Made: time.Now(), Seed: f.seed}
	o.Images = []page.Image{
		{Role: "old", Name: filepath.Base(f.old), Size: len(old), Digest: sha256.Sum256(old)},
		{Role: "new", Name: filepath.Base(f.new), Size: len(new), Digest: sha256.Sum256(new)},
	}
	file, err := os.Create(f.report)
	if err != nil {
		return err
	}
	err = page.Write(file, o, []*sweep.Result{r})
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(f.report)
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
