package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"unbrick/protocol/wsconn"
	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/fleet"
	"unbrick/server/rollout"
	"unbrick/server/session"
	"unbrick/server/storage"
)

// Limits of a request, in bytes.
const (
	maxJSON    = 16 << 10
	cborType   = "application/cbor"
	jsonType   = "application/json"
	binaryType = "application/octet-stream"
)

// routes is the whole HTTP surface.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	public := func(pattern string, f handlerFunc) { mux.Handle(pattern, s.api(f, false)) }
	operator := func(pattern string, f handlerFunc) { mux.Handle(pattern, s.api(f, true)) }

	public("GET /api/whoami", s.whoami)
	public("GET /api/models", s.listModels)
	public("GET /api/models/{id}", s.getModel)
	public("GET /api/models/{id}/keys", s.listKeys)
	operator("PUT /api/models/{id}", s.putModel)
	operator("PUT /api/models/{id}/prefer", s.putPrefer)
	public("GET /api/releases", s.listReleases)
	operator("POST /api/releases", s.publish)
	public("GET /api/releases/{image}/file", s.releaseFile)
	operator("PUT /api/releases/{image}/state", s.setReleaseState)
	operator("PUT /api/releases/{image}/rollout", s.putRollout)
	operator("GET /api/summary", s.summary)
	operator("GET /api/devices", s.listDevices)
	operator("GET /api/devices/{model}/{serial}", s.getDevice)
	operator("GET /api/devices/{model}/{serial}/history", s.getHistory)
	operator("POST /api/devices/{model}/{serial}/hold", s.hold)
	operator("POST /api/devices/{model}/{serial}/free", s.free)
	operator("DELETE /api/devices/{model}/{serial}", s.forget)
	operator("GET /api/files", s.listFiles)
	operator("PUT /api/files/{id}/state", s.setFile)
	public("POST /api/reports", s.report)
	public("GET /api/demo", s.demo)
	public("/api/", func(w http.ResponseWriter, r *http.Request) error { return unhandled(mux, w, r) })
	mux.HandleFunc("GET /link", s.link)
	s.health(mux)
	if page := s.cfg.Page; page != nil {
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			if err := unhandled(mux, w, r); err.status == http.StatusMethodNotAllowed {
				writeProblem(w, err)
				return
			}
			page.ServeHTTP(access.Sending(w), r)
		})
	}
	return s.bounded(mux)
}

// unhandled says why no other handler of mux takes a request: its address takes other methods, or is none of ours.
func unhandled(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) *problemError {
	var allowed []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
		other := *r
		other.Method = method
		if _, pattern := mux.Handler(&other); strings.Contains(pattern, " ") { // it names a method
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return problem(http.StatusNotFound, "not-found", "there is nothing at this address")
	}
	allow := strings.Join(allowed, ", ")
	w.Header().Set("Allow", allow)
	return problem(http.StatusMethodNotAllowed, "method", "this address takes %s, not %s", allow, release.Clean(r.Method, 20))
}

func (s *Server) health(mux *http.ServeMux) {
	mux.HandleFunc("GET /metrics", s.serveMetrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
}

// Health answers a supervisor: /healthz, /readyz and /metrics, for a listener of their own that no flood of strangers reaches.
func (s *Server) Health() http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	return mux
}

// client is the address that a request is counted for.
func (s *Server) client(r *http.Request) string { return access.Client(r, s.cfg.Proxied) }

// bounded applies the limits of a client to everything but the checks of a supervisor.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			owner := s.client(r)
			if wait, ok := s.rate.Allow(owner); !ok {
				s.metrics.Limited.Add(1)
				writeProblem(w, tooMany(w, wait))
				return
			}
			leave, bound := s.inside.Enter(owner, false)
			if bound != "" {
				s.metrics.Limited.Add(1)
				writeProblem(w, tooMany(w, time.Second))
				return
			}
			defer leave()
		}
		next.ServeHTTP(w, r)
	})
}

func tooMany(w http.ResponseWriter, wait time.Duration) *problemError {
	comeAgain(w, int(math.Ceil(wait.Seconds())))
	return problem(http.StatusTooManyRequests, "too-many", "too many requests, come again later")
}

