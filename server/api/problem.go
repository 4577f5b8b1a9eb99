package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/account"
	"unbrick/server/fleet"
	"unbrick/server/form"
	"unbrick/server/rollout"
	"unbrick/server/storage"
)

// problemError is an error as the client is told it.
type problemError struct {
	status     int
	code, text string
	after      int // seconds, from which on coming again is of use; 0: it is of none, or at any time
}

func (e *problemError) Error() string { return e.text }

func problem(status int, code, format string, args ...any) *problemError {
	return &problemError{status: status, code: code, text: fmt.Sprintf(format, args...)}
}

// malformed is a problem with what was sent.
func malformed(format string, args ...any) *problemError {
	return problem(http.StatusBadRequest, "malformed", format, args...)
}

// comeAgain is a problem that is over after so many seconds.
func comeAgain(seconds, status int, code, text string) *problemError {
	return &problemError{status, code, text, seconds}
}

// tooMany counts a client that is turned away, and says for how long.
func (s *Server) tooMany(wait time.Duration) *problemError {
	s.cfg.Metrics.Limited.Add(1)
	return comeAgain(int(math.Ceil(wait.Seconds())), http.StatusTooManyRequests, "too-many", "too many requests, come again later")
}

// explain turns any error into what the client is told; the server's own trouble is logged and not told.
func (s *Server) explain(r *http.Request, err error) *problemError {
	var p *problemError
	var tooLarge *http.MaxBytesError
	var conflict *storage.ConflictError
	var limit *rollout.LimitError
	var standing *storage.StateError
	var inUse *storage.InUseError
	var key *storage.KeyError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &tooLarge):
		return problem(http.StatusRequestEntityTooLarge, "too-large", "more than %d bytes", tooLarge.Limit)
	case errors.Is(err, storage.ErrNotFound):
		return problem(http.StatusNotFound, "not-found", "%s", missing(r))
	case errors.As(err, &conflict):
		return problem(http.StatusConflict, "conflict", "%v", conflict)
	case errors.As(err, &key):
		return problem(http.StatusConflict, "device-key", "%v", key)
	case errors.Is(err, storage.ErrFull):
		s.cfg.Log.Error("storage is full", "path", r.URL.Path, "error", err)
		return problem(http.StatusInsufficientStorage, "full", "the server's storage is full; nothing was stored and nothing was lost")
	case errors.As(err, &standing):
		return problem(http.StatusConflict, "in-use", "%v", standing)
	case errors.As(err, &inUse):
		return problem(http.StatusConflict, "in-use", "%v", inUse)
	case errors.As(err, &limit):
		return problem(http.StatusConflict, "limit", "%v", limit)
	case errors.Is(err, storage.ErrCursor):
		return malformed("%v", storage.ErrCursor)
	case errors.Is(err, context.Canceled):
		return problem(499, "gone", "the client went away")
	}
	if p := refusal(err); p != nil {
		return p
	}
	for _, known := range []struct {
		err    error
		status int
		code   string
	}{
		{fleet.ErrTooMany, http.StatusInsufficientStorage, "full"}, {fleet.ErrHolds, http.StatusConflict, "full"},
		{fleet.ErrReceipt, http.StatusForbidden, "receipt"},
		{rollout.ErrNone, http.StatusConflict, "no-rollout"}, {access.ErrBrokenOff, http.StatusBadRequest, "broken-off"},
		{storage.ErrPhases, http.StatusBadRequest, "malformed"},
	} {
		if errors.Is(err, known.err) {
			return problem(known.status, known.code, "%v", err)
		}
	}
	s.cfg.Log.Error("request", "method", r.Method, "path", r.URL.Path, "error", err)
	return problem(http.StatusInternalServerError, "internal", "the server has trouble of its own; its log says more")
}

// refusal is what a client is told that is not known by what it brought, or would lock all out.
func refusal(err error) *problemError {
	var tries *account.TriesError
	switch {
	case errors.As(err, &tries):
		return comeAgain(int(math.Ceil(tries.Wait.Seconds())), http.StatusTooManyRequests, "too-many", tries.Error())
	case errors.Is(err, account.ErrWrong):
		return problem(http.StatusUnauthorized, "wrong-token", "%v", account.ErrWrong)
	case errors.Is(err, account.ErrEnded):
		return problem(http.StatusUnauthorized, "ended-token", "%v", account.ErrEnded)
	case errors.Is(err, account.ErrChanged):
		return problem(http.StatusForbidden, "forbidden", "%v", account.ErrChanged)
	case errors.Is(err, account.ErrBoth):
		return problem(http.StatusBadRequest, "two-identities", "%v", account.ErrBoth)
	case errors.Is(err, account.ErrClear):
		return problem(http.StatusForbidden, "no-tls", "%v", account.ErrClear)
	case errors.Is(err, storage.ErrLastAdmin):
		return problem(http.StatusConflict, "last-admin", "%v: give another account the role admin, and a token, first", storage.ErrLastAdmin)
	case errors.Is(err, storage.ErrTooMany):
		return problem(http.StatusInsufficientStorage, "full", "%v: remove one first", storage.ErrTooMany)
	}
	return nil
}

// missing says what the address names that is not there, and where to look.
func missing(r *http.Request) string {
	model, serial, image, id := r.PathValue("model"), r.PathValue("serial"), r.PathValue("image"), r.PathValue("id")
	name, token, key := r.PathValue("account"), r.PathValue("token"), r.PathValue("key")
	switch {
	case key != "":
		return fmt.Sprintf("model %q has no key %q: unbrick key list tells of all", id, release.Clean(key, 2*len(release.KeyID{})))
	case r.URL.Path == form.DevicesPath:
		return fmt.Sprintf("the server does not know model %q: unbrick model list tells of all", r.URL.Query().Get("model"))
	case serial != "":
		return fmt.Sprintf("no device %q of model %q has spoken here: unbrick device list, or Fleet, has those that did", serial, model)
	case image != "":
		return fmt.Sprintf("the server has no release of image %.12s for this model: unbrick release list tells of all", image)
	case name != "":
		return fmt.Sprintf("there is no account %q: unbrick account list tells of all", name)
	case token != "":
		return fmt.Sprintf("there is no token %q: unbrick token list tells of all", release.Clean(token, 2*storage.TokenID))
	case r.URL.Path == form.PruneActs.Path:
		return "the audit log has no such row: unbrick audit list tells of all"
	case strings.HasPrefix(r.URL.Path, "/api/files/"):
		return fmt.Sprintf("the server has no update file %s: unbrick file list tells of all", id)
	case id != "":
		return fmt.Sprintf("the server does not know model %q: unbrick model list tells of all, unbrick model put describes one", id)
	}
	return "there is nothing of this name"
}

// unknownModel is for what names a model elsewhere than in its address.
func unknownModel(id string) error {
	return problem(http.StatusNotFound, "unknown-model", "the server does not know model %q: unbrick model put describes one", id)
}

func writeProblem(w http.ResponseWriter, p *problemError) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", form.JSON)
	if p.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="unbrick"`)
	}
	if p.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.after))
	}
	w.WriteHeader(p.status)
	json.NewEncoder(w).Encode(form.Problem{Text: p.text, Code: p.code})
}

// unhandled says why no other handler takes a request: its address takes other methods, or is none of ours.
func (s *Server) unhandled(w http.ResponseWriter, r *http.Request) *problemError {
	var allowed []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
		other := *r
		other.Method = method
		if _, pattern := s.mux.Handler(&other); strings.Contains(pattern, " ") { // it names a method
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
