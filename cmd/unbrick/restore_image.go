package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"unbrick/firmware/mcuboot"
	"unbrick/restore"
)

// imageResult is the last line of --json of a restoration by MCUboot.
type imageResult struct {
	Version       string  `json:"version"`
	Hash          string  `json:"hash"`
	Bytes         int     `json:"bytes"`
	Signature     string  `json:"signature"`
	Key           string  `json:"key,omitempty"`
	Counter       *uint32 `json:"security_counter,omitempty"`
	Slot          uint32  `json:"slot"`
	Hashed        bool    `json:"hash_listed"`
	Trial         bool    `json:"trial"`
	Started       bool    `json:"started"` // the command to start was answered
	Runs          bool    `json:"runs"`    // its program has answered since
	Confirmed     bool    `json:"confirmed"`
	Resumed       uint32  `json:"bytes_resumed"`
	BytesSent     uint64  `json:"bytes_sent"`
	BytesReceived uint64  `json:"bytes_received"`
	Repeated      int     `json:"repeated"`
	Seconds       float64 `json:"seconds"`
}

// restoreImage restores a device whose boot loader is MCUboot, with a signed image.
func (r *restoration) restoreImage(ctx context.Context) error {
	file, err := readFile(ctx, r.image, "a signed image", mcuboot.MaxImage)
	if err != nil {
		return untouched(ctx, err)
	}
	m, err := restore.CheckImage(file)
	if err != nil && len(file) > 0 {
		if what, _ := foreignForm(file); what != "" {
			return fmt.Errorf("%s is %s: %w", r.image, what, explain(err))
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.image, explain(err))
	}
	asked := false
	installed, err := tries(ctx, r, func() (*restore.Installed, bool, error) {
		i, err := r.installOnce(ctx, file, m, &asked)
		return i, asked, err
	})
	if ctx.Err() != nil && err != nil {
		return r.stopped("Its boot loader is: run the same command again")
	}
	if err != nil {
		return explain(err)
	}
	return r.printInstalled(installed)
}

// installOnce is one attempt. asked says that the person was asked before.
func (r *restoration) installOnce(ctx context.Context, file []byte, m *mcuboot.Image, asked *bool) (*restore.Installed, error) {
	s, err := r.connect(ctx, r.errOut)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	_, err = s.Identify(ctx)
	var e *restore.Error
	switch {
	case err == nil:
		return nil, errors.New("this device is an Unbrick terminal, which takes releases and no images.\nIs the device safe? Yes. Nothing " +
			"was written: it is as it was.\nWhat to do: give --release-file instead of --image")
	case !errors.As(err, &e) || e.Code != restore.CodeForeign:
		return nil, err
	}
	l, err := s.Loader(ctx)
	if err != nil {
		return nil, err
	}
	if !*asked {
		if err := r.askImage(ctx, l, m); err != nil {
			return nil, err
		}
		*asked = true
	}
	r.meter, r.lastLine, r.writing = restore.Meter{}, 0, true
	o := &restore.InstallOptions{Number: uint32(r.number), Await: r.await, Report: r.progress}
	return s.Install(ctx, file, o)
}

// askImage shows the facts and waits for a yes.
func (r *restoration) askImage(ctx context.Context, l *restore.Loader, m *mcuboot.Image) error {
	fmt.Fprintln(r.errOut, "Found a boot loader or program that speaks SMP's image group.")
	printImages(r.errOut, l)
	fmt.Fprintf(r.errOut, "Image %s, %d bytes, signed with %s", m.Version, m.Size, m.Signature)
	if m.KeyHash != nil {
		fmt.Fprintf(r.errOut, " by key %s", mcuboot.Hex(m.KeyHash))
	}
	checked := "it is right"
	if m.Encrypted() {
		checked = "it is encrypted, so only the boot loader can check that"
	}
	fmt.Fprintf(r.errOut, ".\nhash %s: %s. Whether the boot loader trusts the key, its list says afterwards.\n", mcuboot.Hex(m.Hash), checked)
	return r.confirm(ctx, "Write it?", true)
}