// comeAgain says in an answer after how many seconds coming again is of use.
func comeAgain(w http.ResponseWriter, seconds int) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
}

// handlerFunc answers a request or returns why it cannot.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

// problemError is an error as the client is told it.
type problemError struct {
	status     int
	code, text string
}

func (e *problemError) Error() string { return e.text }

func problem(status int, code, format string, args ...any) *problemError {
	return &problemError{status, code, fmt.Sprintf(format, args...)}
}

// api is what every API request goes through: headers, the token, and errors as JSON.
func (s *Server) api(f handlerFunc, operatorOnly bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		apiHeaders(w.Header())
		said, right := s.cfg.Token.In(r.Header)
		var err error
		switch {
		case said && !right:
			err = problem(http.StatusUnauthorized, "wrong-token", "this token is not known here")
		case operatorOnly && !right:
			err = problem(http.StatusUnauthorized, "no-token", "this needs the operator's token")
		default:
			if err = checkNames(r); err == nil {
				err = f(w, access.WithOperator(r, right))
			}
		}
		status := http.StatusOK
		if err != nil {
			p := s.explain(r, err)
			status = p.status
			if status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="unbrick"`)
			}
			writeProblem(w, p)
		}
		s.metrics.Requests.Add(strconv.Itoa(status/100) + "xx")
	})
}

// checkNames refuses an address that names what cannot be: no model or device has such a name.
func checkNames(r *http.Request) error {
	for _, name := range []string{"id", "model", "serial"} {
		if v := r.PathValue(name); v != "" {
			if err := release.CheckID(v); err != nil {
				return problem(http.StatusBadRequest, "malformed", "the %s in the address is %v", name, err)
			}
		}
	}
	if v := r.URL.Query().Get("model"); v != "" {
		if err := release.CheckID(v); err != nil {
			return problem(http.StatusBadRequest, "malformed", "the model that is asked for is %v", err)
		}
	}
	return nil
}

// apiHeaders are the headers of every answer that is not the page.
func apiHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// explain turns any error into what the client is told; the server's own trouble is logged and not told.
func (s *Server) explain(r *http.Request, err error) *problemError {
	var p *problemError
	var tooLarge *http.MaxBytesError
	var conflict *storage.ConflictError
	var limit *rollout.LimitError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "too-large", "more than %d bytes", tooLarge.Limit)
	case errors.Is(err, storage.ErrNotFound):
		return problem(http.StatusNotFound, "not-found", "%s", missing(r))
	case errors.As(err, &conflict):
		return problem(http.StatusConflict, "conflict", "%v", conflict)
	case errors.Is(err, fleet.ErrTooMany):
		return problem(http.StatusInsufficientStorage, "full", "%v", err)
	case errors.Is(err, storage.ErrFull):
		s.log.Error("storage is full", "path", r.URL.Path, "error", err)
		return problem(http.StatusInsufficientStorage, "full", "the server's storage is full; nothing was stored and nothing was lost")
	case errors.Is(err, storage.ErrPhases):
		return problem(http.StatusBadRequest, "malformed", "%v", err)
	case errors.Is(err, rollout.ErrNone):
		return problem(http.StatusConflict, "no-rollout", "%v", err)
	case errors.As(err, &limit):
		return problem(http.StatusConflict, "limit", "%v", limit)
	case errors.Is(err, access.ErrBrokenOff):
		return problem(http.StatusBadRequest, "broken-off", "%v", access.ErrBrokenOff)
	case errors.Is(err, context.Canceled):
		return problem(499, "gone", "the client went away")
	}
	s.log.Error("request", "method", r.Method, "path", r.URL.Path, "error", err)
	return problem(http.StatusInternalServerError, "internal", "the server has trouble of its own; its log says more")
}

// missing says what the address names that is not there, and where to look.
func missing(r *http.Request) string {
	model, serial, image, id := r.PathValue("model"), r.PathValue("serial"), r.PathValue("image"), r.PathValue("id")
	switch {
	case serial != "":
		return fmt.Sprintf("no device %q of model %q has spoken here: unbrick device list, or Fleet, has those that did", serial, model)
	case image != "":
		return fmt.Sprintf("the server has no release of image %.12s for this model: unbrick release list tells of all", image)
	case strings.HasPrefix(r.URL.Path, "/api/files/"):
		return fmt.Sprintf("the server has no update file %s: unbrick file list tells of all", id)
	case id != "":
		return fmt.Sprintf("the server does not know model %q: unbrick model list tells of all, unbrick model put describes one", id)
	}
	return "there is nothing of this name"
}

func writeProblem(w http.ResponseWriter, p *problemError) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(p.status)
	json.NewEncoder(w).Encode(map[string]string{"error": p.text, "code": p.code})
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", jsonType)
	w.Header().Add("Vary", "Accept")
	w.WriteHeader(status)
	w.Write(append(b, '\n')) // a client that has gone is no error of ours
	return nil
}

func writeCBOR(w http.ResponseWriter, b []byte, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", cborType)
	w.Header().Add("Vary", "Accept")
	w.Write(b)
	return nil
}

// pageOf is which page of a list by ids a request asks for: below which id, 0 for the first, and how long. what has the ids.
func pageOf(r *http.Request, what string, otherwise int) (before int64, limit int, err error) {
	if v := r.URL.Query().Get("before"); v != "" {
		if before, err = strconv.ParseInt(v, 10, 64); err != nil || before < 0 {
			return 0, 0, problem(http.StatusBadRequest, "malformed", "before is the id of %s", what)
		}
	}
	limit, err = limitOf(r, otherwise)
	return before, limit, err
}

// cutPage cuts rows to a page. One more was asked for, of which storage gives MaxPage at most: as many may not be all. next is the id below which the
// page behind it begins, 0 if there is none.
func cutPage[T any](rows []T, limit int, id func(*T) int64) (page []T, next int64) {
	if len(rows) <= limit && len(rows) < storage.MaxPage {
		return rows, 0
	}
	return rows[:limit], id(&rows[limit-1])
}

// limitOf is how long a page of a list may be.
func limitOf(r *http.Request, otherwise int) (int, error) {
	v := r.URL.Query().Get("limit")
	if v == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > storage.MaxPage {
		return 0, problem(http.StatusBadRequest, "malformed", "limit is 1 to %d", storage.MaxPage)
	}
	return n, nil
}

// wantsCBOR says whether the client asks for CBOR.
func wantsCBOR(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		kind, _, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(kind), cborType) {
			return true
		}
	}
	return false
}

// contentType is the media type of the body without its parameters.
func contentType(r *http.Request) string {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// readJSON decodes a body strictly: no unknown field, nothing behind the value.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	b, err := access.Body(w, r, maxJSON)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return problem(http.StatusBadRequest, "malformed", "the body is not the JSON that is expected here: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem(http.StatusBadRequest, "malformed", "there is more behind the JSON value")
	}
	return nil
}

func (s *Server) whoami(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]any{"operator": access.IsOperator(r), "version": s.cfg.Version, "demo": s.cfg.Demo != nil})
}

// link is where terminals come in.
func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.draining:
		comeAgain(w, session.WaitShutdown)
		writeProblem(w, problem(http.StatusServiceUnavailable, "stopping", "the server stops, come again"))
		return
	default:
	}
	if s.live.Number() >= s.limits.Sessions {
		s.metrics.Sessions.Add("busy")
		comeAgain(w, session.WaitBusy)
		writeProblem(w, problem(http.StatusServiceUnavailable, "busy", "too many sessions, come again later"))
		return
	}
	conn, err := wsconn.Accept(w, r, nil)
	if err != nil {
		s.log.Info("link refused", "peer", s.client(r), "error", err)
		return
	}
	s.Converse(conn, s.client(r))
}

// ready says whether this server should be sent sessions.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.draining:
		plain(w, http.StatusServiceUnavailable, "stopping\n")
		return
	default:
	}
	switch err := s.pulse.feel(); {
	case err == nil:
		plain(w, http.StatusOK, "ready\n")
	case errors.Is(err, storage.ErrFull):
		plain(w, http.StatusServiceUnavailable, "storage is full\n")
	default:
		plain(w, http.StatusServiceUnavailable, "storage does not answer\n")
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	apiHeaders(w.Header())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}
