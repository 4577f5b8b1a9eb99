// Package storagetest is the conformance suite of storage.Store. An implementation passes it before it may
// hold anything.
package storagetest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/flash"
	"unbrick/release"
	"unbrick/server/storage"
)

// Opener opens the same storage again and again; each call comes after the store of the call before was closed.
type Opener func(t *testing.T) storage.Store

// Run runs the suite. fresh returns an opener for a storage of its own that is empty.
func Run(t *testing.T, fresh func(t *testing.T) Opener) {
	tests := []struct {
		name string
		run  func(t *testing.T, s *stand)
	}{
		{"models", testModels}, {"keys", testKeys}, {"releases", testReleases}, {"release conflicts", testConflicts}, {"image again",
			testAgain}, {"signatures", testSignatures},
		{"release state", testReleaseState}, {"rollout", testRollout}, {"blobs", testBlobs}, {"files", testFiles}, {"file lease", testLease},
		{"file failure", testFailure}, {"file withdrawal", testWithdraw}, {"file set", testSetFile}, {"file removal", testRemoveFile},
		{"release removal", testRemoveRelease}, {"superseded removal", testRemoveSuperseded},
		{"removal while a file is made", testRemoveMaking}, {"many files", testRemoveManyFiles}, {"removal beside others", testRemoveBeside},
		{"model removal", testRemoveModel}, {"key removal", testRemoveKey}, {"devices forgotten", testForget},
		{"long histories forgotten", testForgetHistories}, {"removal in the audit log", testRemovalActs}, {"device deletion", testDelete},
		{"devices", testDevices}, {"device revision", testRevision},
		{"history", testHistory}, {"history limits", testHistoryLimits}, {"history of reporters", testReporters},
		{"list", testList}, {"search", testSearch},
		{"summary", testSummary}, {"unknown images", testUnknown}, {"counts", testCounts}, {"settings", testSettings},
		{"accounts", testAccounts}, {"last admin", testLastAdmin}, {"logins", testLogins},
		{"audit", testAudit}, {"device keys", testIdentities}, {"strangers", testStrangers}, {"enrolment", testEnrolment}, {"concurrent use",
			testConcurrent}, {"cancelled", testCancelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &stand{open: fresh(t)}
			s.Store = s.open(t)
			t.Cleanup(func() { s.Close() })
			test.run(t, s)
		})
	}
}

var (
	ctx   = context.Background()
	epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	key   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
)

// stand is the store that is tested.
type stand struct {
	storage.Store
	open Opener
}

// reopen closes the store and opens its storage again.
func (s *stand) reopen(t *testing.T) {
	t.Helper()
	ok(t, s.Close())
	s.Store = s.open(t)
}

// must returns a result that has to be one.
func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		ok(t, err)
		return v
	}
}

// errOf is the error beside a result.
func errOf[T any](_ T, err error) error { return err }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("error %v, want %v", got, want)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %+v, want %+v", what, got, want)
	}
}

// NewRelease makes a signed release and its image for tests.
func NewRelease(t testing.TB, model, version string, order uint64, image []byte) storage.Release {
	t.Helper()
	g := must(flash.ParseGeometry("4KiB", 64<<10))(t)
	m := must(release.Describe(model, version, order, 1, image, &g))(t)
	signed := must(release.Sign(&m, key))(t)
	_, signers, err := release.Parse(signed)
	ok(t, err)
	return storage.Release{Manifest: m, Signed: signed, Signers: signers, State: storage.Offered, Published: epoch}
}

func withModels(t *testing.T, s storage.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		ok(t, s.PutModel(ctx, storage.Model{ID: id, Record: []byte("record of " + id), Updated: epoch}))
	}
}

func testModels(t *testing.T, s *stand) {
	is(t, errOf(s.Model(ctx, "0001")), storage.ErrNotFound)
	withModels(t, s, "0002", "0001")
	changed := storage.Model{ID: "0002", Record: []byte("other"), Updated: epoch.Add(time.Hour)}
	ok(t, s.PutModel(ctx, changed))
	s.reopen(t)
	changed.Enrolment = storage.ByApproval
	equal(t, "model", must(s.Model(ctx, "0002"))(t), changed)
	all := must(s.Models(ctx))(t)
	if len(all) != 2 || all[0].ID != "0001" || all[1].ID != "0002" {
		t.Fatalf("models %+v, want 0001 and 0002", all)
	}
}

func testKeys(t *testing.T, s *stand) {
	pub := key.Public().(ed25519.PublicKey)
	is(t, s.TrustKey(ctx, "0001", pub, epoch), storage.ErrNotFound)
	withModels(t, s, "0001")
	ok(t, s.TrustKey(ctx, "0001", pub, epoch))
	ok(t, s.TrustKey(ctx, "0001", pub, epoch.Add(time.Hour)))
	if s.TrustKey(ctx, "0001", pub[:31], epoch) == nil {
		t.Fatal("a short key was trusted")
	}
	s.reopen(t)
	equal(t, "keys", must(s.Keys(ctx, "0001"))(t), []storage.Key{{Model: "0001", ID: release.IDOf(pub), Public: pub, Added: epoch}})
	equal(t, "keys of another model", len(must(s.Keys(ctx, "0002"))(t)), 0)
}

