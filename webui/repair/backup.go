package repair

import (
	"fmt"
	"strings"

	"unbrick/restore"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

// saveBackup reads what the device at hand holds, before it is written, and hands it to the person.
func (c *cable) saveBackup() {
	r := c.run
	if r == nil || r.device == nil || r.working || !in[state.RestoreFound](c) || !c.met.offer.Device.Backup {
		return
	}
	c.shown = state.RestoreReading{Device: c.met.offer.Device, Of: uint64(r.device.Software.Size())}
	type part struct{ done, of uint32 }
	progress := engine.Latest[part]{Engine: c.e, Take: func(p part) {
		if c.run == r {
			update(c, func(s *state.RestoreReading) { s.Done, s.Of = uint64(p.done), uint64(p.of) })
		}
	}}
	c.work(r, func() func() {
		b, err := r.session.Backup(r.ctx, r.device, func(done, of uint32) { progress.Set(part{done, of}) })
		return func() {
			if err != nil {
				c.fail(err, restore.StageIdentify)
				return
			}
			c.keepBackup(b)
		}
	})
}

// keepBackup hands a backup over and goes back to the question.
func (c *cable) keepBackup(b *restore.Backup) {
	c.trace.add("backup: %d bytes, %d sectors could not be read", len(b.Bytes), len(b.Unreadable))
	name := fmt.Sprintf("%s-at-%#x.bin", strings.TrimSuffix(c.fileName("backup"), ".txt"), c.run.device.Layout.SoftwareBase())
	c.e.World().Save(state.Download{Name: name, Data: b.Bytes})
	c.met.offer.Device.Saved = true
	c.shown = state.RestoreFound{Offer: c.met.offer}
}
