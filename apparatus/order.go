package apparatus

import (
	"cmp"
	"sort"

	"unbrick/webui/state"
)

// fitRank orders releases for a choice: what was intended first, what cannot be taken last.
var fitRank = map[state.Fit]int{state.FitIntended: 0, state.FitInstalled: 1, state.FitNewest: 2, state.FitNewer: 3, state.FitOlder: 4, state.FitUnknown: 5, state.FitWithheld: 6, state.FitWithdrawn: 7, state.FitBelowFloor: 8, state.FitUntrusted: 9}

// bestFirst sorts releases in place: by fit, then the newest first.
func bestFirst(list []state.Release) []state.Release {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return cmp.Or(cmp.Compare(fitRank[a.Fit], fitRank[b.Fit]), cmp.Compare(b.Order, a.Order)) < 0
	})
	return list
}