func testReleases(t *testing.T, s *stand) {
	image := bytes.Repeat([]byte("one"), 1000)
	first := NewRelease(t, "0001", "1", 1, image)
	is(t, s.AddRelease(ctx, first, image), storage.ErrNotFound)
	withModels(t, s, "0001", "0002")
	ok(t, s.AddRelease(ctx, first, image))
	newer := append([]byte("new"), image...)
	second := NewRelease(t, "0001", "2", 20, newer)
	ok(t, s.AddRelease(ctx, second, newer))
	foreign := NewRelease(t, "0002", "2", 20, newer) // the same bytes may serve two models
	ok(t, s.AddRelease(ctx, foreign, newer))
	is(t, s.AddRelease(ctx, second, image), storage.ErrDamaged) // image that is not of this manifest
	s.reopen(t)
	equal(t, "releases", must(s.Releases(ctx, "0001"))(t), []storage.Release{second, first})
	equal(t, "number of all releases", len(must(s.Releases(ctx, ""))(t)), 3)
	equal(t, "release", must(s.Release(ctx, "0001", first.Manifest.Digest))(t), first)
	is(t, errOf(s.Release(ctx, "0002", first.Manifest.Digest)), storage.ErrNotFound)
	must(s.Release(ctx, "", second.Manifest.Digest))(t)
	equal(t, "image", read(t, s, first.Manifest.Digest), image)
}

func read(t *testing.T, s storage.Store, d storage.Digest) []byte {
	t.Helper()
	b := must(s.OpenBlob(ctx, d))(t)
	defer b.Close()
	p := make([]byte, b.Size())
	if n, err := b.ReadAt(p, 0); n != len(p) {
		t.Fatalf("read %d of %d bytes: %v", n, len(p), err)
	}
	return p
}

func testConflicts(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	image, other := []byte("image"), []byte("another image")
	first := NewRelease(t, "0001", "1", 5, image)
	ok(t, s.AddRelease(ctx, first, image))
	ok(t, s.AddRelease(ctx, first, image)) // again
	for _, c := range []struct {
		name string
		r    storage.Release
		b    []byte
	}{
		{"version", NewRelease(t, "0001", "1", 6, other), other},
		{"order", NewRelease(t, "0001", "2", 5, other), other},
		{"version and order", NewRelease(t, "0001", "1", 5, other), other},
		{"image", NewRelease(t, "0001", "2", 4, image), image},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.AddRelease(ctx, c.r, c.b)
			is(t, err, storage.ErrConflict)
			var conflict *storage.ConflictError
			if !errors.As(err, &conflict) {
				t.Fatalf("%v does not say what is in the way", err)
			}
			equal(t, "conflict", *conflict, storage.ConflictError{What: c.name, Version: "1", Order: 5})
		})
	}
	equal(t, "releases", must(s.Releases(ctx, "0001"))(t), []storage.Release{first})
}

// testAgain: an image may be released again, and the newest stands for it.
func testAgain(t *testing.T, s *stand) {
	withModels(t, s, "0001", "0002")
	good, bad := []byte("good"), []byte("bad")
	one, two, three := NewRelease(t, "0001", "1", 1, good), NewRelease(t, "0001", "2", 2, bad), NewRelease(t, "0001", "3", 3, good)
	foreign := NewRelease(t, "0002", "1", 1, good)
	one.Rollout = storage.Rollout{Phases: []storage.Phase{{Share: 100}}, Begun: epoch}
	for _, r := range []storage.Release{one, foreign, two, three, three, one} {
		image := good
		if r.Manifest.Version == "2" {
			image = bad
		}
		ok(t, s.AddRelease(ctx, r, image))
	}
	d := three.Manifest.Digest
	ok(t, s.SetReleaseState(ctx, "0001", d, storage.Withheld))
	must(s.ChangeRollout(ctx, "0001", d, func(r *storage.Rollout) error { *r = one.Rollout; return nil }))(t)
	s.reopen(t)
	got := must(s.Release(ctx, "0001", d))(t)
	three.State, three.Rollout = storage.Withheld, one.Rollout
	equal(t, "what the image names", got, three)
	one.State, one.Rollout = storage.Superseded, storage.Rollout{}
	equal(t, "releases", must(s.Releases(ctx, "0001"))(t), []storage.Release{three, two, one})
	equal(t, "the other model's", must(s.Release(ctx, "0002", d))(t), foreign)
}

