package storagetest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"unbrick/release"
	"unbrick/server/storage"
)

// lacks says that no blob of these bytes is there.
func lacks(t *testing.T, s storage.Store, bytes ...[]byte) {
	t.Helper()
	for _, b := range bytes {
		is(t, errOf(s.OpenBlob(ctx, sha256.Sum256(b))), storage.ErrNotFound)
	}
}

// ready has the file of a key made of some bytes.
func ready(t *testing.T, s storage.Store, k storage.FileKey, b string) storage.File {
	t.Helper()
	wanted := must(s.WantFile(ctx, k, epoch))(t)
	f := must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	equal(t, "claimed", f.ID, wanted.ID)
	f = made(t, s, f, b)
	ok(t, s.FinishFile(ctx, "w", f))
	return f
}

func untold(*storage.File) {}

// testRemoveFile: a row goes with its bytes, as far as nothing else has them; a number is never given again.
func testRemoveFile(t *testing.T, s *stand) {
	is(t, s.RemoveFile(ctx, 1, untold), storage.ErrNotFound)
	withFiles(t, s, 3)
	one, two := ready(t, s, fileKey(1), "the same"), ready(t, s, fileKey(2), "the same")
	image := ready(t, s, fileKey(3), string([]byte{3})) // the bytes of a release
	ok(t, s.RemoveFile(ctx, one.ID, func(f *storage.File) { equal(t, "removed", *f, one) }))
	equal(t, "what another has", string(read(t, s, two.Blob)), "the same")
	open := must(s.OpenBlob(ctx, two.Blob))(t)
	defer open.Close()
	ok(t, s.RemoveFile(ctx, two.ID, untold))
	lacks(t, s, []byte("the same"))
	p := make([]byte, open.Size())
	if n, _ := open.ReadAt(p, 0); string(p[:n]) != "the same" {
		t.Fatalf("who had it open reads %q", p[:n])
	}
	ok(t, s.RemoveFile(ctx, image.ID, untold))
	equal(t, "the image of a release", read(t, s, image.Blob), []byte{3})
	s.reopen(t)
	again := must(s.WantFile(ctx, fileKey(3), epoch))(t)
	if again.ID <= image.ID || again.State != storage.FileWanted || again.Attempts != 0 {
		t.Fatalf("wanted again: %+v", again)
	}
	must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	is(t, s.RemoveFile(ctx, again.ID, untold), storage.ErrConflict)
	// What is barred, failed, withdrawn or made anew leaves no bytes either.
	for what, change := range map[string]func(f storage.File) error{
		"barred":    func(f storage.File) error { return errOf(s.SetFile(ctx, f.ID, storage.FileBarred)) },
		"withdrawn": func(f storage.File) error { return s.WithdrawFile(ctx, f.Blob) },
		"failed":    func(f storage.File) error { return s.FailFile(ctx, f.Blob, "wrong", epoch) },
	} {
		f := ready(t, s, fileKey(1), what)
		ok(t, change(f))
		lacks(t, s, []byte(what))
		ok(t, s.RemoveFile(ctx, f.ID, untold))
	}
}

