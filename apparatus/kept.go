package apparatus

import (
	"reflect"
	"sync"

	"unbrick/internal/pack"
	"unbrick/model"
	"unbrick/webui/library"
	"unbrick/webui/state"
)

// keeping writes and reads what is kept in the browser's storage.
var keeping = pack.New(map[string]int{"text": state.MaxText, "jobs": state.MaxJobs, "worked": maxWorked, "pieces": state.MaxSectors, "record": model.MaxEncoded, "cells": state.MaxCommand})

// recall reads what the library keeps under a name into what v points to, which is as it was if there is nothing. What is whole and
// means nothing is forgotten.
func recall(l *library.Library, name string, v any) {
	b, ok := l.Kept(name)
	if !ok {
		return
	}
	if keeping.Decode(b, v) != nil {
		reflect.ValueOf(v).Elem().SetZero()
		l.Spoiled(name)
	}
}

// slot is one blob whose content changes. Contents are put in Run's goroutine and kept in others, in any order:
// what was put last is what is kept in the end.
type slot struct {
	lib  *library.Library
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
			s.lib.Keep(s.name, b)
		}
	}
}
