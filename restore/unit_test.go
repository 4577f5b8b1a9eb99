package restore

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"

	"unbrick/flash"
	"unbrick/limits"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// TestBlockFor: on a line that spoils large blocks a long file goes in larger ones than wished for, rather than not at all.
func TestBlockFor(t *testing.T) {
	for _, c := range []struct{ size, wish, most, want uint32 }{
		{1, smallBlock, 1024, smallBlock}, {smallBlock << 16, smallBlock, 1024, smallBlock}, {smallBlock<<16 + 1, smallBlock, 1024, 2 * smallBlock},
		{limits.Image + 4096, 64, 1024, 512}, {1 << 20, 1024, 128, 128}, {limits.File, 64, 1024, 1024},
	} {
		if got := blockFor(c.size, c.wish, c.most); got != c.want {
			t.Errorf("%d bytes, %d wished for of %d: %d, want %d", c.size, c.wish, c.most, got, c.want)
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
			l[i].Signers = release.NewSigners(id)
		}
		return l
	}
	all := func() []Listing { return trusted(list(4, 3), list(3, 2), list(2, 2), list(1, 1)) }
	// A statement that has the key of these releases, and no place for release 4.
	statement := func(d *Device) {
		d.InForce = &release.Statement{Version: 2, MaxOrder: 3, MaxCounter: 9, Threshold: 1, Keys: []release.ReleaseKey{{Public: key, Uses: release.Install | release.Run}}}
		d.Identity.Statement, d.Keys, d.Threshold = 2, [][32]byte{{9}}, 2 // what the slots say does not count
	}
	device := func(state smp.RecordState, from, to *Known) Device {
		return Device{Identity: smp.Identity{Model: "m", Keys: [][32]byte{key}, Threshold: 1, State: state}, From: from, To: to}
	}
	for _, test := range []struct {
		name   string
		device Device
		change func(*Device)
		choice Choice
		hold   map[uint64]Hold // by order
		order  uint64
		reason Reason
		code   Code
		parts  []uint64 // orders of releases of parts
	}{
		{name: "newest is of parts", device: device(smp.RecordNone, nil, nil), parts: []uint64{4}, order: 3, reason: ReasonNewest},
		{name: "all are of parts", device: device(smp.RecordNone, nil, nil), parts: []uint64{1, 2, 3, 4}, code: CodeNoRelease},
		{name: "interrupted", device: device(smp.RecordRewriting, known(2), known(3)), order: 3, reason: ReasonIntended},
		{name: "interrupted, To not at hand", device: device(smp.RecordRewriting, known(2), known(9)), order: 2, reason: ReasonInstalled},
		{name: "interrupted, neither", device: device(smp.RecordRewriting, known(8), known(9)), order: 4, reason: ReasonNewest},
		{name: "damaged", device: device(smp.RecordInstalled, nil, known(2)), order: 2, reason: ReasonInstalled},
		{name: "predecessor of an installed one is no wish", device: device(smp.RecordInstalled, known(1), known(3)), order: 3, reason: ReasonInstalled},
		{name: "no record", device: device(smp.RecordNone, nil, nil), order: 4, reason: ReasonNewest},
		{name: "hangs", device: device(smp.RecordInstalled, nil, known(3)), change: func(d *Device) { d.Why = smp.WhyHang }, order: 2, reason: ReasonPredecessor},
		{name: "hangs, confirmed", device: device(smp.RecordInstalled, nil, known(3)), change: func(d *Device) { d.Why, d.Confirmed = smp.WhyHang, true }, order: 3, reason: ReasonInstalled},
		{name: "hangs, nothing older", device: device(smp.RecordInstalled, nil, known(1)), change: func(d *Device) { d.Why = smp.WhyHang }, order: 1, reason: ReasonInstalled},
		{name: "chosen", device: device(smp.RecordRewriting, known(2), known(3)), choice: Choice{Version: "1"}, order: 1, reason: ReasonChosen},
		{name: "chosen below the floor", device: device(smp.RecordInstalled, nil, known(3)), change: func(d *Device) { d.Floor.Counter = 2 }, choice: Choice{Version: "1"}, code: CodeFloor},
		{name: "floor", device: device(smp.RecordRewriting, known(1), known(9)), change: func(d *Device) { d.Floor.Counter = 2 }, order: 4, reason: ReasonNewest},
		{name: "all below the floor", device: device(smp.RecordNone, nil, nil), change: func(d *Device) { d.Floor.Counter = 9 }, code: CodeFloor},
		{name: "unknown key", device: device(smp.RecordNone, nil, nil), change: func(d *Device) { d.Keys = [][32]byte{{9}} }, code: CodeUnknownKey},
		{name: "two signatures asked for, one there", device: device(smp.RecordNone, nil, nil), change: func(d *Device) { d.Keys, d.Threshold = append(d.Keys, [32]byte{1}), 2 }, code: CodeSigners},
		{name: "intended was withdrawn", device: device(smp.RecordRewriting, known(2), known(3)), hold: map[uint64]Hold{3: Withdrawn}, order: 2, reason: ReasonInstalled},
		{name: "installed was withdrawn", device: device(smp.RecordInstalled, nil, known(2)), hold: map[uint64]Hold{2: Withdrawn}, order: 4, reason: ReasonNewest},
		{name: "newest was withdrawn, or is withheld", device: device(smp.RecordNone, nil, nil), hold: map[uint64]Hold{4: Withdrawn, 3: Withheld}, order: 2, reason: ReasonNewest},
		{name: "intended is withheld", device: device(smp.RecordRewriting, known(2), known(3)), hold: map[uint64]Hold{3: Withheld}, order: 3, reason: ReasonIntended},
		{name: "waits with a withdrawn one that works", device: device(smp.RecordInstalled, nil, known(2)), change: func(d *Device) { d.Why, d.Confirmed = smp.WhyAsked, true }, hold: map[uint64]Hold{2: Withdrawn}, order: 2, reason: ReasonInstalled},
		{name: "waits with a withdrawn one that has not worked", device: device(smp.RecordInstalled, nil, known(2)), change: func(d *Device) { d.Why = smp.WhyAsked }, hold: map[uint64]Hold{2: Withdrawn}, order: 4, reason: ReasonNewest},
		{name: "all withdrawn", device: device(smp.RecordInstalled, nil, known(2)), hold: map[uint64]Hold{1: Withdrawn, 2: Withdrawn, 3: Withdrawn, 4: Withdrawn}, code: CodeNoRelease},
		{name: "what is above the floor was withdrawn", device: device(smp.RecordInstalled, nil, known(4)), change: func(d *Device) { d.Floor.Counter = 3 }, hold: map[uint64]Hold{4: Withdrawn}, code: CodeNoRelease},
		{name: "withdrawn, chosen", device: device(smp.RecordInstalled, nil, known(2)), hold: map[uint64]Hold{3: Withdrawn}, choice: Choice{Version: "3"}, order: 3, reason: ReasonChosen},
		{name: "the floor names none that was withdrawn", device: device(smp.RecordInstalled, nil, known(3)), change: func(d *Device) { d.Floor.Counter = 2 }, hold: map[uint64]Hold{2: Withdrawn}, choice: Choice{Version: "1"}, code: CodeFloor},
		{name: "trusted key that was not asked for", device: device(smp.RecordNone, nil, nil), choice: Choice{Keys: []ed25519.PublicKey{make([]byte, 31)}}, code: CodeExcluded},
		{name: "unknown key that was not asked for", device: device(smp.RecordNone, nil, nil), change: func(d *Device) { d.Keys = [][32]byte{{9}} }, choice: Choice{Keys: []ed25519.PublicKey{make([]byte, 31)}}, code: CodeUnknownKey},
		{name: "statement", device: device(smp.RecordNone, nil, nil), change: statement, order: 3, reason: ReasonNewest},
		{name: "statement, chosen above its ceiling", device: device(smp.RecordNone, nil, nil), change: statement, choice: Choice{Version: "4"}, code: CodeRefused},
		{name: "statement with nothing in its place", device: device(smp.RecordNone, nil, nil), change: func(d *Device) { statement(d); d.InForce.MaxOrder = 0 }, code: CodeRefused},
		{name: "statement of other release keys", device: device(smp.RecordNone, nil, nil), change: func(d *Device) {
			statement(d)
			d.InForce.MaxOrder, d.InForce.Keys[0].Public, d.Keys, d.Threshold = 9, [32]byte{9}, [][32]byte{key}, 1
		}, code: CodeUnknownKey},
		{name: "statement whose keys of that use are others", device: device(smp.RecordNone, nil, nil), change: func(d *Device) {
			statement(d)
			d.InForce.MaxOrder, d.InForce.Keys[0].Uses = 9, release.Run
		}, code: CodeUnknownKey},
		{name: "statement that the slots did not sign", device: device(smp.RecordNone, nil, nil), change: func(d *Device) { d.Identity.Statement = 2 }, code: CodeUnknownKey},
		{name: "one release wanted, and no other", device: device(smp.RecordInstalled, known(4), nil), choice: Choice{Release: &all()[2].Manifest}, order: 2, reason: ReasonChosen},
		{name: "one of the same image is another", device: device(smp.RecordInstalled, known(4), nil), choice: Choice{Release: &release.Manifest{Model: "m", Version: "5", Order: 5, Digest: release.Digest{4}}}, code: CodeNoRelease},
	} {
		if test.change != nil {
			test.change(&test.device)
		}
		list := all()
		for i := range list {
			list[i].Hold = test.hold[list[i].Manifest.Order]
			if slices.Contains(test.parts, list[i].Manifest.Order) {
				list[i].Manifest.Family = "esp"
			}
		}
		l, reason, err := pick(&test.device, list, &test.choice)
		var e *Error
		switch {
		case test.code != 0:
			if !errors.As(err, &e) || e.Code != test.code {
				t.Errorf("%s: got %v, want %v", test.name, err, test.code)
			}
			if test.name == "the floor names none that was withdrawn" && (e == nil || e.Version != "3") {
				t.Errorf("%s: got %+v", test.name, e)
			}
			if test.name == "chosen below the floor" && (e == nil || e.Version != "2") {
				t.Errorf("%s: got %+v, want the oldest that is taken named", test.name, e)
			}
		case err != nil || l.Manifest.Order != test.order || reason != test.reason:
			t.Errorf("%s: got release %d, %v, %v; want %d, %v", test.name, l.Manifest.Order, reason, err, test.order, test.reason)
		}
	}
}

