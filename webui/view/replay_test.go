package view

import (
	"reflect"
	"testing"

	"unbrick/webui/state"
)

func TestReplayOfTheAddress(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#lab/replay/04abc")
	if len(w.commands) != 0 {
		t.Errorf("%v was sent before the engine was there", w.commands)
	}
	r.SetState(state.State{})
	r.SetState(state.State{})
	r.SetPath("#restore")
	r.SetPath("#lab/replay/04abc")
	r.SetPath("#lab/replay/04def")
	r.SetPath("#lab")
	r.SetPath("#lab")
	want := []state.Command{state.LabReplay{ID: "04abc"}, state.LabReplay{ID: "04def"}, state.LabReplayEnd{}}
	if !reflect.DeepEqual(w.commands, want) {
		t.Errorf("sent %v, want %v", w.commands, want)
	}
}
