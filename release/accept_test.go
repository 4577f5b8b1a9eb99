package release_test

import (
	"errors"
	"testing"

	"unbrick/flash"
	"unbrick/release"
)

func TestAccept(t *testing.T) {
	area := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 4}}}
	target := release.Target{Model: "0001", Software: &area, Floor: release.Floor{Counter: 2}}
	current := soundManifest()
	for _, c := range []struct {
		name    string
		change  func(m *release.Manifest)
		current *release.Manifest
		want    release.Refusal
	}{
		{"newer", func(m *release.Manifest) { m.Order = 8 }, &current, release.Refusal{}},
		{"the same", func(m *release.Manifest) {}, &current, release.Refusal{Reason: release.NotNewer, Has: 7, Needs: 7}},
		{"older", func(m *release.Manifest) { m.Order = 6 }, &current, release.Refusal{Reason: release.NotNewer, Has: 6, Needs: 7}},
		{"older, order does not count", func(m *release.Manifest) { m.Order = 0 }, nil, release.Refusal{}},
		{"below the floor", func(m *release.Manifest) { m.Order, m.Counter = 8, 1 }, &current, release.Refusal{Reason: release.BelowFloor, Has: 1, Needs: 2}},
		{"below the floor, order does not count", func(m *release.Manifest) { m.Counter = 1 }, nil, release.Refusal{Reason: release.BelowFloor, Has: 1, Needs: 2}},
		{"above the floor", func(m *release.Manifest) { m.Order, m.Counter = 8, 3 }, &current, release.Refusal{}},
		{"floor of another era", func(m *release.Manifest) { m.Order, m.Counter = 8, 99 }, &current, release.Refusal{Reason: release.BelowFloor, Has: 99, Needs: 2, NeedsEra: 1}},
		{"current of another era", func(m *release.Manifest) { m.Order = 8 }, &release.Manifest{Order: 1, Era: 1}, release.Refusal{Reason: release.NotNewer, Has: 8, Needs: 1, NeedsEra: 1}},
		{"asks for a trust statement", func(m *release.Manifest) { m.Order, m.Least = 8, 1 }, &current, release.Refusal{Reason: release.TrustTooOld, Needs: 1}},
		{"second era", func(m *release.Manifest) { m.Order, m.Era = 8, 1 }, &current, release.Refusal{Reason: release.TrustTooOld, Needs: 1}},
		{"several parts", func(m *release.Manifest) { m.Order, m.Family = 8, "hub" }, &current, release.Refusal{Reason: release.SeveralParts}},
		{"fills the area", func(m *release.Manifest) { m.Size = 16384 }, nil, release.Refusal{}},
		{"too large", func(m *release.Manifest) { m.Size = 16385 }, nil, release.Refusal{Reason: release.TooLarge, Has: 16385, Needs: 16384}},
		{"foreign leaf", func(m *release.Manifest) { m.LeafSize = 2048 }, nil, release.Refusal{Reason: release.ForeignLeaf, Has: 2048, Needs: 4096}},
		{"foreign and all else", func(m *release.Manifest) { m.Model, m.Size, m.Counter = "0002", 99999, 0 }, &current,
			release.Refusal{Reason: release.ForeignModel, Model: "0002", Wanted: "0001"}},
	} {
		m := soundManifest()
		c.change(&m)
		target := target
		if c.name == "floor of another era" {
			target.Floor.Era = 1
		}
		err := target.Accept(&m, c.current)
		if c.want == (release.Refusal{}) {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var refusal *release.Refusal
		if !errors.As(err, &refusal) || *refusal != c.want {
			t.Errorf("%s: got %v, want %v", c.name, err, &c.want)
		}
	}
}

func TestRefusalsHaveWords(t *testing.T) {
	seen := map[string]bool{}
	for r := release.ForeignModel; r <= release.BelowLeast; r++ {
		for _, s := range []string{r.String(), (&release.Refusal{Reason: r, Has: 1, Needs: 2, HasEra: 3, NeedsEra: 4}).Error()} {
			if s == "" || seen[s] {
				t.Errorf("reason %d says %q", r, s)
			}
			seen[s] = true
		}
	}
}
