package families

import (
	"context"
	"errors"

	"unbrick/firmware"
	"unbrick/firmware/mcuboot"
	"unbrick/internal/pack"
	"unbrick/release"
	"unbrick/webui/state"
	"unbrick/webui/words"
)

// chosen is what is to be written.
type chosen struct {
	name    string // of the file, or of the model
	what    string // what it is: "ESP application", "release"
	version string
	file    *firmware.File // nil: a release
	parts   []release.Part // as they will lie in the flash, when it is known that they fit
	facts   []state.BoardFact
	family  string // a release's, by its manifest, and its chip
	chip    string
}

func (c *chosen) title() string {
	if c.version == "" {
		return c.what
	}
	return c.what + " " + c.version
}

// addFile takes a file that the person chose.
func (w *work) addFile(f state.AddFile) {
	if w.busy() {
		return
	}
	w.e.Go(func(ctx context.Context) func() {
		if m, err := w.e.Library().Add(f.Data); err == nil {
			return func() { w.take(ctx, m.Model, m.Digest) }
		}
		file, err := firmware.Read(f.Name, f.Data)
		return func() {
			if w.busy() {
				return
			}
			if err != nil {
				w.refused(f.Name, err)
				return
			}
			w.chosen = ofFile(file)
			w.compare()
		}
	})
}

// busy reports whether what is under way takes no other file.
func (w *work) busy() bool { return w.working && w.board != nil || w.sight != nil }

// ofFile is a file as what is chosen.
func ofFile(f *firmware.File) *chosen {
	c := &chosen{name: pack.Clip(f.Name, state.MaxText), what: upper(f.Format.String()), version: pack.Clip(f.Version, state.MaxText), file: f}
	fact := func(label, value string) {
		if value != "" {
			c.facts = append(c.facts, state.BoardFact{Label: label, Value: pack.Clip(release.Clean(value, state.MaxText), state.MaxText)})
		}
	}
	fact("Project", f.Project)
	fact("Made", f.Date)
	fact("For chip", f.Chip)
	for _, k := range f.Checks {
		row := state.BoardFact{Label: "Its " + k.Kind.String(), Value: "Right", Check: k.Held}
		if !k.Held {
			row.Value = "It carries none"
		}
		row.Small = k.Of
		c.facts = append(c.facts, row)
	}
	if m := f.Signed; m != nil {
		c.facts = append(c.facts, signedFacts(m)...)
	} else {
		c.facts = append(c.facts, state.BoardFact{Label: "Its maker", Value: "Not known",
			Small: "a file of this kind is not signed for this page"})
	}
	for _, s := range f.Skipped {
		c.facts = append(c.facts, state.BoardFact{Label: "Left out", Value: s.What, Small: words.KB(uint64(s.Bytes))})
	}
	return c
}

// signedFacts are those of a signed image.
func signedFacts(m *mcuboot.Image) []state.BoardFact {
	hash := state.BoardFact{Label: "Hash", Value: pack.Clip(mcuboot.Hex(m.Hash), state.MaxText), Mono: true, Small: "matches its bytes"}
	if m.Encrypted() {
		hash.Small = "of the decrypted image: checked by the boot loader"
	}
	facts := []state.BoardFact{hash, {Label: "Signed with", Value: m.Signature, Small: "its boot loader checks that, after writing"}}
	if m.KeyHash != nil {
		facts = append(facts, state.BoardFact{Label: "Key", Value: pack.Clip(mcuboot.Hex(m.KeyHash), state.MaxText), Mono: true})
	}
	if m.Counted {
		facts = append(facts, state.BoardFact{Label: "Security counter", Value: words.Group(uint64(m.Counter))})
	}
	return facts
}

func upper(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

// choose takes a release that is listed.
func (w *work) choose(image release.Digest) {
	for _, r := range w.choice() {
		if r.Digest == image && !w.busy() {
			w.take(w.e.Context(), r.Model, image)
			return
		}
	}
}

// take gets a release, and believes it when a key has signed it that this site knows for its model: such a device knows no keys itself.
func (w *work) take(ctx context.Context, model string, image release.Digest) {
	w.e.Go(func(context.Context) func() {
		c, err := w.release(ctx, model, image)
		return func() {
			switch {
			case w.busy():
			case err != nil:
				w.refused("release for "+model, err)
			default:
				w.chosen = c
				w.compare()
			}
		}
	})
}

var errUnsigned = errors.New("no key that this site knows for its model has signed it")

func (w *work) release(ctx context.Context, model string, image release.Digest) (*chosen, error) {
	f, err := w.e.Library().Fetch(ctx, model, image)
	if err != nil {
		return nil, err
	}
	keys, err := w.e.Library().Trusted(ctx, model)
	if err != nil {
		return nil, err
	}
	m, err := release.Verify(f.Signed, keys, 1)
	if err != nil {
		return nil, errors.Join(errUnsigned, err)
	}
	if err := m.CheckImage(f.Image); err != nil {
		return nil, err
	}
	parts, err := release.ParseParts(f.Image)
	if err != nil {
		return nil, err
	}
	c := &chosen{name: m.Model, what: "Release", version: m.Version, parts: parts, family: m.Family, chip: m.Chip}
	c.facts = []state.BoardFact{{Label: "Signature", Value: "Its maker’s", Check: true, Small: "checked here; this site vouches for the key"}}
	if m.Date() != "" {
		c.facts = append(c.facts, state.BoardFact{Label: "Released", Value: m.Date()})
	}
	return c, nil
}

// refused shows why something that was chosen is not taken.
func (w *work) refused(name string, err error) {
	w.trace.add("refused %s: %v", name, err)
	if w.board == nil {
		w.chosen, w.earlyName, w.early = nil, name, err
		return
	}
	heading := "This file cannot be used."
	var r *firmware.Refusal
	if errors.As(err, &r) && r.Reason >= firmware.Unplaced {
		heading = "This file is not for your " + w.board.Name + "."
	}
	if errors.Is(err, errUnsigned) {
		heading = "Nobody vouches for this release."
	}
	lead := sentence(err)
	w.refuse(state.Told{Device: w.board.Name, Heading: heading, Lead: pack.Clip(name+": "+lead+nothingWritten,
		state.MaxTold), Facts: w.boardFacts()})
}

// unfit places what is chosen, and says what is wrong with that; nil: nothing.
func (w *work) unfit() error {
	c := w.chosen
	var files []*firmware.File
	if c.file != nil {
		parts, err := c.file.Place(w.where)
		if err != nil {
			return err
		}
		c.parts, files = firmware.Ascend(parts), []*firmware.File{c.file}
	} else if c.family != w.board.Family {
		return &firmware.Refusal{Reason: firmware.WrongFamily, Chip: c.family, Wanted: w.board.Family}
	} else if c.chip != w.board.Chip {
		return &firmware.Refusal{Reason: firmware.WrongChip, Chip: c.chip, Wanted: w.board.Chip}
	}
	return firmware.Fit(files, c.parts, w.target)
}
