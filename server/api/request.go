package api

import (
	"net/http"
	"strconv"

	"unbrick/release"
	"unbrick/server/form"
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

// Entries of a page of a list where the client does not say how many.
const (
	devicesPage = 50
	historyPage = 50
	filesPage   = 100
)

// idsOf is which part of a list by ids, the newest first, a page is: below which id, 0 for the first, and how long.
func idsOf(p *form.Page, otherwise int) (before int64, limit int, err error) {
	if p.Cursor != "" {
		if before, err = strconv.ParseInt(p.Cursor, 10, 64); err != nil || before <= 0 {
			return 0, 0, storage.ErrCursor
		}
	}
	return before, limitOf(p, otherwise), nil
}

// cutPage cuts rows to a page. One more was asked for, of which storage gives MaxPage at most: as many may not be all.
// next is the cursor of the page behind it.
func cutPage[T any](rows []T, limit int, id func(*T) int64) (page []T, next string) {
	if len(rows) <= limit && len(rows) < storage.MaxPage {
		return rows, ""
	}
	return rows[:limit], strconv.FormatInt(id(&rows[limit-1]), 10)
}

// pageOf is which part of a list that is there whole a page is. A cursor is the name of the last entry of the page before.
func pageOf(p *form.Page, all int, name func(i int) string) (from, to int, next string, err error) {
	if p.Cursor != "" {
		for from < all && name(from) != p.Cursor {
			from++
		}
		if from++; from > all {
			return 0, 0, "", storage.ErrCursor
		}
	}
	if to = min(all, from+limitOf(p, storage.MaxPage)); to < all {
		next = name(to - 1)
	}
	return from, to, next, nil
}

// limitOf is how long a page may be.
func limitOf(p *form.Page, otherwise int) int {
	if p.Limit == 0 {
		return otherwise
	}
	return p.Limit
}
