package restore

import (
	"reflect"
	"testing"

	"unbrick/webui/state"
	"unbrick/webui/state/statetest"
	"unbrick/webui/view/viewtest"
	"unbrick/webui/words"
)

// TestSettingsAreKeptUnlessAsked follows a person through the choice: by default one press writes and keeps;
// with the wish there is one more question, and either answer does what it says.
func TestSettingsAreKeptUnlessAsked(t *testing.T) {
	for phase, of := range map[string]struct {
		show         func(state.Offer) state.Restore
		kept, erased state.Command
	}{
		"found": {func(o state.Offer) state.Restore { return state.RestoreFound{Offer: o} }, state.Write{}, state.Write{Erase: true}},
		"right": {func(o state.Offer) state.Restore { return state.RestoreRight{Offer: o} }, state.Start{}, state.Start{Erase: true}},
	} {
		w := &viewtest.Wishes{}
		c := &Screen{Wish: w.Take}
		set := func(s state.Restore) { c.Set(s, "") }
		set(of.show(statetest.Offer()))
		press := func(n int) { c.do(WishEvent{Wish: c.pane().Acts[n].Wish}) }
		sent := func(want state.Command) {
			t.Helper()
			if len(w.All) != 1 || !reflect.DeepEqual(w.All[0], want) {
				t.Errorf("%s: sent %+v, want %+v", phase, w.All, want)
			}
			w.All = nil
		}
		press(0)
		sent(of.kept)
		c.wishErase(true)
		key := c.Key()
		press(0)
		if len(w.All) > 0 || c.pane().Heading != "Erase its settings?" || c.Key() == key {
			t.Fatalf("%s: no question is asked: %q, sent %v", phase, c.pane().Heading, w.All)
		}
		press(1) // keep
		if c.erases() || c.pane().Heading == "Erase its settings?" {
			t.Errorf("%s: the answer to keep them is not heard", phase)
		}
		press(0)
		sent(of.kept)
		c.wishErase(true)
		press(0)
		press(0)
		sent(of.erased)
		// The wish is for one device, until it is done.
		set(state.RestoreReading{Device: statetest.Device()})
		set(of.show(statetest.Offer()))
		if !c.erases() || c.asked() {
			t.Errorf("%s: after a look at another release: erases %t, asks %t", phase, c.erases(), c.asked())
		}
		other := statetest.Offer()
		other.Device.Serial = "B-2"
		if set(of.show(other)); c.erases() {
			t.Errorf("%s: the wish goes over to another device", phase)
		}
		set(state.RestoreDone{Device: statetest.Device()})
		if set(of.show(statetest.Offer())); c.erases() {
			t.Errorf("%s: the wish outlives its fulfilment", phase)
		}
		old := statetest.Offer()
		old.Device.Erases = false
		set(of.show(old))
		c.wishErase(true)
		press(0)
		sent(of.kept)
	}
}

// What only this screen does is not passed on.
func TestOwnWishesStay(t *testing.T) {
	w := &viewtest.Wishes{}
	c := &Screen{Wish: w.Take}
	c.do(WishEvent{Wish: words.AskErase{}})
	c.do(WishEvent{Wish: words.KeepSettings{}})
	if len(w.All) != 0 {
		t.Errorf("passed on: %v", w.All)
	}
	if c.do(WishEvent{Wish: words.ChooseFile{}}); len(w.All) != 1 {
		t.Errorf("not passed on: %v", w.All)
	}
}
