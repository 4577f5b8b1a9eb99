package recognise

import "unbrick/restore/family"

// hint is what the numbers of a port say of who is likely there. They choose an order and prove nothing.
type hint uint8

const (
	unhinted  hint = iota
	espressif      // a chip of Espressif with a USB port of its own
	uno            // a board with an ATmega328P or the like
	mega           // a board with an ATmega2560 or the like
	leonardo       // a board with an ATmega32U4: the port is its program's
)

// hinted reads the numbers: Espressif's vendor has nothing but its chips' own ports, those of Arduino's boards are in ArduinoCore-avr, boards.txt.
func hinted(u family.USB) hint {
	switch u.Vendor {
	case 0x303a:
		return espressif
	case 0x2341, 0x2a03:
		switch u.Product {
		case 0x0001, 0x0043, 0x006a, 0x0243:
			return uno
		case 0x0010, 0x0042, 0x0210, 0x0242:
			return mega
		case 0x0036, 0x0037, 0x8036, 0x8037:
			return leonardo
		}
	}
	return unhinted
}
