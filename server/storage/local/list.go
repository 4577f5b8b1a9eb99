//go:build !js

package local

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"unbrick/server/storage"
)

// group is a range of the index devices_state: one state, and a part of its last_seen.
type group struct {
	state    storage.DeviceState
	from, to int64 // from <= last_seen < to
}

// groups is storage.Device.Group as ranges; a running device that was restored from Receiving is never silent twice.
func groups(cut storage.Cutoffs) [storage.Groups]group {
	silent, overdue := stamp(cut.Silent), stamp(cut.Overdue)
	return [storage.Groups]group{
		storage.GroupRestoration: {storage.Restoration, math.MinInt64, math.MaxInt64},
		storage.GroupCable:       {storage.NeedsCable, math.MinInt64, math.MaxInt64},
		storage.GroupOverdue:     {storage.Rewriting, math.MinInt64, overdue},
		storage.GroupHeld:        {storage.HeldBack, math.MinInt64, math.MaxInt64},
		storage.GroupSilent:      {storage.Running, math.MinInt64, silent},
		storage.GroupReceiving:   {storage.Receiving, math.MinInt64, math.MaxInt64},
		storage.GroupRewriting:   {storage.Rewriting, overdue, math.MaxInt64},
		storage.GroupRunning:     {storage.Running, silent, math.MaxInt64},
	}
}

// place is where a device stands in a list: its group, and within it the latest word first.
type place struct {
	group    int
	last, id int64
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.group, q.group), cmp.Compare(q.last, p.last), cmp.Compare(q.id, p.id))
}

func (p place) String() string { return fmt.Sprintf("%d.%d.%d", p.group, p.last, p.id) }

// lister answers one list call.
type lister struct {
	ctx   context.Context
	tx    *sql.Tx
	q     *storage.Query
	limit int
	start place  // the page is behind it
	where string // what holds for every device of the list besides its group
	args  []any
	page  storage.Page
}

// Devices implements storage.Store. A page is one index range for each group, from the cursor's on, until it is full;
// totals come from the tally. A search that few devices match is answered from those alone.
func (s *Store) Devices(ctx context.Context, q storage.Query) (storage.Page, error) {
	l := lister{ctx: ctx, q: &q, limit: max(1, min(q.Limit, storage.MaxPage)), start: place{-1, math.MaxInt64, math.MaxInt64}}
	if q.Cursor != "" {
		_, err := fmt.Sscanf(q.Cursor, "%d.%d.%d", &l.start.group, &l.start.last, &l.start.id)
		if err != nil || l.start.group < 0 || l.start.group >= int(storage.Groups) {
			return l.page, fmt.Errorf("list devices: %w %q", storage.ErrCursor, q.Cursor)
		}
	}
	if q.Model != "" {
		l.where += ` AND model = ?`
		l.args = append(l.args, q.Model)
	}
	if q.Image != nil {
		l.where += ` AND image = ?`
		l.args = append(l.args, q.Image[:])
	}
	err := s.view(ctx, "list devices", func(tx *sql.Tx) error {
		l.tx = tx
		if q.Search == "" {
			return l.ranges(l.tally)
		}
		words, few, err := l.search()
		if err != nil {
			return err
		}
		l.where += words.where
		l.args = append(l.args, words.args...)
		if few != nil {
			return l.among(few)
		}
		return l.ranges(l.scan)
	})
	return l.page, err
}

// ranges fills the page group by group.
func (l *lister) ranges(count func(group) (int, error)) error {
	var end place // of the last device on the page
	for g, r := range groups(l.q.Cut) {
		if l.q.Group != nil && int(*l.q.Group) != g {
			continue
		}
		n, err := count(r)
		if err != nil {
			return err
		}
		l.page.Total += n
		if g < l.start.group || n == 0 || l.page.Next != "" {
			continue
		}
		from := place{g, math.MaxInt64, math.MaxInt64}
		if g == l.start.group {
			from = l.start
		}
		want := l.limit - len(l.page.Devices)
		more, err := l.list(r, from, want+1)
		if err != nil {
			return err
		}
		for i, d := range more {
			if i == want {
				l.page.Next = end.String()
				break
			}
			l.page.Devices = append(l.page.Devices, d.Device)
			end = place{g, stamp(d.LastSeen), d.id}
		}
	}
	return nil
}

// list reads a part of a group.
func (l *lister) list(r group, from place, limit int) ([]listed, error) {
	// The cursor's time bounds the range, so that a late page does not walk over the ones before it.
	upper := r.to
	if from.last < r.to {
		upper = from.last + 1
	}
	return all(l.ctx, l.tx, "list devices", scanDevice, deviceColumns+`INDEXED BY `+l.index()+` WHERE state = ? AND last_seen >= ? AND last_seen < ? AND (last_seen, id) < (?, ?)`+l.where+` ORDER BY last_seen DESC, id DESC LIMIT ?`,
		append(append([]any{r.state, r.from, upper, from.last, from.id}, l.args...), limit)...)
}