// testSignatures: whoever else signs a release that is there adds to it, whatever became of it, and changes nothing else.
func testSignatures(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	image := []byte("image")
	want := NewRelease(t, "0001", "1", 1, image)
	want.Statement, want.LongNote = []byte("statement"), []byte("note")
	want.State, want.Rollout = storage.Withheld, storage.Rollout{Phases: []storage.Phase{{Share: 100}}, Begun: epoch}
	ok(t, s.AddRelease(ctx, want, image))
	signed := func(seeds ...byte) storage.Release {
		t.Helper()
		r := storage.Release{Manifest: want.Manifest, State: storage.Offered, Published: epoch.Add(time.Hour)}
		var keys []ed25519.PrivateKey
		for _, seed := range seeds {
			keys = append(keys, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
		}
		r.Signed = must(release.Sign(&r.Manifest, keys...))(t)
		return r
	}
	for _, seeds := range [][]byte{{8}, {7, 8}, {9}, {7}} {
		ok(t, s.AddRelease(ctx, signed(seeds...), image))
	}
	is(t, s.AddRelease(ctx, signed(10, 11), image), release.ErrManySigners)
	is(t, s.AddRelease(ctx, NewRelease(t, "0001", "1", 1, []byte("other")), []byte("other")), storage.ErrConflict)
	s.reopen(t)
	want.Signed = signed(7, 8, 9).Signed
	_, signers, err := release.Parse(want.Signed)
	ok(t, err)
	want.Signers = signers
	equal(t, "release", must(s.Release(ctx, "0001", want.Manifest.Digest))(t), want)

	// One that another has superseded is still the same, and its successor stays as it is.
	next := NewRelease(t, "0001", "2", 2, image)
	ok(t, s.AddRelease(ctx, next, image))
	ok(t, s.AddRelease(ctx, signed(10), image))
	s.reopen(t)
	all := must(s.Releases(ctx, "0001"))(t)
	if len(all) != 2 || !bytes.Equal(all[0].Signed, next.Signed) || !bytes.Equal(all[1].Signed, signed(7, 8, 9, 10).Signed) ||
		all[1].State != storage.Superseded {
		t.Fatalf("superseded: %+v", all)
	}
}

func testReleaseState(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	image := []byte("image")
	r := NewRelease(t, "0001", "1", 1, image)
	is(t, s.SetReleaseState(ctx, "0001", r.Manifest.Digest, storage.Withheld), storage.ErrNotFound)
	ok(t, s.AddRelease(ctx, r, image))
	ok(t, s.SetReleaseState(ctx, "0001", r.Manifest.Digest, storage.Withdrawn))
	ok(t, s.AddRelease(ctx, r, image)) // publishing again does not bring it back
	s.reopen(t)
	equal(t, "state", must(s.Release(ctx, "0001", r.Manifest.Digest))(t).State, storage.Withdrawn)
}

func testRollout(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	image := []byte("image")
	r := NewRelease(t, "0001", "1", 1, image)
	d := r.Manifest.Digest
	nothing := func(*storage.Rollout) error { return nil }
	is(t, errOf(s.ChangeRollout(ctx, "0001", d, nothing)), storage.ErrNotFound)
	r.Rollout = storage.Rollout{Phases: []storage.Phase{{Share: 100}, {Share: storage.Everyone, After: time.Hour}}, Begun: epoch, Limit: 2}
	ok(t, s.AddRelease(ctx, r, image))
	got := must(s.ChangeRollout(ctx, "0001", d, nothing))(t)
	equal(t, "rollout", got, r.Rollout)
	got = must(s.ChangeRollout(ctx, "0001", d, func(o *storage.Rollout) error {
		o.Failed, o.Halted, o.Why = 3, epoch.Add(time.Minute), "three"
		return nil
	}))(t)
	no := errors.New("no")
	is(t, errOf(s.ChangeRollout(ctx, "0001", d, func(o *storage.Rollout) error { o.Failed = 9; return no })), no)
	again := r
	again.Rollout = storage.Rollout{}
	ok(t, s.AddRelease(ctx, again, image)) // publishing again does not end it
	s.reopen(t)
	equal(t, "kept", must(s.Releases(ctx, "0001"))(t)[0].Rollout, got)
	must(s.ChangeRollout(ctx, "0001", d, func(o *storage.Rollout) error { *o = storage.Rollout{}; return nil }))(t)
	equal(t, "ended", must(s.Release(ctx, "0001", d))(t).Rollout, storage.Rollout{})
}

func testBlobs(t *testing.T, s *stand) {
	for _, b := range [][]byte{{}, []byte("blob"), bytes.Repeat([]byte{0, 1}, 100_000)} {
		d := must(s.PutBlob(ctx, b))(t)
		equal(t, "digest", d, storage.Digest(sha256.Sum256(b)))
		equal(t, "digest of the repeated blob", must(s.PutBlob(ctx, b))(t), d)
		if got := read(t, s, d); !bytes.Equal(got, b) {
			t.Fatalf("blob of %d bytes came back with %d", len(b), len(got))
		}
	}
	is(t, errOf(s.OpenBlob(ctx, storage.Digest{1})), storage.ErrNotFound)
	s.reopen(t)
	lacks(t, s, []byte("blob")) // nothing has named it
	if _, err := s.PutBlob(ctx, make([]byte, storage.MaxBlob+1)); err == nil {
		t.Fatal("a blob above the limit was taken")
	}
}

func fileKey(n byte) storage.FileKey {
	return storage.FileKey{Model: "0001", From: sha256.Sum256([]byte{n}), To: sha256.Sum256([]byte{n, 1}), Shape: storage.Digest{9},
		Step: 4096, Creator: "c1"}
}

// withFiles publishes the images of so many fileKeys, from 1 on, for two models.
func withFiles(t *testing.T, s storage.Store, keys byte) {
	t.Helper()
	withModels(t, s, "0001", "0002")
	for _, model := range []string{"0001", "0002"} {
		for n := byte(1); n <= keys; n++ {
			for part, image := range [][]byte{{n}, {n, 1}} {
				order := uint64(2*int(n) + part)
				ok(t, s.AddRelease(ctx, NewRelease(t, model, fmt.Sprint(order), order, image), image))
			}
		}
	}
}

// made is a ready file whose blob is stored.
func made(t *testing.T, s storage.Store, f storage.File, b string) storage.File {
	t.Helper()
	d := must(s.PutBlob(ctx, []byte(b)))(t)
	f.State, f.Blob, f.Size, f.Workspace, f.Made = storage.FileReady, d, uint32(len(b)), 5000, time.Second
	return f
}

func testFiles(t *testing.T, s *stand) {
	is(t, errOf(s.ClaimFile(ctx, "w", epoch, time.Minute)), storage.ErrNotFound)
	is(t, errOf(s.FileOf(ctx, fileKey(1))), storage.ErrNotFound)
	is(t, errOf(s.WantFile(ctx, fileKey(1), epoch)), storage.ErrNotFound) // of no release
	withFiles(t, s, 1)
	f := must(s.WantFile(ctx, fileKey(1), epoch))(t)
	equal(t, "wanted", f, storage.File{ID: f.ID, Key: fileKey(1), State: storage.FileWanted})
	variants := map[string]func(k *storage.FileKey){
		"from":    func(k *storage.FileKey) { k.From = storage.Digest{} },
		"to":      func(k *storage.FileKey) { k.To = k.From },
		"shape":   func(k *storage.FileKey) { k.Shape = storage.Digest{8} },
		"step":    func(k *storage.FileKey) { k.Step = 0 },
		"creator": func(k *storage.FileKey) { k.Creator = "c2" },
		"model":   func(k *storage.FileKey) { k.Model = "0002" },
	}
	for name, change := range variants {
		k := fileKey(1)
		change(&k)
		equal(t, "key that differs in "+name, must(s.WantFile(ctx, k, epoch))(t).Key, k)
	}
	f = must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	equal(t, "claimed", f, storage.File{ID: f.ID, Key: fileKey(1), State: storage.FileMaking})
	f = made(t, s, f, "delta")
	ok(t, s.FinishFile(ctx, "w", f))
	missing := f
	missing.Blob = storage.Digest{5}
	is(t, s.FinishFile(ctx, "w", missing), storage.ErrNotFound) // a row never names a blob that is not there
	s.reopen(t)
	equal(t, "ready", must(s.WantFile(ctx, fileKey(1), epoch))(t), f)
	equal(t, "ready, only looked at", must(s.FileOf(ctx, fileKey(1)))(t), f)
	equal(t, "by blob", must(s.FileByBlob(ctx, f.Blob))(t), f)
	equal(t, "content", string(read(t, s, f.Blob)), "delta")
	is(t, errOf(s.FileByBlob(ctx, storage.Digest{3})), storage.ErrNotFound)
	seen := map[storage.FileKey]bool{}
	for range variants {
		f := must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
		if seen[f.Key] {
			t.Fatalf("%+v was leased twice", f.Key)
		}
		seen[f.Key] = true
	}
	is(t, errOf(s.ClaimFile(ctx, "w", epoch, time.Minute)), storage.ErrNotFound)
}

func testLease(t *testing.T, s *stand) {
	withFiles(t, s, 1)
	must(s.WantFile(ctx, fileKey(1), epoch))(t)
	f := must(s.ClaimFile(ctx, "first", epoch, time.Minute))(t)
	is(t, errOf(s.ClaimFile(ctx, "second", epoch.Add(59*time.Second), time.Minute)), storage.ErrNotFound)
	must(s.ClaimFile(ctx, "second", epoch.Add(time.Minute), time.Minute))(t)
	f = made(t, s, f, "late")
	is(t, s.FinishFile(ctx, "first", f), storage.ErrStale)
	f = made(t, s, f, "late")
	ok(t, s.FinishFile(ctx, "second", f))
	is(t, s.FinishFile(ctx, "second", f), storage.ErrStale)
}

func testFailure(t *testing.T, s *stand) {
	withFiles(t, s, 1)
	must(s.WantFile(ctx, fileKey(1), epoch))(t)
	f := must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	f.State, f.Error, f.Attempts, f.Next = storage.FileFailed, "broken", 1, epoch.Add(time.Hour)
	ok(t, s.FinishFile(ctx, "w", f))
	equal(t, "failed", must(s.WantFile(ctx, fileKey(1), epoch.Add(59*time.Minute)))(t), f)
	is(t, errOf(s.ClaimFile(ctx, "w", epoch.Add(59*time.Minute), time.Minute)), storage.ErrNotFound)
	got := must(s.WantFile(ctx, fileKey(1), epoch.Add(time.Hour)))(t)
	if got.State != storage.FileWanted || got.Attempts != 1 {
		t.Fatalf("after the back-off %+v, want wanted with one attempt", got)
	}
	f = must(s.ClaimFile(ctx, "w", epoch.Add(time.Hour), time.Minute))(t)
	f.State, f.Next = storage.FileFailed, epoch.Add(100_000*time.Hour) // by a clock that was far ahead
	ok(t, s.FinishFile(ctx, "w", f))
	equal(t, "within the longest wait", must(s.WantFile(ctx, fileKey(1), f.Next.Add(-storage.MaxBackoff)))(t), f)
	got = must(s.WantFile(ctx, fileKey(1), epoch))(t)
	if got.State != storage.FileWanted {
		t.Fatalf("after the clock was set back %+v, want wanted", got)
	}
	f = must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	f.State, f.Workspace, f.Error = storage.FileTooBig, 123456, ""
	ok(t, s.FinishFile(ctx, "w", f))
	equal(t, "too big", must(s.WantFile(ctx, fileKey(1), epoch.Add(100*time.Hour)))(t), f)
}

func testWithdraw(t *testing.T, s *stand) {
	is(t, s.WithdrawFile(ctx, storage.Digest{1}), storage.ErrNotFound)
	is(t, s.RefuseFile(ctx, storage.Digest{1}), storage.ErrNotFound)
	withFiles(t, s, 1)
	must(s.WantFile(ctx, fileKey(1), epoch))(t)
	f := must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	f = made(t, s, f, "bad")
	ok(t, s.FinishFile(ctx, "w", f))
	ok(t, s.RefuseFile(ctx, f.Blob))
	ok(t, s.RefuseFile(ctx, f.Blob))
	equal(t, "refusals", must(s.FileOf(ctx, fileKey(1)))(t).Refusals, uint32(2))
	ok(t, s.WithdrawFile(ctx, f.Blob))
	is(t, s.WithdrawFile(ctx, f.Blob), storage.ErrNotFound) // it is gone
	got := must(s.FileOf(ctx, fileKey(1)))(t)
	equal(t, "withdrawn", got, storage.File{ID: f.ID, Key: fileKey(1), State: storage.FileWanted, Workspace: f.Workspace, Attempts: 1,
		Refusals: 2, Made: f.Made})
	f = must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t) // and made anew
	f = made(t, s, f, "bad")
	ok(t, s.FinishFile(ctx, "w", f))
	is(t, s.FailFile(ctx, storage.Digest{1}, "wrong", epoch), storage.ErrNotFound)
	ok(t, s.FailFile(ctx, f.Blob, "wrong", epoch.Add(time.Hour)))
	got = must(s.WantFile(ctx, fileKey(1), epoch.Add(59*time.Minute)))(t)
	if got.State != storage.FileFailed || got.Error != "wrong" || got.Attempts != 2 || got.Blob != (storage.Digest{}) {
		t.Fatalf("after a failed proof %+v", got)
	}
	equal(t, "an hour later", must(s.WantFile(ctx, fileKey(1), epoch.Add(time.Hour)))(t).State, storage.FileWanted)
}

