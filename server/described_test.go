package server

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/identity"
	"unbrick/server/offer"
	"unbrick/server/storage"

	"github.com/google/jsonschema-go/jsonschema"
)

// description is what tests hold requests and answers to: api/openapi.json.
type description struct {
	Paths      map[string]map[string]*operation
	Components struct {
		Schemas   map[string]*jsonschema.Schema
		Responses map[string]*response
	}

	mu   sync.Mutex
	open map[string]bool // "GET /api/devices 200" and "problem not-found" that no test has provoked yet
}

type operation struct {
	Parameters  []struct{ Name, In string }
	RequestBody *struct{ Content map[string]any }
	Responses   map[string]*response
}

type response struct {
	Ref     string `json:"$ref"`
	Content map[string]struct{ Schema json.RawMessage }
	Headers map[string]any
}

// described reads the description once.
var described = sync.OnceValues(func() (*description, error) {
	b, err := os.ReadFile("api/openapi.json")
	if err != nil {
		return nil, err
	}
	b = bytes.ReplaceAll(b, []byte(`"#/components/schemas/`), []byte(`"#/$defs/`))
	d := &description{open: map[string]bool{}}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, err
	}
	for path, methods := range d.Paths {
		for method, o := range methods {
			for status, a := range o.Responses {
				if a.Ref != "" {
					o.Responses[status] = d.Components.Responses[a.Ref[strings.LastIndexByte(a.Ref, '/')+1:]]
				}
				if path != "/link" && !slices.Contains([]string{"400", "401", "403", "421", "429", "500", "507"}, status) { // of terminals; by rule
					d.open[strings.ToUpper(method)+" "+path+" "+status] = true
				}
			}
		}
	}
	for _, code := range d.Components.Schemas["Problem"].Properties["code"].Enum {
		d.open["problem "+code.(string)] = true
	}
	if offer.MakesBsdiff {
		delete(d.open, "problem no-bsdiff")
		delete(d.open, "PUT /api/models/{id}/prefer 409")
	}
	return d, nil
})

// everywhere are headers that any answer may have: of HTTP itself, and those that keep browsers careful.
var everywhere = []string{"Content-Type", "Content-Length", "Date", "Vary", "Cache-Control", "Content-Security-Policy", "X-Content-Type-Options",
	"Referrer-Policy", "Cross-Origin-Resource-Policy", "Connection"}

// TestMain holds the description to the tests, too: what it has and no test provokes may be an invention.
func TestMain(m *testing.M) {
	code := m.Run()
	whole := !slices.ContainsFunc([]string{"run", "skip", "list", "fuzz"}, func(name string) bool { return flag.Lookup("test."+name).Value.String() != "" })
	if whole && code == 0 {
		d, err := described()
		if err != nil || len(d.open) > 0 {
			fmt.Println("described, and provoked by no test:", err, slices.Sorted(maps.Keys(d.open)))
			code = 1
		}
	}
	os.Exit(code)
}

// hold says what of an exchange is not described.
func (d *description) hold(q *http.Request, a *http.Response, body []byte) error {
	path, o := d.find(q.Method, q.URL.EscapedPath())
	if q.Method == http.MethodHead || o == nil && !strings.HasPrefix(q.URL.Path, "/api/") {
		body = nil // of a method without one, or the page
	}
	if o == nil {
		if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusMethodNotAllowed {
			return fmt.Errorf("nothing is described here")
		}
		if body == nil {
			return nil
		}
		return d.holdBody(d.Components.Responses["Problem"], a, body)
	}
	is := o.Responses[strconv.Itoa(a.StatusCode)]
	if is == nil {
		return fmt.Errorf("the status is not described")
	}
	d.mu.Lock()
	delete(d.open, fmt.Sprintf("%s %s %d", strings.Replace(q.Method, "HEAD", "GET", 1), path, a.StatusCode))
	d.mu.Unlock()
	for name := range q.URL.Query() {
		if !o.has("query", name) {
			return fmt.Errorf("the query parameter %s is not described", name)
		}
	}
	for name := range q.Header {
		if !slices.Contains([]string{"Accept", "Authorization", "Content-Type", "Cookie", "Origin", "Sec-Fetch-Site", "X-Forwarded-For"}, name) && !o.has("header", name) {
			return fmt.Errorf("the header %s of the request is not described", name)
		}
	}
	for name := range a.Header {
		if !slices.Contains(everywhere, name) && !slices.ContainsFunc(slices.Collect(maps.Keys(is.Headers)), func(h string) bool { return http.CanonicalHeaderKey(h) == name }) {
			return fmt.Errorf("the header %s of the answer is not described", name)
		}
	}
	return d.holdBody(is, a, body)
}