// testRemoveRelease: one that is withdrawn goes with its update files and its image; what others need stays, and so do devices.
func testRemoveRelease(t *testing.T, s *stand) {
	withFiles(t, s, 2)
	a, b, c := []byte{1}, []byte{1, 1}, []byte{2}
	key := func(model string, from, to []byte) storage.FileKey {
		k := fileKey(1)
		k.Model, k.From, k.To = model, storage.Digest{}, sha256.Sum256(to)
		if from != nil {
			k.From = sha256.Sum256(from)
		}
		return k
	}
	to, from, aside := ready(t, s, key("0001", a, b), "to"), ready(t, s, key("0001", b, c), "from"), ready(t, s, key("0001", a, c), "aside")
	full, foreign := ready(t, s, key("0001", nil, b), "full"), ready(t, s, key("0002", a, b), "foreign")
	d := NewDevice("0001", "A-1")
	d.Claim.Image = sha256.Sum256(b)
	ok(t, s.SaveDevice(ctx, &d))
	image := storage.Digest(sha256.Sum256(b))
	is(t, s.RemoveRelease(ctx, "0003", image, 0), storage.ErrNotFound)
	is(t, s.RemoveRelease(ctx, "0001", image, 9), storage.ErrNotFound)
	for _, state := range []storage.ReleaseState{storage.Offered, storage.Withheld} {
		ok(t, s.SetReleaseState(ctx, "0001", image, state))
		err := s.RemoveRelease(ctx, "0001", image, 0)
		is(t, err, storage.ErrInUse)
		if why, found := errors.AsType[*storage.StateError](err); !found || *why != (storage.StateError{Version: "3", State: state}) {
			t.Fatalf("%v: %v", state, err)
		}
		equal(t, "still there", must(s.FileOf(ctx, to.Key))(t), to)
	}
	for i, model := range []string{"0001", "0002"} {
		ok(t, s.SetReleaseState(ctx, model, image, storage.Withdrawn))
		ok(t, s.RemoveRelease(ctx, model, image, uint64(3*i)))
		is(t, errOf(s.Release(ctx, model, image)), storage.ErrNotFound)
		is(t, s.RemoveRelease(ctx, model, image, 0), storage.ErrNotFound)
		if i == 0 { // the other model needs the image
			equal(t, "image", read(t, s, image), b)
			equal(t, "the other model's file", must(s.FileOf(ctx, foreign.Key))(t), foreign)
		}
	}
	s.reopen(t)
	for _, f := range []storage.File{to, from, full, foreign} {
		is(t, errOf(s.FileOf(ctx, f.Key)), storage.ErrNotFound)
		is(t, errOf(s.WantFile(ctx, f.Key, epoch)), storage.ErrNotFound)
	}
	lacks(t, s, b, []byte("to"), []byte("from"), []byte("full"), []byte("foreign"))
	equal(t, "a file of others", must(s.FileOf(ctx, aside.Key))(t), aside)
	equal(t, "its bytes", string(read(t, s, aside.Blob)), "aside")
	equal(t, "device", must(s.Device(ctx, "0001", "A-1"))(t), d)
	ok(t, s.AddRelease(ctx, NewRelease(t, "0001", "3", 3, b), b)) // and it may come again
	equal(t, "image again", read(t, s, image), b)
	must(s.WantFile(ctx, to.Key, epoch))(t)
}

// testRemoveSuperseded: one that was superseded goes alone; the newest of its image takes those before with it.
func testRemoveSuperseded(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	image := []byte("good")
	for order := uint64(1); order <= 3; order++ {
		ok(t, s.AddRelease(ctx, NewRelease(t, "0001", fmt.Sprint(order), order, image), image))
	}
	d, k := storage.Digest(sha256.Sum256(image)), storage.FileKey{Model: "0001", To: sha256.Sum256(image), Creator: "c"}
	f := ready(t, s, k, "full")
	ok(t, s.RemoveRelease(ctx, "0001", d, 2))
	orders := func() (list []uint64) {
		for _, r := range must(s.Releases(ctx, "0001"))(t) {
			list = append(list, r.Manifest.Order)
		}
		return list
	}
	equal(t, "left", orders(), []uint64{3, 1})
	equal(t, "file", must(s.FileOf(ctx, k))(t), f)
	equal(t, "image", read(t, s, d), image)
	is(t, s.RemoveRelease(ctx, "0001", d, 3), storage.ErrInUse)
	ok(t, s.SetReleaseState(ctx, "0001", d, storage.Withdrawn))
	ok(t, s.RemoveRelease(ctx, "0001", d, 3))
	equal(t, "left", len(orders()), 0)
	lacks(t, s, image, []byte("full"))
}

// testRemoveMaking: whoever makes a file of what is removed meanwhile leaves nothing behind, also when it is wanted again.
func testRemoveMaking(t *testing.T, s *stand) {
	withFiles(t, s, 1)
	k := fileKey(1)
	must(s.WantFile(ctx, k, epoch))(t)
	late := must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	ok(t, s.SetReleaseState(ctx, "0001", k.To, storage.Withdrawn))
	ok(t, s.RemoveRelease(ctx, "0001", k.To, 0))
	is(t, errOf(s.FileOf(ctx, k)), storage.ErrNotFound)
	late = made(t, s, late, "late")
	is(t, s.FinishFile(ctx, "w", late), storage.ErrStale)
	is(t, errOf(s.FileOf(ctx, k)), storage.ErrNotFound)
	lacks(t, s, []byte("late"))

	// The same key again, made by the same worker.
	image := []byte{1, 1}
	ok(t, s.AddRelease(ctx, NewRelease(t, "0001", "3", 3, image), image))
	must(s.WantFile(ctx, k, epoch))(t)
	f := must(s.ClaimFile(ctx, "w", epoch, time.Minute))(t)
	late = made(t, s, late, "late")
	is(t, s.FinishFile(ctx, "w", late), storage.ErrStale)
	lacks(t, s, []byte("late"))
	f = made(t, s, f, "in time")
	other := ready(t, s, storage.FileKey{Model: "0001", To: k.From, Creator: "c"}, "in time")
	ok(t, s.RemoveFile(ctx, other.ID, untold)) // takes nothing that is put
	ok(t, s.FinishFile(ctx, "w", f))
	equal(t, "made", string(read(t, s, f.Blob)), "in time")
}

