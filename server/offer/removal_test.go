package offer

import (
	"context"
	"testing"

	"unbrick/server/storage"
)

// removed is a store that has removed the releases of all images but one.
type removed struct {
	Store
	kept storage.Digest
}

func (removed) RemoveRelease(context.Context, string, storage.Digest, uint64) error { return nil }

func (r removed) Release(_ context.Context, _ string, image storage.Digest) (v storage.Release, err error) {
	if image != r.kept {
		err = storage.ErrNotFound
	}
	return v, err
}

// TestRemovedReleaseIsNotWaitedFor: who waits for an update file of a removed release is told at once, and nobody else; one that another
// release of the same image superseded has its files still.
func TestRemovedReleaseIsNotWaitedFor(t *testing.T) {
	gone, kept := storage.Digest{1}, storage.Digest{2}
	told := 0
	o := &Offers{cfg: Config{Store: removed{kept: kept}, Queue: 10, Changed: func(string) { told++ }}}
	o.images = &images{spoilt: map[storage.Digest]bool{gone: true, kept: true}}
	o.maker = newMaker(&o.cfg, o.images)
	waits := map[string]<-chan struct{}{}
	for name, k := range map[string]storage.FileKey{
		"to": {Model: "1", From: kept, To: gone}, "from": {Model: "1", From: gone, To: kept}, "aside": {Model: "1", To: kept},
		"of another model": {Model: "2", To: gone},
	} {
		waits[name], _ = o.maker.watch(k)
	}
	for _, image := range []storage.Digest{gone, kept} {
		if err := o.RemoveRelease(t.Context(), "1", image, 1); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"to": true, "from": true, "aside": false, "of another model": false} {
		ended := false
		select {
		case <-waits[name]:
			ended = true
		default:
		}
		if ended != want {
			t.Errorf("%s: told %v, want %v", name, ended, want)
		}
	}
	if o.Waiting() != 2 || o.Damaged(gone) || !o.Damaged(kept) || told != 2 {
		t.Errorf("%d are waited for, damaged %v and %v, told %d times", o.Waiting(), o.Damaged(gone), o.Damaged(kept), told)
	}
}
