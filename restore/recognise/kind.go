package recognise

import "fmt"

// Kind is who is at a port.
type Kind uint8

// The kinds. Append-only: the numbers go from the worker to the page.
const (
	Nobody   Kind = iota // nothing answers, or nothing that is known
	Terminal             // an Unbrick terminal
	SMP                  // another server of SMP: MCUboot's serial recovery, or a program with Zephyr's
	ESP                  // the ROM of an Espressif chip, waiting for a download
	STK500v1             // an AVR's boot loader: Optiboot, ATmegaBOOT
	STK500v2             // an AVR's boot loader: stk500boot
	Urboot               // an AVR's boot loader with a protocol of its own; only named
	STM32                // the system boot loader of an STM32; only named
	UBoot                // only named
	Linux                // a system that runs; only named
	AVR109               // a board with an ATmega32U4, whose boot loader has a port of its own; only named
	kindsEnd
)

// Kinds is how many there are.
const Kinds = int(kindsEnd)

var kindNames = [...]string{"nobody", "Unbrick terminal", "SMP server", "Espressif ROM boot loader", "AVR boot loader (STK500 v1)",
	"AVR boot loader (STK500 v2)", "urboot", "STM32 system boot loader", "U-Boot", "Linux", "AVR109 boot loader"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}
