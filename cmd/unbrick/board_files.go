package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"unbrick/firmware"
	"unbrick/limits"
	"unbrick/release"
	"unbrick/restore/family"
	"unbrick/restore/fit"

	"github.com/spf13/pflag"
)

// fileFlags name what is to be in the flash of a device of another family.
type fileFlags struct {
	files []string
	parts []string
	whole bool
}

func (f *fileFlags) declare(set *pflag.FlagSet) {
	set.StringArrayVar(&f.files, "file", nil, "firmware `file` of any kind, which says itself where it belongs; again for a further one")
	set.StringArrayVar(&f.parts, "part", nil, "`OFFSET=FILE`: a piece of firmware and where it goes, as 0x10000=app.bin; "+
		"again for a further one")
	set.BoolVar(&f.whole, "whole", false, "with a merged image: write its gaps, too; settings and file systems are erased by that")
}

func (f *fileFlags) any() bool { return len(f.files)+len(f.parts) > 0 }

// firmwareFile is a file that was named, and where it is to go.
type firmwareFile struct {
	*firmware.File
	where firmware.Where
}

// read reads what is named, before the cable is opened.
func (f *fileFlags) read(ctx context.Context) ([]firmwareFile, error) {
	var all []firmwareFile
	for _, name := range f.files {
		file, err := readFirmware(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, firmwareFile{file, firmware.Where{Whole: f.whole}})
	}
	for _, p := range f.parts {
		offset, name, ok := strings.Cut(p, "=")
		at, err := strconv.ParseUint(offset, 0, 32)
		if !ok || err != nil || name == "" {
			return nil, usageError("--part %q is not OFFSET=FILE, as 0x10000=app.bin", p)
		}
		file, err := readFirmware(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, firmwareFile{file, firmware.Where{Offset: uint32(at), Given: true, Whole: f.whole}})
	}
	return all, nil
}

func readFirmware(ctx context.Context, name string) (*firmware.File, error) {
	b, err := readFile(ctx, name, "a firmware file", limits.Firmware)
	if err != nil {
		return nil, untouched(ctx, err)
	}
	file, err := firmware.Read(name, b)
	if err != nil {
		return nil, unfit(name, err)
	}
	return file, nil
}

// unfit says why a file is not written.
func unfit(name string, err error) error {
	return fmt.Errorf("%s: %w.\nIs the device safe? Yes. Nothing was written: it is as it was.\nWhat to do: give the "+
		"file that is made for this "+
		"device", name, err)
}

// place lays what was named into the flash of a device, and refuses what would not start there.
func place(ctx context.Context, all []firmwareFile, l family.Loader, b *family.Board) ([]release.Part, error) {
	t, where, err := fit.Of(ctx, l, b)
	if err != nil {
		return nil, err
	}
	for _, f := range all { // a table that is written with the rest says where that goes
		if f.Table != nil {
			t.Table, where.Table, where.Choice = f.Table, f.Table, nil
		}
	}
	var parts []release.Part
	var files []*firmware.File
	for _, f := range all {
		f.where.Table, f.where.Choice = where.Table, where.Choice
		placed, err := f.Place(f.where)
		if err != nil {
			return nil, unfit(f.Name, err)
		}
		parts, files = append(parts, placed...), append(files, f.File)
	}
	if err := firmware.Fit(files, parts, t); err != nil {
		var names []string
		for _, f := range all {
			names = append(names, f.Name)
		}
		return nil, unfit(strings.Join(names, ", "), err)
	}
	return distinct(firmware.Ascend(parts)), nil
}

// distinct gives parts of one name different ones.
func distinct(parts []release.Part) []release.Part {
	seen := map[string]bool{}
	for i := range parts {
		if seen[parts[i].Name] {
			parts[i].Name = fmt.Sprintf("%s-%x", parts[i].Name, parts[i].Offset)
		}
		seen[parts[i].Name] = true
	}
	return parts
}
