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

// refusing is a store in which every file is one that devices refuse.
type refusing struct{ storage.Store }

func (refusing) RefuseFile(context.Context, storage.Digest) error { return nil }
