package words

import (
	"cmp"
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
	bauds = []uint32{9600, 57600, 115200, 460800, 921600}
	turns = []int{1, 4, 16} // milliseconds
)

func Options(n, selected int, name func(int) string) []Option {
	list := make([]Option, n)
	for i := range list {
		list[i] = Option{strconv.Itoa(i), name(i), i == selected}
	}
	return list
}

func Bauds(now uint32) []Option {
	var list []Option
	for _, b := range with(bauds, now) {
		list = append(list, Option{strconv.Itoa(int(b)), Group(uint64(b)) + " baud", b == now})
	}
	return list
}

func Turns(now int) []Option {
	var list []Option
	for _, t := range with(turns, now) {
		list = append(list, Option{strconv.Itoa(t), strconv.Itoa(t) + " ms", t == now})
	}
	return list
}

// with is the values that can be chosen, the present one among them: a choice shows nothing else than what is.
func with[T cmp.Ordered](values []T, now T) []T {
	if slices.Contains(values, now) {
		return values
	}
	at := 0
	for at < len(values) && values[at] < now { // they are in order; a sort of each type would be several kilobytes of program
		at++
	}
	return slices.Concat(values[:at], []T{now}, values[at:])
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

// Tear says what a tear leaves, Noise how many bits are damaged, Pace how device time passes.
func Tear(t state.Tear) string   { return word(tears[:], t) }
func Noise(n state.Noise) string { return word(noises[:], n) }
func Pace(p state.Pace) string   { return word(paces[:], p) }

// Health says how the application behaves.
func Health(h state.Health) string {
	if h == state.HealthHangs {
		return "hangs after start"
	}
	return "healthy"
}
