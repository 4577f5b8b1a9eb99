package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"syscall"
	"time"

	"unbrick/server/form"
)

// api asks a server's HTTP API.
type api struct {
	base   *url.URL
	token  string
	client *http.Client
}

// apiError is an answer that says no.
type apiError struct {
	form.Problem
	status int
}

func (e *apiError) Error() string { return e.Text }

const maxAnswer = 80 << 20 // bytes: a release file with the largest image

func newAPI(server, token string) (*api, error) {
	client := &http.Client{Timeout: 5 * time.Minute}
	if path, is := strings.CutPrefix(server, socketPrefix); is {
		client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}
		server = "http://localhost"
	}
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usageError("--server %q is no address like http://127.0.0.1:8080, or unix:/run/unbrick/admin", server)
	}
	for i := range len(token) {
		if token[i] < ' ' || token[i] > '~' {
			return nil, usageError("character %d of the token is not ASCII that can be printed: it cannot be sent", i+1)
		}
	}
	return &api{base: u, token: token, client: client}, nil
}

// do sends a request and returns the body of a good answer and its status. An answer that says no is an *apiError.
func (a *api) do(ctx context.Context, method, path string, query url.Values, body []byte, header http.Header) ([]byte, int, error) {
	u := a.base.JoinPath(path)
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	if header != nil {
		r.Header = header
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
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
	if answer.StatusCode < 300 {
		return b, answer.StatusCode, nil
	}
	e := &apiError{status: answer.StatusCode}
	if json.Unmarshal(b, &e.Problem) != nil || e.Text == "" {
		e.Text = fmt.Sprintf("the server answers %s", answer.Status)
	}
	if e.Code == "no-token" {
		e.Text += ": give --token or set UNBRICK_TOKEN, to one that unbrick token made, or that unbrick serve showed when it first started"
	}
	return nil, e.status, e
}

// ask asks an endpoint of the server.
func ask[In, Out any](ctx context.Context, a *api, e form.Endpoint[In, Out], in *In) (*Out, error) {
	out, _, err := send(ctx, a, e, in, nil)
	return out, err
}

// send asks an endpoint that takes something else than JSON, which is raw, and returns its status, too.
func send[In, Out any](ctx context.Context, a *api, e form.Endpoint[In, Out], in *In, raw []byte) (*Out, int, error) {
	b, status, err := fetch(ctx, a, e, in, raw)
	if err != nil {
		return nil, status, err
	}
	var out Out
	if reflect.TypeFor[Out]().NumField() > 0 {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		return nil, status, fmt.Errorf("the server's answer about %s: %w", e.Path, err)
	}
	return &out, status, nil
}

// fetch asks an endpoint and returns its answer as it came.
func fetch[In, Out any](ctx context.Context, a *api, e form.Endpoint[In, Out], in *In, raw []byte) ([]byte, int, error) {
	path, query, header, body := e.Path, url.Values{}, http.Header{}, raw
	header.Set("Content-Type", e.Takes)
	err := form.Fields(reflect.ValueOf(in).Elem(), func(f reflect.StructField, v reflect.Value) (err error) {
		switch tag := f.Tag.Get; {
		case f.Name == "Body":
			header.Set("Content-Type", form.JSON)
			body, err = json.Marshal(v.Interface())
		case tag("path") != "":
			path = strings.ReplaceAll(path, "{"+tag("path")+"}", url.PathEscape(fmt.Sprint(v)))
		case tag("header") != "":
			header[tag("header")] = v.Interface().([]string)
		case !v.IsZero():
			query.Set(tag("query"), fmt.Sprint(v))
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return a.do(ctx, e.Method, path, query, body, header)
}

// pages are the pages of a list, until its end or an error.
func pages[In, T any, Out interface{ Rows() ([]T, string) }, P interface {
	*In
	After(cursor string)
}](ctx context.Context, a *api, e form.Endpoint[In, Out], in P) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for {
			answer, err := ask(ctx, a, e, (*In)(in))
			if err != nil {
				yield(nil, err)
				return
			}
			page, next := (*answer).Rows()
			if !yield(page, nil) || next == "" {
				return
			}
			in.After(next)
		}
	}
}

// list prints a list of the server's to its end: none for people where there is nothing, else a table.
func list[T any](p *printer, pages iter.Seq2[[]T, error], none, head string, row func(*T) string) error {
	for page, err := range pages {
		if err != nil {
			return err
		}
		if err := table(p, head, page, row); err != nil {
			return err
		}
	}
	if !p.json && !p.headed {
		fmt.Fprintln(p, none)
	}
	return nil
}

// releases are those of a model, of all with "".
func (a *api) releases(ctx context.Context, model string) iter.Seq2[[]form.Release, error] {
	return pages(ctx, a, form.ListReleases, &form.ReleaseQuery{Model: model})
}

// release asks the server for a release; nil: it has none of this version.
func (a *api) release(ctx context.Context, model, version string) (*form.Release, error) {
	for page, err := range a.releases(ctx, model) {
		if err != nil {
			return nil, err
		}
		for i := range page {
			if page[i].Version == version {
				return &page[i], nil
			}
		}
	}
	return nil, nil
}
