package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/storage"
)

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
