package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"unbrick/server/form"
)

// TestRemoveCommands: all that the server holds for a model goes, one thing after the other, in the order that the server asks for.
func TestRemoveCommands(t *testing.T) {
	w := newStates(t)
	says := func(code int, want string, args ...string) {
		t.Helper()
		got, out, errOut := execute(t, args...)
		if got != code || !strings.Contains(out+errOut, want) {
			t.Errorf("%v: %d %s%s, want %d %q", args, got, out, errOut, code, want)
		}
	}
	const devices = 3
	for i := range devices {
		w.serial = fmt.Sprint("S-", i)
		w.session(w.hello(), true)
	}
	says(exitFailed, `release "2" is offered: withdraw it first`, "release", "remove", "2", "--model", "0001")
	says(exitFailed, "no release \"9\"", "release", "remove", "9", "--model", "0001")
	says(exitFailed, "has 2 releases, 3 devices, 3 device keys: remove them first", "model", "remove", "0001")

	// Those that no device asks for go together.
	must(t, exitOK, "file", "remove", "--old")
	if len(w.files()) == 0 {
		t.Fatal("those of today are gone")
	}
	must(t, exitOK, "model", "put", "0001", "--flash", "256KiB", "--geometry", "4KiB", "--program-unit", "8", "--ram", "256KiB", "--resident", "8KiB")
	before := len(w.files())
	w.serial = "S-0"
	w.session(w.hello(), false)
	old := 0
	for _, f := range w.files() {
		if f.Old {
			old++
		}
	}
	if old != before || len(w.files()) == old {
		t.Errorf("%d of %d are old, want the %d of before", old, len(w.files()), before)
	}
	if out := must(t, exitOK, "file", "list"); strings.Count(out, " old") != old {
		t.Errorf("%s", out)
	}
	says(exitOK, "0 old update files are removed\n", "file", "remove", "--old", "--model", "0002")
	says(exitOK, fmt.Sprint(old, " old update files are removed\n"), "file", "remove", "--old", "--model", "0001")

	// Update files go by their numbers, several at once, up to the first that is not there.
	var ids []string
	for _, f := range w.files() {
		ids = append(ids, fmt.Sprint(f.ID))
	}
	if len(ids) == 0 {
		t.Fatal("no update file")
	}
	says(exitFailed, "update file "+ids[0]+" is removed\n", append([]string{"file", "remove"}, append(slices.Clone(ids), "999")...)...)
	if left := w.files(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}

	must(t, exitOK, "publish", "--key", "release.key", "--model", "0001", "--version", "3", "1") // the image of 1
	says(exitOK, "release 1 of model 0001 is removed\n", "release", "remove", "1", "--model", "0001")
	for _, v := range []string{"2", "3"} {
		must(t, exitOK, "release", "withdraw", v, "--model", "0001")
		says(exitOK, `{"removed":"`+v+`"}`, "release", "remove", v, "--model", "0001", "--json")
	}
	says(exitOK, "no release found", "release", "list")

	says(exitUsage, "say --yes", "device", "remove", "--all", "--model", "0001")
	if out := must(t, exitOK, "device", "list"); strings.Count(out, "S-") != devices {
		t.Errorf("without --yes: %s", out)
	}
	says(exitFailed, `does not know model "0002"`, "device", "remove", "--all", "--model", "0002", "--yes")
	says(exitOK, "3 devices and 3 device keys of model 0001 are removed\n", "device", "remove", "--all", "--model", "0001", "--yes")
	says(exitOK, "no device found", "device", "list")

	key := strings.Fields(must(t, exitOK, "key", "list", "--model", "0001"))[2]
	says(exitFailed, "has no key", "key", "remove", "0000000000000000", "--model", "0001")
	says(exitOK, "key "+key+" is taken back from model 0001\n", "key", "remove", key, "--model", "0001")
	says(exitOK, "the model has no key yet", "key", "list", "--model", "0001")
	says(exitOK, "model 0001 is removed\n", "model", "remove", "0001")
	says(exitFailed, "does not know model", "model", "remove", "0001")
	says(exitOK, "no model is described yet", "model", "list")
}

// TestForgetInSteps: a fleet that does not go in one step goes in several.
func TestForgetInSteps(t *testing.T) {
	w := newStates(t)
	const devices = 1003
	lists := make([]string, devices)
	for i := range lists {
		lists[i] = fmt.Sprintf("S-%04d", i)
	}
	w.record(lists)
	var got form.Forgotten
	if err := json.Unmarshal([]byte(must(t, exitOK, "device", "remove", "--all", "--model", "0001", "--yes", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if got != (form.Forgotten{Devices: devices}) {
		t.Errorf("%+v", got)
	}
	rows := strings.Count(must(t, exitOK, "audit", "list"), "device.remove-all")
	if rows != 2 {
		t.Errorf("%d rows in the audit log, want one for each step", rows)
	}
}
