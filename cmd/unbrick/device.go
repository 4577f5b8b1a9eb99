package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"

	"github.com/spf13/cobra"
)

const deviceHelp = `usage: unbrick device list [--model ID] [--group NAME] [--search TEXT] [--image SHA256]
       unbrick device show MODEL SERIAL
       unbrick device hold MODEL SERIAL VERSION
       unbrick device free MODEL SERIAL [VERSION]
       unbrick device remove MODEL SERIAL
       unbrick device remove --all --model ID --yes
       unbrick device approve MODEL SERIAL --key KEY
       unbrick device rekey MODEL SERIAL --key KEY
       unbrick device import LIST.csv

list   tells of the devices that have spoken here, those in need first. --group takes restoration, needs-cable,
       overdue, held-back, silent, receiving, rewriting or running, --search a part of the serial number, --image
       the SHA-256 of what a device says it runs
show   tells what the server knows of a device, and what keeps updates from it; of one that has not spoken, its keys
hold   keeps a release from the device until free ends that; a transfer of it ends at once
free   with a version: ends your hold of that release and the server's, and forgets its failures;
       without: that of all releases, refused update files, dead sectors, the mark of a conflict, and a
       state that only the device could end (waits for restoration, needs the cable, no word since its rewrite)
remove deletes the device with its history and its keys: one that is no more. It comes back when it speaks. With --all: all
       devices of a model, and the keys of those that never spoke. --yes says that this is meant. It can be broken off, and
       goes on when it is said again
approve makes the key that somebody signed with under the serial the device's own, of a device that has none (unbrick
       stranger list). What it signs is the device's word from then on. Be sure that it is that device: compare the key
       with the one that its maker or its screen names
rekey  makes a key the device's in place of the one it has: its board was replaced. The old key is barred, and its
       history stays. One that was barred may come back
import enrols the devices of a list that unbrick factory made, all or none, at most 100,000; those that are enrolled
       stay as they are

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

func deviceCommand() *cobra.Command {
	f, query := &serverFlags{}, &form.DeviceQuery{Page: form.Page{Limit: 500}}
	all := f.verb("list", "tells of the devices that have spoken here", noWords,
		func(ctx context.Context, a *api, _ []string, p *printer) error {
			return list(p, pages(ctx, a, form.ListDevices, query), "no device found",
				"MODEL\tSERIAL\tGROUP\tKEY\tLAST HEARD\tSAYS THAT IT RUNS", deviceRow)
		})
	all.Flags().Var((*id)(&query.Model), "model", "list those of one model")
	all.Flags().StringVar(&query.Group, "group", "", "list those of one group")
	all.Flags().StringVar(&query.Search, "search", "", "list those whose serial number has this in it")
	all.Flags().StringVar(&query.Image, "image", "", "list those that say they run this image")
	completes(all, "group", groups()...)
	g := group("device", "lists and shows devices, says by what keys they are known, holds releases back, frees, removes", deviceHelp,
		"say: unbrick device list, or: unbrick device show|hold|free|remove|approve|rekey MODEL SERIAL, or: unbrick device import LIST.csv", all,
		f.verb("show MODEL SERIAL", "tells what the server knows of a device",
			ofDevice(2, 2, "show takes MODEL and SERIAL"), showDevice),
		f.verb("hold MODEL SERIAL VERSION", "keeps a release from the device",
			ofDevice(3, 3, "hold takes MODEL and SERIAL, and VERSION"), changeDevice(form.HoldDevice)),
		f.verb("free MODEL SERIAL [VERSION]", "ends what keeps releases from the device",
			ofDevice(2, 3, "free takes MODEL and SERIAL, and VERSION if only one release is meant"), changeDevice(form.FreeDevice)),
		forgetCommand(f),
		f.keyVerb("approve", "makes a key that of a device that has none", "is known by", form.ApproveDevice),
		f.keyVerb("rekey", "makes a key that of a device in place of the one it has", "is now known by", form.RekeyDevice),
		f.verb("import LIST.csv", "enrols the devices of a list", takes(1, 1, "import takes one LIST.csv"), importList))
	f.operate(g.PersistentFlags())
	return g
}

// ofDevice checks words that begin with MODEL and SERIAL.
func ofDevice(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, words []string) error {
		if err := takes(least, most, what)(c, words); err != nil {
			return err
		}
		for i, what := range []string{"model", "serial"}[:min(2, len(words))] {
			if err := release.CheckID(words[i]); err != nil {
				return usageError("%s: %v", what, err)
			}
		}
		return nil
	}
}

// deviceOf is the device that words name.
func deviceOf(words []string) form.DeviceID { return form.DeviceID{Model: words[0], Serial: words[1]} }

func showDevice(ctx context.Context, a *api, words []string, p *printer) error {
	id := deviceOf(words)
	d, err := ask(ctx, a, form.GetDevice, &id)
	if no, is := errors.AsType[*apiError](err); is && no.status == 404 {
		if known, none := ask(ctx, a, form.ListDeviceKeys, &id); none == nil {
			return show(p, known, func(out io.Writer, k *form.Known) {
				fmt.Fprintf(out, "device %s of model %s has not spoken here\n", id.Serial, id.Model)
				printKnown(out, k)
			})
		}
	}
	if err != nil {
		return err
	}
	return show(p, d, func(out io.Writer, d *form.DeviceDetail) {
		printDevice(out, &d.Device)
		printKnown(out, &d.Known)
	})
}

// changeDevice holds back or frees the device that words name, and shows it.
func changeDevice(e form.Endpoint[form.Hold, form.Device]) func(context.Context, *api, []string, *printer) error {
	return func(ctx context.Context, a *api, words []string, p *printer) error {
		in := form.Hold{DeviceID: deviceOf(words)}
		if len(words) == 3 {
			r, err := a.named(ctx, words[0], words[2])
			if err != nil {
				return err
			}
			in.Body.Image = r.Image
		}
		d, err := ask(ctx, a, e, &in)
		if err != nil {
			return err
		}
		return show(p, d, printDevice)
	}
}

// forgetCommand is the verb that deletes one device, or all of a model.
func forgetCommand(f *serverFlags) *cobra.Command {
	const say = "remove takes MODEL and SERIAL, or --all and --model ID"
	of, every, yes := &form.DevicesOf{}, false, false
	c := f.verb("remove [MODEL SERIAL]", "deletes a device with its history, or all of a model", func(c *cobra.Command, words []string) error {
		switch {
		case !every && of.Model == "" && !yes:
			return ofDevice(2, 2, say)(c, words)
		case len(words) > 0 || !every || of.Model == "":
			return usageError("%s", say)
		case !yes:
			return usageError("this deletes every device of model %s, with its history and its keys: say --yes, too, if that is meant", of.Model)
		}
		return nil
	}, func(ctx context.Context, a *api, words []string, p *printer) error {
		if every {
			return forgetAll(ctx, a, of, p)
		}
		return forgetDevice(ctx, a, words, p)
	})
	c.Flags().BoolVar(&every, "all", false, "all devices of a model")
	c.Flags().Var((*id)(&of.Model), "model", "model whose devices are deleted")
	c.Flags().BoolVar(&yes, "yes", false, "delete them without asking: the answer is yes")
	return c
}

// forgetAll deletes the devices of a model, step by step. It takes as many steps as those need that were there: of devices that speak
// meanwhile, some may be left.
func forgetAll(ctx context.Context, a *api, of *form.DevicesOf, p *printer) error {
	var sum form.Forgotten
	for most := 1; most > 0; most-- {
		v, err := ask(ctx, a, form.ForgetDevices, of)
		if err != nil {
			return fmt.Errorf("after %d devices and %d device keys: %w", sum.Devices, sum.Keys, err)
		}
		if sum.Devices+sum.Keys == 0 { // the first step: each takes one at least
			most += v.DevicesLeft + v.KeysLeft
		}
		sum.Devices, sum.Keys, sum.DevicesLeft, sum.KeysLeft = sum.Devices+v.Devices, sum.Keys+v.Keys, v.DevicesLeft, v.KeysLeft
		if v.DevicesLeft+v.KeysLeft == 0 || v.Devices+v.Keys == 0 {
			break
		}
	}
	return show(p, &sum, func(out io.Writer, v *form.Forgotten) {
		fmt.Fprintf(out, "%d devices and %d device keys of model %s are removed", v.Devices, v.Keys, of.Model)
		if v.DevicesLeft+v.KeysLeft > 0 {
			fmt.Fprintf(out, "; %d devices and %d device keys are left", v.DevicesLeft, v.KeysLeft)
		}
		fmt.Fprintln(out)
	})
}

func forgetDevice(ctx context.Context, a *api, words []string, p *printer) error {
	id := deviceOf(words)
	_, err := ask(ctx, a, form.ForgetDevice, &id)
	if err == nil && !p.json {
		fmt.Fprintf(p, "device %s of model %s is removed\n", words[1], words[0])
	}
	return err
}

func deviceRow(d *form.Device) string {
	runs := d.Release.Version
	if d.Release.Confirmed {
		runs += ", confirmed"
	}
	key := shortKey(d.Key)
	if d.Conflict != nil {
		key += ", conflict"
	}
	return strings.Join([]string{d.Model, d.Serial, d.Group, key, d.LastSeen.Format(time.RFC3339), runs}, "\t")
}

// printDevice tells what holds for a device; what is its own claim is called so.
func printDevice(out io.Writer, d *form.Device) {
	fmt.Fprintf(out, "device %s of model %s is %s since %s, last heard %s\n", d.Serial, d.Model, d.Group, d.Since.Format(time.RFC3339),
		d.LastSeen.Format(time.RFC3339))
	fmt.Fprintf(out, "says that it runs %s", d.Release.Version)
	if d.Release.Confirmed {
		fmt.Fprint(out, ", confirmed")
	}
	if d.Target != nil {
		fmt.Fprintf(out, "; next: %s", d.Target.Version)
	}
	fmt.Fprintln(out)
	for _, a := range d.Attempts {
		switch {
		case a.Until != nil:
			fmt.Fprintf(out, "release %s is held back by the server until %s: it says that %d rewrites failed\n", a.Version,
				a.Until.Format(time.RFC3339), a.Failures)
		case a.Held:
			fmt.Fprintf(out, "release %s is held back by the %s\n", a.Version, a.By)
		case a.Failures > 0:
			fmt.Fprintf(out, "release %s: it says that %d rewrites failed\n", a.Version, a.Failures)
		}
	}
	for _, r := range d.Refusals {
		fmt.Fprintf(out, "update file %s: it says that it is wrong; not offered to it until %s\n", r.File[:min(len(r.File), 12)],
			r.Until.Format(time.RFC3339))
	}
	for _, s := range d.Dead {
		fmt.Fprintf(out, "sector at 0x%06x: it says that it takes no data%s\n", s.Addr, map[bool]string{true: "; freed"}[s.Freed])
	}
	if d.Conflict != nil {
		fmt.Fprintf(out, "two seem to have its key, last seen at %s: it counts for nothing until unbrick device free\n",
			d.Conflict.Format(time.RFC3339))
	}
}

// printKnown tells by what keys a device is known, and who is not proven to be it.
func printKnown(out io.Writer, k *form.Known) {
	for _, v := range k.DeviceKeys {
		fmt.Fprintf(out, "key %s is %s since %s\n", v.Key, v.State, v.Since.Format(time.RFC3339))
	}
	if len(k.DeviceKeys) == 0 {
		fmt.Fprintln(out, "no key is enrolled for it: what it says is not proven")
	}
	for i := range k.Strangers {
		v := &k.Strangers[i]
		fmt.Fprintf(out, "somebody spoke under its serial from %s at %s and is not proven to be it: %s, key %s\n", v.Address,
			v.Last.Format(time.RFC3339), v.Standing, shortKey(v.Key))
	}
}

// groups are the words for groups of devices, those in need first.
func groups() []string {
	words := make([]string, storage.Groups)
	for i := range words {
		words[i] = storage.Group(i).String()
	}
	return words
}
