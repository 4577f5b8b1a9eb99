package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/terminal"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const emulateHelp = `usage: unbrick emulate --model ID --serial S [flags]

An emulated device: real terminal software on emulated flash, RAM, line, clock and power. Its model comes
from the server, or from --model-file (see unbrick model put -o). A new one comes from the factory: with --version, --image and
--pub, or with --release-file and --pub, which ask no server. With --flash FILE it is kept between runs.

  unbrick emulate --model 0001 --serial S1 --version 1 --image v1.bin --pub release.pub --flash dev.bin --update
  unbrick emulate --model 0001 --serial S1 --flash dev.bin --pty /tmp/cable     then: unbrick restore --port /tmp/cable
  unbrick emulate --model-file 0001.model --serial S1 --release-file 1.release --pub release.pub --flash dev.bin --pty /tmp/cable

Without --update it boots and stays up until you stop it. A device that has started tells the server so, as every device does; with --model-file
only if --server or UNBRICK_SERVER names one. With --cut-at N power fails inside the N-th flash operation, counted from the
intent record; then it powers up again, boots, saves and exits. If there are fewer operations, no cut falls: that is said, and
is exit code 1. Tears: ` + tearList + `.

Each line is an event of the device: device time, the step of the specification (docs/design.md), what happened with its numbers, and how many
flash operations there were since the intent record. Steps that are the server's or the link's are in the server's log.

At --pty bytes take the time that they take on a line of the model's speed, and flash the time of its data sheet. With --full-speed
nothing is waited for.