// testRemoveManyFiles: a release has more update files than go in a step.
func testRemoveManyFiles(t *testing.T, s *stand) {
	withFiles(t, s, 1)
	k := fileKey(1)
	for i := range storage.MaxFilesRemoved + 1 {
		k.Step = uint32(i)
		must(s.WantFile(ctx, k, epoch))(t)
	}
	ok(t, s.SetReleaseState(ctx, "0001", k.To, storage.Withdrawn))
	ok(t, s.RemoveRelease(ctx, "0001", k.To, 0))
	equal(t, "files", len(must(s.Files(ctx, "", 0, 10))(t)), 0)
}

// testRemoveBeside: while some make update files that have the same bytes, others remove theirs, and nobody loses his.
func testRemoveBeside(t *testing.T, s *stand) {
	withFiles(t, s, 1)
	const workers, each = 4, 20
	errs := make(chan error, workers*each)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			owner, k := fmt.Sprint(w), fileKey(1)
			for i := range each {
				k.Step = uint32(1000*w + i)
				_, err := s.WantFile(ctx, k, epoch)
				var f storage.File
				if err == nil {
					f, err = s.ClaimFile(ctx, owner, epoch, time.Hour)
				}
				if errors.Is(err, storage.ErrNotFound) {
					continue // another has claimed it
				}
				if err == nil {
					f.State, f.Size = storage.FileReady, 4
					f.Blob, err = s.PutBlob(ctx, []byte("same"))
				}
				if err == nil {
					err = s.FinishFile(ctx, owner, f)
				}
				if err == nil {
					var b storage.Blob
					if b, err = s.OpenBlob(ctx, f.Blob); err == nil {
						b.Close()
						err = s.RemoveFile(ctx, f.ID, untold)
					}
				}
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		ok(t, err)
	}
	lacks(t, s, []byte("same"))
}

// testRemoveModel: an empty one goes with its keys, settings and files.
func testRemoveModel(t *testing.T, s *stand) {
	is(t, s.RemoveModel(ctx, "0001"), storage.ErrNotFound)
	withModels(t, s, "0001", "001")
	setting, other := storage.ModelSetting("prefer", "0001"), storage.ModelSetting("prefer", "001")
	for _, name := range []string{setting, other, "0001"} {
		ok(t, s.PutSetting(ctx, name, []byte("x")))
	}
	ok(t, s.TrustKey(ctx, "0001", key.Public().(ed25519.PublicKey), epoch))
	ok(t, errOf(s.Enrol(ctx, []storage.Identity{identity("S-1", 1, epoch), identity("S-2", 2, epoch)})))
	d := NewDevice("0001", "A-1")
	ok(t, s.SaveDevice(ctx, &d))
	image := []byte("image")
	r := NewRelease(t, "0001", "1", 1, image)
	ok(t, s.AddRelease(ctx, r, image))
	ready(t, s, storage.FileKey{Model: "0001", To: r.Manifest.Digest, Creator: "c"}, "full")
	refused := func(want storage.InUseError) {
		t.Helper()
		err := s.RemoveModel(ctx, "0001")
		is(t, err, storage.ErrInUse)
		if why, found := errors.AsType[*storage.InUseError](err); !found || *why != want {
			t.Fatalf("%v, want %v", err, &want)
		}
		equal(t, "files", len(must(s.Files(ctx, "0001", 0, 10))(t)), min(1, want.Releases))
		equal(t, "keys", len(must(s.Keys(ctx, "0001"))(t)), 1)
	}
	refused(storage.InUseError{Model: "0001", Releases: 1, Devices: 1, Keys: 2})
	ok(t, s.SetReleaseState(ctx, "0001", r.Manifest.Digest, storage.Withdrawn))
	ok(t, s.RemoveRelease(ctx, "0001", r.Manifest.Digest, 0))
	refused(storage.InUseError{Model: "0001", Devices: 1, Keys: 2})
	ok(t, s.DeleteDevice(ctx, "0001", "A-1"))
	refused(storage.InUseError{Model: "0001", Keys: 2})
	ok(t, s.DeleteDevice(ctx, "0001", "S-1"))
	ok(t, s.DeleteDevice(ctx, "0001", "S-2"))
	ok(t, s.RemoveModel(ctx, "0001"))
	s.reopen(t)
	is(t, errOf(s.Model(ctx, "0001")), storage.ErrNotFound)
	is(t, errOf(s.Setting(ctx, setting)), storage.ErrNotFound)
	equal(t, "keys", len(must(s.Keys(ctx, "0001"))(t)), 0)
	must(s.Model(ctx, "001"))(t)
	must(s.Setting(ctx, other))(t)
	must(s.Setting(ctx, "0001"))(t)
	withModels(t, s, "0001") // and it may come again
	is(t, errOf(s.Setting(ctx, setting)), storage.ErrNotFound)
}

