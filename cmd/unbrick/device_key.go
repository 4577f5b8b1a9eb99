package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/identity"
	"unbrick/server/storage"

	"github.com/spf13/cobra"
)

// leastKey is how many digits of a key name it among those that spoke under a serial.
const leastKey = 8

// keyVerb is a verb that makes a key that of a device.
func (f *serverFlags) keyVerb(name, short, done string, e form.Endpoint[form.DeviceKeyChange, form.Known]) *cobra.Command {
	key := ""
	c := f.verb(name+" MODEL SERIAL", short, ofDevice(2, 2, name+" takes MODEL and SERIAL"),
		func(ctx context.Context, a *api, words []string, p *printer) error {
			in := form.DeviceKeyChange{DeviceID: deviceOf(words)}
			var err error
			if in.Body.Key, err = meantKey(ctx, a, &in.DeviceID, key); err != nil {
				return err
			}
			known, err := ask(ctx, a, e, &in)
			if err != nil {
				return err
			}
			return p.tell(known, "device %s of model %s %s key %s\n", in.Serial, in.Model, done, in.Body.Key)
		})
	c.Flags().StringVar(&key, "key", "", "the `key`: 64 hexadecimal digits, or the first 8 or more of one that spoke under the serial")
	return c
}

// meantKey is the key that is meant: one in full, or the one of those that hold theirs and spoke under the serial that begins so.
func meantKey(ctx context.Context, a *api, id *form.DeviceID, begins string) (string, error) {
	begins = strings.ToLower(begins)
	switch {
	case len(begins) == 2*len(storage.PublicKey{}):
		return begins, nil
	case begins != "" && len(begins) < leastKey:
		return "", usageError("--key %q: %d digits or more say which key is meant", begins, leastKey)
	}
	known, err := ask(ctx, a, form.ListDeviceKeys, id)
	if no, is := errors.AsType[*apiError](err); is && no.status == 404 {
		return "", fmt.Errorf("nobody has spoken under serial %s of model %s: say --key with all 64 digits", id.Serial, id.Model)
	} else if err != nil {
		return "", err
	}
	var found []string
	for _, v := range known.Strangers {
		if s, _ := storage.ParseStanding(v.Standing); s.Holds() && strings.HasPrefix(v.Key, begins) {
			found = append(found, v.Key)
		}
	}
	switch {
	case len(found) == 0:
		return "", fmt.Errorf("no key that begins with %q has signed under serial %s of model %s: unbrick stranger list shows who spoke",
			begins, id.Serial, id.Model)
	case begins == "" || len(found) > 1:
		return "", fmt.Errorf("with these keys somebody has signed under serial %s of model %s: %s. Compare them with what the device's maker "+
			"or its own screen names, and say with --key which of them is the device's", id.Serial, id.Model, strings.Join(found, ", "))
	}
	return found[0], nil
}

// importList enrols the devices of a list.
func importList(ctx context.Context, a *api, words []string, p *printer) error {
	b, err := readFile(ctx, words[0], "a list of devices", int64(identity.MaxList))
	if err != nil {
		return fmt.Errorf("list of devices: %w", err)
	}
	v, _, err := send(ctx, a, form.ImportKeys, &form.KeyList{}, b)
	if err != nil {
		return err
	}
	return p.tell(v, "%d devices are enrolled, %d of them were before\n", v.Devices, v.Known)
}

const strangerHelp = `usage: unbrick stranger list [--model ID] [--search TEXT] [--standing WORD]
       unbrick stranger remove MODEL [SERIAL]

A stranger is somebody who spoke under a serial number and is not proven to be the device that has it. He is offered
updates, and counts for nothing: no rollout, no hold, no number of the fleet. Of 10,000 the server keeps those that
spoke last, of 100 from one address.

list   tells of them, who spoke last first. His standing is
         pending        holds the key that he signs with, and the serial has none: unbrick device approve
         second-key     holds another key than that of the device: unbrick device rekey if its board was replaced
         barred-key     holds a key in whose place another was put
         other-name     signed for another server's name: start this one with --name if it is its own
         bad-signature  the key that he names did not sign
         unsigned       signs nothing
remove forgets those of a model, or of one serial

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

func strangerCommand() *cobra.Command {
	f, query := &serverFlags{}, &form.StrangerQuery{Page: form.Page{Limit: 500}}
	all := f.verb("list", "tells of those who spoke and are not proven to be a device", noWords,
		func(ctx context.Context, a *api, _ []string, p *printer) error {
			return list(p, pages(ctx, a, form.ListStrangers, query), "no stranger found",
				"MODEL\tSERIAL\tSTANDING\tKEY\tADDRESS\tLAST HEARD\tSAYS THAT IT RUNS", strangerRow)
		})
	all.Flags().Var((*id)(&query.Model), "model", "list those of one model")
	all.Flags().StringVar(&query.Search, "search", "", "list those whose serial number has this in it")
	all.Flags().StringVar(&query.Standing, "standing", "", "list those of one standing")
	var words []string
	for _, s := range storage.Standings[1:] {
		words = append(words, s.String())
	}
	completes(all, "standing", words...)
	g := group("stranger", "lists those who spoke and are not proven to be a device, and forgets them", strangerHelp,
		"say: unbrick stranger list, or: unbrick stranger remove MODEL [SERIAL]", all,
		f.verb("remove MODEL [SERIAL]", "forgets those of a model, or of one serial",
			ofDevice(1, 2, "remove takes MODEL, and SERIAL if only one is meant"),
			func(ctx context.Context, a *api, words []string, p *printer) error {
				in := form.StrangerRange{Model: words[0]}
				if len(words) == 2 {
					in.Serial = words[1]
				}
				v, err := ask(ctx, a, form.RemoveStrangers, &in)
				if err != nil {
					return err
				}
				return p.tell(v, "%d strangers are removed\n", v.Removed)
			}))
	f.operate(g.PersistentFlags())
	return g
}

func strangerRow(v *form.Stranger) string {
	standing := v.Standing
	if v.Name != "" {
		standing += " " + release.Clean(v.Name, release.MaxText)
	}
	return strings.Join([]string{v.Model, v.Serial, standing, shortKey(v.Key), v.Address, v.Last.Format(time.RFC3339),
		v.Release.Version}, "\t")
}

// shortKey is as much of a key as names it for people.
func shortKey(key string) string {
	if key == "" {
		return "-"
	}
	return key[:min(len(key), 2*leastKey)]
}