exit codes: 0 the wanted release runs, or nothing newer is meant for the device now; 1 the old one still runs, or the cut of --cut-at did
not fall; 2 the words are off; 3 restoration mode`

const tearList = "none, complete, first-unit, half, all-but-one, unstable, unreadable, erase-part, erase-weak, marginal"

// emulateFlags are the words of the command.
type emulateFlags struct {
	serverFlags
	model, serial, version, image, manifest string
	pubs                                    []string
	threshold                               uint
	modelFile, releaseFile                  string
	flash, pty, tear                        string
	update, json, hang, fullSpeed           bool
	left                                    emulator.Tear // what tear says
	alone                                   bool          // there is no server to ask or tell
	cutAt, seed                             uint64
	linkRate                                uint32
	raw                                     *bool
}

func (f *emulateFlags) declare(set *pflag.FlagSet) {
	f.serverFlags.declare(set)
	set.Var((*id)(&f.model), "model", "model of the device; the server must know it")
	set.StringVar(&f.modelFile, "model-file", "", "record of the model, instead of asking the server")
	set.Var((*id)(&f.serial), "serial", "serial of the device")
	set.StringVar(&f.version, "version", "", "factory: version of the installed release")
	set.StringVar(&f.image, "image", "", "factory: raw image of that release")
	set.StringVar(&f.manifest, "manifest", "", "factory: manifest or release file, instead of the server's")
	set.StringVar(&f.releaseFile, "release-file", "", "factory: release file with manifest and image, instead of --version and --image")
	set.StringArrayVar(&f.pubs, "pub", nil, "factory: `file` of a public key that the device trusts; again for a further one, up to four")
	set.UintVar(&f.threshold, "threshold", 1, "factory: how many of these keys must have signed a release")
	set.StringVar(&f.flash, "flash", "", "file with the raw flash; used again if it exists")
	set.StringVar(&f.pty, "pty", "", "where to put a link to the cable's pseudo-terminal")
	set.StringVar(&f.tear, "tear", "half", "what the cut leaves: "+tearList)
	set.BoolVar(&f.update, "update", false, "hold one update session, then exit")
	set.BoolVar(&f.json, "json", false, "one JSON object as the last line")
	set.BoolVar(&f.hang, "hang", false, "the running release hangs until the watchdog bites, a restored one does not; with --update, it "+
		"is the new one that hangs")
	set.BoolVar(&f.fullSpeed, "full-speed", false, "let device time pass as fast as this machine can, also at --pty")
	set.Uint64Var(&f.cutAt, "cut-at", 0, "cut power inside this flash operation, 1 is the first")
	set.Uint64Var(&f.seed, "seed", 1, "seed of everything random in the device")
	f.raw = rawFlag(set)
	set.Var((*size)(&f.linkRate), "link-rate", "bytes a second of the device's radio, in device time (default no limit)")
}

// emulateCommand runs an emulated device.
func emulateCommand() *cobra.Command {
	f := &emulateFlags{}
	c := verb("emulate", "runs an emulated device: update it, cut its power, offer its cable", emulateHelp, noWords, f.emulate)
	f.declare(c.Flags())
	completes(c, "tear", strings.Split(tearList, ", ")...)
	return c
}

func (f *emulateFlags) check() error {
	switch {
	case f.model == "" && f.modelFile == "":
		return usageError("--model or --model-file is missing")
	case f.releaseFile != "" && (f.version != "" || f.image != "" || f.manifest != ""):
		return usageError("--release-file holds manifest and image: it goes without --version, --image and --manifest")
	case f.serial == "" && f.flash == "":
		return usageError("--serial is missing")
	case f.cutAt > 0 && !f.update && f.pty == "":
		return usageError("--cut-at needs --update or --pty: nothing would be rewritten")
	}
	var err error
	if f.left, err = emulator.ParseTear(f.tear); err != nil {
		return usageError("--tear: %v", err)
	}
	return nil
}

// emulation is one run of the command.
type emulation struct {
	*emulateFlags
	device *lab.Device
	out    io.Writer
}

func (f *emulateFlags) emulate(ctx context.Context, _ []string, p *printer) error {
	out, errOut := p.Writer, p.errOut
	if err := f.check(); err != nil {
		return err
	}
	f.alone = f.modelFile != "" && !f.update && !f.named()
	e := &emulation{emulateFlags: f, out: out}
	if f.json {
		e.out = errOut
	}
	m, err := e.describe(ctx)
	if err != nil {
		return err
	}
	e.device, err = lab.New(m, &lab.Options{Seed: f.seed, LinkRate: f.linkRate, Event: e.event, Hardware: hardware})
	if err != nil {
		return err
	}
	if err := e.fill(ctx); err != nil {
		return err
	}
	if f.hang && !f.update {
		e.device.Board().SetHealthy(false)
	}
	result, err := e.live(ctx)
	if f.flash != "" {
		if saving := e.device.SaveFile(f.flash); err == nil {
			err = saving
		}
	}
	if err != nil {
		return err
	}
	e.verdict(result)
	if f.json {
		if err := printJSON(out, result); err != nil {
			return err
		}
	}
	err = e.uncut(result)
	if err != nil && result.code == exitOK {
		result.code = exitFailed
	}
	if result.code != exitOK {
		return &exitError{code: result.code, err: err}
	}
	return nil
}

// describe returns the device's model.
func (e *emulation) describe(ctx context.Context) (*model.Model, error) {
	client, err := newAPI(e.server, "")
	if err != nil {
		return nil, err
	}
	m, err := modelOf(ctx, client, e.model, e.modelFile)
	if err != nil {
		return nil, err
	}
	e.model = m.ID
	return m, nil
}

// event prints a step as it happens.
func (e *emulation) event(ev lab.Event) {
	if e.hang && ev.Code == terminal.EventInstalled {
		// What the update leads to hangs; what a restoration brings does not.
		e.device.Board().SetHealthy(!e.update)
	}
	if ev.Code == terminal.EventData || ev.Code == terminal.EventMark {
		return
	}
	fmt.Fprintln(e.out, e.eventLine(&ev))
}

// emulateResult is the last line of --json.
type emulateResult struct {
	Verdict    string  `json:"verdict"`
	Release    string  `json:"release"`
	Kind       string  `json:"kind"`
	Bytes      uint32  `json:"update_bytes"`
	Workspace  uint32  `json:"workspace"`
	Operations uint64  `json:"flash_operations"`
	Erases     uint64  `json:"erases"`
	Seconds    float64 `json:"seconds_device"`
	Reason     string  `json:"reason,omitempty"`

	state lab.State
	code  int
}

// cutVerdict is the verdict of a device that lost power.
const cutVerdict = "cut"

// live powers the device and lets it do what was asked. Afterwards it is off.
func (e *emulation) live(ctx context.Context) (*emulateResult, error) {
	if e.pty != "" {
		cable, err := openPTY(e.pty)
		if err != nil {
			return nil, err
		}
		defer cable.Close()
		attachment, err := e.device.Attach(cable)
		if err != nil {
			return nil, err
		}
		defer attachment.Detach()
		cable.follow(attachment.SetSpeed)
		if !e.fullSpeed {
			e.device.Board().SetPace(newPace().pass)
		}
		fmt.Fprintf(e.out, "cable: %s\n", e.pty)
	}
	if err := e.device.PowerOn(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	defer e.device.PowerOff(emulator.NotBegun)
	e.device.CutAt(e.cutAt, e.left)
	if _, err := e.device.Settle(ctx); err != nil {
		return nil, stopped(ctx)
	}
	before := e.device.About().Installed.Digest
	result := &emulateResult{}
	if e.update {
		if err := e.session(ctx, result); err != nil {
			return nil, err
		}
	} else if err := e.stay(ctx); err != nil {
		return nil, err
	}
	return result, e.judge(ctx, result, before)
}

// judge powers a device that lost power up again and says what became of it.
func (e *emulation) judge(ctx context.Context, result *emulateResult, before release.Digest) error {
	counts := e.device.Counts()
	result.Operations, result.Erases = counts.Operations, counts.Erases
	result.Seconds = e.device.Time().Seconds()
	if e.device.State() == lab.Off && ctx.Err() == nil {
		result.Verdict = cutVerdict
		if err := e.device.PowerOn(ctx); err != nil {
			return err
		}
		if _, err := e.device.Settle(ctx); err != nil {
			return stopped(ctx)
		}
	}
	if e.update && e.device.State() == lab.Running && (result.Verdict == terminal.Rewritten.String() || result.Verdict == cutVerdict) {
		e.tell(ctx)
	}
	about := e.device.About()
	switch e.device.State() {
	case lab.Running:
		result.Release = about.Installed.Version
		nothing := false // is meant for this device now
		for _, r := range []protocol.Reason{protocol.ReasonUpToDate, protocol.ReasonNoRelease, protocol.ReasonNotYet} {
			nothing = nothing || result.Reason == r.String()
		}
		if e.update && about.Installed.Digest == before && !nothing {
			result.code = exitFailed
		}
	case lab.Restoration, lab.Hanging:
		result.code = exitRestoration
	case lab.Faulted:
		return fmt.Errorf("the device stopped: %w", e.device.Fault())
	case lab.Off, lab.Booting:
	}
	result.state = e.device.State()
	return nil
}

// verdict prints what became of the device, when it is off and says nothing more.
func (e *emulation) verdict(result *emulateResult) {
	fmt.Fprintf(e.out, "%v", result.state)
	if result.Release != "" {
		fmt.Fprintf(e.out, " release %s", result.Release)
	}
	if result.Reason != "" {
		fmt.Fprintf(e.out, " (%s)", result.Reason)
	}
	fmt.Fprintln(e.out)
}

// uncut says that the wanted cut did not fall, nil if it did or none was wanted.
func (e *emulation) uncut(result *emulateResult) error {
	switch {
	case e.cutAt == 0 || result.Verdict == cutVerdict:
		return nil
	case result.Operations == 0:
		return fmt.Errorf("no cut fell: nothing was rewritten")
	}
	return fmt.Errorf("no cut fell: the rewrite took %d flash operations, and --cut-at says %d", result.Operations, e.cutAt)
}
