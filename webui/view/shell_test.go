package view

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"unbrick/webui/state"
	"unbrick/webui/words"
)

// What the shell says before the program is loaded, the program says in the same words.
func TestShellSaysTheSame(t *testing.T) {
	b, err := os.ReadFile("../../static/index.html")
	if err != nil {
		t.Fatal(err)
	}
	from := regexp.MustCompile(`(?s)<div class="pane">(.*?)</div>\n</section>|<template id="([^"]*)">(.*?)</template>`)
	parts := map[string]string{}
	for _, m := range from.FindAllStringSubmatch(string(b), -1) {
		parts[m[2]] = m[1] + m[3]
	}
	for id, phase := range map[string]state.Restore{
		"": state.RestoreLoading{}, "no-serial": state.RestoreUnsupported{}, "no-protection": state.RestoreInsecure{},
	} {
		p := words.RestorePane(phase, false, "")
		plain := text(parts[id])
		for _, said := range []string{p.Heading, p.Lead, text(string(p.Aside))} {
			if !strings.Contains(plain, said) {
				t.Errorf("%q: the shell does not say %q but\n%s", id, said, plain)
			}
		}
		if p.Aside != "" && !strings.Contains(parts[id], string(p.Aside)) {
			t.Errorf("%q: the shell's links differ from %s", id, p.Aside)
		}
		if !strings.Contains(plain, p.Hint) {
			t.Errorf("%q: the shell does not say %q", id, p.Hint)
		}
		if id == "" { // what static/boot.js puts on the button, before and after the chooser
			chosen := words.Loading(true)
			said := []string{p.Acts[0].Label, chosen.Acts[0].Label, chosen.Hint}
			for i, name := range []string{"data-offer", "data-chosen", "data-hint"} {
				if !strings.Contains(parts[id], name+`="`+said[i]+`"`) {
					t.Errorf("the shell's button does not say %q in %s", said[i], name)
				}
			}
		}
		for _, q := range p.Promises {
			if !strings.Contains(plain, q.Head+q.Text) {
				t.Errorf("%q: the shell does not promise %q", id, q.Head)
			}
		}
	}
}
