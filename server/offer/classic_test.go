package offer

import (
	"context"
	"testing"
	"time"
)

// TestBsdiffThatTakesForEver: the work cannot be stopped, so the worker leaves it, and nothing else of its kind begins.
func TestBsdiffThatTakesForEver(t *testing.T) {
	m := &maker{oneClassic: make(chan struct{}, 1)}
	m.oneClassic <- struct{}{} // as if one was being made
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := m.classic(ctx, []byte{1}, []byte{2}); err == nil {
		t.Fatal("made a second at the same time")
	}
	if !MakesBsdiff {
		if _, err := makeClassic([]byte{1}, []byte{2}); err == nil {
			t.Fatal("made a patch")
		}
	}
	<-m.oneClassic
	if _, err := m.classic(context.Background(), nil, []byte{1}); err == nil {
		t.Fatal("made a patch from nothing")
	}
}
