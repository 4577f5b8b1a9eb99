package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"

	"unbrick/release"
	"unbrick/terminal"
)

// fill puts content into the flash: the file's, or what the factory makes.
func (e *emulation) fill(ctx context.Context) error {
	if e.flash != "" {
		err := e.device.LoadFile(e.flash)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if e.releaseFile == "" && (e.version == "" && e.manifest == "" || e.image == "") || len(e.pubs) == 0 {
		return usageError("a new device needs --pub and --release-file, or --pub, --image, and --version or --manifest")
	}
	if e.serial == "" {
		return usageError("--serial is missing")
	}
	signed, image, err := e.goods(ctx)
	if err != nil {
		return err
	}
	pubs, err := readPubs(ctx, e.pubs)
	if err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	if e.threshold == 0 || e.threshold > uint(len(pubs)) {
		return usageError("--threshold %d of %d keys: at least one signs, and at most all", e.threshold, len(pubs))
	}
	id := &terminal.Identity{Model: e.model, Serial: e.serial, Threshold: uint8(e.threshold),
		Resident: e.device.Model().Resident, Readout: e.device.Model().Readout}
	for _, pub := range pubs {
		id.Keys = append(id.Keys, [32]byte(pub))
	}
	var seed [32]byte // of a key that no other device has
	rand.Read(seed[:])
	return e.device.Manufacture(id, new(terminal.NewDeviceKey(&seed)), signed, image)
}

// hardware adds what a device has beside its board: it signs with its key and draws nonces.
func hardware(hw *terminal.Hardware) {
	hw.SignSeed = terminal.SignSeed
	hw.Random = func(p []byte) error {
		_, err := rand.Read(p)
		return err
	}
}

// goods returns the manifest and the image that the device is made with.
func (e *emulation) goods(ctx context.Context) (signed, image []byte, err error) {
	if e.releaseFile != "" {
		b, err := readFile(ctx, e.releaseFile, "a release file", release.MaxFile)
		if err != nil {
			return nil, nil, fmt.Errorf("release file: %w", err)
		}
		f, err := release.SplitFile(b)
		if err != nil {
			return nil, nil, fmt.Errorf("release file %s: %w", e.releaseFile, err)
		}
		return f.Signed, f.Image, nil
	}
	if image, err = readImage(ctx, e.image, *e.raw); err != nil {
		return nil, nil, fmt.Errorf("image: %w", err)
	}
	signed, err = e.signed(ctx)
	return signed, image, err
}

// signed returns the manifest that goes with an image.
func (e *emulation) signed(ctx context.Context) ([]byte, error) {
	if e.manifest == "" {
		if e.alone {
			return nil, usageError("--version asks the server for the manifest: without one, give --manifest or --release-file")
		}
		client, err := newAPI(e.server, "")
		if err != nil {
			return nil, err
		}
		return client.manifest(ctx, e.model, e.version)
	}
	b, err := readFile(ctx, e.manifest, "a manifest or a release file", release.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if f, err := release.SplitFile(b); err == nil {
		return f.Signed, nil
	}
	return b, nil
}
