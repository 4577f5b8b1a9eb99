package provider

import (
	"io"
	"net/http"
	"sync"

	"unbrick/limits"
)

// bounded bounds what a provider answers, and notes what was wrong with it.
type bounded struct {
	http.RoundTripper
	seen *sight
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	a, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		b.seen.note(Down)
		return nil, err
	}
	if a.StatusCode >= http.StatusInternalServerError {
		b.seen.note(Down)
	}
	a.Body = &body{a.Body, limits.ProviderAnswer, b.seen}
	return a, nil
}

type body struct {
	io.ReadCloser
	left int
	seen *sight
}

// Read implements io.Reader.
func (b *body) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	if b.left -= n; b.left < 0 {
		b.seen.note(TooLong)
		return 0, TooLong
	}
	if err != nil && err != io.EOF {
		b.seen.note(Down)
	}
	return n, err
}

// sight is the first thing that was wrong with answers.
type sight struct {
	mu    sync.Mutex
	first Refusal
}

func (s *sight) note(r Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == "" {
		s.first = r
	}
}

// or is what was wrong; if nothing was seen, what the caller believes.
func (s *sight) or(otherwise Refusal) Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == "" {
		return otherwise
	}
	return s.first
}
