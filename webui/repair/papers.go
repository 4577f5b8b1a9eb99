package repair

import (
	"fmt"
	"strings"

	"unbrick/restore"
	"unbrick/webui/diagnostic"
	"unbrick/webui/state"
)

// saveDiagnostic hands over what support needs: the browser, the port, the device, and every command with
// its time. It holds no secrets and nothing of the device's software.
func (c *cable) saveDiagnostic() {
	var b strings.Builder
	now := c.e.World().Now().UTC()
	fmt.Fprintf(&b, diagnostic.Title+"\ntime: %s\nbrowser: %s\n", now.Format("2006-01-02 15:04:05 UTC"), c.e.World().Browser)
	if c.run != nil && c.run.name != "" {
		c.describePort(&b)
	}
	c.describe(&b)
	if s, ok := c.shown.(state.RestoreFailed); ok && s.Failure.Code != 0 {
		f := &s.Failure
		fmt.Fprintf(&b, "ended: C-1%02d in stage %d, at least %d of %d sectors written, touched "+
			"%d\n", f.Code, f.Stage, max(f.Sector-1, 0), f.Of, f.Touched)
	}
	b.WriteString("\n" + diagnostic.RowsTitle + "\n")
	for _, line := range c.trace.last(4 * state.MaxTrace) {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	c.e.World().Save(state.Download{Name: c.fileName("diagnostic"), Data: []byte(b.String())})
}

// saveReport hands over what was done to the device.
func (c *cable) saveReport() {
	var b strings.Builder
	fmt.Fprintf(&b, "Unbrick report\ntime: %s\n", c.e.World().Now().UTC().Format("2006-01-02 15:04:05 UTC"))
	s, ok := c.shown.(state.RestoreDone)
	if !ok {
		return
	}
	c.describe(&b)
	describeResult(&b, &s)
	c.e.World().Save(state.Download{Name: c.fileName("report"), Data: []byte(b.String())})
}

// describeResult writes what was done to a device.
func describeResult(b *strings.Builder, s *state.RestoreDone) {
	r := &s.Result
	did := "restored to"
	switch r.Work {
	case state.WorkStarted:
		did = "only started, with"
	case state.WorkFinished:
		did = "found restored by an earlier connection to"
	case state.WorkWritten, state.WorkRecorded:
	}
	fmt.Fprintf(b, "%s release: %q, signed by %s\nverified by the device: %d sectors\nwritten: %d sectors, renewed: %d sectors, %d "+
		"bytes sent\ntook: %.1f s\n",
		did, r.Version, r.Signers, r.Verified, r.Written, r.Renewed, r.Sent, r.Took.Seconds())
	if words := settingsWords[r.Settings]; words != "" {
		fmt.Fprintf(b, "settings areas: %s\n", words)
	}
	for _, a := range s.Device.Settings {
		fmt.Fprintf(b, "  %q, %d bytes\n", a.Name, a.Size)
	}
}

// settingsWords say in a report what became of the settings areas.
var settingsWords = [...]string{restore.SettingsKept: "kept", restore.SettingsErased: "erased, as it was asked for",
	restore.SettingsUnable: "kept, the device cannot erase them", restore.SettingsFailed: "not all erased, although it was asked for"}

// describePort writes what is known of the cable in use.
func (c *cable) describePort(b *strings.Builder) {
	r := c.run
	fmt.Fprintf(b, "port: %s\nspeed: %d baud\n", r.name, r.baud)
	if s := r.session; s != nil && !r.working {
		sent, received := s.Bytes()
		p := s.Parameters()
		fmt.Fprintf(b, "restoration mode by: %v\nbuffers: %d of %d bytes\nwire: %d bytes sent, %d "+
			"received\n", s.Way(), p.BufCount, p.BufSize, sent, received)
	}
	if counter, ok := r.port.(interface{ LineErrors() int }); ok {
		fmt.Fprintf(b, "line errors survived: %d\n", counter.LineErrors())
	}
}

// describe writes what the device has said of itself.
func (c *cable) describe(b *strings.Builder) {
	k, d := c.met.device, &c.met.offer.Device
	if k == nil {
		b.WriteString("device: none has answered\n")
		return
	}
	fmt.Fprintf(b, "device: model %q, serial %q\nin restoration mode because: %v\nrecord: release %q, target %q\nfloor: %d, keys: "+
		"%d\nflash: %d bytes\n",
		d.Model, d.Serial, d.Why, d.Version, d.Target, k.Floor.Counter, len(k.Trusted()), k.Layout.Geometry.Size())
}

// fileName is a name that says what is inside, of letters that every system takes.
func (c *cable) fileName(what string) string {
	name := "unbrick-" + what
	if s := c.met.offer.Device.Serial; s != "" {
		name += "-" + strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
				return r
			}
			return '-'
		}, s)
	}
	return name + ".txt"
}
