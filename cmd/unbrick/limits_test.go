package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"unbrick/limits"
)

// sparse is an image of n bytes that is erased but for its first, middle and last bytes, which are another version's.
func sparse(n int, version uint64) []byte {
	b := bytes.Repeat([]byte{0xff}, n)
	r := rand.New(rand.NewPCG(version, 1))
	for _, at := range []int{0, n / 2, n - 300} {
		for i := range 300 {
			b[max(0, at)+i] = byte(r.Uint32())
		}
	}
	return b
}

// TestLimits goes to the largest legal value of each limit with a device and through an update and a restoration with it,
// and is refused at the first illegal one, by the name of the limit, before any device has it.
func TestLimits(t *testing.T) {
	const kib, image = 1 << 10, 40_000
	many := func(n int, f func(i int) []string) (all []string) {
		for i := range n {
			all = append(all, f(i)...)
		}
		return all
	}
	settings := func(i int) []string { return []string{"--settings", fmt.Sprintf("a%d:4KiB", i)} }
	hints := func(i int) []string { return []string{"--hint", strings.Repeat("h", limits.Hint)} }
	apps := func(i int) []string {
		return []string{"--app", fmt.Sprintf("%s%02d:1KiB:%d", strings.Repeat("a", limits.AppName-2), i, i)}
	}
	text := strings.Repeat("t", limits.Text)
	for _, c := range []struct {
		name         string
		model        []string // flags of the largest model; later ones override
		beyond       []string // one step further; nil: the model is not what is limited
		says         string   // in the refusal of that
		size, larger int      // of the images; the first that is refused, 0 if that is not what is limited
		base         int      // of the software area
		id           string
		tooLarge     string // in the refusal of the larger image
		long         bool   // takes half a minute
	}{
		{name: "image", model: []string{"--flash", "32MiB", "--geometry", "64KiB", "--ram", "1MiB"}, size: limits.Image, larger: limits.Image + 1,
			tooLarge: "at most 16777215", base: 192 * kib, long: true},
		{name: "sectors", model: []string{"--flash", fmt.Sprint(4114 * 4096), "--ram", "1MiB"}, beyond: []string{"--flash", fmt.Sprint(4115 * 4096)}, says: "4097 sectors, at most 4096",
			size: limits.Image, larger: limits.Image + 1, tooLarge: "at most 16777215", base: 72 * kib},
		{name: "sector", model: []string{"--flash", fmt.Sprint(72*kib + 16776960), "--geometry", "64KiB,4KiB*2,16776960", "--ram", "64MiB"},
			beyond: []string{"--flash", fmt.Sprint(72*kib + 1<<24), "--geometry", "64KiB,4KiB*2,16MiB"}, says: "sectors of 16MiB in the software area", size: 16776960, base: 72 * kib, long: true},
		{name: "small sectors", model: []string{"--flash", "328KiB", "--geometry", "64KiB,4KiB*2,256*1024"}, beyond: []string{"--flash", "328KiB", "--geometry", "64KiB,4KiB*2,128*2048", "--page", "128"},
			says: "not whole leaves of 256", base: 72 * kib},
		{name: "runs", model: []string{"--flash", fmt.Sprint(65 * 4096), "--geometry", "4KiB*18" + strings.Repeat(",8KiB,4KiB", 15) + ",8KiB"},
			beyond: []string{"--flash", fmt.Sprint(66 * 4096), "--geometry", "4KiB*18" + strings.Repeat(",8KiB,4KiB", 16)}, says: "more than 32", base: 72 * kib},
		{name: "boot area", model: []string{"--flash", fmt.Sprint(512 + 100*4096), "--geometry", "256*2,4KiB*100", "--boot", "512"},
			beyond: []string{"--flash", fmt.Sprint(256 + 100*4096), "--geometry", "256,4KiB*100", "--boot", "256"}, says: "at least 352", base: 512 + 8*kib},
		{name: "program unit", model: []string{"--program-unit", "32", "--page", "512"}, beyond: []string{"--program-unit", "64"}, says: "at most 32"},
		{name: "page", model: []string{"--page", "512"}, beyond: []string{"--page", "1024"}, says: "at most 512"},
		{name: "settings areas", model: many(limits.Settings, settings), beyond: many(limits.Settings+1, settings), says: "9 settings areas, at most 8"},
		{name: "hints", model: many(limits.Hints, hints), beyond: many(limits.Hints+1, hints), says: "9 hints, at most 8"},
		{name: "applications", model: many(limits.Apps, apps), beyond: many(limits.Apps+1, apps), says: "33 applications, at most 32"},
		{name: "name", model: []string{"--name", strings.Repeat("n", limits.Name)}, beyond: []string{"--name", strings.Repeat("n", limits.Name+1)}, says: "65 bytes, at most 64"},
		{name: "texts", id: text},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.long && os.Getenv("UNBRICK_LIMITS") == "" || c.larger > 0 && testing.Short() {
				t.Skip("takes a while: make test-limits")
			}
			b := newStory(t)
			if c.size == 0 {
				c.size = image
			}
			if c.base == 0 {
				c.base = 72 * kib
			}
			if c.id == "" {
				c.id = "0002"
			}
			one, two := sparse(c.size, 1), sparse(c.size, 2)
			b.write("1.bin", one)
			b.write("2.bin", two)
			put := func(flags []string) (int, string, string) {
				return execute(t, append([]string{"model", "put", c.id, "--flash", "512KiB", "--geometry", "4KiB", "--program-unit", "4", "--ram", "256KiB", "--resident", "8KiB", "--enrol", "open"}, flags...)...)
			}
			if c.beyond != nil {
				if code, out, errOut := put(c.beyond); code == exitOK || !strings.Contains(errOut, c.says) {
					t.Errorf("one step further: exit code %d, %s%s", code, out, errOut)
				}
			}
			if code, out, errOut := put(c.model); code != exitOK {
				t.Fatalf("model: exit code %d, %s%s", code, out, errOut)
			}
			second := "2"
			if c.name == "texts" {
				second = text
				code, out, errOut := execute(t, "publish", "--key", b.path("release.key"), "--model", c.id, "--version", text+"t", b.path("2.bin"))
				if code == exitOK || !strings.Contains(errOut, "33 bytes") {
					t.Errorf("a longer version: exit code %d, %s%s", code, out, errOut)
				}
			}
			publish := func(version, file string) (int, string, string) {
				return execute(t, "publish", "--key", b.path("release.key"), "--model", c.id, "--version", version, b.path(file))
			}
			if c.larger > 0 {
				b.write("larger.bin", sparse(c.larger, 3))
				if code, out, errOut := publish("3", "larger.bin"); code == exitOK || !strings.Contains(errOut, c.tooLarge) {
					t.Errorf("a larger image: exit code %d, %s%s", code, out, errOut)
				}
			}
			for _, r := range [][2]string{{"1", "1.bin"}, {second, "2.bin"}} {
				if code, out, errOut := publish(r[0], r[1]); code != exitOK {
					t.Fatalf("publish: exit code %d, %s%s", code, out, errOut)
				}
			}
			holds := func(file string) bool {
				raw, err := os.ReadFile(b.path(file))
				if err != nil {
					t.Fatal(err)
				}
				return bytes.Equal(raw[c.base:][:len(two)], two)
			}
			// A device that takes the update, and one whose power is cut in it, which is restored.
			last, _ := b.emulate(exitOK, c.id, "whole.bin")
			if last["verdict"] != "rewritten" || last["release"] != second || !holds("whole.bin") {
				t.Fatalf("update: %v", last)
			}
			operations, _ := last["flash_operations"].(float64)
			if last, _ = b.emulate(exitRestoration, c.id, "cut.bin", "--cut-at", fmt.Sprint(int(operations)*2/3)); last["verdict"] != "cut" {
				t.Fatalf("cut: %v", last)
			}
			path, stop := b.cable(c.id, "cut.bin")
			if code, out, errOut := execute(t, "restore", "--yes", "--port", path, "--json"); code != exitOK || b.object(out)["release"] != second {
				t.Fatalf("restore: exit code %d, %s%s", code, out, errOut)
			}
			if code := stop(); code != exitOK || !holds("cut.bin") {
				t.Errorf("after the restoration: exit code %d, the image is there: %v", code, holds("cut.bin"))
			}
		})
	}
}

