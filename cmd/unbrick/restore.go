package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/restore"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const restoreHelp = `usage: unbrick restore --port PATH [--release-file FILE]... [--release VERSION] [--pub release.pub] [flags]
       unbrick restore --port PATH --image SIGNED.bin [flags]
       unbrick restore --port PATH {--file FILE | --part OFFSET=FILE}... [flags]

Brings a device back over its cable. Reads what is left in its flash, recognises it by the releases at hand, sends
only what is missing, and ends when the device itself has verified the whole release. Interrupted, it is run again.

Releases come from --release-file (as often as needed) and from the server (--server, UNBRICK_SERVER). Without
--release it is the one that an interrupted update was leading to, else the installed one, else the newest; a
single --release-file is taken as the wish. What is wished is restored or nothing is, also where another release
has the same image. The older release beside the wanted one makes less to send. The manifest is verified against the keys that the device trusts; --pub allows only the keys that it names.

Before anything is written it says what it is about to do, and reads a yes or no from standard input. Without a person
there, as in a script, --yes is the answer; at the end of the input without one, nothing is written.

With --backup, what the device holds is read into a file before anything is written; a device whose maker does not
allow that is left as it is.

What was set on the device is kept. With --erase-settings its settings areas are erased too, after its software is
verified; what is in them is lost. A device that does not know how keeps them, and is restored all the same.

With --image, a device whose boot loader is MCUboot in serial recovery, or whose program runs an SMP server, gets a
signed image: checked first, uploaded, looked for in the image list, started. One that is on trial in a second slot is
told to stay when its program answers within --await. An upload that was interrupted goes on where the boot loader
stands, also after this program was killed.

With --file or --part, an Espressif chip or an AVR board gets firmware of any kind: raw with its offset, Intel HEX, S-record, ELF, UF2, ESP
image, merged ESP image. The file is checked, what would not start there is refused, and only the blocks that differ are written; what
lies elsewhere in the flash stays. Then the device is started, and listened to.

examples:
  unbrick restore --port /dev/ttyUSB0 --server https://updates.example.org
  unbrick restore --port COM5 --release-file 2.4.1.release --pub release.pub
  unbrick restore --port /dev/ttyACM0 --image zephyr.signed.bin
  unbrick restore --port /dev/ttyUSB0 --file merged.bin
  unbrick restore --port /dev/ttyACM0 --file blink.hex