func testSetFile(t *testing.T, s *stand) {
	is(t, errOf(s.SetFile(ctx, 1, storage.FileBarred)), storage.ErrNotFound)
	withFiles(t, s, 3)
	for n := byte(1); n <= 3; n++ {
		must(s.WantFile(ctx, fileKey(n), epoch))(t)
	}
	f := must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	is(t, errOf(s.SetFile(ctx, f.ID, storage.FileWanted)), storage.ErrConflict) // a worker has it
	f = made(t, s, f, "file")
	ok(t, s.FinishFile(ctx, "w", f))
	ok(t, s.RefuseFile(ctx, f.Blob))
	barred := must(s.SetFile(ctx, f.ID, storage.FileBarred))(t)
	got := must(s.WantFile(ctx, f.Key, epoch.Add(1000*time.Hour)))(t)
	equal(t, "barred", got, barred)
	if got.State != storage.FileBarred || got.Blob != (storage.Digest{}) || got.Refusals != 0 {
		t.Fatalf("barred: %+v", got)
	}
	equal(t, "wanted again", must(s.SetFile(ctx, f.ID, storage.FileWanted))(t).State, storage.FileWanted)
	got = must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	equal(t, "claimed", got.ID, f.ID)
	got.State = storage.FileWanted
	ok(t, s.FinishFile(ctx, "w", got)) // given back
	equal(t, "claimed by another", must(s.ClaimFile(ctx, "another", epoch, time.Minute))(t).ID, f.ID)

	all := must(s.Files(ctx, fileKey(1).Model, 0, 2))(t)
	if len(all) != 2 || all[0].ID <= all[1].ID || all[0].Key != fileKey(3) {
		t.Fatalf("files %+v, want the newest two", all)
	}
	all = must(s.Files(ctx, "", all[1].ID, 500))(t)
	if len(all) != 1 || all[0].Key != fileKey(1) {
		t.Fatalf("files %+v, want the oldest", all)
	}
	equal(t, "files of another model", len(must(s.Files(ctx, "another", 0, 500))(t)), 0)
}