// oneRelease is a source that gives whatever it was told for the one release it lists.
type oneRelease struct {
	listing       Listing
	signed, image []byte
}

func (s *oneRelease) List(context.Context, string) ([]Listing, error) {
	return []Listing{s.listing}, nil
}
func (s *oneRelease) Get(context.Context, *Listing) (signed, image []byte, err error) {
	return s.signed, s.image, nil
}

// TestSourceIsNotBelieved: what a source gives is verified against the keys that the device trusts, and its bytes against
// the manifest, before anything is made of it.
func TestSourceIsNotBelieved(t *testing.T) {
	software := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 8}}, ProgramUnit: 8, Page: 256, Erased: 0xFF}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	image := []byte("an image that was published")
	m, err := release.Describe("m", "1", 1, 1, image, &software)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := release.Sign(&m, key)
	if err != nil {
		t.Fatal(err)
	}
	public := key.Public().(ed25519.PublicKey)
	device := Device{Identity: smp.Identity{Model: "m", Keys: [][32]byte{[32]byte(public)}, Threshold: 1, State: smp.RecordNone}, Software: software}
	for _, test := range []struct {
		name  string
		spoil func(s *oneRelease)
		code  Code
	}{
		{"as published", func(*oneRelease) {}, 0},
		{"another byte in the image", func(s *oneRelease) { s.image = append([]byte{'A'}, image[1:]...) }, CodeBadRelease},
		{"a shorter image", func(s *oneRelease) { s.image = image[1:] }, CodeBadRelease},
		{"another byte in the signature", func(s *oneRelease) {
			s.signed = append([]byte(nil), signed...)
			s.signed[len(signed)-1] ^= 1
		}, CodeSignature},
		{"no manifest", func(s *oneRelease) { s.signed = signed[1:] }, CodeBadFile},
		{"another release of the image", func(s *oneRelease) { s.listing.Manifest.Version = "2" }, CodeNoRelease},
	} {
		src := &oneRelease{Listing{Manifest: m, Signers: release.NewSigners(release.IDOf(public))}, signed, image}
		test.spoil(src)
		_, err := choose(t.Context(), &device, src, nil)
		var e *Error
		if test.code == 0 && err != nil || test.code != 0 && (!errors.As(err, &e) || e.Code != test.code) {
			t.Errorf("%s: %v, want %v", test.name, err, test.code)
		}
	}
}