func (o *operation) has(in, name string) bool {
	for _, p := range o.Parameters {
		if p.In == in && http.CanonicalHeaderKey(p.Name) == http.CanonicalHeaderKey(name) {
			return true
		}
	}
	return false
}

// find returns what describes a request. HEAD is GET without a body.
func (d *description) find(method, address string) (path string, o *operation) {
	method = strings.ToLower(strings.Replace(method, "HEAD", "GET", 1))
	parts := strings.Split(address, "/")
	for path, methods := range d.Paths {
		pattern := strings.Split(path, "/")
		fits := len(pattern) == len(parts)
		for i := 0; fits && i < len(parts); i++ {
			fits = pattern[i] == parts[i] || strings.HasPrefix(pattern[i], "{") && parts[i] != ""
		}
		if fits {
			return path, methods[method]
		}
	}
	return "", nil
}

func (d *description) holdBody(is *response, a *http.Response, body []byte) error {
	if len(is.Content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("a body is not described")
		}
		return nil
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	content, ok := is.Content[kind]
	if !ok && kind == "multipart/byteranges" && a.StatusCode == http.StatusPartialContent {
		return nil // HTTP's own
	}
	if !ok {
		return fmt.Errorf("media type %q is not described", kind)
	}
	if kind != jsonType || body == nil {
		return nil
	}
	schema := &jsonschema.Schema{}
	if err := json.Unmarshal(content.Schema, schema); err != nil {
		return err
	}
	schema.Defs = d.Components.Schemas
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	if o, ok := v.(map[string]any); ok && o["code"] != nil {
		d.mu.Lock()
		delete(d.open, fmt.Sprint("problem ", o["code"]))
		d.mu.Unlock()
	}
	return resolved.Validate(v)
}