// NewDevice is a full device for tests.
func NewDevice(model, serial string) storage.Device {
	return storage.Device{Model: model, Serial: serial, FirstSeen: epoch, LastSeen: epoch.Add(time.Minute), Sessions: 3,
		Claim: storage.Claim{Version: "1", Order: 1 << 63, Image: storage.Digest{1}, Confirmed: true, Workspace: 80 << 10,
			Keys: []release.KeyID{{1, 2}}, Kinds: []string{"delta"}},
		State: storage.Running, Since: epoch, Target: storage.Digest{2}, TargetVersion: "2", File: storage.Digest{3}, Needs: 7,
		Restored: epoch, Report: storage.Digest{4}, RestoredTo: storage.Digest{7}, Attested: true, Receipt: 9, Reports: []string{"r"},
		Attempts: []storage.Attempt{{Image: storage.Digest{2}, Failures: 3, Held: true, Last: epoch,
			Until: epoch.Add(time.Hour)}}, Refusals: []storage.Refusal{{File: storage.Digest{6}, At: epoch}},
		Dead: []storage.Dead{{Addr: 0x9000, Freed: true}}, Proof: storage.PublicKey{5}, Sequence: 12}
}

func testDevices(t *testing.T, s *stand) {
	d := NewDevice("0001", "A-1")
	d.Conflict = epoch
	is(t, s.SaveDevice(ctx, &d), storage.ErrNotFound) // of no model
	withModels(t, s, "0001")
	ok(t, s.SaveDevice(ctx, &d))
	equal(t, "revision", d.Revision, int64(1))
	d.Sessions, d.State = 4, storage.HeldBack
	ok(t, s.SaveDevice(ctx, &d))
	s.reopen(t)
	equal(t, "device", must(s.Device(ctx, "0001", "A-1"))(t), d)
	is(t, errOf(s.Device(ctx, "0001", "A-2")), storage.ErrNotFound)
	equal(t, "count", must(s.CountDevices(ctx))(t), 1)
}