// testRemoveKey: one model's key goes, and no release with it.
func testRemoveKey(t *testing.T, s *stand) {
	pub := key.Public().(ed25519.PublicKey)
	id := release.IDOf(pub)
	is(t, s.RemoveKey(ctx, "0001", id), storage.ErrNotFound)
	withModels(t, s, "0001", "0002")
	for _, model := range []string{"0001", "0002"} {
		ok(t, s.TrustKey(ctx, model, pub, epoch))
	}
	image := []byte("image")
	r := NewRelease(t, "0001", "1", 1, image)
	ok(t, s.AddRelease(ctx, r, image))
	is(t, s.RemoveKey(ctx, "0001", release.KeyID{1}), storage.ErrNotFound)
	ok(t, s.RemoveKey(ctx, "0001", id))
	is(t, s.RemoveKey(ctx, "0001", id), storage.ErrNotFound)
	s.reopen(t)
	equal(t, "keys", len(must(s.Keys(ctx, "0001"))(t)), 0)
	equal(t, "the other model's", len(must(s.Keys(ctx, "0002"))(t)), 1)
	equal(t, "release", must(s.Release(ctx, "0001", r.Manifest.Digest))(t), r)
	ok(t, s.TrustKey(ctx, "0001", pub, epoch))
}

// testForget: devices of one model go with history and keys, at most so many at a time, and then keys of those that never spoke.
func testForget(t *testing.T, s *stand) {
	is(t, errOf(s.ForgetDevices(ctx, "0001", func(storage.Forgotten) {})), storage.ErrNotFound)
	withModels(t, s, "0001", "0002")
	const devices, silent = storage.MaxForgotten + 5, 7
	var keys []storage.Identity
	for i := range devices + silent {
		serial := fmt.Sprintf("S-%05d", i)
		v := identity(serial, 0, epoch)
		v.Public[1], v.Public[2] = byte(i), byte(i>>8)
		keys = append(keys, v)
		if i < silent { // the first of all have keys and never spoke
			continue
		}
		d := NewDevice("0001", serial)
		ok(t, s.SaveDevice(ctx, &d, storage.Event{At: epoch, Kind: storage.FirstSeen, Source: storage.ByServer}))
	}
	ok(t, errOf(s.Enrol(ctx, keys)))
	other := NewDevice("0002", "S-00001")
	ok(t, s.SaveDevice(ctx, &other))
	for i, want := range []struct{ gone, left storage.Forgotten }{
		{storage.Forgotten{Devices: storage.MaxForgotten, Keys: storage.MaxForgotten}, storage.Forgotten{Devices: 5, Keys: 5 + silent}},
		{storage.Forgotten{Devices: 5, Keys: 5 + silent}, storage.Forgotten{}},
		{},
	} {
		var gone storage.Forgotten
		left := must(s.ForgetDevices(ctx, "0001", func(n storage.Forgotten) { gone = n }))(t)
		equal(t, fmt.Sprint("gone by call ", i), gone, want.gone)
		equal(t, fmt.Sprint("left by call ", i), left, want.left)
		if i == 0 {
			is(t, errOf(s.Device(ctx, "0001", fmt.Sprintf("S-%05d", silent))), storage.ErrNotFound)
			must(s.Device(ctx, "0001", fmt.Sprintf("S-%05d", devices+silent-1)))(t)
		}
	}
	s.reopen(t)
	equal(t, "devices", must(s.CountDevices(ctx))(t), 1)
	equal(t, "keys", len(must(s.Identities(ctx, "0001", "S-00000"))(t)), 0)
	again := NewDevice("0001", "S-00100")
	ok(t, s.SaveDevice(ctx, &again))
	equal(t, "history of one that came back", len(must(s.History(ctx, "0001", "S-00100", 0, 10))(t)), 0)
	equal(t, "found", len(must(s.Devices(ctx, storage.Query{Search: "S-001", Limit: 10}))(t).Devices), 1)
}