// TestKeysOfAModel: a model has as many keys as a device of it can hold, and no more.
func TestKeysOfAModel(t *testing.T) {
	b := newStory(t)
	for i := range limits.ModelKeys + 1 {
		name := fmt.Sprintf("k%d", i)
		b.must(exitOK, "key", "new", "-o", b.path(name+".key"))
	}
	b.must(exitOK, "model", "put", "0003", "--flash", "512KiB", "--geometry", "4KiB", "--program-unit", "4", "--ram", "128KiB", "--resident", "8KiB", "--enrol", "open")
	for i := range limits.ModelKeys {
		b.write("v.bin", append(bytes.Clone(b.one), byte(i)))
		b.must(exitOK, "publish", "--key", b.path(fmt.Sprintf("k%d.key", i)), "--trust-key", "--model", "0003", "--version", fmt.Sprint(i+1), b.path("v.bin"))
	}
	b.write("v.bin", append(bytes.Clone(b.one), 99))
	code, out, errOut := execute(t, "publish", "--key", b.path(fmt.Sprintf("k%d.key", limits.ModelKeys)), "--trust-key", "--model", "0003", "--version", "99", b.path("v.bin"))
	if code == exitOK || !strings.Contains(errOut, "has 4 keys already") {
		t.Errorf("one key more: exit code %d, %s%s", code, out, errOut)
	}
}