exit codes: 0 the device has verified the release, or lists the image, or holds the files, and starts, 1 it did not work, an image was not started, or settings
were to be erased and are not; the message says whether the device is safe, 2 the words are off, or nobody answered the question and --yes
was not said`

// maxAttempts is how often it is tried by itself, as long as what went wrong may go away.
const maxAttempts = 3

type restoreFlags struct {
	cableFlags
	serverFlags
	fileFlags
	released   []string
	pubs       []string
	version    string
	yes, plain bool
	erase      bool          // the settings areas too
	backup     string        // file for what the device held; empty: none
	image      string        // for MCUboot; empty: a release
	number     uint          // which image of several
	await      time.Duration // for a program on trial
}

// restoration is one run of the command.
type restoration struct {
	*restoreFlags
	source      *releaseSource
	choice      restore.Choice
	out, errOut io.Writer
	bar         bool
	lastLine    time.Duration
	meter       restore.Meter
	device      *restore.Device
	saved       bool // the backup was made
	plan        *restore.Plan
	declined    bool             // somebody wants nothing written, or nobody answered
	writing     bool             // the device was told to write
	word        *restore.Receipt // of a device on why it could not be restored, nil: none
}

// restoreResult is the last line of --json.
type restoreResult struct {
	Release       string   `json:"release"`
	Model         string   `json:"model"`
	Serial        string   `json:"serial"`
	Image         string   `json:"image"`
	Kind          string   `json:"kind"`
	Way           string   `json:"way"`
	BytesSent     uint64   `json:"bytes_sent"`
	BytesReceived uint64   `json:"bytes_received"`
	BytesFull     uint64   `json:"bytes_full"` // that the plain upload of the whole release would send, framing included, as in the two before
	Sectors       int      `json:"sectors_written"`
	Refreshed     int      `json:"sectors_refreshed"`
	Operations    int      `json:"flash_operations"`
	Repeated      int      `json:"repeated"`
	Settings      string   `json:"settings"`        // none, kept, erased, unable, failed
	Erased        []string `json:"settings_erased"` // names of the areas that are erased
	Seconds       float64  `json:"seconds"`
	SecondsLine   float64  `json:"seconds_line"`
	SecondsDevice float64  `json:"seconds_device"`
}

func (f *restoreFlags) declare(set *pflag.FlagSet) {
	f.cableFlags.declare(set)
	f.serverFlags.declare(set)
	f.fileFlags.declare(set)
	set.StringArrayVar(&f.released, "release-file", nil, "release `file` to use; may come several times")
	set.StringArrayVar(&f.pubs, "pub", nil, "`file` of the only public key to accept; again for a further one")
	set.StringVar(&f.version, "release", "", "`version` of the release to restore")
	set.BoolVar(&f.yes, "yes", false, "write without asking: the answer is yes")
	set.BoolVar(&f.plain, "plain", false, "upload the whole image in the plain way of SMP")
	set.StringVar(&f.backup, "backup", "", "`file` to read the software area into first, where the device's maker allows it")
	set.BoolVar(&f.erase, "erase-settings", false, "erase the device's settings areas too, when its software is verified")
	set.StringVar(&f.image, "image", "", "signed MCUboot image to install, instead of a release")
	set.UintVar(&f.number, "image-number", 0,
		"with --image: number of the upload, where the boot loader has several images, or 2 for the second slot where it takes uploads to it")
	set.DurationVar(&f.await, "await", restore.DefaultAwait,
		"with --image: how long a program on trial is waited for, to confirm it; 0: not at all")
}

func (f *restoreFlags) check() error {
	switch {
	case f.fileFlags.any() && (f.image != "" || len(f.released) > 0 || f.version != "" || len(f.pubs) > 0 || f.plain ||
		f.backup != "" || f.erase):
		return usageError("--file and --part are for devices of other families, and go with no flag of a release or of an image")
	case f.image != "" && (len(f.released) > 0 || f.version != "" || len(f.pubs) > 0 || f.plain || f.backup != "" || f.erase):
		return usageError("--image is for MCUboot, and goes with no flag of a release")
	case f.await < 0 || f.number > 255:
		return usageError("--await and --image-number are at least 0, the number at most 255")
	}
	return f.cableFlags.check()
}

// restoreCommand restores a device.
func restoreCommand() *cobra.Command {
	f := &restoreFlags{}
	c := verb("restore", "brings a device back over its cable", restoreHelp, noWords, f.restore)
	f.declare(c.Flags())
	return c
}

func (f *restoreFlags) restore(ctx context.Context, _ []string, p *printer) error {
	out, errOut := p.Writer, p.errOut
	if err := f.check(); err != nil {
		return err
	}
	f.await = cmp.Or(f.await, -1) // 0 is the option's default, and means not at all to people
	r := &restoration{restoreFlags: f, out: out, errOut: errOut, bar: isTerminal(out) && !f.json}
	if f.image != "" {
		return r.restoreImage(ctx)
	}
	if f.fileFlags.any() {
		return r.restoreBoard(ctx)
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	began := time.Now()
	result, err := tries(ctx, r, func() (*restore.Result, bool, error) {
		result, err := r.once(ctx)
		return result, r.device != nil, err
	})
	if r.device != nil && ctx.Err() == nil && !r.declined {
		r.tell(ctx, result, err, time.Since(began))
	}
	if err != nil {
		if ctx.Err() != nil {
			return r.stopped("It can be restored: run the same command again")
		}
		return explain(err)
	}
	if err := r.print(result); err != nil {
		return err
	}
	return r.settled(result)
}

// untouched says of a file that could not be read, before the cable was opened, that this did not touch the device.
func untouched(ctx context.Context, err error) error {
	if _, usage := errors.AsType[*exitError](err); usage || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w\nIs the device safe? Yes. It was not spoken to, and nothing was written: it is as it was.\nWhat to do: name a "+
		"file that can be read, and run the command again", err)
}

// prepare reads files and keys.
func (r *restoration) prepare(ctx context.Context) (err error) {
	r.source = &releaseSource{}
	var first *release.Manifest
	for _, name := range r.released {
		b, err := readFile(ctx, name, "a release file", release.MaxFile)
		if err != nil {
			return untouched(ctx, err)
		}
		m, err := r.source.files.Add(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, explain(err))
		}
		if first == nil {
			first = &m
		}
	}
	if len(r.released) == 0 || r.named() {
		if r.source.api, err = newAPI(r.server, ""); err != nil {
			return err
		}
	}
	if r.choice.Keys, err = readPubs(ctx, r.pubs); err != nil {
		return untouched(ctx, err)
	}
	r.choice.Version = r.version
	if len(r.released) == 1 && r.version == "" {
		r.choice.Release = first
	}
	return nil
}

// tries does a thing, and again where that can help by itself; met says that the device has answered.
func tries[T any](ctx context.Context, r *restoration, once func() (result T, met bool, err error)) (T, error) {
	for attempt := 1; ; attempt++ {
		result, met, err := once()
		r.endBar()
		var e *restore.Error
		if err == nil || attempt == maxAttempts || !errors.As(err, &e) || !e.Retry() || !met || e.Code == restore.CodeVanished ||
			ctx.Err() != nil {
			return result, err
		}
		fmt.Fprintf(r.errOut, "%s Trying again.\n", advices(e).happened)
	}
}

func (r *restoration) once(ctx context.Context) (*restore.Result, error) {
	s, err := r.connect(ctx, r.errOut)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if r.device, err = s.Identify(ctx); err != nil {
		return nil, err
	}
	p, err := s.Plan(ctx, r.device, r.source, &r.choice)
	var known *restore.Error
	if err != nil && r.source.missed != nil && ctx.Err() == nil && (!errors.As(err, &known) || known.Code == restore.CodeNoRelease) {
		return nil, fmt.Errorf("%w\nIs the device safe? Yes. Nothing was written: it is as it was.\nWhat to do: give --release-file, or a "+
			"--server that answers", r.source.missed)
	}
	if err != nil {
		return nil, err
	}
	r.plan = p
	if err := r.ask(ctx, p); err != nil {
		return nil, err
	}
	if err := r.readOut(ctx, s); err != nil {
		return nil, err
	}
	r.meter, r.writing = restore.Meter{}, true
	p.Nonce = r.nonce(ctx)
	run := s.Run
	if r.plain && p.Kind != restore.KindStart {
		run = s.Upload
	}
	result, err := run(ctx, p, r.progress)
	r.word = s.Said(ctx, p, err)
	return result, err
}

// ask shows the facts and waits for a yes.
func (r *restoration) ask(ctx context.Context, p *restore.Plan) error {
	d := p.Device
	fmt.Fprintf(r.errOut, "Found model %s, serial %s: %s.\n", d.Model, d.Serial, whyWords(d.Why.String()))
	if p.Kind == restore.KindStart {
		fmt.Fprintln(r.errOut, soundWords(d.Why, p.Release.Version))
		if r.wish(p) {
			return r.confirm(ctx, "Erase its settings?", false)
		}
		return nil
	}
	estimate := p.Line + p.Flash
	fmt.Fprintf(r.errOut, "Release %s (%v), signed by key %s: %d sectors to write, %d are right, %d bytes to send for an image of %d, "+
		"about %v.\n",
		p.Release.Version, p.Reason, p.Signers, p.Sectors, p.Good, p.BytesSend, p.Release.Size, estimate.Round(time.Second))
	if r.wish(p) {
		return r.confirm(ctx, "Restore it, and erase its settings?", false)
	}
	return r.confirm(ctx, "Restore it?", true)
}

// soundWords says that only a start is left to do, also of a device that was mended after it had told why it waits.
func soundWords(why smp.Why, version string) string {
	switch why {
	case smp.WhyInterrupted, smp.WhyDamaged, smp.WhyNoRecord:
		return fmt.Sprintf("That is mended since: its software is release %s, verified. It only has to start.", version)
	case smp.WhyUnknown, smp.WhyAsked, smp.WhyPin, smp.WhyHang:
	}
	return fmt.Sprintf("Its software is release %s, verified. It only has to start.", version)
}

// stopped says what an end by Ctrl-C leaves; safe is the answer about a device that was being written.
func (r *restoration) stopped(safe string) error {
	if !r.writing {
		safe = "Yes. Nothing was written: it is as it was"
	}
	return fmt.Errorf("stopped before the end.\nIs the device safe? %s", safe)
}

// confirm asks on standard input, whatever that is, and fails unless the answer is yes, which an empty line is if plain.
// A yes holds for every further attempt. What ends without an answer has agreed to nothing.
func (r *restoration) confirm(ctx context.Context, question string, plain bool) error {
	if r.yes {
		return nil
	}
	choice := "y/N"
	if plain {
		choice = "Y/n"
	}
	fmt.Fprintf(r.errOut, "%s [%s] ", question, choice)
	var line string
	var ended error
	said := make(chan struct{})
	go func() { // a read of a terminal does not end with the context
		defer close(said)
		line, ended = bufio.NewReader(os.Stdin).ReadString('\n')
	}()
	select {
	case <-said:
	case <-ctx.Done():
		fmt.Fprintln(r.errOut)
		return ctx.Err()
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	if answer == "y" || answer == "yes" || answer == "" && plain && ended == nil {
		r.yes = true
		return nil
	}
	r.declined = true
	if answer == "" && ended != nil {
		fmt.Fprintln(r.errOut)
		return usageError("nobody answered, and nothing was written: say --yes to restore without a question")
	}
	return errors.New("not restored: nothing was written")
}

func (r *restoration) print(result *restore.Result) error {
	p := result.Plan
	v := restoreResult{
		Release: p.Release.Version, Model: p.Device.Model, Serial: p.Device.Serial, Image: release.Hex(p.Release.Digest),
		Kind: p.Kind.String(), Way: result.Way.String(),
		BytesSent: result.BytesSent, BytesReceived: result.BytesReceived, BytesFull: result.BytesFull, Sectors: result.SectorsWritten,
		Refreshed:  result.Refreshed,
		Operations: result.Operations, Repeated: result.Repeated, Settings: result.Settings.String(), Erased: []string{},
		Seconds: result.Elapsed.Seconds(), SecondsLine: result.Line.Seconds(), SecondsDevice: result.Device.Seconds(),
	}
	for _, a := range result.Erased {
		v.Erased = append(v.Erased, a.Name)
	}
	if r.json {
		return printJSON(r.out, v)
	}
	if p.Kind == restore.KindStart {
		fmt.Fprintf(r.out, "Nothing had to be written. It starts release %s.\n", v.Release)
		return nil
	}
	fmt.Fprintf(r.out, "Restored. It runs release %s: every byte was read back and matches.\n%d sectors written, %d bytes sent for an "+
		"image of %d, %.1f s: line %.1f s, device %.1f s.\n",
		v.Release, v.Sectors, v.BytesSent, p.Release.Size, v.Seconds, v.SecondsLine, v.SecondsDevice)
	return nil
}