func testDelete(t *testing.T, s *stand) {
	is(t, s.DeleteDevice(ctx, "0001", "A-1"), storage.ErrNotFound)
	withModels(t, s, "0001")
	for _, serial := range []string{"A-1", "A-2"} {
		d := NewDevice("0001", serial)
		ok(t, s.SaveDevice(ctx, &d, storage.Event{At: epoch, Kind: storage.FirstSeen, Source: storage.ByServer}))
	}
	ok(t, s.DeleteDevice(ctx, "0001", "A-1"))
	is(t, errOf(s.Device(ctx, "0001", "A-1")), storage.ErrNotFound)
	equal(t, "devices", must(s.CountDevices(ctx))(t), 1)
	ok(t, s.DeleteDevice(ctx, "0001", "A-2"))
	for _, serial := range []string{"OTHER", "A-1"} {
		again := NewDevice("0001", serial)
		ok(t, s.SaveDevice(ctx, &again))
	}
	for search, want := range map[string]int{"A-2": 0, "OTHER": 1, "A-1": 1, "": 2} {
		page := must(s.Devices(ctx, storage.Query{Search: search, Cut: storage.Cutoffs{}, Limit: 10}))(t)
		equal(t, "found by "+search, len(page.Devices), want)
	}
	equal(t, "history of the one that came back", len(must(s.History(ctx, "0001", "A-1", 0, 10))(t)), 0)
}

func testRevision(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	d := NewDevice("0001", "A-1")
	ok(t, s.SaveDevice(ctx, &d))
	twin := NewDevice("0001", "A-1")
	is(t, s.SaveDevice(ctx, &twin), storage.ErrStale)
	late := d
	ok(t, s.SaveDevice(ctx, &d, storage.Event{Kind: storage.Offer, At: epoch, Source: storage.ByServer}))
	is(t, s.SaveDevice(ctx, &late, storage.Event{Kind: storage.Failed, At: epoch, Source: storage.ByServer}), storage.ErrStale)
	h := must(s.History(ctx, "0001", "A-1", 0, 10))(t)
	if len(h) != 1 || h[0].Kind != storage.Offer {
		t.Fatalf("history %+v: a stale save must leave no event", h)
	}
}

func testHistory(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	d := NewDevice("0001", "A-1")
	first := storage.Event{At: epoch, Kind: storage.Restored, Source: storage.ByReporter, From: "1", To: "2", File: storage.Digest{5},
		Bytes: 1 << 40, Detail: `{"a":1}`, Unique: "r1"}
	ok(t, s.SaveDevice(ctx, &d, first, storage.Event{At: epoch.Add(time.Second), Kind: storage.Installed, Source: storage.ByDevice}))
	ok(t, s.SaveDevice(ctx, &d, first)) // told twice
	s.reopen(t)
	h := must(s.History(ctx, "0001", "A-1", 0, 10))(t)
	if len(h) != 2 || h[0].Kind != storage.Installed || h[0].ID <= h[1].ID {
		t.Fatalf("history %+v, want installed, restored", h)
	}
	first.ID = h[1].ID
	equal(t, "event", h[1], first)
	equal(t, "second page", must(s.History(ctx, "0001", "A-1", h[0].ID, 10))(t), []storage.Event{first})
	if err := s.SaveDevice(ctx, &d, storage.Event{Detail: strings.Repeat("x", storage.MaxDetail+1)}); err == nil {
		t.Fatal("a detail above the limit was taken")
	}
}

