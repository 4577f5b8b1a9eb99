package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestShows: what the shell can change it can list and show, as a table or facts for people, and as JSON.
func TestShows(t *testing.T) {
	b := newStory(t)
	b.must(exitOK, "model", "put", "0003", "--flash", "1MiB", "--ram", "64KiB", "--name", "Lamp",
		"--app", "system:4KiB:9:fixed", "--settings", "calibration:8KiB",
		"--hint", "hold the button", "--readout")
	key := strings.Fields(b.must(exitOK, "key", "show", b.path("release.key")))[2]
	if out := b.must(exitOK, "key", "show", b.path("release.pub")); out != "public key "+key+"\n" {
		t.Errorf("the public half of %s: %s", key, out)
	}
	b.must(exitFailed, "key", "show", b.path("1.bin"))
	if out := b.must(exitOK, "rollout", "list"); out != "no rollout found\n" {
		t.Errorf("no rollout goes on: %s", out)
	}
	b.must(exitOK, "rollout", "2", "--model", "0001", "--phases", "1%,100%@24h")
	for line, want := range map[string][]string{
		"model list": {"0001 Model 0001 512KiB", "0003 Lamp 1MiB"},
		"model show 0003": {"Flash 1MiB in sectors of 4KiB", "Software", "Settings calibration 8KiB",
			"Applications system 4KiB, importance 9, never stopped",
			"By hand hold the button", "Read-out allowed", "Tried first delta"},
		"model show 0001":             {"Trusts keys " + key},
		"key list --model 0001":       {"KEY REGISTERED", key + " 20"},
		"release list --model 0001":   {"MODEL VERSION STATE", "0001 2 offered 1%", "0001 1 offered all"},
		"release show 2 --model 0001": {"release 2 of model 0001 is offered, to 1% of the devices", "signed by " + key},
		"rollout list":                {"0001 2 offered 1% 1%,100%@24h"},
		"rollout list --model 0001":   {"0001 2 offered"},
		"rollout 2 --model 0001":      {"release 2 of model 0001 is offered, to 1% of the devices"},
	} {
		out := b.must(exitOK, strings.Fields(line)...)
		for _, w := range want {
			if !tableHas(out, w) {
				t.Errorf("%s: no line begins with %q:\n%s", line, w, out)
			}
		}
		for text := range strings.Lines(b.must(exitOK, append(strings.Fields(line), "--json")...)) {
			if !json.Valid([]byte(text)) {
				t.Errorf("%s --json: %s", line, text)
			}
		}
	}
	b.must(exitOK, "rollout", "2", "--model", "0001", "--halt")
	if out := b.must(exitOK, "rollout", "list"); !tableHas(out, "0001 2 offered none, halted") {
		t.Errorf("halted: %s", out)
	}
	b.must(exitOK, "rollout", "2", "--model", "0001", "--end")
	if out := b.must(exitOK, "rollout", "list"); out != "no rollout found\n" {
		t.Errorf("ended: %s", out)
	}
	for _, line := range []string{"model show 9", "key list --model 9", "release show 9 --model 0001"} {
		b.must(exitFailed, strings.Fields(line)...)
	}
}
