package sequence

import (
	"cmp"
	"strings"
)

// Compare says which of two versions sorts first: negative if a does, 0 if they are equal. It is not sure where people
// differ, and says so; docs/release.md states the rule.
func Compare(a, b string) (c int, sure bool) {
	if isHash(a) || isHash(b) {
		return 0, false
	}
	x, y := parts(a), parts(b)
	for i := range max(len(x), len(y)) {
		c, sure := compare(at(x, i), at(y, i))
		if c != 0 || !sure {
			return c, sure
		}
	}
	return 0, true
}

// parts splits a version into runs of digits and of letters. A v before a digit and what is behind a plus do not count.
func parts(s string) []string {
	s, _, _ = strings.Cut(s, "+")
	if len(s) > 1 && (s[0] == 'v' || s[0] == 'V') && isDigit(rune(s[1])) {
		s = s[1:]
	}
	var all []string
	kind := 0 // of the run that goes on: 0 none, 1 digits, 2 letters
	for _, r := range s {
		now := 0
		switch {
		case isDigit(r):
			now = 1
		case isLetter(r):
			now = 2
		}
		switch {
		case now == 0:
		case now == kind:
			all[len(all)-1] += string(r)
		default:
			all = append(all, string(r))
		}
		kind = now
	}
	return all
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// isLetter takes every character outside ASCII for one, so that no table of Unicode decides.
func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80 }

// at is a part, "" behind the end.
func at(parts []string, i int) string {
	if i < len(parts) {
		return parts[i]
	}
	return ""
}

// stage is how early a word says that a version is, 0 if it says nothing of the kind.
func stage(word string) int {
	switch word {
	case "dev", "snapshot", "nightly":
		return 1
	case "alpha":
		return 2
	case "beta":
		return 3
	case "pre", "preview":
		return 4
	case "rc":
		return 5
	}
	return 0
}

func compare(a, b string) (c int, sure bool) {
	a, b = strings.ToLower(a), strings.ToLower(b)
	number := func(s string) bool { return s == "" || isDigit(rune(s[0])) }
	switch {
	case a == b:
		return 0, true
	case number(a) && number(b): // the end is like a zero: 1.0 is 1.0.0
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)), true
	case stage(a) > 0 && stage(b) > 0:
		return cmp.Compare(stage(a), stage(b)), true
	case stage(a) > 0:
		return -1, true
	case stage(b) > 0:
		return 1, true
	case len(a) == 1 && len(b) == 1 && !number(a) && !number(b): // 1.2a and 1.2b
		return strings.Compare(a, b), true
	}
	return 0, false
}

// isHash says whether a version is the name of a commit, which says nothing of what is newer.
func isHash(s string) bool {
	digits := strings.ContainsFunc(s, isDigit)
	letters := strings.ContainsFunc(s, isLetter)
	return len(s) >= 7 && digits && letters && strings.Trim(s, "0123456789abcdef") == ""
}