// printImages writes an image list as people of that ecosystem know it.
func printImages(out io.Writer, l *restore.Loader) {
	if len(l.Images) == 0 {
		fmt.Fprintln(out, "It lists no image that it would start.")
		return
	}
	for _, m := range l.Images {
		fmt.Fprintf(out, "image %d slot %d: version %s", m.Number, m.Slot, m.Version)
		for _, flag := range []struct {
			on   bool
			name string
		}{{m.Active, "active"}, {m.Confirmed, "confirmed"}, {m.Pending, "pending"}, {m.Permanent, "permanent"}, {m.Bootable, "bootable"}} {
			if flag.on {
				fmt.Fprintf(out, " %s", flag.name)
			}
		}
		if len(m.Hash) > 0 {
			fmt.Fprintf(out, "\n    hash %s", mcuboot.Hex(m.Hash))
		}
		fmt.Fprintln(out)
	}
}

func (r *restoration) printInstalled(i *restore.Installed) error {
	m := i.Image
	v := imageResult{Version: m.Version.String(), Hash: mcuboot.Hex(m.Hash), Bytes: m.Size, Signature: m.Signature, Slot: i.Slot,
		Hashed: i.Hashed,
		Trial:  i.Trial, Started: i.Started, Runs: i.Runs, Resumed: i.Resumed, Confirmed: i.Confirmed, BytesSent: i.Sent,
		BytesReceived: i.Received, Repeated: i.Repeated, Seconds: i.Elapsed.Seconds()}
	if m.KeyHash != nil {
		v.Key = mcuboot.Hex(m.KeyHash)
	}
	if m.Counted {
		v.Counter = &m.Counter
	}
	if r.json {
		return printJSON(r.out, v)
	}
	fmt.Fprintf(r.out, "%s\n%d bytes sent in %.1f s.\n", installedWords(i), v.BytesSent, v.Seconds)
	return nil
}

// installedWords says what is known of an image that a boot loader has taken, and no more.
func installedWords(i *restore.Installed) string {
	version := i.Image.Version.String()
	switch {
	case i.Confirmed:
		return "Restored. It has image " + version + ".\nIt ran on trial, and was told to stay."
	case i.Runs && i.Trial:
		return "Restored. It has image " + version +
			".\nIt runs on trial: unless it confirms itself, the next restart brings the one before back."
	case i.Runs:
		return "Restored. It runs image " + version + "."
	}
	s := "Written. The boot loader lists image " + version + ", so it starts it.\n"
	if i.Trial {
		s = "Written. The boot loader lists image " + version +
			" and is to try it: unless that confirms itself, the next restart brings the one before back.\n"
	}
	if !i.Started {
		return s + "The command to start was not answered. Nothing has answered at this port since, so whether it runs is not known."
	}
	return s + "The boot loader took the command to start. Nothing has answered at this port since, as with a program without an SMP server."
}

// loaderFound is the outcome of identify at a boot loader, for --json.
type loaderFound struct {
	Speaks string        `json:"speaks"` // "smp-image"
	Way    string        `json:"way"`
	Buffer uint32        `json:"buffer,omitempty"`
	Images []loaderImage `json:"images"`
}

type loaderImage struct {
	Image     uint32 `json:"image"`
	Slot      uint32 `json:"slot"`
	Version   string `json:"version"`
	Hash      string `json:"hash,omitempty"`
	Active    bool   `json:"active"`
	Confirmed bool   `json:"confirmed"`
	Pending   bool   `json:"pending"`
}

// identifyLoader tells what a boot loader or a running server lists.
func identifyLoader(ctx context.Context, s *restore.Session, out io.Writer, asJSON bool) error {
	l, err := s.Loader(ctx)
	if err != nil {
		return explain(err)
	}
	if !asJSON {
		fmt.Fprintln(out, "No Unbrick terminal: a boot loader or program that speaks SMP's image group, as MCUboot does.\nGive it an image "+
			"with unbrick restore --image.")
		printImages(out, l)
		return nil
	}
	v := loaderFound{Speaks: "smp-image", Way: s.Way().String(), Buffer: l.Buffer, Images: []loaderImage{}}
	for _, m := range l.Images {
		v.Images = append(v.Images, loaderImage{m.Number, m.Slot, m.Version, mcuboot.Hex(m.Hash), m.Active, m.Confirmed, m.Pending})
	}
	return printJSON(out, v)
}
