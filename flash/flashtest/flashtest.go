// Package flashtest checks that a flash.Device keeps its contract: bounds, alignment, busy rules,
// erase and program as they must be, protected areas, and a long random use compared with a model.
//
// It works on a part in any state and needs no clock. It erases and programs the first and last
// sectors of every run of the geometry, and, at random, others. What refuses to be erased with
// flash.ErrProtected is checked to be really protected.
package flashtest

import (
	"testing"

	"unbrick/flash"
)

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
	Run  func(t TB, d flash.Device)
}

// Run runs every check as a subtest of name, each on a device of its own.
func Run(t *testing.T, name string, open func(t *testing.T) flash.Device) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for _, c := range Checks() {
			t.Run(c.Name, func(t *testing.T) { c.Run(t, open(t)) })
		}
	})
}

// Checks returns the whole suite.
func Checks() []Check {
	return []Check{
		{"Geometry", geometry},
		{"ReadBounds", readBounds},
		{"Erase", erase},
		{"EraseBounds", eraseBounds},
		{"Blocks", blocks},
		{"Program", program},
		{"ProgramBounds", programBounds},
		{"ProgramOnce", programOnce},
		{"ProgramCopies", programCopies},
		{"Busy", busy},
		{"Protected", protected},
		{"Random", randomUse},
	}
}
