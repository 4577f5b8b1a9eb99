package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"unbrick/flash"
	"unbrick/terminal"
)

// stateSuffix is what the file beside a raw flash file ends with: wear, weak and unstable bits.
const stateSuffix = ".state"

// Manufacture fills the flash as the factory does: identification and device key (nil: none) in the boot area, a record that
// says what is installed, and the image. The device must be off.
func (d *Device) Manufacture(id *terminal.Identity, key *terminal.DeviceKey, signed, image []byte) error {
	raw, err := terminal.Factory(&d.model.Layout, id, key, signed, image)
	if err != nil {
		return fmt.Errorf("manufacture: %w", err)
	}
	return d.board.Load(raw, nil)
}

// Raw returns a copy of the flash's bytes from address 0.
func (d *Device) Raw() []byte {
	raw := make([]byte, d.model.Layout.Geometry.Size())
	d.board.Peek(0, raw)
	return raw
}

// maxState is the most bytes of state for each byte of flash, and besides: what one unstable byte takes, with room.
const maxState = 32

// LoadFile fills the flash from a raw file and the state beside it, if there is one.
func (d *Device) LoadFile(path string) error {
	want := int64(d.model.Layout.Geometry.Size())
	raw, err := readKept(path, want)
	if err == nil && int64(len(raw)) != want {
		err = fmt.Errorf("%s holds %d bytes", path, len(raw))
	}
	if err != nil {
		return fmt.Errorf("load flash: %w; the flash of model %s is a file of %s", err, d.model.ID, flash.FormatSize(uint32(want)))
	}
	state, err := readKept(path+stateSuffix, maxState*(want+1<<10))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("load flash: %w", err)
	}
	if err := d.board.Load(raw, state); err != nil {
		return fmt.Errorf("load flash %s: %w", path, err)
	}
	return nil
}

// readKept reads a file that SaveFile writes, so nothing but a file, which is not read if it is too large for that.
func readKept(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", path)
	case info.Size() > most:
		return nil, fmt.Errorf("%s holds %d bytes", path, info.Size())
	}
	return os.ReadFile(path)
}

// SaveFile writes the raw flash and its state. Each file is replaced in one step, the state first:
// a raw file never stands beside a state that is older than it.
func (d *Device) SaveFile(path string) error {
	raw, state := d.board.Save()
	if err := replace(path+stateSuffix, state); err != nil {
		return fmt.Errorf("save flash: %w", err)
	}
	if err := replace(path, raw); err != nil {
		return fmt.Errorf("save flash: %w", err)
	}
	return nil
}

// replace writes a file beside path, makes it durable, and puts it in path's place.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
