package library

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"

	"unbrick/release"
	"unbrick/webui/state"
)

// ReleaseOf is a release as it is shown.
func ReleaseOf(m *release.Manifest, signers *release.Signers, origin state.Origin, fit state.Fit) state.Release {
	return state.Release{Digest: m.Digest, Model: m.Model, Version: m.Version, Order: m.Order, Size: m.Size, Date: m.Date(), Note: m.Note,
		Signers: SignersOf(signers), Family: m.Family, Chip: m.Chip, Origin: origin, Fit: fit}
}

func SignersOf(signers *release.Signers) (all state.Signers) {
	for i, id := range signers.IDs() {
		all[i] = id
	}
	return all
}

// All returns every known release of every model once, with where it is at hand; newest first within its model.
func (l *Library) All() []state.Release { return l.known(true) }

// known are all releases that are known, or those that are no parts.
func (l *Library) known(parts bool) []state.Release {
	l.mu.Lock()
	defer l.mu.Unlock()
	byName := make(map[Name]state.Release)
	put := func(m *release.Manifest, signers *release.Signers, origin state.Origin) {
		if m.Family != "" && !parts {
			return
		}
		if have, ok := byName[NameOf(m)]; ok && (have.Order > m.Order || have.Order == m.Order && have.Origin <= origin) {
			return
		}
		byName[NameOf(m)] = ReleaseOf(m, signers, origin, l.held[NameOf(m)])
	}
	for _, r := range l.remote {
		put(&r.Manifest, &r.Signers, r.origin)
	}
	for _, f := range l.files {
		put(&f.Manifest, &f.Signers, state.OriginFile)
	}
	if l.store != nil {
		for _, e := range l.store.List() {
			put(&e.Manifest, &e.Signers, state.OriginStore)
		}
	}
	list := slices.Collect(maps.Values(byName))
	sort.Slice(list, func(i, j int) bool { // package slices would weigh 26 KB of the page for this type
		a, b := &list[i], &list[j]
		return cmp.Or(strings.Compare(a.Model, b.Model), cmp.Compare(b.Order, a.Order), strings.Compare(a.Version, b.Version)) < 0
	})
	return list
}

// Newest returns the newest release of a model that is at hand and may be offered to a terminal, and whether there is one.
func (l *Library) Newest(id string) (state.Release, bool) {
	for _, r := range l.known(false) {
		if r.Model == id && !r.Fit.Held() {
			return r, true
		}
	}
	return state.Release{}, false
}

// Shown is what the page shows of the library: whether its store can be trusted, and whether the server answers.
func (l *Library) Shown() (state.StoreCondition, state.Reach) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.condition, l.reach
}
