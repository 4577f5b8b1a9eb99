package library

import (
	"reflect"
	"sync"

	"unbrick/internal/pack"
)

// Slot is something small that is kept and changes. Contents are put by one goroutine and kept in others, in any order: what was put
// last is what is kept in the end.
type Slot struct {
	Library *Library
	Name    string
	As      *pack.Codec

	last uint64 // of the contents that were put

	mu   sync.Mutex
	kept uint64
}

// Recall reads what is kept into what v points to, which is as it was if there is nothing. What is whole and means nothing is forgotten.
func (s *Slot) Recall(v any) {
	b, ok := s.Library.Kept(s.Name)
	if ok && s.As.Decode(b, v) != nil {
		reflect.ValueOf(v).Elem().SetZero()
		s.Library.Spoiled(s.Name)
	}
}

// Put takes the newest content. keep stores it, or not if a newer one was stored meanwhile.
func (s *Slot) Put(v any) (keep func()) {
	b, err := s.As.Append(nil, v)
	s.last++
	n := s.last
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil && n > s.kept {
			s.kept = n
			s.Library.Keep(s.Name, b)
		}
	}
}
