package repair

import (
	"errors"
	"time"

	"unbrick/internal/pack"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/mcuboot"
	"unbrick/webui/engine"
	"unbrick/webui/shown"
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
			var e *restore.Error
			if errors.As(err, &e) && e.Code == restore.CodeForeign {
				err = why
			}
			if err != nil {
				c.fail(err, restore.StageIdentify)
				return
			}
			r.loader = l
			c.trace.add("boot loader lists %d images", len(l.Images))
			c.shown.Boot.Images = bootImages(l)
			c.shown.Phase = state.RestoreLoader
			if c.image != nil {
				c.offer()
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
	case c.e.World().Ports == nil, c.shown.Phase == state.RestoreWriting, c.shown.Phase == state.RestoreDone, r != nil && r.working:
		return
	case r != nil && r.device != nil:
		err = &restore.Error{Code: restore.CodeBadFile, Err: errors.New("a terminal of ours takes releases, no images")}
	}
	switch {
	case err != nil:
		c.shown.Failure = shown.Failure(err, "")
		c.shown.Failure.Stage = restore.StagePlan
		c.shown.Phase = state.RestoreFailed
		return
	}
	c.image = &imageFile{name: name, data: data, parsed: m}
	if r == nil || r.loader == nil {
		c.connect()
		return
	}
	c.offer()
}

// offer shows what pressing Restore would do with the chosen image.
func (c *cable) offer() {
	m := c.image.parsed
	f := state.BootFile{Name: pack.Clip(c.image.name, state.MaxText), Version: m.Version.String(),
		Hash: hashText(m.Hash), Key: hashText(m.KeyHash),
		Signature: m.Signature, Size: uint32(m.Size), Encrypted: m.Encrypted(), Counter: uint64(m.Counter)}
	// Base64, one turn-around and one answer a piece: about two thirds of the line.
	f.Time = time.Duration(m.Size) * 15 * time.Second / restore.DefaultBaud
	c.shown.Boot.File = f
	c.shown.Phase = state.RestoreImage
	c.trace.add("image %s, %d bytes, hash %s", f.Version, f.Size, f.Hash)
}

// install brings the chosen image.
func (c *cable) install() {
	r, e := c.run, c.e
	if r == nil || r.loader == nil || r.working || c.image == nil {
		return
	}
	image := c.image
	c.auto = false
	c.began = e.World().Now()
	c.shown.Phase = state.RestoreWriting
	c.shown.Map = state.Map{Active: -1}
	c.shown.Plan = state.Plan{Work: state.WorkImage}
	c.shown.Progress = restore.Progress{Stage: restore.StageWrite, BytesOf: uint64(c.shown.Boot.File.Size),
		WorkOf: uint64(c.shown.Boot.File.Time / time.Microsecond)}
	progress := engine.Latest[restore.Progress]{Engine: e, Take: func(p restore.Progress) {
		if c.run == r && c.shown.Phase == state.RestoreWriting {
			c.shown.Progress = p
		}
	}}
	o := &restore.InstallOptions{Report: progress.Set}
	c.work(r, func() func() {
		got, err := r.session.Install(r.ctx, image.data, o)
		return func() {
			if err != nil {
				c.fail(err, max(c.shown.Progress.Stage, restore.StageWrite))
				return
			}
			c.installed(got)
		}
	})
}

// installed shows an image that the boot loader has taken and lists.
func (c *cable) installed(got *restore.Installed) {
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
	c.shown.Result = state.Result{Work: state.WorkImage, Version: got.Image.Version.String(), Sent: uint32(min(got.Sent, 1<<32-1)),
		Took: c.e.World().Now().Sub(c.began), Trial: trial}
	c.shown.Progress.Stage = restore.StageStart
	c.shown.Phase = state.RestoreDone
	c.image = nil
	c.drop()
}
