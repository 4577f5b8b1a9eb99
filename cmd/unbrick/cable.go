package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"unbrick/firmware/mcuboot"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/serialport"

	"github.com/spf13/pflag"
)

// cableFlags are the flags of commands that talk over a cable.
type cableFlags struct {
	port string
	baud uint
	json bool
}

func (f *cableFlags) declare(set *pflag.FlagSet) {
	set.StringVar(&f.port, "port", "", "serial port of the cable; unbrick ports lists them")
	set.UintVar(&f.baud, "baud", restore.DefaultBaud, "base speed of the device's cable")
	set.BoolVar(&f.json, "json", false, "print JSON: progress lines, and as last line one object")
}

func (f *cableFlags) check() error {
	switch {
	case f.port == "":
		return usageError("--port is missing; unbrick ports lists what is here")
	case f.baud < 1200 || f.baud > 4_000_000:
		return usageError("--baud %d is not 1200 to 4000000", f.baud)
	}
	return nil
}

// connect opens the port and gets the device to answer. Which way worked, and what a person can do
// meanwhile, is told on errOut.
func (f *cableFlags) connect(ctx context.Context, errOut io.Writer) (*restore.Session, error) {
	port, err := serialport.Open(f.port, uint32(f.baud))
	if err != nil {
		return nil, portAdvice(f.port, err)
	}
	s, err := connectAt(ctx, port, uint32(f.baud), errOut)
	if err != nil {
		port.Close()
	}
	return s, err
}

// connectAt is that at an open port.
func connectAt(ctx context.Context, port restore.Port, baud uint32, errOut io.Writer) (*restore.Session, error) {
	o := &restore.Options{Baud: baud, OnWay: func(w restore.Way) {
		if w == restore.WayWait {
			fmt.Fprintln(errOut, "No answer yet. A device that was just being restored answers when it is done with what it has: wait. Any "+
				"other: switch it off and on, or press its reset button, now.")
		}
	}}
	return restore.Connect(ctx, port, o)
}

// portAdvice says what to do about a port that does not open. Nothing was written then.
func portAdvice(path string, err error) error {
	advice := "unbrick ports lists what is here"
	switch {
	case errors.Is(err, serialport.ErrNotFound):
		advice = "is the cable plugged in? unbrick ports lists what is here"
	case errors.Is(err, serialport.ErrBusy):
		advice = "close the other program (a serial monitor, a modem manager, a browser tab) and try again"
	case errors.Is(err, serialport.ErrPermission):
		advice = "on Linux, join the group that owns the port: ls -l " + path + " shows it, often dialout or uucp; then log in again"
	}
	return fmt.Errorf("%w\nIs the device safe? Yes. Nothing was written.\nWhat to do: %s", err, advice)
}

// advice is what is said to a person about a code: what happened, and what to do.
type advice struct{ happened, todo string }

