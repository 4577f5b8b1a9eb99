package main

import (
	"regexp"
	"strings"
	"testing"
)

// Help goes where it can be piped, a mistake is one line.
func TestHelpAndMistakes(t *testing.T) {
	for _, c := range newRoot().Commands() {
		code, out, errOut := execute(t, c.Name(), "--help")
		if code != exitOK || errOut != "" || !strings.Contains(out, "usage: unbrick "+c.Name()) {
			t.Errorf("%s --help: exit code %d, %q, %q", c.Name(), code, out, errOut)
		}
		if c.Name() == "delta" {
			continue // its flags stand behind a further word
		}
		code, out, errOut = execute(t, c.Name(), "--no-such-flag")
		if code != exitUsage || out != "" || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, "no-such-flag") || !strings.Contains(errOut, "--help") {
			t.Errorf("%s --no-such-flag: exit code %d, %q, %q", c.Name(), code, out, errOut)
		}
	}
	code, _, errOut := execute(t, "emulate", "--model", "1", "--cut-at", "x")
	if code != exitUsage || !strings.Contains(errOut, "cut-at") || strings.Count(errOut, "\n") != 1 {
		t.Errorf("a bad value: exit code %d, %q", code, errOut)
	}
}

// TestFlagsAreWrittenWithTwoDashes: help and mistakes name a flag as everything else does, and a mistake says what the flag takes.
func TestFlagsAreWrittenWithTwoDashes(t *testing.T) {
	single := regexp.MustCompile(`(?m)(^|[ "(])-[a-z]{2}`)
	for _, c := range newRoot().Commands() {
		if _, out, _ := execute(t, c.Name(), "--help"); single.MatchString(out) {
			t.Errorf("%s --help: %q", c.Name(), single.FindAllString(out, 3))
		}
	}
	for line, want := range map[string]string{
		"serve --drain 5":                       `--drain "5" is no time such as 30s`,
		"serve --sessions many":                 `--sessions "many" is no whole number`,
		"serve --proxied=perhaps":               `--proxied "perhaps" is neither true nor false`,
		"publish --order -1 x":                  `--order "-1" is no whole number from 0 on`,
		"publish --order 99999999999999999999":  `--order "99999999999999999999" is no whole number from 0 on that fits`,
		"rollout 1 --max-failures x":            `--max-failures "x" is no whole number from 0 on`,
		"serve --addr":                          "flag needs an argument: --addr",
		"delta create a b -o":                   "flag needs an argument: -o",
		"serve --nothing":                       "there is no flag: --nothing",
		"serve -x":                              "there is no flag: -x",
		"model put 0001 --flash 99999999TiB":    `--flash "99999999TiB": size "99999999TiB": the unit "TiB" is neither KiB nor MiB`,
		"emulate --model a/b":                   `--model "a/b": not an identifier`,
		"powercut --old a --new b --budget 1e3": `--budget "1e3" is no time`,
	} {
		code, _, errOut := execute(t, strings.Fields(line)...)
		if code != exitUsage || !strings.Contains(errOut, want) || single.MatchString(errOut) || !strings.Contains(errOut, "--help explains it") {
			t.Errorf("%s: exit code %d, %q, want %q", line, code, errOut, want)
		}
	}
}
