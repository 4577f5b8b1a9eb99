package lab

import (
	"io"
	"time"

	"unbrick/emulator"
	"unbrick/protocol/smp"
)

// Port returns the host's end of the cable, open from its first use. While it is open and its user
// computes, device time stands still; Close lets it go on.
func (d *Device) Port() *emulator.Port { return d.board.Host() }

// Attach connects a host outside of the program: a pseudo-terminal. Waits then take real time.
func (d *Device) Attach(rw io.ReadWriter) (*emulator.Attachment, error) { return d.board.Attach(rw) }

// cable is the device's end as the terminal sees it. In restoration mode with nobody at the other end
// it sleeps until somebody comes, where an endless wait in virtual time would spin.
type cable struct {
	*emulator.Cable
	d *Device
}

func (c cable) Read(p []byte, wait time.Duration) (int, error) {
	if c.d.State() == Restoration {
		c.d.board.AwaitHost(nil)
	}
	return c.Cable.Read(p, wait)
}

const (
	// maintenancePoll is how long the application looks at its maintenance port before it does
	// something else.
	maintenancePoll = 50 * time.Millisecond
	// maintenanceBuffer is the longest packet that the maintenance port takes in bytes.
	maintenanceBuffer = 256
)

// maintenance looks at what the host sent to the running release and says whether it asks for a
// reset: a break, or of SMP's OS group a reset, an echo, or the question which boot loader this is.
func (d *Device) maintenance() bool {
	c := d.board.Cable()
	var in [256]byte
	n, err := c.Read(in[:], maintenancePoll)
	if err != nil {
		return false
	}
	if c.Break() {
		return true
	}
	for p := in[:n]; len(p) > 0; {
		packet, used := d.console.Next(p)
		p = p[used:]
		if packet == nil {
			continue
		}
		if h, _, err := smp.ParsePacket(packet); err == nil && h.Group == smp.GroupOS && (h.ID == smp.OSReset || h.ID == smp.OSEcho || h.ID == smp.OSBootloader) {
			return true
		}
	}
	return false
}
