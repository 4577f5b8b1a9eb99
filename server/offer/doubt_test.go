package offer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/server/storage"
)

// However long proving takes, whoever tells of one more refusal does not wait for a place in the queue.
func TestDoubtWaitsForNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		o := &Offers{cfg: Config{Store: refusing{}, Now: func() time.Time { return now }}, doubts: newDoubts()}
		for i := range maxDoubts {
			if o.Doubt(t.Context(), storage.Digest{1, byte(i)}, true) == nil {
				t.Fatalf("file %d is not proven again", i)
			}
		}
		now = now.Add(proveAgain) // nothing is proven meanwhile
		if o.Doubt(t.Context(), storage.Digest{2}, true) != nil {
			t.Error("a file has a place that there is not")
		}
		<-o.doubts.queue
		if o.Doubt(t.Context(), storage.Digest{2}, true) == nil {
			t.Error("the next refusal gets no proof")
		}
	})
}

// TestDoubtsOfStrangers: who is not proven to be a device has few files proven again, and is not counted.
func TestDoubtsOfStrangers(t *testing.T) {
	o := &Offers{cfg: Config{Store: refusing{}, Now: time.Now}, doubts: newDoubts()}
	for i := range maxDoubts {
		if heard := o.Doubt(t.Context(), storage.Digest{1, byte(i)}, false) != nil; heard != (i < unproven) {
			t.Fatalf("file %d is proven again: %t", i, heard)
		}
	}
	if o.Doubt(t.Context(), storage.Digest{2}, true) == nil {
		t.Error("a device is not heard for strangers")
	}
	if o.Doubt(t.Context(), storage.Digest{9}, false) != nil {
		t.Error("a file that is not there is proven")
	}
}

// refusing is a store in which every file is one that devices refuse.
type refusing struct{ storage.Store }

func (refusing) RefuseFile(context.Context, storage.Digest) error { return nil }
func (refusing) FileByBlob(_ context.Context, d storage.Digest) (storage.File, error) {
	if d == (storage.Digest{9}) {
		return storage.File{}, storage.ErrNotFound
	}
	return storage.File{}, nil
}