// index is the one that has the devices of the list together and in its order.
func (l *lister) index() string {
	switch {
	case l.q.Image != nil:
		return "devices_image"
	case l.q.Model != "":
		return "devices_model"
	}
	return "devices_state"
}

type listed struct {
	storage.Device
	id int64
}

// scan counts what matches a search within a group by looking at all of it.
func (l *lister) scan(r group) (int, error) {
	return one(l.ctx, l.tx, column[int], `SELECT count(*) FROM devices INDEXED BY `+l.index()+` WHERE state = ? AND last_seen >= ? AND last_seen < ?`+l.where,
		append([]any{r.state, r.from, r.to}, l.args...)...)
}

// tally counts a group without a search.
func (l *lister) tally(r group) (int, error) {
	switch {
	case l.q.Image != nil && l.q.Model == "":
		models, err := all(l.ctx, l.tx, "models of an image", column[string], `SELECT DISTINCT model FROM runs WHERE image = ?`, l.q.Image[:])
		total := 0
		for _, m := range models {
			n, err := countRange(l.ctx, l.tx, r, ofImage(m, *l.q.Image))
			if err != nil {
				return 0, err
			}
			total += n
		}
		return total, err
	case l.q.Image != nil:
		return countRange(l.ctx, l.tx, r, ofImage(l.q.Model, *l.q.Image))
	case l.q.Model != "":
		return countRange(l.ctx, l.tx, r, ofModel(l.q.Model))
	}
	return countRange(l.ctx, l.tx, r, everyone())
}

// condition is a part of a WHERE clause.
type condition struct {
	where string
	args  []any
}

// fewMatches is how many devices a search may find to be sorted here; more are found fast enough in the list's order.
const fewMatches = 2000

// search makes the condition of Query.Search, and returns the devices that may match if they are few. Letters of either
// case are equal in ASCII.
func (l *lister) search() (words condition, few []int64, err error) {
	plain := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(l.q.Search)
	words = condition{` AND (serial LIKE ? ESCAPE '\'`, []any{"%" + plain + "%"}}
	begins := false
	for _, t := range []struct{ query, column string }{
		{`SELECT EXISTS (SELECT 1 FROM models WHERE id LIKE ? ESCAPE '\')`,
			"model"}, {`SELECT EXISTS (SELECT 1 FROM runs WHERE version LIKE ? ESCAPE '\')`, "version"},
	} {
		some, err := one(l.ctx, l.tx, column[bool], t.query, plain+"%")
		if err != nil {
			return words, nil, err
		}
		if some {
			begins = true
			words.where += ` OR ` + t.column + ` LIKE ? ESCAPE '\'`
			words.args = append(words.args, plain+"%")
		}
	}
	words.where += `)`
	parts := trigrams(l.q.Search)
	if begins || len(parts) == 0 {
		return words, nil, nil
	}
	few, err = all(l.ctx, l.tx, "search", column[int64], `SELECT rowid FROM serials WHERE serials MATCH ? LIMIT ?`,
		strings.Join(parts, " AND "), fewMatches+1)
	if len(few) > fewMatches {
		few = nil
	} else if few == nil {
		few = []int64{}
	}
	return words, few, err
}

// trigrams are the parts of a search as the index of serials knows them, none if it is too short for one.
func trigrams(search string) (parts []string) {
	if !utf8.ValidString(search) {
		return nil
	}
	letters := []rune(search)
	for i := 0; i+3 <= len(letters); i++ {
		parts = append(parts, `"`+strings.ReplaceAll(string(letters[i:i+3]), `"`, `""`)+`"`)
	}
	return parts
}

// among fills the page from the devices with these ids that match.
func (l *lister) among(ids []int64) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	scan := func(r row, p *place) error {
		var d storage.Device
		err := r.Scan(&p.id, &d.State, &p.last)
		d.LastSeen = moment(p.last)
		p.group = int(d.Group(l.q.Cut))
		return err
	}
	found, err := all(l.ctx, l.tx, "search", scan, `SELECT devices.id, state, last_seen FROM json_each(?) AS few CROSS JOIN devices ON devices.id = few.value WHERE true`+l.where, append([]any{string(list)}, l.args...)...)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(p place) bool { return l.q.Group != nil && p.group != int(*l.q.Group) })
	slices.SortFunc(found, place.compare)
	l.page.Total = len(found)
	found = slices.DeleteFunc(found, func(p place) bool { return p.compare(l.start) <= 0 })
	for i, p := range found {
		if i == l.limit {
			l.page.Next = found[i-1].String()
			break
		}
		d, err := one(l.ctx, l.tx, scanDevice, deviceColumns+`WHERE id = ?`, p.id)
		if err != nil {
			return err
		}
		l.page.Devices = append(l.page.Devices, d.Device)
	}
	return nil
}
