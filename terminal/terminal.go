package terminal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"unbrick/flash"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal/record"
)

// Mode is what a boot decided.
type Mode uint8

// The modes.
const (
	Running     Mode = 1 + iota // the installed release runs: Session, Alive
	Restoration                 // the device waits to be restored: Serve
)

func (m Mode) String() string {
	switch m {
	case Running:
		return "running"
	case Restoration:
		return "restoration mode"
	}
	return "not booted"
}

// Terminal is the device's software between two resets. It is memory of its caller's, as large as everything in it: New fills
// it and takes nothing else.
type Terminal struct {
	device
	rewriter    rewriter
	update      update
	restoration restoration

	mode Mode
	why  smp.Why
}

// New makes t the software of a device that was just reset. It reads the identification from the boot area and fails if there
// is none, or if hw is not what Layout and the package can work with. It allocates nothing but what hw.Hash does.
func New(t *Terminal, hw *Hardware) error {
	if hw.Flash == nil || hw.Layout == nil || hw.RAM == nil || hw.Cable == nil || hw.Clock == nil {
		return errors.New("terminal: hardware is not complete")
	}
	if len(hw.Survivor) < SurvivorSize {
		return fmt.Errorf("terminal: %d bytes survive a reset, %d needed", len(hw.Survivor), SurvivorSize)
	}
	if err := hw.Layout.Validate(); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	*t = Terminal{}
	t.rewriter.begin(&t.device)
	t.update.device, t.update.rewrite = &t.device, &t.rewriter
	t.restoration.device, t.restoration.rewrite = &t.device, &t.rewriter
	t.restoration.line.begin(hw, &t.restoration)
	if err := t.device.begin(hw, &t.restoration); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	t.restoration.ahead.hash = newHash(hw)
	return nil
}

// begin makes d the device of hw. waiter waits for its flash.
func (d *device) begin(hw *Hardware, waiter flashWaiter) error {
	d.hw = *hw
	d.trace = trace{to: hw.Event, clock: hw.Clock}
	d.poller, _ = hw.Flash.(Poller)
	d.survivor.begin(hw.Survivor)
	d.watch = watcher{d, waiter}
	d.area.Open(hw.Flash, hw.Layout, &d.watch, newHash(hw))
	d.records.Open(part{d}, hw.Layout, &d.area.Software)
	if err := d.readBootArea(); err != nil {
		return err
	}
	d.ram = workspace{trace: &d.trace, ram: hw.RAM, code: d.identity.resident()}
	d.software.trust.begin(&d.identity)
	return nil
}

// newHash returns a SHA-256: the hardware's, or else the one in software.
func newHash(hw *Hardware) hash.Hash {
	if hw.Hash != nil {
		return hw.Hash()
	}
	return sha256.New()
}

// Identity returns what the boot area says of the device.
func (t *Terminal) Identity() Identity { return t.identity.identity() }

// Why returns why the device is in restoration mode.
func (t *Terminal) Why() smp.Why { return t.why }

// Installed returns the manifest of the release that runs, or ran last; false if there is none.
func (t *Terminal) Installed() (release.Manifest, bool) {
	rec, w := t.records.Newest(), &t.software
	if rec == nil {
		return release.Manifest{}, false
	}
	m := &w.to
	if rec.State == record.Rewriting && w.match != matchTo {
		m = &w.from
	}
	return m.Manifest, m.there
}

// Confirmed reports whether the installed release has confirmed itself.
func (t *Terminal) Confirmed() bool {
	rec := t.records.Newest()
	return rec != nil && rec.State == record.Installed && rec.Confirmed
}

// Floor returns the security floor.
func (t *Terminal) Floor() release.Floor { return t.floor() }

var _ flash.Reader = source{}
