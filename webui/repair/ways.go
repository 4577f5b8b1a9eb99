package repair

import (
	"context"
	"slices"
	"sort"

	"unbrick/restore"
	"unbrick/webui/library"
	"unbrick/webui/shown"
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

// recallWays finds what earlier visits have learnt.
func recallWays(lib *library.Library) []worked {
	var was keptWays
	lib.Recall(waysBlob, keeping, &was)
	return was.All
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
	keep := c.keptWays.Put(&keptWays{c.worked})
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
	var all []uint32
	for _, m := range c.e.Library().Models() {
		all = append(all, shown.Baud(&m))
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	all = append(all, usualSpeeds...)
	seen := map[uint32]bool{first: true}
	return slices.DeleteFunc(all, func(baud uint32) bool {
		again := seen[baud]
		seen[baud] = true
		return again
	})
}
