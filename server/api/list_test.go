package api

import (
	"testing"

	"unbrick/server/storage"
)

// TestCutPage: a page ends the list only if fewer rows came than were asked for and than storage gives at most.
func TestCutPage(t *testing.T) {
	for _, c := range []struct {
		rows, limit, page int
		next              string
	}{{0, 5, 0, ""}, {4, 5, 4, ""}, {5, 5, 5, ""}, {6, 5, 5, "4"}, {storage.MaxPage, storage.MaxPage, storage.MaxPage, "499"}} {
		rows := make([]int64, c.rows)
		for i := range rows {
			rows[i] = int64(i)
		}
		page, next := cutPage(rows, c.limit, func(id *int64) int64 { return *id })
		if len(page) != c.page || next != c.next {
			t.Errorf("%d rows, limit %d: %d in the page, next %q; want %d, %q", c.rows, c.limit, len(page), next, c.page, c.next)
		}
	}
}
