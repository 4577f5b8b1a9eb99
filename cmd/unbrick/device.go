package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"unbrick/release"
)

const deviceHelp = `usage: unbrick device list [--model ID] [--group NAME] [--search TEXT] [--image SHA256]
       unbrick device show MODEL SERIAL
       unbrick device hold MODEL SERIAL VERSION
       unbrick device free MODEL SERIAL [VERSION]
       unbrick device forget MODEL SERIAL

list   tells of the devices that have spoken here, one a line, those in need first. --group takes restoration, needs-cable,
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

func deviceCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := newFlags("device", deviceHelp, errOut)
	server, token := serverFlags(flags)
	id := idFlag(flags, "model", "list those of one model")
	filter := map[string]*string{"model": id}
	for name, usage := range map[string]string{"group": "list those of one group", "search": "list those whose serial number has this in it", "image": "list those that say they run this image"} {
		filter[name] = flags.String(name, "", usage)
	}
	asJSON := flags.Bool("json", false, "print JSON, one object a line")
	words, err := parseFlags(flags, args, out)
	if err != nil {
		return err
	}
	verb := ""
	if len(words) > 0 {
		verb = words[0]
	}
	least, most := 3, 3
	filtered := false
	for name := range filter {
		filtered = filtered || isSet(flags, name)
	}
	switch verb {
	case "list":
		if len(words) > 1 {
			return usageError("unexpected word %q: list takes --model, --group, --search and --image", words[1])
		}
		client, err := newAPI(*server, tokenOr(*token))
		if err != nil {
			return err
		}
		query := url.Values{"limit": {"500"}}
		for name, value := range filter {
			query.Set(name, *value)
		}
		return client.listDevices(ctx, query, *asJSON, out)
	case "show", "forget":
	case "hold":
		least, most = 4, 4
	case "free":
		most = 4
	default:
		return usageError("say: unbrick device list, or: unbrick device show|hold|free|forget MODEL SERIAL")
	}
	if len(words) < least || len(words) > most {
		return usageError("%s takes MODEL and SERIAL%s", verb, map[string]string{"hold": ", and VERSION", "free": ", and VERSION if only one release is meant"}[verb])
	}
	if filtered {
		return usageError("--model, --group, --search and --image are for list: %s takes MODEL and SERIAL as words", verb)
	}
	for i, what := range []string{"model", "serial"} {
		if err := release.CheckID(words[1+i]); err != nil {
			return usageError("%s: %v", what, err)
		}
	}
	client, err := newAPI(*server, tokenOr(*token))
	if err != nil {
		return err
	}
	path := "/api/devices/" + words[1] + "/" + words[2]
	var b []byte
	switch verb {
	case "show":
		b, _, err = client.do(ctx, http.MethodGet, path, nil, nil)
	case "forget":
		if _, _, err = client.do(ctx, http.MethodDelete, path, nil, nil); err == nil && !*asJSON {
			fmt.Fprintf(out, "device %s of model %s is forgotten\n", words[2], words[1])
		}
		return err
	default:
		change := map[string]string{}
		if len(words) == 4 {
			r, err := client.rolled(ctx, words[1], words[3])
			if err != nil {
				return err
			}
			change["image"] = r.Image
		}
		b, err = client.post(ctx, http.MethodPost, path+"/"+verb, change)
	}
	if err != nil {
		return err
	}
	var d known
	if err := json.Unmarshal(b, &d); err != nil {
		return fmt.Errorf("device: the server's answer: %w", err)
	}
	if *asJSON {
		return printJSON(out, &d)
	}
	d.print(out)
	return nil
}

// listDevices prints the devices that a query is about, page by page.
func (a *api) listDevices(ctx context.Context, query url.Values, asJSON bool, out io.Writer) error {
	for {
		b, _, err := a.do(ctx, http.MethodGet, "/api/devices", query, nil)
		if err != nil {
			return err
		}
		var page struct {
			Devices []known `json:"devices"`
			Next    string  `json:"next"`
		}
		if err := json.Unmarshal(b, &page); err != nil {
			return fmt.Errorf("devices: the server's answer: %w", err)
		}
		for i := range page.Devices {
			d := &page.Devices[i]
			if asJSON {
				err = printJSON(out, d)
			} else {
				_, err = fmt.Fprintf(out, "device %s of model %s is %s, last heard %s, says that it runs %s%s\n", d.Serial, d.Model, d.Group, d.Last.Format(time.RFC3339), d.Release.Version,
					map[bool]string{true: ", confirmed"}[d.Release.Confirmed])
			}
			if err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Set("cursor", page.Next)
	}
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
