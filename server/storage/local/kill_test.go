//go:build unix

package local

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"unbrick/server/storage"
	"unbrick/server/storage/storagetest"
)

const killEnv = "UNBRICK_TEST_KILL_DIR"

// blobFor is a body that only this number has, long enough to be written in several steps.
func blobFor(n int) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(n))
	return bytes.Repeat(b, 512+n%4096)
}

// TestKillChild is the process that dies: it writes and says what was acknowledged, for ever.
func TestKillChild(t *testing.T) {
	dir := os.Getenv(killEnv)
	if dir == "" {
		t.Skip("runs only as the child of TestKill")
	}
	ctx := context.Background()
	s, err := Open(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte("record")}); err != nil {
		t.Fatal(err)
	}
	n, err := s.CountDevices(ctx)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("open")
	begun := 0
	for n += 1_000_000 * (1 + int(time.Now().UnixNano()%1_000_000)); ; n++ {
		image := blobFor(n)
		if err := s.AddRelease(ctx, storagetest.NewRelease(t, "0001", fmt.Sprint(n), uint64(n), image), image); err != nil {
			t.Fatal(err)
		}
		fmt.Println("release", n)
		file(ctx, t, s, n)
		if begun++; begun%2 == 0 { // of those before every second one goes again
			digest := sha256.Sum256(blobFor(n - 1))
			fmt.Println("removing", n-1)
			err := s.SetReleaseState(ctx, "0001", digest, storage.Withdrawn)
			if err == nil {
				err = s.RemoveRelease(ctx, "0001", digest, 0)
			}
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("removed", n-1)
		}
		d := storagetest.NewDevice("0001", fmt.Sprint(n))
		if err := s.SaveDevice(ctx, &d, storage.Event{Kind: storage.FirstSeen, At: time.Now(), Source: storage.ByServer}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("device", n)
	}
}

// file has an update file made that leads to a release, and another that nobody finishes.
func file(ctx context.Context, t *testing.T, s *Store, n int) {
	t.Helper()
	k := storage.FileKey{Model: "0001", To: sha256.Sum256(blobFor(n)), Creator: "c"}
	_, err := s.WantFile(ctx, k, time.Now())
	var f storage.File
	if err == nil {
		f, err = s.ClaimFile(ctx, "w", time.Now(), time.Hour)
	}
	if err == nil {
		f.State = storage.FileReady
		f.Blob, err = s.PutBlob(ctx, append([]byte("file"), blobFor(n)...))
	}
	if err == nil {
		err = s.FinishFile(ctx, "w", f)
	}
	if err == nil {
		_, err = s.PutBlob(ctx, append([]byte("lost"), blobFor(n)...))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestKill ends a writing process with SIGKILL at random moments. What it acknowledged must be there and whole.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	acknowledged := map[string]bool{}
	for round := range rounds {
		child := exec.Command(os.Args[0], "-test.run=^TestKillChild$", "-test.v")
		child.Env = append(os.Environ(), killEnv+"="+dir)
		pipe, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(pipe)
		said := []string{}
		// At any moment of what follows one of the first lines; how long that takes, a machine decides. The first round
		// waits until there is something to lose.
		left, behind := 1+random.IntN(20), time.Duration(random.Int64N(int64(5*time.Millisecond)))
		if round == 0 {
			left += 2 + rounds // the lines "=== RUN" and "open" acknowledge nothing
		}
		for lines.Scan() {
			if left--; left == 0 {
				time.AfterFunc(behind, func() { child.Process.Kill() })
			}
			said = append(said, lines.Text())
		}
		child.Wait()
		for _, line := range said {
			if kind, _, _ := strings.Cut(line, " "); slices.Contains([]string{"release", "device", "removing", "removed"}, kind) {
				acknowledged[line] = true
			} else if strings.Contains(line, "FAIL") || strings.Contains(line, "_test.go") {
				t.Fatalf("the child failed: %s", strings.Join(said, "\n"))
			}
		}
		survey(t, dir, acknowledged)
	}
	if len(acknowledged) < rounds {
		t.Fatalf("only %d acknowledgements in %d rounds", len(acknowledged), rounds)
	}
	t.Logf("%d acknowledgements survived %d kills", len(acknowledged), rounds)
}

// survey checks that everything acknowledged is there, and that everything there is whole.
func survey(t *testing.T, dir string, acknowledged map[string]bool) {
	t.Helper()
	ctx := context.Background()
	s := reopen(t, dir, nil)
	defer s.Close()
	var check string
	if err := s.read.QueryRow(`PRAGMA integrity_check`).Scan(&check); err != nil || check != "ok" {
		t.Fatalf("integrity check: %s, %v", check, err)
	}
	all, err := s.Releases(ctx, "0001")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, r := range all {
		b, err := s.OpenBlob(ctx, r.Manifest.Digest) // checks every byte
		if err != nil {
			t.Fatalf("release %s has no whole image: %v", r.Manifest.Version, err)
		}
		b.Close()
		there["release "+r.Manifest.Version] = true
	}
	for line := range acknowledged {
		kind, n, _ := strings.Cut(line, " ")
		if kind == "release" && !there[line] && !acknowledged["removing "+n] {
			t.Fatalf("%s was acknowledged and is gone", line)
		}
		if kind == "removed" && there["release "+n] {
			t.Fatalf("%s was acknowledged and is there", line)
		}
		if kind == "device" {
			if _, err := s.Device(ctx, "0001", n); err != nil {
				t.Fatalf("%s was acknowledged: %v", line, err)
			}
			if h, err := s.History(ctx, "0001", n, 0, 10); err != nil || len(h) != 1 {
				t.Fatalf("%s has %d events, %v", line, len(h), err)
			}
		}
	}
	wanted := map[string]bool{}
	for _, r := range all {
		wanted[hex.EncodeToString(r.Manifest.Digest[:])] = true
	}
	for before := int64(0); ; {
		files, err := s.Files(ctx, "", before, storage.MaxPage)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			break
		}
		for _, f := range files {
			if before = f.ID; f.State == storage.FileReady {
				wanted[hex.EncodeToString(f.Blob[:])] = true
			}
		}
	}
	entries, err := os.ReadDir(s.blobs.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !wanted[e.Name()] {
			t.Fatalf("%s was left, and nothing names it", e.Name())
		}
		delete(wanted, e.Name())
	}
	if len(wanted) > 0 {
		t.Fatalf("missing: %v", wanted)
	}
	if n, err := one(ctx, s.read, column[int], `SELECT count(*) FROM loose`); err != nil || n > 0 {
		t.Fatalf("%d blobs are remembered for nothing, %v", n, err)
	}
}