func testHistoryLimits(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	d := NewDevice("0001", "A-1")
	many := make([]storage.Event, storage.MaxHistory+10)
	for i := range many {
		many[i] = storage.Event{At: epoch, Kind: storage.Offer, Source: storage.ByServer, Bytes: uint64(i)}
	}
	ok(t, s.SaveDevice(ctx, &d, many...))
	var all []storage.Event
	for before := int64(0); ; before = all[len(all)-1].ID {
		h := must(s.History(ctx, "0001", "A-1", before, 100))(t)
		if len(h) == 0 {
			break
		}
		all = append(all, h...)
	}
	if len(all) != storage.MaxHistory || all[0].Bytes != uint64(len(many)-1) || all[len(all)-1].Bytes != 10 {
		t.Fatalf("%d events from %d to %d, want the newest %d", len(all), all[len(all)-1].Bytes, all[0].Bytes, storage.MaxHistory)
	}
}

// testReporters: what anybody can say of a device takes the place of nothing but the like.
func testReporters(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	d := NewDevice("0001", "A-1")
	operator := storage.Detail(map[string]any{"operator": true})
	ok(t, s.SaveDevice(ctx, &d, storage.Event{At: epoch, Kind: storage.FirstSeen, Source: storage.ByServer},
		storage.Event{At: epoch, Kind: storage.Found, Source: storage.ByReporter, Detail: operator}))
	for i := range storage.MaxHistory {
		ok(t, s.SaveDevice(ctx, &d, storage.Event{At: epoch, Kind: storage.Found, Source: storage.ByReporter, Bytes: uint64(i),
			Detail: storage.Detail(map[string]any{"operator": false, "words": `"operator":true`})}))
	}
	h := must(s.History(ctx, "0001", "A-1", 0, storage.MaxPage))(t)
	if len(h) != storage.MaxUnproven+2 || h[0].Bytes != storage.MaxHistory-1 {
		t.Fatalf("%d events, the newest %+v: want %d of reporters, the newest, and two", len(h), h[0], storage.MaxUnproven)
	}
	if h := h[storage.MaxUnproven:]; h[0].Detail != operator || h[1].Kind != storage.FirstSeen {
		t.Fatalf("oldest events %+v, want the operator's and the server's", h)
	}
}

// fleet saves one device of each group, and returns the cutoffs and the serials in order of need.
func fleet(t *testing.T, s storage.Store) (storage.Cutoffs, []string) {
	t.Helper()
	withModels(t, s, "0001")
	cut := storage.Cutoffs{Silent: epoch.Add(-24 * time.Hour), Overdue: epoch.Add(-time.Hour)}
	for _, d := range []struct {
		serial string
		state  storage.DeviceState
		ago    time.Duration
	}{
		{"run-old", storage.Running, 2 * time.Minute}, {"run-new", storage.Running, time.Minute}, {"silent", storage.Running, 48 * time.Hour},
		{"cable", storage.NeedsCable, 72 * time.Hour}, {"held", storage.HeldBack, time.Minute}, {"overdue", storage.Rewriting, 2 * time.Hour},
		{"rewriting", storage.Rewriting, time.Minute}, {"receiving", storage.Receiving, time.Minute}, {"restoration", storage.Restoration,
			time.Hour},
	} {
		v := NewDevice("0001", d.serial)
		v.State, v.LastSeen = d.state, epoch.Add(-d.ago)
		ok(t, s.SaveDevice(ctx, &v))
	}
	return cut, []string{"restoration", "cable", "overdue", "held", "silent", "receiving", "rewriting", "run-new", "run-old"}
}

func testList(t *testing.T, s *stand) {
	cut, want := fleet(t, s)
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []string
		for q := (storage.Query{Cut: cut, Limit: limit}); ; {
			p := must(s.Devices(ctx, q))(t)
			if p.Total != len(want) || len(p.Devices) > limit {
				t.Fatalf("limit %d: page of %d, total %d", limit, len(p.Devices), p.Total)
			}
			for i := range p.Devices {
				got = append(got, p.Devices[i].Serial)
				if d := p.Devices[i]; d.Serial != "run-new" && d.Serial != "run-old" &&
					!strings.HasPrefix(d.Group(cut).String(), strings.Split(d.Serial, "-")[0]) && d.Serial != "cable" {
					t.Fatalf("%s is of group %s", d.Serial, d.Group(cut))
				}
			}
			if q.Cursor = p.Next; q.Cursor == "" {
				break
			}
		}
		equal(t, fmt.Sprintf("order in pages of %d", limit), got, want)
	}
	is(t, errOf(s.Devices(ctx, storage.Query{Cut: cut, Limit: 1, Cursor: "nonsense"})), storage.ErrCursor)
}

