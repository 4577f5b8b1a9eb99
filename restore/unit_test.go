package restore

import (
	"errors"
	"testing"
	"time"

	"unbrick/protocol/smp"
	"unbrick/release"
)

func TestMeter(t *testing.T) {
	const s = time.Second
	var m Meter
	for _, step := range []struct {
		at   time.Duration
		work uint64
		want Remaining
	}{
		{0, 0, Remaining{}},
		{500 * time.Millisecond, 50, Remaining{}}, // nothing in the first second
		{1 * s, 100, Remaining{Known: true, Time: 9 * s}},
		{2 * s, 200, Remaining{Known: true, Time: 8 * s}},
		{3 * s, 300, Remaining{Known: true, Time: 7 * s}},
		{5 * s, 340, Remaining{Known: true, Time: 35 * s, Slower: true}}, // the last two seconds count
		{5100 * time.Millisecond, 340, Remaining{Known: true, Time: 35 * s}},
		{8 * s, 910, Remaining{Known: true, Time: 1 * s, Almost: true}},
	} {
		if got := m.Tell(step.at, step.work, 1000); got != step.want {
			t.Errorf("at %v: got %+v, want %+v", step.at, got, step.want)
		}
	}
	for d, want := range map[time.Duration]time.Duration{
		1: s, 19*s + 1: 20 * s, 20*s + 1: 25 * s, 56 * s: time.Minute, 61 * s: 2 * time.Minute,
	} {
		if got := round(d); got != want {
			t.Errorf("%v: got %v, want %v", d, got, want)
		}
	}
}

func TestTree(t *testing.T) {
	leaves := make([]digest, 17)
	for i := range leaves {
		leaves[i] = digestOf([]byte{byte(i)})
	}
	levels := tree(leaves)
	if len(levels) != 3 || len(levels[1]) != 2 || len(levels[2]) != 1 {
		t.Fatalf("got %d levels", len(levels))
	}
	if levels[1][1] != digestOf(leaves[16][:]) {
		t.Error("a short group is the digest of what there is")
	}
	if one := tree(leaves[:1]); len(one) != 1 {
		t.Errorf("one leaf: %d levels", len(one))
	}
}

// TestPick is the table of which release is chosen.
func TestPick(t *testing.T) {
	list := func(order, counter uint64) Listing {
		return Listing{Manifest: release.Manifest{Model: "m", Version: string(rune('0' + order)), Order: order, Counter: counter, Digest: release.Digest{byte(order)}}}
	}
	known := func(order uint64) *Known { return &Known{Manifest: list(order, 1).Manifest} }
	var key [32]byte
	id := release.IDOf(key[:])
	trusted := func(l ...Listing) []Listing {
		for i := range l {
			l[i].Key = id
		}
		return l
	}
	all := func() []Listing { return trusted(list(4, 3), list(3, 2), list(2, 2), list(1, 1)) }
	device := func(state smp.RecordState, a, b *Known) Device {
		return Device{Identity: smp.Identity{Model: "m", Keys: [][32]byte{key}, State: state}, A: a, B: b}
	}
	for _, test := range []struct {
		name   string
		device Device
		change func(*Device)
		choice Choice
		order  uint64
		reason Reason
		code   Code
	}{
		{name: "interrupted", device: device(smp.RecordRewriting, known(2), known(3)), order: 3, reason: ReasonIntended},
		{name: "interrupted, B not at hand", device: device(smp.RecordRewriting, known(2), known(9)), order: 2, reason: ReasonInstalled},
		{name: "interrupted, neither", device: device(smp.RecordRewriting, known(8), known(9)), order: 4, reason: ReasonNewest},
		{name: "damaged", device: device(smp.RecordInstalled, known(2), nil), order: 2, reason: ReasonInstalled},
		{name: "predecessor of an installed one is no wish", device: device(smp.RecordInstalled, known(3), known(1)), order: 3, reason: ReasonInstalled},
		{name: "no record", device: device(smp.RecordNone, nil, nil), order: 4, reason: ReasonNewest},
		{name: "hangs", device: device(smp.RecordInstalled, known(3), nil), change: func(d *Device) { d.Why = smp.WhyHang }, order: 2, reason: ReasonPredecessor},
		{name: "hangs, confirmed", device: device(smp.RecordInstalled, known(3), nil), change: func(d *Device) { d.Why, d.Confirmed = smp.WhyHang, true }, order: 3, reason: ReasonInstalled},
		{name: "hangs, nothing older", device: device(smp.RecordInstalled, known(1), nil), change: func(d *Device) { d.Why = smp.WhyHang }, order: 1, reason: ReasonInstalled},
		{name: "chosen", device: device(smp.RecordRewriting, known(2), known(3)), choice: Choice{Version: "1"}, order: 1, reason: ReasonChosen},
		{name: "chosen below the floor", device: device(smp.RecordInstalled, known(3), nil), change: func(d *Device) { d.Floor = 2 }, choice: Choice{Version: "1"}, code: CodeFloor},
		{name: "floor", device: device(smp.RecordRewriting, known(1), known(9)), change: func(d *Device) { d.Floor = 2 }, order: 4, reason: ReasonNewest},
		{name: "all below the floor", device: device(smp.RecordNone, nil, nil), change: func(d *Device) { d.Floor = 9 }, code: CodeFloor},
		{name: "retired key", device: device(smp.RecordNone, nil, nil), change: func(d *Device) { d.Retired = []release.KeyID{id} }, code: CodeUnknownKey},
	} {
		if test.change != nil {
			test.change(&test.device)
		}
		l, reason, err := pick(&test.device, all(), &test.choice)
		var e *Error
		switch {
		case test.code != 0:
			if !errors.As(err, &e) || e.Code != test.code {
				t.Errorf("%s: got %v, want %v", test.name, err, test.code)
			}
			if test.name == "chosen below the floor" && (e == nil || e.Version != "2") {
				t.Errorf("%s: got %+v, want the oldest that is taken named", test.name, e)
			}
		case err != nil || l.Manifest.Order != test.order || reason != test.reason:
			t.Errorf("%s: got release %d, %v, %v; want %d, %v", test.name, l.Manifest.Order, reason, err, test.order, test.reason)
		}
	}
}
