package apparatus

import (
	"errors"
	"reflect"
	"strings"
	"sync"

	"unbrick/internal/pack"
	"unbrick/model"
	"unbrick/release/store"
	"unbrick/webui/state"
)

// keepBlob stores a small thing under a name and tells whether it is kept.
func (l *library) keepBlob(name string, data []byte) bool {
	l.mu.Lock()
	blobs := l.blobs
	l.mu.Unlock()
	if blobs == nil {
		return false
	}
	if err := blobs.Put(name, data); err != nil {
		l.refused()
		return false
	}
	return true
}

// refused notes that the browser did not keep something.
func (l *library) refused() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.condition = state.StoreFull
}

// blob returns what keepBlob stored, and whether it is there whole.
func (l *library) blob(name string) ([]byte, bool) {
	l.mu.Lock()
	blobs := l.blobs
	l.mu.Unlock()
	if blobs == nil {
		return nil, false
	}
	b, err := blobs.Get(name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		l.lost()
	}
	return b, err == nil
}

// keeping writes and reads what is kept in the browser's storage.
var keeping = pack.New(map[string]int{"text": state.MaxText, "jobs": state.MaxJobs, "worked": maxWorked, "pieces": state.MaxSectors, "record": model.MaxEncoded, "cells": state.MaxCommand})

// recall reads what is kept under a name into what v points to, which is as it was if there is nothing. What is whole and means
// nothing is forgotten.
func (l *library) recall(name string, v any) {
	b, ok := l.blob(name)
	if !ok {
		return
	}
	if keeping.Decode(b, v) != nil {
		reflect.ValueOf(v).Elem().SetZero()
		l.spoiled(name)
	}
}

// spoiled forgets a blob that was kept whole and means nothing: another version of this page wrote it.
func (l *library) spoiled(name string) {
	l.lost()
	l.dropBlob(name)
}

// lost notes that something that was kept is gone.
func (l *library) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.condition != state.StoreNone && l.condition != state.StoreFull {
		l.condition = state.StoreLost
	}
}

// dropBlob forgets a name. What cannot be deleted is found again and harms nobody.
func (l *library) dropBlob(name string) {
	l.mu.Lock()
	blobs := l.blobs
	l.mu.Unlock()
	if blobs != nil {
		blobs.Delete(name)
	}
}

// blobNames returns the names that begin with prefix.
func (l *library) blobNames(prefix string) []string {
	l.mu.Lock()
	blobs := l.blobs
	l.mu.Unlock()
	if blobs == nil {
		return nil
	}
	all, err := blobs.Names()
	if err != nil {
		return nil
	}
	var names []string
	for _, n := range all {
		if strings.HasPrefix(n, prefix) {
			names = append(names, n)
		}
	}
	return names
}

// slot is one blob whose content changes. Contents are put in Run's goroutine and kept in others, in any order:
// what was put last is what is kept in the end.
type slot struct {
	lib  *library
	name string
	last uint64 // of the contents that were put; belongs to Run's goroutine

	mu   sync.Mutex
	kept uint64
}

// put takes the newest content. keep stores it, or not if a newer one was stored meanwhile.
func (s *slot) put(v any) (keep func()) {
	b, err := keeping.Append(nil, v)
	s.last++
	n := s.last
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil && n > s.kept {
			s.kept = n
			s.lib.keepBlob(s.name, b)
		}
	}
}