func testSearch(t *testing.T, s *stand) {
	cut, _ := fleet(t, s)
	image, none, group := storage.Digest{1}, storage.Digest{99}, storage.GroupRunning
	for _, c := range []struct {
		name string
		q    storage.Query
		want int
	}{
		{"part of the serial", storage.Query{Search: "UN-"}, 2}, {"start of the model", storage.Query{Search: "000"},
			9}, {"middle of the model", storage.Query{Search: "001"}, 0},
		{"version", storage.Query{Search: "1"}, 9}, {"pattern signs are plain", storage.Query{Search: "%"}, 0}, {"model",
			storage.Query{Model: "0002"}, 0},
		{"image", storage.Query{Image: &image}, 9}, {"other image", storage.Query{Image: &none}, 0}, {"group", storage.Query{Group: &group}, 2},
		{"group and search", storage.Query{Group: &group, Search: "new"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.q.Cut, c.q.Limit = cut, 100
			p := must(s.Devices(ctx, c.q))(t)
			if p.Total != c.want || len(p.Devices) != c.want || p.Next != "" {
				t.Fatalf("%d devices, total %d, next %q; want %d", len(p.Devices), p.Total, p.Next, c.want)
			}
		})
	}
}

func testSummary(t *testing.T, s *stand) {
	cut, _ := fleet(t, s)
	d := NewDevice("0001", "other")
	d.LastSeen, d.Claim.Confirmed, d.Claim.Image, d.Claim.Version = epoch, false, storage.Digest{2}, "2"
	ok(t, s.SaveDevice(ctx, &d))
	equal(t, "summary", must(s.Summary(ctx, cut))(t), storage.Summary{Devices: 10, Groups: [storage.Groups]int{1, 1, 1, 1, 1, 1, 1, 3},
		Releases: []storage.ReleaseCount{{Model: "0001", Image: storage.Digest{1}, Order: 1 << 63, Version: "1", Installed: 9, Confirmed: 9},
			{Model: "0001", Image: storage.Digest{2}, Order: 1 << 63, Version: "2", Installed: 1}}})
}

// testUnknown: images that devices invent do not make the summary long, and do not push out a release.
func testUnknown(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	image := []byte("image")
	r := NewRelease(t, "0001", "1", 1, image)
	ok(t, s.AddRelease(ctx, r, image))
	for i := range storage.MaxUnknown + 5 {
		for n := range 2 {
			d := NewDevice("0001", fmt.Sprintf("%d-%d", i, n))
			d.Claim.Image = storage.Digest{byte(i), byte(i >> 8), 7}
			ok(t, s.SaveDevice(ctx, &d))
		}
	}
	d := NewDevice("0001", "A")
	d.Claim.Image, d.Claim.Order = r.Manifest.Digest, 1
	ok(t, s.SaveDevice(ctx, &d))
	sum := must(s.Summary(ctx, storage.Cutoffs{}))(t)
	equal(t, "counts", len(sum.Releases), storage.MaxUnknown+1)
	want := []storage.ReleaseCount{{Model: "0001", Image: r.Manifest.Digest, Order: 1, Version: "1", Installed: 1, Confirmed: 1}}
	equal(t, "first of the summary", sum.Releases[:1], want)
	for _, model := range []string{"", "0001"} {
		equal(t, "installed of "+model, must(s.Installed(ctx, model))(t), want)
	}
	equal(t, "installed of another model", len(must(s.Installed(ctx, "0002"))(t)), 0)
}

func testSettings(t *testing.T, s *stand) {
	is(t, errOf(s.Setting(ctx, "token")), storage.ErrNotFound)
	ok(t, s.PutSetting(ctx, "token", []byte("a")))
	ok(t, s.PutSetting(ctx, "token", []byte("b")))
	s.reopen(t)
	equal(t, "setting", string(must(s.Setting(ctx, "token"))(t)), "b")
	ok(t, s.Ping(ctx))
}

func testConcurrent(t *testing.T, s *stand) {
	const workers, each = 8, 10
	withFiles(t, s, each)
	var wg sync.WaitGroup
	errs := make(chan error, 3*workers*each)
	claimed := make(chan storage.FileKey, workers*each)
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				d := NewDevice("0001", fmt.Sprintf("%d-%d", w, i))
				errs <- s.SaveDevice(ctx, &d, storage.Event{At: epoch, Kind: storage.Offer, Source: storage.ByServer})
				_, err := s.WantFile(ctx, fileKey(byte(i+1)), epoch) // every worker wants the same ten
				errs <- err
				f, err := s.ClaimFile(ctx, fmt.Sprint(w), epoch, time.Hour)
				if err == nil {
					claimed <- f.Key
				} else if !errors.Is(err, storage.ErrNotFound) {
					errs <- err
				}
			}
		}()
	}
	wg.Wait()
	close(errs)
	close(claimed)
	for err := range errs {
		ok(t, err)
	}
	seen := map[storage.FileKey]bool{}
	for k := range claimed {
		if seen[k] {
			t.Fatalf("%+v was leased twice", k)
		}
		seen[k] = true
	}
	equal(t, "files leased", len(seen), each)
	equal(t, "devices", must(s.CountDevices(ctx))(t), workers*each)
}

func testCancelled(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	gone, cancel := context.WithCancel(ctx)
	cancel()
	d := NewDevice("0001", "A-1")
	is(t, s.SaveDevice(gone, &d), context.Canceled)
	is(t, errOf(s.Device(ctx, "0001", "A-1")), storage.ErrNotFound)
	ok(t, s.SaveDevice(ctx, &d))
}
