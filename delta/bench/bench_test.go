package bench

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"unbrick/delta/diff"
	"unbrick/flash"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dirs ...string) string {
	t.Helper()
	pairs, err := Find(dirs)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range pairs {
		out = append(out, p.Name)
	}
	return strings.Join(out, ", ")
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"lamp/9.bin", "lamp/10.bin", "lamp/notes.txt", "fan/1.bin", "fan/2.bin", "fan/3.bin", "alone/1.bin"} {
		write(t, filepath.Join(dir, name), name)
	}
	if got, want := names(t, dir), "fan 1 2, fan 2 3, lamp 10 9"; got != want {
		t.Errorf("without manifest: %q, want %q", got, want)
	}
	write(t, filepath.Join(dir, "manifest.json"), `[{"family":"lamp","version":"9"},{"family":"fan","version":"2"},
		{"family":"lamp","version":"10"},{"family":"fan","version":"1"},{"family":"..","version":"x"}]`)
	if got, want := names(t, dir), "lamp 9 10, fan 2 1"; got != want {
		t.Errorf("with manifest: %q, want %q", got, want)
	}
	if got, want := names(t, filepath.Join(dir, "lamp")), "lamp 9 10"; got != want {
		t.Errorf("manifest in the parent: %q, want %q", got, want)
	}
	if _, err := Find([]string{filepath.Join(dir, "alone")}); err == nil {
		t.Error("one image made a pair")
	}
	write(t, filepath.Join(dir, "manifest.json"), `{`)
	if _, err := Find([]string{dir}); err == nil {
		t.Error("a broken manifest was taken")
	}
}

func TestSum(t *testing.T) {
	made := func(n int) *Made { return &Made{Cost: Cost{Bytes: n, CPU: 1, Memory: int64(n)}} }
	rows := []Row{
		{Name: "a", To: 1000, Best: 100, Large: *made(50), Small: *made(100), Fast: made(100), Whole: made(25), NoStash: made(100), SmallStash: made(50), Decode: 10},
		{Name: "b", To: 3000, Best: 100, Large: *made(200), Small: *made(400), Fast: made(200), Whole: made(100), NoStash: made(400), SmallStash: made(200), Decode: 30,
			Peers: map[string]Cost{"bsdiff": {Bytes: 100, CPU: 2.5, Memory: 7}}},
	}
	s := Sum(rows)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"large", s.LargeMean, 1}, {"small", s.SmallMean, 2}, {"total", s.LargeTotal, 1.25}, {"worst", s.LargeWorst, 2},
		{"fast", s.FastMean, math.Sqrt2}, {"no stash", s.InPlace["0"], 4}, {"4 KiB", s.InPlace["4KiB"], 2}, {"16 KiB", s.InPlace["16KiB"], 2},
		{"best to bsdiff", s.CPURatio["best"], 0.4}, {"fast to bsdiff", s.CPURatio["fast"], 0.4},
		{"processor", s.CPU["unbrick best"], 2}, {"peer", s.CPU["bsdiff"], 2.5}, {"memory", float64(s.Memory["unbrick best"]), 200},
		{"decoding", s.DecodeMean, math.Sqrt(300)}, {"decoding all", s.DecodeTotal, 20}, {"slowest", s.DecodeLeast, 10},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if s.WorstPair != "b" {
		t.Errorf("worst pair %q", s.WorstPair)
	}
	var b bytes.Buffer
	if err := Print(&b, rows); err != nil || !strings.Contains(b.String(), "worst 2.000 (b)") || !strings.Contains(b.String(), "4.000  2.000  2.000") ||
		!strings.Contains(b.String(), "best 0.40, fast 0.40") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

// TestRun takes a tool that every system for development has, and one that fails.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	p := Pair{"p", filepath.Join(dir, "old"), filepath.Join(dir, "new")}
	write(t, p.Old, "old")
	write(t, p.New, "newer")
	tools := Found([]Tool{{"copy", []string{"cp", "{new}", "{patch}"}}, {"absent", []string{"no-such-program-here"}}})
	if len(tools) != 1 {
		t.Skip("no cp here")
	}
	c, patch, _, err := tools[0].run(t.Context(), &p, dir)
	if b, _ := os.ReadFile(patch); err != nil || c.Bytes != 5 || !slices.Equal(b, []byte("newer")) {
		t.Errorf("%v, %+v, patch %q", err, c, b)
	}
	failing := Tool{"fails", []string{"cp", "{old}x", "{patch}"}}
	if _, _, _, err := failing.run(t.Context(), &p, dir); err == nil || !strings.Contains(err.Error(), "p: fails:") {
		t.Errorf("a failing tool: %v", err)
	}
}

// TestSpeed decodes a file that is right, and one that is cut off.
func TestSpeed(t *testing.T) {
	area := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 4}}, ProgramUnit: 1, Page: 1, Erased: 0xff}
	old := bytes.Repeat([]byte("old and new"), 1000)
	new := append([]byte("new"), old...)
	file, err := diff.Create(t.Context(), old, new, &diff.Options{Geometry: &area})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := speed(file, old, len(new)); err != nil || !(v > 0) || math.IsInf(v, 0) {
		t.Errorf("%v MB/s, %v", v, err)
	}
	if _, err := speed(file[:len(file)-1], old, len(new)); err == nil {
		t.Error("a file that is cut off has a speed")
	}
}
