package restore

import "time"

// announcer decides when a screen reader is told of progress: a new stage at once, else every five
// seconds or tenth of the way, whichever comes first.
type announcer struct {
	stage int
	at    time.Duration
	share int // tenths
	said  string
}

// say returns what the live region should hold now.
func (a *announcer) say(stage int, elapsed time.Duration, work, of uint64, words string) string {
	share := 0
	if of > 0 {
		share = int(work * 10 / of)
	}
	if a.said == "" || stage != a.stage || elapsed < a.at || elapsed-a.at >= 5*time.Second || share != a.share {
		*a = announcer{stage, elapsed, share, words}
	}
	return a.said
}
