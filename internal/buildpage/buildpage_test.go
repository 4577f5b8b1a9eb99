package main

import (
	"strings"
	"testing"
)

// TestVugu: the module in use is still the one that was mended, and still needs it.
func TestVugu(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	v, err := readVugu(root)
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := v.renderer()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(renderer, `ret.window.Call("eval"`) {
		t.Error("the mended renderer still evaluates")
	}
	if strings.Contains(v.script, "textContent=e;break") {
		t.Error("the mended script still writes every text")
	}
	if _, err := mended(v.script, inScript); err == nil {
		t.Error("a script that is mended already was taken for the known one")
	}
}

func TestByPackage(t *testing.T) {
	code := map[string]int{
		"runtime.mallocgc":                100,
		"internal_runtime_maps._Map_.Get": 20,
		"unbrick_delta_diff.Create":       7,
		"unbrick_delta.Prove":             5,
		"main.main":                       3,
		"type_.eq.main.x":                 2,
		"_rt0_wasm_js":                    1,
	}
	paths := []string{"runtime", "internal/runtime/maps", "unbrick/delta", "unbrick/delta/diff"}
	got, total := byPackage(code, paths)
	want := []weight{{"runtime", 100}, {"internal/runtime/maps", 20}, {"unbrick/delta/diff", 7}, {"unbrick/delta", 5}, {"wasm", 3},
		{"(made by the compiler)", 2}, {"(runtime stubs)", 1}}
	if total != 138 || len(got) != len(want) {
		t.Fatalf("got %v, total %d", got, total)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
}

func TestFunctionSizesRefuses(t *testing.T) {
	for name, b := range map[string]string{
		"empty":    "",
		"foreign":  "\x7fELF....",
		"stripped": "\x00asm\x01\x00\x00\x00",
		"short":    "\x00asm\x01\x00\x00\x00\x0a\x7f",
	} {
		if _, err := functionSizes([]byte(b)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// One imported function, then one of our own with a body of three bytes and the name f.
	module := "\x00asm\x01\x00\x00\x00" +
		"\x02\x07\x01\x01a\x01b\x00\x00" +
		"\x0a\x05\x01\x03\x00\x01\x0b" +
		"\x00\x0b\x04name\x01\x04\x01\x01\x01f"
	got, err := functionSizes([]byte(module))
	if err != nil || got["f"] != 3 {
		t.Fatalf("got %v, %v, want f: 3", got, err)
	}
}
