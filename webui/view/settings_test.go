package view

import (
	"reflect"
	"testing"

	"unbrick/webui/state"
)

// TestSettingsAreKeptUnlessAsked follows a person through the choice: by default one press writes and keeps;
// with the wish there is one more question, and either answer does what it says.
func TestSettingsAreKeptUnlessAsked(t *testing.T) {
	for _, phase := range []state.RestorePhase{state.RestoreFound, state.RestoreRight} {
		w := &world{}
		r := New(w.hooks())
		s := demoRestore(phase)
		r.SetState(state.State{Restore: s})
		press := func(n int) { r.restorePane().Acts[n].Do() }
		sent := func(want state.Command) {
			t.Helper()
			if len(w.commands) != 1 || !reflect.DeepEqual(w.commands[0], want) {
				t.Errorf("phase %d: sent %+v, want %+v", phase, w.commands, want)
			}
			w.commands = nil
		}
		kept, erased := state.Command(state.Write{}), state.Command(state.Write{Erase: true})
		if phase == state.RestoreRight {
			kept, erased = state.Start{}, state.Start{Erase: true}
		}
		press(0)
		sent(kept)
		r.wishErase(true)
		key := r.headingKey()
		press(0)
		if len(w.commands) > 0 || r.restorePane().Heading != "Erase its settings?" || r.headingKey() == key {
			t.Fatalf("phase %d: no question is asked: %q, sent %v", phase, r.restorePane().Heading, w.commands)
		}
		press(1) // keep
		if r.erases() || r.restorePane().Heading == "Erase its settings?" {
			t.Errorf("phase %d: the answer to keep them is not heard", phase)
		}
		press(0)
		sent(kept)
		r.wishErase(true)
		press(0)
		press(0)
		sent(erased)
		// The wish is for one device, until it is done.
		r.SetState(state.State{Restore: demoRestore(state.RestoreReading)})
		r.SetState(state.State{Restore: demoRestore(phase)})
		if !r.erases() || r.asked() {
			t.Errorf("phase %d: after a look at another release: erases %t, asks %t", phase, r.erases(), r.asked())
		}
		other := demoRestore(phase)
		other.Device.Serial = "B-2"
		r.SetState(state.State{Restore: other})
		if r.erases() {
			t.Errorf("phase %d: the wish goes over to another device", phase)
		}
		r.SetState(state.State{Restore: demoRestore(state.RestoreDone)})
		r.SetState(state.State{Restore: demoRestore(phase)})
		if r.erases() {
			t.Errorf("phase %d: the wish outlives its fulfilment", phase)
		}
		old := demoRestore(phase)
		old.Device.Erases = false
		r.SetState(state.State{Restore: old})
		r.wishErase(true)
		press(0)
		sent(kept)
	}
}

func TestLossWords(t *testing.T) {
	area := func(name string) state.SettingsArea { return state.SettingsArea{Name: name, Size: 4 << 10} }
	for want, areas := range map[string][]state.SettingsArea{
		"a (4 KB) is lost, for good":                         {area("a")},
		"a (4 KB) and b (4 KB) are lost, for good":           {area("a"), area("b")},
		"a (4 KB), b (4 KB) and c (4 KB) are lost, for good": {area("a"), area("b"), area("c")},
		"Settings (4 KB) is lost, for good":                  {area(" ")},
	} {
		if got := lossWords(&state.Device{Settings: areas, Erases: true}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
