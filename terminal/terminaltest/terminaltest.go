// Package terminaltest checks that a port keeps the contract of terminal.Hardware: memory and who owns it, cable, clock, pauses, what
// survives a reset, and the units for hashes, signatures and random bytes. It is for who brings a terminal to new hardware; the
// flash driver alone has its own suite, flash/flashtest, which Run runs as well.
//
// A check works on a device that was just reset and whose applications run. It needs key block and identification in the boot area, and
// changes the last sector of the software area and all settings areas; the suite of the flash changes everything that is not
// protected. Where the boot area is not, it does not run: that would be gone. What a port does not have, such as a Pauser, is not checked, and the log says so.
//
// Waits are counted in the device's own time, so that a board in software passes as well.
package terminaltest

import (
	"testing"

	"unbrick/flash"
	"unbrick/flash/flashtest"
	"unbrick/terminal"
)

// Rig is a device that was just reset and, if there is one, the far end of its cable.
type Rig struct {
	Hardware *terminal.Hardware
	Far      *Far // nil: nobody is at the far end, and what needs one is not checked
}

// Far is the far end of the cable.
type Far struct {
	Baud     uint32             // the base speed of both ends, in bits a second
	Send     func(p []byte)     // puts p on the wire, from now on, and returns without waiting for the device
	Received func(n int) []byte // waits until n bytes came that were not returned yet, not for ever, and returns all that came
	Break    func()             // puts a break on the wire that every device notices at its base speed
	SetSpeed func(baud uint32)  // nil: this end has one speed
}

// TB is what a check needs of a test. Fatalf must not return.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Check is one part of the suite.
type Check struct {
	Name string
	Run  func(t TB, r *Rig)
}

// Run runs every check, and the suite of the flash, as a subtest of name, each on a device that open has just reset.
func Run(t *testing.T, name string, open func(t *testing.T) *Rig) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for _, c := range Checks() {
			if !t.Run(c.Name, func(t *testing.T) { c.Run(t, open(t)) }) && c.Name == bootAreaName {
				t.Fatal("nothing else is tried: the suite of the flash erases what is not protected")
			}
		}
		flashtest.Run(t, "Flash", func(t *testing.T) flash.Device { return Secure(t, open(t)) })
	})
}

const bootAreaName = "BootArea"

// Checks returns the whole suite but that of the flash.
func Checks() []Check {
	return []Check{
		{"Whole", whole},
		{"Regions", regions},
		{"StopStart", stopStart},
		{"ClaimRefused", claimRefused},
		{"Claim", claim},
		{"Release", giveBack},
		{"Resident", resident},
		{"ResidentRefused", residentRefused},
		{"Clock", clock},
		{"CableSilence", cableSilence},
		{"CableRead", cableRead},
		{"CableWrite", cableWrite},
		{"CableBreak", cableBreak},
		{"CableDepth", cableDepth},
		{"Speeder", speeder},
		{"Poller", poller},
		{bootAreaName, bootArea},
		{"Locker", locker},
		{"Pauser", pauser},
		{"Survivor", survivor},
		{"Sign", sign},
		{"SignSeed", signSeed},
		{"Random", random},
		{"Hash", hashes},
		{"Verify", verify},
		{"VerifyTrust", verifyTrust},
	}
}

// Secure stops every application and makes the rewriter resident in the largest workspace there is: the flash that it returns
// may be erased and programmed.
func Secure(t TB, r *Rig) flash.Device {
	t.Helper()
	newBench(t, r).secure(0)
	return r.Hardware.Flash
}
