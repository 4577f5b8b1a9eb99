package release

import "fmt"

// lastDay is 9999-12-31, since 1970-01-01.
const lastDay = 2932896

// civil returns a day since 1970-01-01 as year, month and day. Package time would do it, for more room than a device has: the
// Gregorian calendar repeats after 400 years of 146097 days, and counted from March, a leap day is the last of its year.
func civil(day int) string {
	day += 719468 // since 0000-03-01
	era, of := day/146097, day%146097
	year := (of - of/1460 + of/36524 - of/146096) / 365
	of -= 365*year + year/4 - year/100
	month := (5*of + 2) / 153 // from March
	dom := of - (153*month+2)/5 + 1
	year += 400 * era
	if month += 3; month > 12 {
		month -= 12
		year++
	}
	return fmt.Sprintf("%04d-%02d-%02d", year, month, dom)
}
