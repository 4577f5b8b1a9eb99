package repair

import (
	"context"
	"slices"

	"unbrick/restore"
	"unbrick/webui/state"
)

// waysBlob holds how devices were brought into restoration mode, by model.
const waysBlob = "ways"

// maxWorked is how many models are remembered; the one that was met longest ago goes first.
const maxWorked = 64

// worked is how a model was reached last.
type worked struct {
	Model string
	Way   restore.Way   // by the program; WayWait: a person had to help
	Hand  state.WayKind // what the person did; WayReset: nothing
	Baud  uint32
}

// keptWays is what is kept of them, the one that was met last at the end.
type keptWays struct {
	All []worked `max:"worked"`
}

// remember keeps how the device at hand was reached.
func (c *cable) remember(w worked) {
	c.worked = slices.DeleteFunc(slices.Clone(c.worked), func(o worked) bool { return o.Model == w.Model })
	c.worked = append(c.worked, w)
	c.worked = c.worked[max(0, len(c.worked)-maxWorked):]
	c.store(c.keptWays.Put(&keptWays{c.worked}))
}

// store lets keep store something off the loop.
func (c *cable) store(keep func()) {
	c.e.Go(func(context.Context) func() {
		keep()
		return nil
	})
}

// before returns how the device was reached before: the one of the job that was left last, else the one that was
// met last. A device does not say its model before it answers.
func (c *cable) before() (worked, bool) {
	j := c.jobs.last()
	for i := len(c.worked) - 1; i >= 0; i-- {
		if j == nil || c.worked[i].Model == j.Model {
			return c.worked[i], true
		}
	}
	return worked{}, false
}

// usualSpeeds are tried where nothing answers at the speed that a device should have: its record may be
// wrong here, or its boot loader of another make.
var usualSpeeds = []uint32{115200, 921600, 460800, 230400, 1_000_000, 57600, 38400, 19200, 9600}

// speeds are those at which a device may answer besides first: the known models', then the usual ones.
func (c *cable) speeds(first uint32) []uint32 {
	return distinct(append(c.knownSpeeds(first), usualSpeeds...))[1:]
}

// distinct is a list without what stands in it already.
func distinct(list []uint32) []uint32 {
	seen := make(map[uint32]bool)
	return slices.DeleteFunc(list, func(n uint32) bool {
		again := seen[n]
		seen[n] = true
		return again
	})
}