// testForgetHistories: devices with long histories go in smaller steps.
func testForgetHistories(t *testing.T, s *stand) {
	withModels(t, s, "0001")
	const fit = storage.MaxEventsForgotten / storage.MaxHistory
	events := make([]storage.Event, storage.MaxHistory)
	for i := range events {
		events[i] = storage.Event{At: epoch, Kind: storage.Offer, Source: storage.ByServer}
	}
	for i := range fit + 2 {
		d := NewDevice("0001", fmt.Sprintf("S-%03d", i))
		ok(t, s.SaveDevice(ctx, &d, events...))
	}
	ok(t, errOf(s.Enrol(ctx, []storage.Identity{identity("A", 1, epoch)})))
	var gone storage.Forgotten
	left := must(s.ForgetDevices(ctx, "0001", func(n storage.Forgotten) { gone = n }))(t)
	equal(t, "gone", gone, storage.Forgotten{Devices: fit})
	equal(t, "left", left, storage.Forgotten{Devices: 2, Keys: 1})
}

// testRemovalActs: each removal has one row, whatever it took with it; one that was refused has none.
func testRemovalActs(t *testing.T, s *stand) {
	withFiles(t, s, 1)
	k := fileKey(1)
	var files []storage.File
	for i := range 3 {
		k.Step = uint32(i)
		files = append(files, ready(t, s, k, fmt.Sprint(i)))
	}
	ok(t, s.TrustKey(ctx, "0001", key.Public().(ed25519.PublicKey), epoch))
	for i := range 2 {
		d := NewDevice("0001", fmt.Sprint(i))
		ok(t, s.SaveDevice(ctx, &d))
	}
	act := storage.Doer{Act: storage.Act{At: epoch, Account: "a", Name: "x"}}
	doing := func(what string) (*storage.Doer, func(error, int)) {
		d := act
		d.Object = what
		return &d, func(err error, rows int) {
			t.Helper()
			ok(t, err)
			equal(t, "rows of "+what, d.Rows, rows)
			all := must(s.Rows(ctx, "", 0, 1))(t)
			equal(t, "row", all[0].Object, what)
		}
	}
	d, did := doing("file")
	did(s.RemoveFile(storage.Doing(ctx, d), files[0].ID, untold), 1)
	d, did = doing("devices")
	did(errOf(s.ForgetDevices(storage.Doing(ctx, d), "0001", func(n storage.Forgotten) { d.After = fmt.Sprint(n.Devices) })), 1)
	equal(t, "what the row says", must(s.Rows(ctx, "", 0, 1))(t)[0].After, "2")
	d, did = doing("key")
	did(s.RemoveKey(storage.Doing(ctx, d), "0001", release.IDOf(key.Public().(ed25519.PublicKey))), 1)
	d, _ = doing("refused")
	is(t, s.RemoveRelease(storage.Doing(ctx, d), "0001", k.To, 0), storage.ErrInUse)
	is(t, s.RemoveModel(storage.Doing(ctx, d), "0001"), storage.ErrInUse)
	equal(t, "rows of what was refused", d.Rows, 0)
	for _, image := range [][]byte{{1, 1}, {1}} {
		ok(t, s.SetReleaseState(ctx, "0001", sha256.Sum256(image), storage.Withdrawn))
		d, did = doing("release " + fmt.Sprint(len(image)))
		did(s.RemoveRelease(storage.Doing(ctx, d), "0001", sha256.Sum256(image), 0), 1)
	}
	d, did = doing("model")
	did(s.RemoveModel(storage.Doing(ctx, d), "0001"), 1)
	all := must(s.RowsAfter(ctx, "", 0, 100))(t)
	if len(all) != 6 || bytes.Equal(all[0].Hash[:], all[5].Hash[:]) {
		t.Fatalf("%d rows: %+v", len(all), all)
	}
}
