package api

import (
	"cmp"
	"net/http"
	"strconv"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"
)

// checkNames refuses an address that names what cannot be: no model or device has such a name.
func checkNames(r *http.Request) error {
	for _, name := range []string{"id", "model", "serial", "account"} {
		if v := r.PathValue(name); v != "" {
			if err := release.CheckID(v); err != nil {
				return malformed("the %s in the address is %v", name, err)
			}
		}
	}
	if v := r.URL.Query().Get("model"); v != "" {
		if err := release.CheckID(v); err != nil {
			return malformed("the model that is asked for is %v", err)
		}
	}
	return nil
}

// Entries of a page of a list where the client does not say how many.
const (
	devicesPage = 50
	historyPage = 50
	filesPage   = 100
	actsPage    = 100
)

// pageByID reads a page of a list by ids, the newest first. read gives so many of those below an id, 0 for the first.
func pageByID[T any](p *form.Page, otherwise int, read func(before int64, limit int) ([]T, error), id func(*T) int64) (page []T,
	next string, err error) {
	limit, before := cmp.Or(p.Limit, otherwise), int64(0)
	if p.Cursor != "" {
		if before, err = strconv.ParseInt(p.Cursor, 10, 64); err != nil || before <= 0 {
			return nil, "", storage.ErrCursor
		}
	}
	rows, err := read(before, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next = cutPage(rows, limit, id)
	return page, next, nil
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
	if to = min(all, from+cmp.Or(p.Limit, storage.MaxPage)); to < all {
		next = name(to - 1)
	}
	return from, to, next, nil
}

// each makes a list of what is told of another's entries.
func each[T, U any](list []T, tell func(*T) U) []U {
	told := make([]U, len(list))
	for i := range list {
		told[i] = tell(&list[i])
	}
	return told
}