// advices has words for every code of restore.
func advices(e *restore.Error) advice {
	if a, ok := particular(e); ok {
		return a
	}
	version, newer := "", "use a newer release"
	if e.Version != "" {
		version = fmt.Sprintf(" %q", e.Version)
		newer = fmt.Sprintf("use release %q or a newer one", e.Version)
	}
	a, ok := map[restore.Code]advice{
		restore.CodeVanished: {"The cable came out, or its adapter went away.",
			"plug it in again and run the same command: it goes on where it was"},
		restore.CodeSilent: {"The port works, and no device answers.",
			"check the cable, the device's power and --baud; run this again and switch the device off and on while it calls"},
		restore.CodeNoisy: {"The line is too noisy.", "try a shorter cable or another socket, check --baud, and run the same command again"},
		restore.CodeSignature: {"Release" + version + " is not the maker's: its signature is wrong.",
			"get the release file from its maker again"},
		restore.CodeUnknownKey: {"Release" + version + " is signed with a key that this device does not trust.",
			"use a release that is signed with a key of the device's maker"},
		restore.CodeExcluded: {"Release" + version + " is signed with another key than that of --pub.",
			"give --pub the key that has signed it, or leave --pub out: then any key that the device trusts will do"},
		restore.CodeSigners: {"Release" + version + " is signed by fewer keys than this device asks for.",
			"get the release file from its maker with all signatures: unbrick publish --key SECOND.key RELEASEFILE -o RELEASEFILE adds one"},
		restore.CodeModel: {fmt.Sprintf("Release%s is for model %q, and this device is another one.", version, e.Model),
			"use a release for this model; unbrick identify shows it"},
		restore.CodeNoRoom: {fmt.Sprintf("Not even one sector fits the device's workspace: %d bytes are needed, %d are there.", e.Needs, e.Has),
			"restore it with --plain, which needs only one sector of RAM"},
		restore.CodeProof: {"What was sent would not have become the release: the device found out before it erased anything.",
			"run the same command again"},
		restore.CodeVerify: {"What the device read back is not the release.",
			"run the same command again; if this happens twice, its flash may be worn out"},
		restore.CodeFlash: {fmt.Sprintf("The flash does not take an erase or a program any more, at address %#x.", e.Addr),
			"run the same command again; if it stays, the part is worn out and must be replaced"},
		restore.CodeBadRelease: {"Release" + version + " is damaged: its bytes do not match its manifest.", "get the release file again"},
		restore.CodeProtocol: {"The device answers in a way that no version of ours does.",
			"run the same command again; if it stays, its boot loader speaks another protocol"},
		restore.CodeRestarted: {"The device started anew in between.", "check its power, and run the same command again"},
		restore.CodeForeign: {"The device speaks SMP, and is no Unbrick terminal.",
			"if its boot loader is MCUboot, give --image; else use the tool of its maker"},
		restore.CodeUnlisted: {"The boot loader took image" + version + " and does not list it: it would not start it.",
			"use an image that is signed with the key of this boot loader, and made for this device"},
		restore.CodePending: {"Image" + version + " was not started: it lies in a second slot, and the one before, or the boot loader, answers.",
			"let go of the recovery pin if it is held, and switch the device off and on; if that changes nothing, write it to the first slot, " +
				"without --image-number"},
		restore.CodeTrial: {"Another image runs after the start: the trial of image" + version + " was refused, or has failed.",
			"look at what the device says while it starts, and use an image that is made for it"},
		restore.CodeNotStarted: {"The boot loader answers again after the start: it has not started image" + version + ".",
			"let go of the recovery pin if it is held, and switch the device off and on"},
		restore.CodeFloor: {"The device takes no release that old.", newer},
		restore.CodeBadFile: {"The file is no release file and no signed MCUboot image.",
			"make a release with unbrick publish -o, or an image with imgtool sign"},
		restore.CodeRefused: {fmt.Sprintf("The device refused: %v.", e.Err), "unbrick identify shows what it is and takes"},
		restore.CodeNoRelease: {fmt.Sprintf("No release%s for model %q is at hand.", version, e.Model),
			"give --release-file, or a --server that has one"},
		restore.CodeStarted: {"The reset works, and the chip starts its program instead of its boot loader.",
			"hold its BOOT (or IO0) button, run this again, and let go when it is found"},
		restore.CodeProtected: {"The chip is protected against this.", "ask the device's maker: only they have what it takes"},
		restore.CodeTooLarge: {fmt.Sprintf("It does not fit the flash: %d bytes are needed, %d are there.", e.Needs, e.Has),
			"use the file for this board"},
		restore.CodeReserved: {fmt.Sprintf("It would overwrite the device's boot loader at %#x.", e.Addr),
			"use the file that is made for this board, without a boot loader"},
		restore.CodeChip:  {fmt.Sprintf("The file is for another chip, %s.", e.Model), "use the file that is made for this device"},
		restore.CodeUnfit: {fmt.Sprintf("It would not start there: %v.", e.Err), "use the file that is made for this device"},
		restore.CodeNamed: {fmt.Sprintf("The device is only recognised: %v.", e.Err), "use the tool of its maker"},
	}[e.Code]
	if !ok {
		a = advice{"It did not work.", "run the same command again"}
	}
	return a
}

