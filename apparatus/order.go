package apparatus

import (
	"cmp"
	"sort"
)

// fitRank orders releases for a choice: what was intended first, what cannot be taken last.
var fitRank = map[Fit]int{FitIntended: 0, FitInstalled: 1, FitNewest: 2, FitNewer: 3, FitOlder: 4, FitUnknown: 5, FitWithheld: 6, FitWithdrawn: 7, FitBelowFloor: 8, FitUntrusted: 9}

// bestFirst sorts releases in place: by fit, then the newest first.
func bestFirst(list []Release) []Release {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return cmp.Or(cmp.Compare(fitRank[a.Fit], fitRank[b.Fit]), cmp.Compare(b.Order, a.Order)) < 0
	})
	return list
}
