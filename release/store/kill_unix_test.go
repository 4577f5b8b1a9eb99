//go:build unix

package store_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"unbrick/release/store"
)

// childFolder tells the test binary that it is the child of TestKillNine, and where to work.
const childFolder = "UNBRICK_STORE_CHILD"

// TestChild is not a test of its own: it puts and deletes releases until it is killed, and says so
// before and after each step.
func TestChild(t *testing.T) {
	dir := os.Getenv(childFolder)
	if dir == "" {
		t.Skip("runs only as the child of TestKillNine")
	}
	s := open(t, onDisk(t, dir))
	b, err := store.OpenBlobs(onDisk(t, dir), "jobs")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("open")
	for n := 1; ; n++ {
		f := file(t, "a", n)
		fmt.Println("putting", n)
		e := put(t, s, f)
		fmt.Println("put", n)
		if err := b.Put("job", fmt.Appendf(nil, "step %d", n)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("noted", n)
		if n%3 == 0 {
			fmt.Println("deleting", n)
			if err := s.Delete(e.Manifest.Digest); err != nil {
				t.Fatal(err)
			}
			fmt.Println("deleted", n)
		}
	}
}

// TestKillNine kills a process that uses the store at random moments and looks at what it leaves.
func TestKillNine(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		killOnce(t, rnd)
	}
}

func killOnce(t *testing.T, rnd *rand.Rand) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	said := func(word string, n int) string { return fmt.Sprintf("%s %d", word, n) }
	heard := map[string]bool{}
	last := 0
	hear := func() bool {
		if !lines.Scan() {
			return false
		}
		heard[lines.Text()] = true
		if n, ok := strings.CutPrefix(lines.Text(), "putting "); ok {
			last, err = strconv.Atoi(n)
		}
		return err == nil
	}
	for range 1 + rnd.IntN(40) {
		if !hear() {
			t.Fatalf("the child ended by itself after %v", heard)
		}
	}
	// The child runs on meanwhile; so the blow falls anywhere in its next steps.
	for range rnd.IntN(2000) {
		runtime.Gosched()
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for hear() {
	}
	if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child ended with %v", err)
	}

	s := open(t, onDisk(t, dir))
	for _, p := range s.Problems() {
		t.Errorf("left %q: %v", p.Name, p.Err)
	}
	there := map[string]bool{}
	for _, e := range s.List() {
		var n int
		if _, err := fmt.Sscan(e.Manifest.Version, &n); err != nil {
			t.Fatal(err)
		}
		same(t, s, e, file(t, "a", n))
		there[e.Manifest.Version] = true
	}
	for n := 1; n <= last; n++ {
		is := there[fmt.Sprint(n)]
		if heard[said("put", n)] && !heard[said("deleting", n)] && !is {
			t.Errorf("release %d was acknowledged and is gone", n)
		}
		if heard[said("deleted", n)] && is {
			t.Errorf("release %d was deleted and is back", n)
		}
	}
	if len(there) > last {
		t.Errorf("%d releases of %d", len(there), last)
	}
	checkJob(t, dir, last, heard)
}

func checkJob(t *testing.T, dir string, last int, heard map[string]bool) {
	b, err := store.OpenBlobs(onDisk(t, dir), "jobs")
	if err != nil {
		t.Fatal(err)
	}
	if !heard["noted 1"] {
		return
	}
	var n int
	got, err := b.Get("job")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(got), "step %d", &n); err != nil || n > last || n < last-1 || n < last && heard[fmt.Sprintf("noted %d", last)] {
		t.Errorf("job is %q, last step heard of is %d", got, last)
	}
}
