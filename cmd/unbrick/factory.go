package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"unbrick/release"
	"unbrick/server/identity"
	"unbrick/terminal"

	"github.com/spf13/cobra"
)

const factoryHelp = `usage: unbrick factory --model ID --serials FILE --list LIST.csv [--dir DIR]
       unbrick factory --model ID --prefix P --from N --count N [--digits N] --list LIST.csv [--dir DIR]

Makes the keys by which devices show that they are themselves. For each serial it draws a key, writes the key block to
DIR/SERIAL.keyblock, 96 bytes that go below the identification in the boot area, and appends model, serial and public key to
the list, which unbrick device import gives to the server. Serials stand in a file, one in a line, or are counted: prefix and number.

With --pub, what is written is DIR/SERIAL.bootarea: key block and identification, the last 352 bytes of the boot area as
they are programmed. The identification is of the model's record, from the server or --model-file, and holds these keys, of
which --threshold must have signed a release.

A key block holds the device's secret. Its file is for its owner alone, as is DIR if it is not there yet: bring it into the device,
then delete it. No file is overwritten, and no serial or key is made that the list has. The list is no secret.

examples:
  unbrick factory --model 0001 --prefix S- --from 1 --count 500 --digits 6 --list 0001.csv --dir keys
  unbrick factory --model 0001 --serials serials.txt --list 0001.csv --pub release.pub --model-file 0001.model

exit codes: 0 all are made, 1 a file could not be read or written, or something exists already; what was made before is whole and in the list, 2 the words are off`

// factoryFlags are the words of factory.
type factoryFlags struct {
	serverFlags
	model, modelFile string
	serials, prefix  string
	from             uint64
	count, digits    uint
	list, dir        string
	pubs             []string
	threshold        uint
}

func factoryCommand() *cobra.Command {
	f := &factoryFlags{}
	c := verb("factory", "makes the keys of devices, and the list of them", factoryHelp, noWords, f.run)
	set := c.Flags()
	f.operate(set)
	set.Var((*id)(&f.model), "model", "model of the devices")
	set.StringVar(&f.modelFile, "model-file", "", "record of the model, instead of asking the server")
	set.StringVar(&f.serials, "serials", "", "`file` with a serial in each line")
	set.StringVar(&f.prefix, "prefix", "", "`text` before the number of each serial")
	set.Uint64Var(&f.from, "from", 1, "first number")
	set.UintVar(&f.count, "count", 0, "how many devices")
	set.UintVar(&f.digits, "digits", 1, "digits that a number has at least, zeros in front")
	set.StringVar(&f.list, "list", "", "`file` that gets model, serial and public key of each device")
	set.StringVar(&f.dir, "dir", ".", "`folder` for the key blocks")
	set.StringArrayVar(&f.pubs, "pub", nil, "public key `file` for the identification, as often as needed")
	set.UintVar(&f.threshold, "threshold", 1, "of those keys, how many must have signed")
	return c
}

