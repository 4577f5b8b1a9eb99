package lab

import (
	"io"
	"time"

	"unbrick/emulator"
	"unbrick/protocol/smp"
)

// Port is the host's end of the device's cable. While it is open and its user computes, device time
// stands still; Close lets it go on.
type Port struct {
	*emulator.Port
	d *Device
}

// Port returns the host's end of the cable, open from its first use.
func (d *Device) Port() *Port { return &Port{Port: d.board.Host(), d: d} }

// Open opens the port again after Close.
func (p *Port) Open() error {
	err := p.Port.Open()
	p.d.wake(true)
	return err
}

// Read waits for bytes, at most wait of device time.
func (p *Port) Read(buf []byte, wait time.Duration) (int, error) {
	p.d.wake(true)
	return p.Port.Read(buf, wait)
}

// Write sends buf.
func (p *Port) Write(buf []byte) error {
	err := p.Port.Write(buf)
	p.d.wake(true)
	return err
}

// Break holds the line low for b.
func (p *Port) Break(b time.Duration) error {
	p.d.wake(true)
	err := p.Port.Break(b)
	p.d.wake(true)
	return err
}

// Close lets the device go on alone.
func (p *Port) Close() error {
	p.d.wake(false)
	return p.Port.Close()
}

// wake tells a device that waits for nothing in particular that the host is there, or has gone.
func (d *Device) wake(there bool) {
	d.host.Store(there)
	select {
	case d.knock <- struct{}{}:
	default:
	}
}

// Attach connects a host outside of the program: a pseudo-terminal. Waits then take real time.
func (d *Device) Attach(rw io.ReadWriter) (*emulator.Attachment, error) {
	return d.board.Attach(&knocking{ReadWriter: rw, d: d})
}

// knocking wakes the device when bytes arrive.
type knocking struct {
	io.ReadWriter
	d *Device
}

func (k *knocking) Read(p []byte) (int, error) {
	// The bytes of the last Read are on the line by now.
	k.d.wake(true)
	n, err := k.ReadWriter.Read(p)
	k.d.wake(true)
	return n, err
}

// cable is the device's end as the terminal sees it. In restoration mode with nobody at the other end
// it sleeps until somebody comes, where an endless wait in virtual time would spin.
type cable struct {
	*emulator.Cable
	d *Device
}

func (c cable) Read(p []byte, wait time.Duration) (int, error) {
	if c.d.alone() {
		c.d.board.Outside(func() {
			for c.d.alone() {
				select {
				case <-c.d.knock:
				case <-c.d.board.Gone():
					return
				}
			}
		})
	}
	return c.Cable.Read(p, wait)
}

// alone says that the device waits in restoration mode with nobody at the other end of its cable.
func (d *Device) alone() bool {
	return !d.host.Load() && !d.board.Attached() && d.State() == Restoration
}

// maintenancePoll is how long the application looks at the cable once something arrived on it: long
// enough for a whole request at the line's speed.
const maintenancePoll = 50 * time.Millisecond

// maintenance looks at what the host sent to the running release and says whether it asks for a
// reset: a break, or an echo or reset of SMP's OS group.
func (d *Device) maintenance() bool {
	c := d.board.Cable()
	var in [256]byte
	for {
		if c.Break() {
			return true
		}
		n, err := c.Read(in[:], maintenancePoll)
		if err != nil {
			return false
		}
		if n == 0 {
			return c.Break()
		}
		for p := in[:n]; len(p) > 0; {
			packet, used := d.console.Next(p)
			p = p[used:]
			if packet == nil {
				continue
			}
			if h, _, err := smp.ParsePacket(packet); err == nil && h.Group == smp.GroupOS && (h.ID == smp.OSReset || h.ID == smp.OSEcho) {
				return true
			}
		}
	}
}

// maintenanceBuffer is the longest packet that the application's maintenance port takes in bytes.
const maintenanceBuffer = 256
