package sequence

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	two := []Release{{"2.0", 0, 20, 3}, {"1.0", 0, 10, 2}}
	for _, test := range []struct {
		name   string
		r      Release
		all    []Release
		o      Options
		reason Reason // "" if it is taken
		words  string
	}{
		{"first", Release{"1", 0, 1, 0}, nil, Options{}, "", ""},
		{"first with a date as order", Release{"1", 0, 20261128, 0}, nil, Options{}, "", ""},
		{"first with seconds as order", Release{"1", 0, 1795860000, 0}, nil, Options{}, "", ""},
		{"first at the step", Release{"1", 0, MaxStep, 0}, nil, Options{}, "", ""},
		{"first above the step", Release{"1", 0, MaxStep + 1, 0}, nil, Options{}, Order, "4294967297"},
		{"first jumps", Release{"1", 0, MaxStep + 1, 0}, nil, Options{Jump: true}, "", ""},
		{"first counter above the step", Release{"1", 0, 1, MaxStep + 1}, nil, Options{}, Counter, "--jump"},
		{"next", Release{"3.0", 0, 21, 3}, two, Options{}, "", ""},
		{"between", Release{"1.5", 0, 15, 2}, two, Options{}, "", ""},
		{"at the step", Release{"3.0", 0, 20 + MaxStep, 3}, two, Options{}, "", ""},
		{"above the step", Release{"3.0", 0, 21 + MaxStep, 3}, two, Options{}, Order, `"2.0" (20)`},
		{"counter at the step", Release{"3.0", 0, 21, 3 + MaxStep}, two, Options{}, "", ""},
		{"counter above the step", Release{"3.0", 0, 21, 4 + MaxStep}, two, Options{}, Counter, `"2.0" (3)`},
		{"jump", Release{"3.0", 0, 1 << 50, 1 << 50}, two, Options{Jump: true}, "", ""},
		{"jump to the ceiling", Release{"3.0", 0, MaxNumber, 3}, two, Options{Jump: true}, Order, "too little"},
		{"above the ceiling", Release{"3.0", 0, MaxNumber + 1, 3}, two, Options{Jump: true}, Order, "9007199254740991"},
		{"2^63-1", Release{"3.0", 0, 1<<63 - 1, 3}, two, Options{}, Order, "9007199254740991"},
		{"2^64-1", Release{"3.0", 0, 1<<64 - 1, 3}, two, Options{}, Order, "9007199254740991"},
		{"counter 2^63-1", Release{"3.0", 0, 21, 1<<63 - 1}, two, Options{}, Counter, "9007199254740991"},
		{"counter falls", Release{"3.0", 0, 21, 2}, two, Options{}, Counter, "must not fall"},
		{"counter below a newer one's is right", Release{"1.5", 0, 15, 3}, two, Options{}, "", ""},
		{"counter above a newer one's", Release{"1.5", 0, 15, 4}, two, Options{}, Counter, "must not fall"},
		{"first era", Release{"3.0", 1, 21, 0}, two, Options{}, "", ""},
		{"first era, counter above the step", Release{"3.0", 1, 21, MaxStep + 1}, two, Options{}, Counter, "--jump"},
		{"era two above", Release{"3.0", 2, 21, 3}, two, Options{}, Era, "more than one above"},
		{"era falls", Release{"3.1", 0, 22, 3}, append(two, Release{"3.0", 1, 21, 0}), Options{}, Era, "must not fall"},
		{"later era between", Release{"1.5", 1, 15, 2}, two, Options{}, Era, "must not fall"},
		{"counter falls in the second era", Release{"3.1", 1, 22, 4}, append(two, Release{"3.0", 1, 21, 5}), Options{}, Counter, "must not fall"},
		{"older version", Release{"1.0.1", 0, 21, 3}, two, Options{}, Version, `"1.0.1" sorts below "2.0"`},
		{"older version, meant", Release{"1.0.1", 0, 21, 3}, two, Options{Older: true}, "", ""},
		{"older version in its place", Release{"1.0.1", 0, 11, 2}, two, Options{}, "", ""},
		{"older version below its place", Release{"0.9", 0, 11, 2}, two, Options{}, Version, `"1.0"`},
		{"older version behind one that says nothing", Release{"0.9", 0, 22, 3}, append(two, Release{"summer", 0, 21, 3}), Options{}, Version, `"0.9" sorts below "2.0"`},
		{"newer version behind one that says nothing", Release{"2.1", 0, 22, 3}, append(two, Release{"\u00fc", 0, 21, 3}), Options{}, "", ""},
		{"older version behind one that says nothing, meant", Release{"0.9", 0, 22, 3}, append(two, Release{"summer", 0, 21, 3}), Options{Older: true}, "", ""},
		{"older than the last that can be compared", Release{"1.1", 0, 23, 3}, append(two, Release{"1.0.1", 0, 21, 3}, Release{"summer", 0, 22, 3}), Options{}, "", ""},
		{"path for a version", Release{"../../x", 0, 21, 3}, two, Options{Older: true}, Form, "../../x"},
		{"version with a space", Release{"2 b", 0, 21, 3}, two, Options{Older: true}, Form, "2 b"},
		{"version that is not ASCII", Release{"\u00fc", 0, 21, 3}, nil, Options{}, Form, "not a version"},
		{"no version", Release{"", 0, 21, 3}, two, Options{}, Form, "0 bytes"},
		{"version that says nothing", Release{"summer", 0, 21, 3}, two, Options{}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Check(test.r, test.all, &test.o)
			var no *Refusal
			errors.As(err, &no)
			switch {
			case test.reason == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.reason != "" && (no == nil || no.Reason != test.reason || !strings.Contains(no.Text, test.words)):
				t.Errorf("%v, want a refusal for %s with %q", err, test.reason, test.words)
			}
		})
	}
}