func (f *factoryFlags) run(ctx context.Context, _ []string, p *printer) error {
	if err := f.check(); err != nil {
		return err
	}
	serials, err := f.named(ctx)
	if err != nil {
		return err
	}
	id, err := f.identification(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if err := f.fresh(serials, id); err != nil {
		return err
	}
	for i, serial := range serials {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.make(serial, id); err != nil {
			return fmt.Errorf("device %s: %w (%d of %d are made, and in %s)", serial, err, i, len(serials), f.list)
		}
	}
	return p.tell(map[string]any{"model": f.model, "devices": len(serials), "list": f.list, "dir": f.dir},
		"%d devices of model %s: a secret each in %s, public keys in %s\n", len(serials), f.model, f.dir, f.list)
}

// check looks at the words.
func (f *factoryFlags) check() error {
	switch {
	case f.model == "":
		return usageError("--model is missing")
	case f.list == "":
		return usageError("--list is missing: without it nobody knows whose the keys are")
	case (f.serials == "") == (f.count == 0):
		return usageError("say which devices: --serials FILE, or --prefix, --from and --count")
	case f.count > identity.MaxEntries:
		return usageError("--count %d: a list names %d devices at most", f.count, identity.MaxEntries)
	case f.from > 1<<63:
		return usageError("--from %d is too large", f.from)
	case f.digits > release.MaxText:
		return usageError("--digits %d: a serial has %d characters at most", f.digits, release.MaxText)
	case len(f.pubs) > 0 && (f.threshold == 0 || f.threshold > uint(len(f.pubs))):
		return usageError("--threshold %d of %d keys: at least one signs, and at most all", f.threshold, len(f.pubs))
	}
	return nil
}

// named returns the serials, each once.
func (f *factoryFlags) named(ctx context.Context) ([]string, error) {
	var all []string
	for i := range uint64(f.count) {
		all = append(all, fmt.Sprintf("%s%0*d", f.prefix, int(f.digits), f.from+i))
	}
	if f.serials != "" {
		b, err := readFile(ctx, f.serials, "a list of serials", identity.MaxEntries*(release.MaxText+1))
		if err != nil {
			return nil, fmt.Errorf("serials: %w", err)
		}
		all = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	seen := map[string]int{}
	for i, serial := range all {
		if err := release.CheckID(serial); err != nil {
			return nil, fmt.Errorf("serial %d: %w", i+1, err)
		}
		if before, twice := seen[serial]; twice {
			return nil, fmt.Errorf("serial %d: %s is serial %d, too", i+1, serial, before)
		}
		seen[serial] = i + 1
	}
	return all, nil
}

// identification is what all devices have in common; nil: none is wanted.
func (f *factoryFlags) identification(ctx context.Context) (*terminal.Identity, error) {
	if len(f.pubs) == 0 {
		return nil, nil
	}
	pubs, err := readPubs(ctx, f.pubs)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	server, err := f.client()
	if err != nil {
		return nil, err
	}
	m, err := modelOf(ctx, server, f.model, f.modelFile)
	if err != nil {
		return nil, err
	}
	id := &terminal.Identity{Model: m.ID, Threshold: uint8(f.threshold), Resident: m.Resident, Readout: m.Readout}
	for _, pub := range pubs {
		id.Keys = append(id.Keys, [32]byte(pub))
	}
	return id, nil
}

// file is where the secret of a device goes.
func (f *factoryFlags) file(serial string, id *terminal.Identity) string {
	if id != nil {
		return filepath.Join(f.dir, serial+".bootarea")
	}
	return filepath.Join(f.dir, serial+".keyblock")
}

// fresh looks whether anything of these devices is there, before a first one is made. A list that is not there yet is begun.
func (f *factoryFlags) fresh(serials []string, id *terminal.Identity) error {
	b, err := os.ReadFile(f.list)
	if errors.Is(err, fs.ErrNotExist) {
		if err := f.absent(serials, id); err != nil {
			return err
		}
		return writeNew(f.list, []byte(identity.Header), 0o600)
	} else if err != nil {
		return err
	}
	all, err := identity.ParseList(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("%s: %w", f.list, err)
	}
	if len(all)+len(serials) > identity.MaxEntries {
		return fmt.Errorf("%s names %d devices, and a list names %d at most: begin another", f.list, len(all), identity.MaxEntries)
	}
	known := map[string]bool{}
	for i := range all {
		known[all[i].Model+","+all[i].Serial] = true
	}
	for _, serial := range serials {
		if known[f.model+","+serial] {
			return fmt.Errorf("%s has a key of %s %s: nothing was made", f.list, f.model, serial)
		}
	}
	return f.absent(serials, id)
}

// absent refuses what would be overwritten.
func (f *factoryFlags) absent(serials []string, id *terminal.Identity) error {
	for _, serial := range serials {
		if _, err := os.Lstat(f.file(serial, id)); err == nil {
			return fmt.Errorf("%s exists and is not overwritten: nothing was made", f.file(serial, id))
		}
	}
	return nil
}

// make makes one device: its secret first, then its line.
func (f *factoryFlags) make(serial string, id *terminal.Identity) error {
	var seed [32]byte
	rand.Read(seed[:])
	key := terminal.NewDeviceKey(&seed)
	b, err := terminal.AppendKeyBlock(nil, &key)
	if id != nil {
		mine := *id
		mine.Serial = serial
		b, err = terminal.AppendBootArea(nil, &mine, &key)
	}
	if err != nil {
		return err
	}
	line, err := identity.AppendEntry(nil, &identity.Entry{Model: f.model, Serial: serial, Public: key.Public})
	if err != nil {
		return err
	}
	if err := writeNew(f.file(serial, id), b, 0o600); err != nil {
		return err
	}
	list, err := os.OpenFile(f.list, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		err = finish(list, line)
	}
	if err != nil {
		os.Remove(f.file(serial, id)) // of no use without its line
	}
	return err
}
