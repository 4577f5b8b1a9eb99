package repair

import (
	"errors"
	"time"

	"unbrick/firmware/mcuboot"
	"unbrick/internal/pack"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

// imageFile is a signed image that the person chose, for a boot loader of MCUboot's kind.
type imageFile struct {
	name   string
	data   []byte
	parsed *mcuboot.Image
}

// meet asks a device that is no terminal of ours what its boot loader lists. why is how identify ended.
func (c *cable) meet(why error) {
	r := c.run
	c.work(r, func() func() {
		l, err := r.session.Loader(r.ctx)
		return func() {
			if has(err, restore.CodeForeign) {
				err = why
			}
			if err != nil {
				c.fail(err, restore.StageIdentify)
				return
			}
			r.loader = l
			c.trace.add("boot loader lists %d images", len(l.Images))
			c.met.images = bootImages(l)
			c.shown = state.RestoreLoader{Images: c.met.images}
			if c.image != nil {
				c.propose()
			}
		}
	})
}

func bootImages(l *restore.Loader) []state.BootImage {
	var list []state.BootImage
	for _, m := range l.Images {
		if len(list) < state.MaxImages {
			list = append(list, state.BootImage{Slot: m.Slot, Version: release.Clean(m.Version, state.MaxText), Hash: hashText(m.Hash),
				Active: m.Active, Confirmed: m.Confirmed, Pending: m.Pending})
		}
	}
	return list
}

// hashText is a hash as that ecosystem shows it, as far as it fits.
func hashText(hash []byte) string { return pack.Clip(mcuboot.Hex(hash), state.MaxHashText) }

// imageAdded takes a signed image that the person chose. It was checked; err says what is wrong with it.
func (c *cable) imageAdded(name string, data []byte, m *mcuboot.Image, err error) {
	r := c.run
	switch {
	case c.e.World().Ports == nil, c.writing(), c.over(), r != nil && r.working:
		return
	case r != nil && r.device != nil:
		err = &restore.Error{Code: restore.CodeBadFile, Err: errors.New("a terminal of ours takes releases, no images")}
	}
	if err != nil {
		c.badFile(err)
		return
	}
	c.image = &imageFile{name: name, data: data, parsed: m}
	if r == nil || r.loader == nil {
		c.connect()
		return
	}
	c.propose()
}

// propose shows what pressing Restore would do with the chosen image.
func (c *cable) propose() {
	m := c.image.parsed
	f := state.BootFile{Name: pack.Clip(c.image.name, state.MaxText), Version: m.Version.String(),
		Hash: hashText(m.Hash), Key: hashText(m.KeyHash),
		Signature: m.Signature, Size: uint32(m.Size), Encrypted: m.Encrypted(), Counter: uint64(m.Counter)}
	// Base64, one turn-around and one answer a piece: about two thirds of the line.
	f.Time = time.Duration(m.Size) * 15 * time.Second / restore.DefaultBaud
	c.shown = state.RestoreImage{Images: c.met.images, File: f}
	c.trace.add("image %s, %d bytes, hash %s", f.Version, f.Size, f.Hash)
}

// install brings the chosen image.
func (c *cable) install() {
	r, e := c.run, c.e
	offered, ok := c.shown.(state.RestoreImage)
	if !ok || r == nil || r.loader == nil || r.working || c.image == nil {
		return
	}
	image, f := c.image, offered.File
	c.auto = false
	c.began = e.World().Now()
	c.shown = state.RestoreSending{File: f,
		Progress: restore.Progress{Stage: restore.StageWrite, BytesOf: uint64(f.Size), WorkOf: uint64(f.Time / time.Microsecond)}}
	progress := engine.Latest[restore.Progress]{Engine: e, Take: func(p restore.Progress) {
		if c.run == r {
			update(c, func(s *state.RestoreSending) { s.Progress = p })
		}
	}}
	o := &restore.InstallOptions{Report: progress.Set}
	c.work(r, func() func() {
		got, err := r.session.Install(r.ctx, image.data, o)
		return func() {
			if err != nil {
				c.fail(err, max(c.progress().Stage, restore.StageWrite))
				return
			}
			c.installed(got, f)
		}
	})
}

// installed shows an image that the boot loader has taken and lists.
func (c *cable) installed(got *restore.Installed, f state.BootFile) {
	c.trace.add("installed: image %s in slot %d, trial %t, confirmed %t", got.Image.Version, got.Slot, got.Trial, got.Confirmed)
	trial := state.TrialNone
	c.trace.add("start: answered %t, its program answered %t", got.Started, got.Runs)
	switch {
	case got.Confirmed:
		trial = state.TrialConfirmed
	case got.Runs && got.Trial:
		trial = state.TrialRuns
	case got.Runs:
		trial = state.TrialStarted
	case !got.Started:
		trial = state.TrialUnknown
	case got.Trial:
		trial = state.TrialMarked
	}
	c.shown = state.RestoreInstalled{File: f, Result: state.Installed{Version: got.Image.Version.String(),
		Sent: uint32(min(got.Sent, 1<<32-1)), Took: c.e.World().Now().Sub(c.began), Trial: trial}}
	c.image = nil
	c.drop()
}
