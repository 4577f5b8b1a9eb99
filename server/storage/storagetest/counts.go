package storagetest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"unbrick/server/storage"
)

// testCounts saves devices at random and compares every count and list with one that looks at all devices.
// UNBRICK_SEED repeats a run.
func testCounts(t *testing.T, s *stand) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("UNBRICK_SEED"); s != "" {
		seed = must(strconv.ParseUint(s, 10, 64))(t)
	}
	t.Logf("UNBRICK_SEED=%d", seed)
	m := model{t: t, stand: s, random: rand.New(rand.NewPCG(seed, 1)), devices: map[string]storage.Device{}}
	for _, id := range []string{"0001", "0002"} {
		withModels(t, m, id)
		image := []byte("image of " + id)
		r := NewRelease(t, id, "1", 1, image)
		ok(t, m.AddRelease(ctx, r, image))
		m.images = append(m.images, r.Manifest.Digest)
	}
	m.images = append(m.images, storage.Digest{1}, storage.Digest{2})
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		for range 40 {
			m.save()
		}
		m.compare()
		if round%4 == 3 {
			m.reopen(t)
			m.compare()
		}
	}
}

// model is what a store should know of its devices.
type model struct {
	t *testing.T
	*stand
	random  *rand.Rand
	devices map[string]storage.Device
	images  []storage.Digest
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// moment is a time of a last word: often equal to or close to another one, and sometimes far away.
func (m *model) moment() time.Time {
	span := pick(m.random, time.Millisecond, time.Minute, 24*time.Hour, 10*365*24*time.Hour, 60*365*24*time.Hour)
	return epoch.Add(time.Duration(m.random.Int64N(int64(span))) - span/2).Truncate(time.Millisecond)
}

// save makes or changes a device; sometimes with a revision that is stale, so that nothing may change.
func (m *model) save() {
	model := pick(m.random, "0001", "0002")
	serial := fmt.Sprintf("%s%02d", pick(m.random, "A-", "a_", "B%", "Zä"), m.random.IntN(30))
	d, there := m.devices[model+serial]
	if !there {
		d = NewDevice(model, serial)
	}
	stale := there && m.random.IntN(10) == 0
	if stale {
		d.Revision--
	}
	d.Demo = m.random.IntN(8) == 0
	d.State = storage.DeviceState(1 + m.random.IntN(6))
	d.LastSeen = m.moment()
	d.Target = pick(m.random, append(m.images, storage.Digest{})...)
	d.Claim.Image = pick(m.random, m.images...)
	d.Claim.Version = pick(m.random, "1", "2", "A-x")
	d.Claim.Order = pick(m.random, uint64(1), 2, 1<<63)
	d.Claim.Confirmed = m.random.IntN(2) == 0
	d.Conflict = pick(m.random, time.Time{}, time.Time{}, epoch)
	err := m.SaveDevice(ctx, &d)
	if stale {
		if !there || !errors.Is(err, storage.ErrStale) {
			m.t.Fatalf("stale save: %v", err)
		}
		return
	}
	ok(m.t, err)
	m.devices[model+serial] = d
}

// compare asks for all that is counted and listed.
func (m *model) compare() {
	m.t.Helper()
	for range 4 {
		cut := storage.Cutoffs{Silent: m.moment(), Overdue: m.moment()}
		if m.random.IntN(2) == 0 && len(m.devices) > 0 { // exactly the last word of one
			for _, d := range m.devices {
				cut.Silent = d.LastSeen
				break
			}
		}
		m.summary(cut)
		for _, q := range []storage.Query{{}, {Model: "0001"}, {Image: &m.images[0]}, {Image: &m.images[2]}, {Model: "0002", Image: &m.images[3]},
			{Search: "A"}, {Search: "a-"}, {Search: "A-1"}, {Search: "%"}, {Search: "_2"}, {Search: "Zä1"}, {Search: "ä0"}, {Search: "B%0"}, {Search: "no such"}, {Search: `\`}, {Search: `"`},
			{Search: "0002"}, {Search: "1"}, {Search: "A-2", Model: "0001"}, {Search: "a_1", Image: &m.images[1]}} {
			q.Cut, q.Limit = cut, 1+m.random.IntN(60)
			if m.random.IntN(3) == 0 {
				g := storage.Group(m.random.IntN(int(storage.Groups)))
				q.Group = &g
			}
			m.list(q)
		}
	}
}

// summary compares the counts.
func (m *model) summary(cut storage.Cutoffs) {
	m.t.Helper()
	want := storage.Summary{Devices: len(m.devices)}
	type key struct {
		model string
		image storage.Digest
		order uint64
	}
	runs, lost := map[key]storage.ReleaseCount{}, map[key]int{}
	for _, d := range m.devices {
		g := d.Group(cut)
		want.Groups[g]++
		if !d.Conflict.IsZero() {
			continue
		}
		if !d.Demo && (g == storage.GroupOverdue || g == storage.GroupRestoration) {
			lost[key{model: d.Model, image: d.Target}]++
		}
		k := key{d.Model, d.Claim.Image, d.Claim.Order}
		c := runs[k]
		c.Model, c.Image, c.Order = k.model, k.image, k.order
		c.Version = max(c.Version, d.Claim.Version)
		c.Installed++
		if d.Claim.Confirmed {
			c.Confirmed++
		}
		runs[k] = c
	}
	got := must(m.Summary(ctx, cut))(m.t)
	equal(m.t, "devices", got.Devices, want.Devices)
	equal(m.t, fmt.Sprintf("groups by %v", cut), got.Groups, want.Groups)
	merged := map[key]storage.ReleaseCount{}
	for _, c := range got.Releases { // what no release has may come in parts
		k := key{c.Model, c.Image, c.Order}
		sum := merged[k]
		c.Installed, c.Confirmed, c.Version = c.Installed+sum.Installed, c.Confirmed+sum.Confirmed, max(c.Version, sum.Version)
		merged[k] = c
	}
	equal(m.t, "what runs", merged, runs)
	installed := must(m.Installed(ctx, "0001"))(m.t)
	for _, c := range installed {
		k := key{c.Model, c.Image, c.Order}
		equal(m.t, "installed", c, runs[k])
		delete(runs, k)
	}
	for k, c := range runs {
		if k.model == "0001" && k.image == m.images[0] {
			m.t.Fatalf("%+v is not among the installed %+v", c, installed)
		}
	}
	for _, model := range []string{"0001", "0002"} {
		for _, image := range m.images {
			n := must(m.Lost(ctx, model, image, cut))(m.t)
			equal(m.t, fmt.Sprintf("lost of %s on the way to %x by %v", model, image[:2], cut), n, lost[key{model: model, image: image}])
		}
	}
	n := must(m.CountDevices(ctx))(m.t)
	equal(m.t, "count", n, len(m.devices))
}

// fold makes letters equal that differ in case, as far as they are ASCII.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func matches(d *storage.Device, q *storage.Query) bool {
	word := fold(q.Search)
	return (q.Model == "" || q.Model == d.Model) && (q.Image == nil || *q.Image == d.Claim.Image) &&
		(q.Group == nil || *q.Group == d.Group(q.Cut)) &&
		(strings.Contains(fold(d.Serial), word) || strings.HasPrefix(fold(d.Model), word) || strings.HasPrefix(fold(d.Claim.Version), word))
}

// list compares a list, page by page. Devices whose last words are of the same moment may come in any order.
func (m *model) list(q storage.Query) {
	m.t.Helper()
	var want []storage.Device
	for _, d := range m.devices {
		if matches(&d, &q) {
			want = append(want, d)
		}
	}
	byNeed := func(a, b storage.Device) int {
		return cmp.Or(cmp.Compare(a.Group(q.Cut), b.Group(q.Cut)), b.LastSeen.Compare(a.LastSeen),
			cmp.Compare(a.Model+a.Serial, b.Model+b.Serial))
	}
	slices.SortFunc(want, byNeed)
	var got []storage.Device
	for {
		p := must(m.Devices(ctx, q))(m.t)
		if p.Total != len(want) || len(p.Devices) > q.Limit {
			m.t.Fatalf("%+v: total %d, %d on the page; want %d in all", q, p.Total, len(p.Devices), len(want))
		}
		got = append(got, p.Devices...)
		if q.Cursor = p.Next; q.Cursor == "" {
			break
		}
	}
	for i := 1; i < len(got); i++ {
		a, b := got[i-1], got[i]
		if c := cmp.Or(cmp.Compare(a.Group(q.Cut), b.Group(q.Cut)), b.LastSeen.Compare(a.LastSeen)); c > 0 {
			m.t.Fatalf("%+v: %s comes before %s", q, a.Serial, b.Serial)
		}
	}
	slices.SortFunc(got, byNeed)
	equal(m.t, fmt.Sprintf("list %+v", q), got, want)
}