// TestHeld: what is not described is found.
func TestHeld(t *testing.T) {
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	good := `{"accepted":true}`
	for name, c := range map[string]struct {
		method, path, kind, body string
		status                   int
		ask, answer              string // a header
		fine                     bool
	}{
		"as described":        {"POST", "/api/reports", jsonType, good, 202, "", "", true},
		"a problem":           {"POST", "/api/reports", jsonType, `{"error":"so","code":"malformed"}`, 400, "", "", true},
		"no such code":        {"POST", "/api/reports", jsonType, `{"error":"so","code":"odd"}`, 400, "", "", false},
		"another status":      {"POST", "/api/reports", jsonType, good, 200, "", "", false},
		"another type":        {"POST", "/api/reports", jsonType, `{"accepted":1}`, 202, "", "", false},
		"a field too many":    {"POST", "/api/reports", jsonType, `{"accepted":true,"more":1}`, 202, "", "", false},
		"a field too few":     {"POST", "/api/reports", jsonType, `{}`, 202, "", "", false},
		"another media type":  {"POST", "/api/reports", "text/plain", good, 202, "", "", false},
		"a query":             {"POST", "/api/reports?x=1", jsonType, good, 202, "", "", false},
		"a header":            {"POST", "/api/reports", jsonType, good, 202, "X-Odd", "", false},
		"a header back":       {"POST", "/api/reports", jsonType, good, 202, "", "X-Odd", false},
		"no such address":     {"GET", "/api/none", jsonType, `{}`, 200, "", "", false},
		"null for a list":     {"GET", "/api/releases", jsonType, `{"releases":null,"next":""}`, 200, "", "", false},
		"a time that is none": {"GET", "/api/models/1/keys", jsonType, `{"keys":[{"id":"a","public":"","added":1}],"next":""}`, 200, "", "", false},
	} {
		q, err := http.NewRequest(c.method, c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := &http.Response{StatusCode: c.status, Header: http.Header{"Content-Type": {c.kind}}}
		if c.ask != "" {
			q.Header.Set(c.ask, "1")
		}
		if c.answer != "" {
			a.Header.Set(c.answer, "1")
		}
		if err := d.hold(q, a, []byte(c.body)); (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRefusals: what is described and has no story of its own.
func TestRefusals(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Demo, c.Limits.Uploads = &form.Demo{Models: []form.DemoModel{}}, 1 })
	one := r.publish("1", 1, image(1, 5_000))
	r.session(r.hello("A-1", one))
	r.must(200, "GET", "/api/demo", nil)
	r.must(200, "GET", "/api/openapi.json", nil, "Authorization", "")
	r.must(404, "PUT", "/api/releases/"+strings.Repeat("0", 64)+"/state", []byte(`{"model":"0001","state":"offered"}`))
	r.must(404, "PUT", "/api/files/999/state", []byte(`{"state":"wanted"}`))
	if _, err := r.store.WantFile(t.Context(), storage.FileKey{Model: "0001", To: one.Digest, Creator: "other"}, r.now()); err != nil {
		t.Fatal(err)
	}
	f, err := r.store.ClaimFile(t.Context(), "other", r.now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r.must(409, "PUT", fmt.Sprintf("/api/files/%d/state", f.ID), []byte(`{"state":"wanted"}`))
	r.must(404, "POST", "/api/devices/0001/none/free", []byte(`{}`))
	for i := range storage.MaxAttempts + 1 {
		order := uint64(i + 2)
		m := r.publish(fmt.Sprint(order), order, image(order, 5_000))
		status := map[bool]int{true: 200, false: 409}[i < storage.MaxAttempts]
		r.must(status, "POST", "/api/devices/0001/A-1/hold", []byte(`{"image":"`+release.Hex(m.Digest)+`"}`))
	}
	r.must(404, "DELETE", "/api/devices/0001/none", nil)
	r.must(204, "DELETE", "/api/devices/0001/A-1", nil)
	r.must(404, "GET", "/api/devices/0001/A-1", nil)
}

// TestUploadsAreBounded: while as many release files are received as may be, another is told to come again; one that is too long is
// refused before it is read, and one that breaks off is none.
func TestUploadsAreBounded(t *testing.T) {
	r := newServer(t, func(c *Config) { c.Limits.Uploads = 1 })
	upload := func(path string, body io.Reader, length int64, status int, code string) {
		q := httptest.NewRequest("POST", path, body)
		q.ContentLength = length
		q.Header.Set("Authorization", "Bearer "+testToken)
		w := httptest.NewRecorder()
		r.s.Handler().ServeHTTP(w, q)
		r.held(q, w.Result(), w.Body.Bytes())
		if p := decode[form.Problem](r, w.Body.Bytes()); w.Code != status || p.Code != code {
			t.Errorf("%d %s, want %d %s", w.Code, w.Body, status, code)
		}
	}
	const file, list = "/api/releases", "/api/keys"
	upload(file, strings.NewReader(""), release.MaxFile+1, 413, "too-large")
	upload(list, strings.NewReader(""), int64(identity.MaxList)+1, 413, "too-large")
	slow, send := io.Pipe()
	var first sync.WaitGroup
	first.Go(func() { upload(file, slow, 100, 400, "broken-off") })
	if _, err := send.Write([]byte("U")); err != nil { // it is being read from here on
		t.Fatal(err)
	}
	upload(file, strings.NewReader("U"), 1, 503, "busy")
	upload(list, strings.NewReader("U"), 1, 503, "busy")
	send.CloseWithError(io.ErrUnexpectedEOF)
	first.Wait()
	if err := r.s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, b := r.do("GET", "/link", nil); decode[form.Problem](r, b).Code != "stopping" {
		t.Errorf("at a server that stops: %s", b)
	}
}
