package words

import (
	"slices"
	"strconv"

	"unbrick/webui/state"
)

// Option is one line of a select.
type Option struct {
	Value    string
	Name     string
	Selected bool
}

var (
	bauds = []int{9600, 57600, 115200, 460800, 921600}
	turns = []int{1, 4, 16} // milliseconds
)

// Paces and Tears are all that there are of them.
func Paces(now state.Pace) []Option { return options(paces[:], int(now)) }
func Tears(now state.Tear) []Option { return options(tears[:], int(now)) }

func options(names []string, selected int) []Option {
	list := make([]Option, len(names))
	for i, name := range names {
		list[i] = Option{strconv.Itoa(i), name, i == selected}
	}
	return list
}

// Bauds and Turns are what can be chosen, the present value among them: a choice shows nothing else than what is.
func Bauds(now uint32) []Option { return numbers(bauds, int(now), " baud") }
func Turns(now int) []Option    { return numbers(turns, now, " ms") }

// numbers are the values, which are in order, and now in its place.
func numbers(values []int, now int, unit string) []Option {
	at, is := slices.BinarySearch(values, now)
	if !is {
		values = slices.Insert(slices.Clone(values), at, now)
	}
	list := make([]Option, len(values))
	for i, n := range values {
		list[i] = Option{strconv.Itoa(n), Group(uint64(n)) + unit, n == now}
	}
	return list
}

var (
	tears = [state.TearKinds]string{
		"half of the bytes", "nothing written", "everything written", "the first unit", "all but the last unit",
		"unstable bits", "units that cannot be read", "a weak erase", "one bit in between",
	}
	noises = [state.NoiseKinds]string{
		"none", "1 in 1" + Gap + "000" + Gap + "000", "1 in 100" + Gap + "000", "1 in 10" + Gap + "000", "1 in 1" + Gap + "000",
	}
	paces = [state.PaceKinds]string{"as slow as life", "10 times life", "as fast as it goes"}
)

// Tear says what a tear leaves, Noise how many bits are damaged.
func Tear(t state.Tear) string   { return word(tears[:], t) }
func Noise(n state.Noise) string { return word(noises[:], n) }

// Health says how the application behaves.
func Health(h state.Health) string {
	if h == state.HealthHangs {
		return "hangs after start"
	}
	return "healthy"
}