// TestSomethingNewerCanFollow takes the largest order and counter that are let in, again and again.
func TestSomethingNewerCanFollow(t *testing.T) {
	for _, jump := range []bool{false, true} {
		all := []Release{{"0", 0, MaxNumber - 1<<40, MaxNumber - 1<<40}}
		if jump {
			all[0].Order, all[0].Counter = 1, 1
		}
		for i := range 30 {
			o := &Options{Jump: jump}
			last := newest(all, MaxNumber)
			low, high := last.Order, uint64(1<<63)
			for low+1 < high { // the largest that is taken
				middle := low + (high-low)/2
				if Check(Release{"z", 0, middle, middle}, all, o) == nil {
					low = middle
				} else {
					high = middle
				}
			}
			all = append(all, Release{fmt.Sprint("x", i), 0, low, low})
			order, counter, err := Next(0, all)
			if err != nil || Check(Release{"z", 0, order, counter}, all, nil) != nil {
				t.Fatalf("jump %v, step %d: after order %d: %v", jump, i, low, err)
			}
		}
	}
}

func TestNext(t *testing.T) {
	for _, test := range []struct {
		name           string
		era            uint16
		all            []Release
		order, counter uint64
		refused        bool
	}{
		{"first", 0, nil, 1, 0, false},
		{"first of an era", 1, []Release{{"1", 0, 7, 5}}, 8, 0, false},
		{"second of an era", 1, []Release{{"1", 0, 7, 5}, {"2", 1, 8, 2}}, 9, 2, false},
		{"next", 0, []Release{{"1", 0, 1, 0}, {"2", 0, 7, 5}, {"3", 0, 4, 2}}, 8, 5, false},
		{"after 2^53-1", 0, []Release{{"1", 0, MaxNumber, 0}}, 0, 0, true},
	} {
		order, counter, err := Next(test.era, test.all)
		if order != test.order || counter != test.counter || (err != nil) != test.refused {
			t.Errorf("%s: %d, %d, %v", test.name, order, counter, err)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want string // < = or ? where nobody can be sure
	}{
		{"1.0", "2.0", "<"}, {"1.9", "1.10", "<"}, {"1.0", "1.0.1", "<"}, {"1.0.1", "3.0", "<"}, {"2024.9", "2024.10", "<"}, {"09", "10", "<"}, {"1.0", "1.0.0", "="}, {"1", "1", "="},
		{"v1.2", "1.2", "="}, {"v1.2", "1.3", "<"}, {"V1.2", "v1.10", "<"}, {"1.0+a", "1.0+b", "="}, {"1.0+build.9", "1.0.1", "<"}, {"1.0", "1.0+build", "="},
		{"1.0-rc1", "1.0", "<"}, {"1.0-rc.1", "1.0-rc.2", "<"}, {"1.0-RC9", "1.0-rc10", "<"}, {"1.0-alpha", "1.0-beta", "<"}, {"1.0beta2", "1.0rc1", "<"}, {"1.0-dev", "1.0-alpha", "<"},
		{"1.0-rc1", "1.0.1", "<"}, {"1.0-rc1", "1.1-rc1", "<"}, {"0.9", "1.0-rc1", "<"}, {"1.0-rc", "1.0-rc1", "<"}, {"1.0-SNAPSHOT", "1.0", "<"},
		{"1.2", "1.2-5-gabc", "<"}, {"1.2-5-gabc", "1.2-6-gdef", "<"}, {"fw-1.2", "fw-1.3", "<"}, {"1.2a", "1.2b", "<"}, {"99999999999999999999998", "99999999999999999999999", "<"},
		{"1.0", "1.0-hotfix", "?"}, {"1.0-red", "1.0-blue", "?"}, {"spring", "summer", "?"}, {"1.0", "summer", "?"}, {"3f2a91c", "12ab34d", "?"}, {"1.0", "3f2a91c", "?"}, {"1.0a", "1.0", "?"},
		{"", "", "="}, {"-", "+", "="}, {"v", "v", "="}, {"2026-11-28", "2026-12-01", "<"}, {"r100", "r99", ">"},
	} {
		c, sure := Compare(test.a, test.b)
		back, again := Compare(test.b, test.a)
		if c != -back || sure != again {
			t.Errorf("%q, %q: %d %v, the other way %d %v", test.a, test.b, c, sure, back, again)
		}
		got := "?"
		if sure {
			got = string("<=>"[c+1])
		}
		if got != test.want {
			t.Errorf("%q %s %q, want %s", test.a, got, test.b, test.want)
		}
	}
}

// FuzzCompare: no text confuses it, and turning the two around turns the answer around.
func FuzzCompare(f *testing.F) {
	f.Add("1.0-rc1", "v1.0+x")
	f.Add("1..0", "01")
	f.Fuzz(func(t *testing.T, a, b string) {
		c, sure := Compare(a, b)
		back, again := Compare(b, a)
		if c != -back || sure != again {
			t.Errorf("%q, %q: %d %v, the other way %d %v", a, b, c, sure, back, again)
		}
		if c, sure := Compare(a, a); c != 0 || !sure && !isHash(a) {
			t.Errorf("%q is not equal to itself: %d %v", a, c, sure)
		}
	})
}
