package store_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/hack-pad/hackpadfs/mem"

	"unbrick/release/store"
)

// TestConcurrentUse lets several callers put, read and delete; the race detector judges.
func TestConcurrentUse(t *testing.T) {
	f, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, f)
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			own, shared := file(t, "own", caller+1), file(t, "shared", 1)
			for range 10 {
				e, err := s.Put(own)
				if err != nil {
					t.Error(err)
					return
				}
				same(t, s, e, own)
				both, err := s.Put(shared)
				if err != nil {
					t.Error(err)
				}
				if _, _, err := s.Get(both.Manifest.Model, both.Manifest.Digest); err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
				}
				if err := s.Delete(both.Manifest.Digest); err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
				}
				s.List()
			}
		})
	}
	callers.Wait()
	if n := len(open(t, f).List()); n != 4 {
		t.Errorf("%d releases are left, want 4", n)
	}
}
