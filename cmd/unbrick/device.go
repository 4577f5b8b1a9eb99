package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unbrick/release"
)

const deviceHelp = `usage: unbrick device list [--model ID] [--group NAME] [--search TEXT] [--image SHA256]
       unbrick device show MODEL SERIAL
       unbrick device hold MODEL SERIAL VERSION
       unbrick device free MODEL SERIAL [VERSION]
       unbrick device forget MODEL SERIAL

list   tells of the devices that have spoken here, those in need first. --group takes restoration, needs-cable,
       overdue, held-back, silent, receiving, rewriting or running, --search a part of the serial number, --image
       the SHA-256 of what a device says it runs
show   tells what the server knows of a device, and what keeps updates from it
hold   keeps a release from the device until free ends that; a transfer of it ends at once
free   with a version: ends your hold of that release and the server's, and forgets its failures;
       without: that of all releases, refused update files, dead sectors, the mark of a conflict, and a
       state that only the device could end (waits for restoration, needs the cable, no word since its rewrite)
forget deletes the device with its history: one that somebody invented, or that is no more. It comes back
       when it speaks

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

// known is a device as the server tells it.
type known struct {
	Model   string    `json:"model"`
	Serial  string    `json:"serial"`
	Group   string    `json:"group"`
	Since   time.Time `json:"since"`
	Last    time.Time `json:"last_seen"`
	Release struct {
		Version   string `json:"version"`
		Confirmed bool   `json:"confirmed"`
	} `json:"release"`
	Target *struct {
		Version string `json:"version"`
	} `json:"target,omitempty"`
	Conflict *time.Time `json:"conflict,omitempty"`
	Attempts []struct {
		Version  string     `json:"version"`
		Failures uint32     `json:"failures"`
		Held     bool       `json:"held"`
		By       string     `json:"by,omitempty"`
		Until    *time.Time `json:"until,omitempty"`
	} `json:"attempts"`
	Refusals []struct {
		File  string    `json:"file"`
		Until time.Time `json:"until"`
	} `json:"refusals"`
	Dead []struct {
		Addr  uint32 `json:"address"`
		Freed bool   `json:"freed"`
	} `json:"dead_sectors"`
}

func deviceCommand() *cobra.Command {
	f, query := &serverFlags{}, url.Values{"limit": {"500"}}
	all := f.verb("list", "tells of the devices that have spoken here", noWords,
		func(ctx context.Context, a *api, _ []string, p *printer) error { return a.listDevices(ctx, query, p) })
	model := idFlag(all.Flags(), "model", "list those of one model")
	filter := map[string]*string{"model": model}
	for name, usage := range map[string]string{
		"group": "list those of one group", "search": "list those whose serial number has this in it",
		"image": "list those that say they run this image",
	} {
		filter[name] = all.Flags().String(name, "", usage)
	}
	completes(all, "group", "restoration", "needs-cable", "overdue", "held-back", "silent", "receiving", "rewriting", "running")
	all.PreRun = func(*cobra.Command, []string) {
		for name, value := range filter {
			query.Set(name, *value)
		}
	}
	g := group("device", "lists and shows devices, holds a release back from it, frees it, forgets it", deviceHelp,
		"say: unbrick device list, or: unbrick device show|hold|free|forget MODEL SERIAL", all,
		f.verb("show MODEL SERIAL", "tells what the server knows of a device",
			ofDevice(2, 2, "show takes MODEL and SERIAL"), changeDevice(http.MethodGet, "")),
		f.verb("hold MODEL SERIAL VERSION", "keeps a release from the device",
			ofDevice(3, 3, "hold takes MODEL and SERIAL, and VERSION"), changeDevice(http.MethodPost, "/hold")),
		f.verb("free MODEL SERIAL [VERSION]", "ends what keeps releases from the device",
			ofDevice(2, 3, "free takes MODEL and SERIAL, and VERSION if only one release is meant"), changeDevice(http.MethodPost, "/free")),
		f.verb("forget MODEL SERIAL", "deletes the device with its history", ofDevice(2, 2, "forget takes MODEL and SERIAL"), forgetDevice))
	f.operate(g.PersistentFlags())
	return g
}

// ofDevice checks words that begin with MODEL and SERIAL.
func ofDevice(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, words []string) error {
		if err := takes(least, most, what)(c, words); err != nil {
			return err
		}
		for i, what := range []string{"model", "serial"} {
			if err := release.CheckID(words[i]); err != nil {
				return usageError("%s: %v", what, err)
			}
		}
		return nil
	}
}

// changeDevice shows the device that words name, after a change if there is one to make.
func changeDevice(method, change string) func(context.Context, *api, []string, *printer) error {
	return func(ctx context.Context, a *api, words []string, p *printer) error {
		var v any
		if method == http.MethodPost {
			v = struct{}{}
		}
		if len(words) == 3 {
			r, err := a.rolled(ctx, words[0], words[2])
			if err != nil {
				return err
			}
			v = map[string]string{"image": r.Image}
		}
		d := &known{}
		if err := a.ask(ctx, method, "/api/devices/"+words[0]+"/"+words[1]+change, nil, v, d); err != nil {
			return err
		}
		return p.show(d)
	}
}

func forgetDevice(ctx context.Context, a *api, words []string, p *printer) error {
	err := a.ask(ctx, http.MethodDelete, "/api/devices/"+words[0]+"/"+words[1], nil, nil, nil)
	if err == nil && !p.json {
		fmt.Fprintf(p, "device %s of model %s is forgotten\n", words[1], words[0])
	}
	return err
}

// listDevices prints the devices that a query is about, page by page.
func (a *api) listDevices(ctx context.Context, query url.Values, p *printer) error {
	for {
		var page struct {
			Devices []known `json:"devices"`
			Next    string  `json:"next"`
		}
		if err := a.ask(ctx, http.MethodGet, "/api/devices", query, nil, &page); err != nil {
			return err
		}
		if err := list(p, "MODEL\tSERIAL\tGROUP\tLAST HEARD\tSAYS THAT IT RUNS", page.Devices, (*known).row); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		query.Set("cursor", page.Next)
	}
}

func (d *known) row() string {
	runs := d.Release.Version
	if d.Release.Confirmed {
		runs += ", confirmed"
	}
	return strings.Join([]string{d.Model, d.Serial, d.Group, d.Last.Format(time.RFC3339), runs}, "\t")
}

// print tells what holds for a device; what is its own claim is called so.
func (d *known) print(out io.Writer) {
	fmt.Fprintf(out, "device %s of model %s is %s since %s, last heard %s\n", d.Serial, d.Model, d.Group, d.Since.Format(time.RFC3339), d.Last.Format(time.RFC3339))
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
			fmt.Fprintf(out, "release %s is held back by the server until %s: it says that %d rewrites failed\n", a.Version, a.Until.Format(time.RFC3339), a.Failures)
		case a.Held:
			fmt.Fprintf(out, "release %s is held back by the %s\n", a.Version, a.By)
		case a.Failures > 0:
			fmt.Fprintf(out, "release %s: it says that %d rewrites failed\n", a.Version, a.Failures)
		}
	}
	for _, r := range d.Refusals {
		fmt.Fprintf(out, "update file %s: it says that it is wrong; not offered to it until %s\n", r.File[:min(len(r.File), 12)], r.Until.Format(time.RFC3339))
	}
	for _, s := range d.Dead {
		fmt.Fprintf(out, "sector at 0x%06x: it says that it takes no data%s\n", s.Addr, map[bool]string{true: "; freed"}[s.Freed])
	}
	if d.Conflict != nil {
		fmt.Fprintf(out, "two devices spoke under this serial at the same time, last at %s\n", d.Conflict.Format(time.RFC3339))
	}
}
