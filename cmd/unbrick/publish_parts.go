package main

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"unbrick/firmware"
	"unbrick/firmware/espimage"
	"unbrick/firmware/webtools"
	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"

	"github.com/spf13/pflag"
)

// partsFlags say that a release is of parts, for devices with a boot loader that is not ours, and what they are.
type partsFlags struct {
	chip, family, serial string
	parts                []string
	whole                bool
}

func (f *partsFlags) declare(set *pflag.FlagSet) {
	set.StringVar(&f.chip, "chip", "", "`chip` that the parts are for, such as esp32c3 or atmega328p")
	set.StringVar(&f.family, "family", "", "`kind` of boot loader, where the chip does not tell it: esp, avr or mcuboot")
	set.StringArrayVar(&f.parts, "part", nil, "`[NAME@]OFFSET=FILE`: a file and where in the flash it goes, again for a further one")
	set.BoolVar(&f.whole, "whole", false, "a merged image as it is: settings and file systems become what it has")
	set.StringVar(&f.serial, "serial-type", "", "of the builds of a manifest of ESP Web Tools for one chip, the one for `uart or cdc`")
}

// given says whether the release is to be of parts.
func (f *partsFlags) given() bool {
	return f.chip != "" || f.family != "" || len(f.parts) > 0 || f.whole || f.serial != ""
}

// inputFile is a file that was read.
type inputFile struct {
	name    string
	content []byte
}

// placed is a part, for --json.
type placed struct {
	Name   string `json:"name"`
	Offset uint32 `json:"offset"`
	Size   int    `json:"size"`
}

// placesOf lists the parts of a parts file, which was read before.
func placesOf(image []byte) (all []placed) {
	parts, err := release.ParseParts(image)
	if err != nil {
		return nil
	}
	for i := range parts {
		all = append(all, placed{parts[i].Name, parts[i].Offset, len(parts[i].Data)})
	}
	return all
}

// sourced is a file of firmware, and what was said of it.
type sourced struct {
	*firmware.File
	as    string // name of its part; empty: not said
	where firmware.Where
}

// signParts makes the release file of parts.
func (f *publishFlags) signParts(ctx context.Context, server *api, file *inputFile, p *printer) ([]byte, []ed25519.PublicKey, error) {
	if !f.complete() {
		return nil, nil, usageError("parts need --key, --model and --version")
	}
	sources, err := f.sources(ctx, file)
	if err != nil {
		return nil, nil, err
	}
	target, err := f.parts.target(sources)
	if err != nil {
		return nil, nil, err
	}
	parts, err := f.parts.place(sources, target)
	if err != nil {
		return nil, nil, err
	}
	keys, public, err := readKeys(ctx, f.keys)
	if err != nil {
		return nil, nil, err
	}
	m, err := modelOf(ctx, server, f.model, f.modelFile)
	if err != nil {
		return nil, nil, err
	}
	manifest, image, err := release.DescribeParts(m.ID, f.version, f.order, f.counter, target.Family, target.Chip, parts, &m.Layout)
	if err != nil {
		return nil, nil, fmt.Errorf("parts for model %s: %w", m.ID, err)
	}
	tellLeft(p, sources, f.parts.whole)
	made, err := f.finish(ctx, server, &manifest, image, keys)
	return made, public, err
}

