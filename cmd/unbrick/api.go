package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// api asks a server's HTTP API.
type api struct {
	base   *url.URL
	token  string
	client *http.Client
}

// apiError is an answer that says no.
type apiError struct {
	Status int
	Text   string `json:"error"`
	Code   string `json:"code"`
}

func (e *apiError) Error() string { return e.Text }

const maxAnswer = 80 << 20 // bytes: a release file with the largest image

func newAPI(server, token string) (*api, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usageError("--server %q is no address like http://127.0.0.1:8080", server)
	}
	for i := range len(token) {
		if token[i] < ' ' || token[i] > '~' {
			return nil, usageError("character %d of the operator's token is not ASCII that can be printed: it cannot be sent", i+1)
		}
	}
	return &api{base: u, token: token, client: &http.Client{Timeout: 5 * time.Minute}}, nil
}

// do sends a request and returns the body of a good answer. header lists names and values in turn.
func (a *api) do(ctx context.Context, method, path string, query url.Values, body []byte, header ...string) ([]byte, int, error) {
	u := a.base.JoinPath(path)
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	answer, err := a.client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, 0, stopped(ctx)
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, 0, fmt.Errorf("no server answers at %s: is unbrick serve running there?", a.base)
		}
		return nil, 0, fmt.Errorf("ask the server: %w", err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, 0, fmt.Errorf("ask the server: %w", err)
	}
	if answer.StatusCode >= 300 {
		e := &apiError{Status: answer.StatusCode}
		if json.Unmarshal(b, e) != nil || e.Text == "" {
			e.Text = fmt.Sprintf("the server answers %s", answer.Status)
		}
		if e.Code == "no-token" {
			e.Text += ": give --token or set UNBRICK_TOKEN, to what it was when the server started, or else to what unbrick serve showed when it first did"
		}
		return nil, answer.StatusCode, e
	}
	return b, answer.StatusCode, nil
}

// ask sends v as JSON, nothing if it is nil, and reads the answer, which is JSON too, into answer unless that is nil.
func (a *api) ask(ctx context.Context, method, path string, query url.Values, v, answer any) error {
	var body []byte
	var header []string
	if v != nil {
		var err error
		if body, err = json.Marshal(v); err != nil {
			return err
		}
		header = []string{"Content-Type", "application/json"}
	}
	b, _, err := a.do(ctx, method, path, query, body, header...)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("the server's answer about %s: %w", path, err)
	}
	return nil
}
