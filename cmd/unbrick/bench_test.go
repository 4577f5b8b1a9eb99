package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"unbrick/delta/bench"
	"unbrick/internal/firmware"
)

// asCommand in the environment makes the test program be the command: the bench starts itself.
const asCommand = "UNBRICK_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestBenchDelta(t *testing.T) {
	t.Setenv(asCommand, "1")
	dir := filepath.Join(t.TempDir(), "mithermo")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	old, new := firmware.Mithermo()
	for name, b := range map[string][]byte{"1.bin": old, "2.bin": new} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var out, errOut bytes.Buffer
	if code := run(context.Background(), []string{"bench", "delta", dir, "--json", "--no-peers"}, &out, &errOut); code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	var result struct {
		Rows    []bench.Row
		Summary bench.Summary
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil || len(result.Rows) != 1 {
		t.Fatalf("%v: %s", err, out.String())
	}
	r := result.Rows[0]
	if want := fmt.Sprintf("1 of 1: mithermo 1 2: %d bytes\n", r.Large.Bytes); errOut.String() != want {
		t.Errorf("progress %q, want %q", errOut.String(), want)
	}
	if r.Name != "mithermo 1 2" || r.Large.Bytes == 0 || r.Small.Bytes < r.Large.Bytes || r.NoStash.Stash != 0 || r.SmallStash.Stash > 4<<10 ||
		r.Small.State > 16<<10 || r.Large.State > 64<<10 || r.Whole.Erases != 1 || r.Decode <= 0 {
		t.Errorf("row %+v", r)
	}
	changed := uint32(0)
	for at := 0; at < len(new); at += 4096 {
		if !bytes.Equal(old[min(at, len(old)):min(at+4096, len(old))], new[at:min(at+4096, len(new))]) {
			changed++
		}
	}
	if r.Large.Erases != changed {
		t.Errorf("%d sectors erased, %d differ", r.Large.Erases, changed)
	}
	if code := run(context.Background(), []string{"bench", "delta", t.TempDir()}, &out, &errOut); code != exitFailed {
		t.Errorf("an empty directory: exit code %d", code)
	}
	if code := run(context.Background(), []string{"bench", "all"}, &out, &errOut); code != exitUsage {
		t.Errorf("wrong words: exit code %d", code)
	}
}