// particular has words where more than the code is known.
func particular(e *restore.Error) (advice, bool) {
	switch e.Code {
	case restore.CodeSilent, restore.CodeNoisy:
		return heardAdvice(e.Heard)
	case restore.CodeBadFile:
		return cutShort(e)
	case restore.CodeRefused:
		return notForIt(e)
	}
	return advice{}, false
}

// notForIt says why a release that the right keys signed is none for the device.
func notForIt(e *restore.Error) (advice, bool) {
	no, is := errors.AsType[*release.Refusal](e.Err)
	if !is {
		return advice{}, false
	}
	happened := fmt.Sprintf("The device takes release %q not: %v.", e.Version, no)
	switch no.Reason {
	case release.TrustTooOld:
		return advice{happened, "use a release of era 0 that asks for no trust statement, as unbrick release show tells, and if there is " +
			"none, have its maker publish it so"}, true
	case release.EraAhead, release.AboveCeiling, release.BelowLeast:
		return advice{happened, "use a release that the device's trust statement has a place for, and if there is none, ask its maker"}, true
	case release.TooLarge, release.ForeignLeaf, release.SeveralParts:
		return advice{happened, "use a release that was made for the flash of this device; unbrick identify shows it"}, true
	case release.ForeignModel, release.BelowFloor, release.NotNewer: // have codes of their own, or do not count here
	}
	return advice{}, false
}

// cutShort says so of a file that only lacks its end.
func cutShort(err error) (advice, bool) {
	const again = "get the file again: a copy or a download has ended early"
	var file *release.ShortError
	var image *mcuboot.ShortError
	switch {
	case errors.As(err, &file) && file.Wants == 0:
		return advice{fmt.Sprintf("This release file is cut short: it ends after %d bytes, inside its manifest.", file.Has), again}, true
	case errors.As(err, &file):
		return advice{fmt.Sprintf("This release file is cut short: it has %d of %d bytes.", file.Has, file.Wants), again}, true
	case errors.As(err, &image):
		return advice{fmt.Sprintf("This signed image is cut short: it has %d of at least %d bytes.", image.Has, image.Wants), again}, true
	}
	return advice{}, false
}

// heardAdvice shows what a device says that does not answer, and names what is recognised in it.
func heardAdvice(heard []byte) (advice, bool) {
	lines := boottext.Lines(heard)
	if len(lines) == 0 {
		return advice{}, false
	}
	var s strings.Builder
	s.WriteString("The device does not answer as an Unbrick terminal or MCUboot does. It says:\n")
	for _, line := range lines {
		s.WriteString("    | " + line + "\n")
	}
	todo := "if this is what the device says while it starts, run this again and switch it off and on while this calls; else check what " +
		"the cable is plugged into"
	if kinds := boottext.Recognise(heard); len(kinds) > 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.String())
		}
		s.WriteString("That is " + strings.Join(names, ", then ") + ".")
		todo = "if this device should have Unbrick or MCUboot behind that, run this again and switch it off and on while this calls; else " +
			"use the tool of its maker"
	} else {
		s.WriteString("Nothing in it is known here.")
	}
	return advice{s.String(), todo}, true
}

// explain turns an error of the engine into words: what happened, whether the device is safe, what to do.
func explain(err error) error {
	e, known := errors.AsType[*restore.Error](err)
	if !known {
		return err
	}
	a := advices(e)
	safe := "Yes. Nothing was written: it is as it was."
	switch e.Touched {
	case restore.TouchedNothing, restore.TouchedRenewed:
	case restore.TouchedSettings:
		safe = "Yes. Its software is verified and starts. Of its settings a part may be erased."
	case restore.TouchedPart:
		safe = "It does not start yet, and it can be restored: the part that restores it is never overwritten."
	case restore.TouchedWritten:
		safe = "Yes. The image is written, and the boot loader lists it as one that it starts."
	case restore.TouchedAll:
		safe = "Everything was written and is not verified; it can be restored again."
	}
	return fmt.Errorf("%s\nIs the device safe? %s\nWhat to do: %s.\n(C-1%02d, %v)", a.happened, safe, strings.TrimSuffix(a.todo, "."),
		e.Code, err)
}