// sources reads all files that the words name.
func (f *publishFlags) sources(ctx context.Context, file *inputFile) (all []sourced, err error) {
	if file != nil && webtools.Is(file.content) {
		if all, err = f.fromManifest(ctx, file); err != nil {
			return nil, err
		}
	} else if file != nil {
		s, err := f.source(file, "", firmware.Where{})
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	for _, word := range f.parts.parts {
		name, where, path, err := parsePart(word)
		if err != nil {
			return nil, err
		}
		content, err := readFile(ctx, path, "a firmware file", limits.Firmware)
		if err != nil {
			return nil, err
		}
		s, err := f.source(&inputFile{path, content}, name, where)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// source reads one file.
func (f *publishFlags) source(file *inputFile, as string, where firmware.Where) (sourced, error) {
	read := firmware.Read
	if *f.raw {
		read = firmware.ReadRaw
	}
	v, err := read(file.name, file.content)
	if err != nil {
		return sourced{}, fmt.Errorf("%s: %w", file.name, err)
	}
	where.Whole = f.parts.whole
	return sourced{v, as, where}, nil
}

// parsePart takes a word [NAME@]OFFSET=FILE apart, or FILE alone.
func parsePart(word string) (name string, where firmware.Where, path string, err error) {
	head, path, found := strings.Cut(word, "=")
	if !found {
		return "", where, word, nil
	}
	offset := head
	if before, after, named := strings.Cut(head, "@"); named {
		if name, offset = before, after; release.CheckID(name) != nil {
			return "", where, "", usageError("--part %q: a name is letters, digits, and behind the first also . - and _", word)
		}
	}
	if offset == "" && name != "" {
		return name, where, path, nil
	}
	n, no := strconv.ParseUint(offset, 0, 32)
	if no != nil || path == "" {
		return "", where, "", usageError("--part %q is not as 0x10000=app.bin or app@0x10000=app.bin", word)
	}
	return name, firmware.Where{Offset: uint32(n), Given: true}, path, nil
}

// fromManifest reads the files of the build of a manifest of ESP Web Tools that is for the chip.
func (f *publishFlags) fromManifest(ctx context.Context, file *inputFile) (all []sourced, err error) {
	m, err := webtools.Parse(file.content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.name, err)
	}
	b, err := f.parts.build(m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.name, err)
	}
	if f.parts.chip == "" {
		f.parts.chip = b.Chip
	}
	for _, part := range b.Parts {
		path := filepath.Join(filepath.Dir(file.name), filepath.FromSlash(part.Path))
		content, err := readFile(ctx, path, "a firmware file", limits.Firmware)
		if err != nil {
			return nil, err
		}
		s, err := f.source(&inputFile{path, content}, "", firmware.Where{Offset: part.Offset, Given: true})
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// build chooses the build of a manifest.
func (f *partsFlags) build(m *webtools.Manifest) (*webtools.Build, error) {
	chip := cmp.Or(f.chip, m.Builds[0].Chip)
	var fitting []*webtools.Build
	for i := range m.Builds {
		b := &m.Builds[i]
		if f.chip == "" && b.Chip != chip {
			return nil, usageError("it has builds for several chips, %s and %s: say which by --chip", chip, b.Chip)
		}
		if b.Chip == chip && (f.serial == "" || string(b.Serial) == f.serial) {
			fitting = append(fitting, b)
		}
	}
	if len(fitting) == 0 && f.serial != "" {
		if b := m.For(chip, webtools.Serial(f.serial)); b != nil {
			fitting = append(fitting, b)
		}
	}
	switch len(fitting) {
	case 0:
		return nil, fmt.Errorf("it has no build for chip %s", chip)
	case 1:
		return fitting[0], nil
	}
	return nil, usageError("it has %d builds for chip %s, for different ports: say which by --serial-type uart or cdc", len(fitting), chip)
}

// target says for which devices the parts are: what was said, else what the files say.
func (f *partsFlags) target(sources []sourced) (*firmware.Target, error) {
	t := &firmware.Target{Family: f.family, Chip: f.chip}
	for _, s := range sources {
		t.Chip, t.Family = cmp.Or(t.Chip, s.Chip), cmp.Or(t.Family, s.Family)
	}
	if f.family == "" {
		t.Family = cmp.Or(firmware.FamilyOf(t.Chip), t.Family)
	}
	if t.Family == "" {
		return nil, usageError("nothing tells the kind of boot loader: say --chip, such as esp32c3 or atmega328p, or --family")
	}
	if known := firmware.FamilyOf(t.Chip); known != "" && known != t.Family {
		return nil, usageError("chip %s is of family %s, not %s", t.Chip, known, t.Family)
	}
	if t.Family == firmware.ESP && espimage.ByName(t.Chip) == nil {
		return nil, usageError("say --chip: %q is no chip of family esp that is known here", t.Chip)
	}
	return t, nil
}

// place says where each part lies, and refuses what would not start there.
func (f *partsFlags) place(sources []sourced, t *firmware.Target) (parts []release.Part, err error) {
	var table *espimage.Table
	files := make([]*firmware.File, len(sources))
	for i, s := range sources {
		files[i] = s.File
		if s.Table != nil {
			table = s.Table
		}
	}
	for _, s := range sources {
		s.where.Table = table
		more, err := s.Place(s.where)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.File.Name, err)
		}
		if len(more) == 1 {
			more = []release.Part{{Name: cmp.Or(s.as, partNameOf(s.File.Name), more[0].Name), Offset: more[0].Offset, Data: more[0].Data}}
		} else if s.as != "" {
			return nil, usageError("%s holds %d parts, which have names of their own: give none", s.File.Name, len(more))
		}
		parts = append(parts, more...)
	}
	parts = firmware.Ascend(parts)
	for i := range parts {
		if j := slices.IndexFunc(parts[:i], func(p release.Part) bool { return p.Name == parts[i].Name }); j >= 0 {
			return nil, usageError("two parts are called %s, at 0x%x and 0x%x: name them, as in --part app@0x10000=FILE", parts[i].Name,
				parts[j].Offset, parts[i].Offset)
		}
	}
	return parts, firmware.Fit(files, parts, t)
}

// partNameOf is what a part of a file is called when nobody says it: the file's name without its end, if that is an identifier.
func partNameOf(path string) string {
	name := filepath.Base(path)
	name = strings.TrimSuffix(name, filepath.Ext(name))
	if release.CheckID(name) != nil {
		return ""
	}
	return name
}

// tellLeft says what is in the files and not in the release.
func tellLeft(p *printer, sources []sourced, whole bool) {
	for _, s := range sources {
		for _, o := range s.Skipped {
			fmt.Fprintf(p.errOut, "%s: %s (%d bytes) is left out\n", s.File.Name, o.What, o.Bytes)
		}
		if len(s.Left) > 0 && !whole {
			var names []string
			for i := range s.Left {
				names = append(names, s.Left[i].Name)
			}
			fmt.Fprintf(p.errOut, "%s: %s stay as they are on the device: the file has only erased bytes for them (--whole erases them)\n",
				s.File.Name, strings.Join(names, ", "))
		}
	}
}

// takeOut returns the image of a software area that a file holds. A file with addresses must begin where that area does, as the flash
// counts or as the processor sees it.
func takeOut(name string, content []byte, l *flash.Layout, raw bool) ([]byte, error) {
	if raw || len(content) == 0 {
		return content, checkImage(name, content, raw)
	}
	v, err := firmware.Read(name, content)
	if err != nil || !converted(v.Format) {
		if what, advice := foreignForm(content); err != nil && what != "" && addressed(content) {
			return nil, fmt.Errorf("%s is %s, and no image can be taken out of it: %w; %s; or say --raw if exactly these bytes run on the device",
				name, what, err, advice)
		}
		return content, checkImage(name, content, false)
	}
	if v.Format == firmware.DFU {
		return v.Parts[0].Data, checkImage(name, v.Parts[0].Data, false)
	}
	base := l.SoftwareBase()
	if len(v.Parts) != 1 {
		return nil, fmt.Errorf("%s holds %d pieces that lie apart, and an image is one: make the raw image with objcopy -O binary", name,
			len(v.Parts))
	}
	// Processors see their flash at a multiple of 16 MiB.
	if at := v.Parts[0].Offset; at%(16<<20) != base {
		return nil, fmt.Errorf("%s begins at 0x%x, and the software area of the model at 0x%x: this is a program for another place, "+
			"or make the raw image with objcopy -O binary", name, at, base)
	}
	return v.Parts[0].Data, nil
}

// converted says whether a form holds bytes and where they belong, or more than the bytes.
func converted(f firmware.Format) bool {
	switch f {
	case firmware.IntelHex, firmware.SRecord, firmware.ELF, firmware.UF2, firmware.DfuSe, firmware.DFU:
		return true
	}
	return false
}

// addressed says whether a file is in a form that is converted, if it were sound.
func addressed(b []byte) bool {
	return strings.HasPrefix(string(b[:min(len(b), 8)]), "\x7fELF") || strings.HasPrefix(string(b[:min(len(b), 8)]), "UF2\n") ||
		strings.HasPrefix(string(b[:min(len(b), 8)]), "DfuSe\x01") || isHex(b) || isSRecord(b)
}
