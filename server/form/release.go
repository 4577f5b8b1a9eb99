package form

import (
	"time"

	"unbrick/release"
)

// Endpoints of releases.
var (
	ListReleases = Endpoint[ReleaseQuery, Releases]{Route{Method: "GET", Path: ReleasesPath, Needs: Anyone, Gives: CBOR,
		Summary: "Releases, the newest first. Who sees update files sees those that were withdrawn, and rollouts, too, and who sees " +
			"devices counts. As CBOR: an array of [state, milliseconds since 1970, signed manifest], whole."}}
	Publish = Endpoint[Upload, Published]{Route{Method: "POST", Path: ReleasesPath, Needs: MayPublish,
		Act: "release.publish", Takes: Binary, Status: 201,
		Refuses: []int{200, 404, 409, 413, 422, 503},
		Summary: "Publishes a release file: 201, or 200 if the release was there already."}}
	GetReleaseFile = Endpoint[Image, Nothing]{Route{Method: "GET", Path: "/api/releases/{image}/file", Needs: Anyone, Gives: Binary,
		Refuses: []int{206, 304, 404, 410, 416}, Sends: []string{"ETag", "Accept-Ranges", "Content-Range", "Content-Disposition"},
		Summary: "The release file of an image, or ranges of it."}}
	SetReleaseState = Endpoint[ReleaseState, Release]{Route{Method: "PUT", Path: "/api/releases/{image}/state", Needs: MayPublish,
		Act: "release.state", Refuses: []int{404},
		Summary: "Offers, withholds or withdraws a release."}}
	ChangeRollout = Endpoint[RolloutChange, Release]{Route{Method: "PUT", Path: "/api/releases/{image}/rollout", Needs: MayHalt,
		Act: "rollout.change", Refuses: []int{404, 409},
		Summary: "Begins a rollout, changes it, halts it, lets it go on, ends it."}}
	RemoveRelease = Endpoint[Removal, Nothing]{Route{Method: "DELETE", Path: "/api/releases/{image}", Needs: MayPublish, Act: "release.remove",
		Status: 204, Refuses: []int{404, 409},
		Summary: "Removes a release that was withdrawn, with those that it superseded, their update files and the image; or by its order one " +
			"that was superseded, alone."}}
)

// ReleaseQuery asks for releases.
type ReleaseQuery struct {
	Page
	Model string `query:"model"` // of one model
}

// Upload comes with a release file.
type Upload struct {
	Phases string   `query:"phases"`              // begins a rollout, such as 1%,100%@24h
	Limit  string   `query:"limit"`               // devices that may fail before the rollout shows an alarm
	Halts  string   `query:"halts"`               // true: the alarm halts the rollout
	Trust  bool     `query:"trust"`               // register the keys that come with it although the model has others
	Jump   bool     `query:"jump"`                // order or counter may rise by more than 4294967296
	Older  bool     `query:"older-version"`       // the version may sort below that of the release before it
	Keys   []string `header:"Unbrick-Public-Key"` // public keys in base64, one a header
}

// Image names a release by its image.
type Image struct {
	Image  string   `path:"image"` // SHA-256 in hex
	Model  string   `query:"model"`
	Ranges []string `header:"Range"`         // of bytes
	Have   []string `header:"If-None-Match"` // the ETag of what the client has
	Same   []string `header:"If-Range"`      // the ETag that a range is of
}

// ReleaseState says what is to become of a release.
type ReleaseState struct {
	Image string `path:"image"` // SHA-256 in hex
	Body  struct {
		Model string `json:"model"`
		State string `json:"state" enum:"offered,withheld,withdrawn"`
	}
}

// Removal names a release that is to go.
type Removal struct {
	Image string `path:"image"` // SHA-256 in hex
	Model string `query:"model"`
	Order int64  `query:"order" min:"1"` // of one that was superseded; none: the newest of the image
}

// RolloutChange says what is to become of a rollout.
type RolloutChange struct {
	Image string `path:"image"` // SHA-256 in hex
	Body  struct {
		Model string `json:"model"`
		Change
	}
}

// Change is what an operator wants of a rollout. What is not said stays.
type Change struct {
	Phases *string `json:"phases,omitempty"` // begins a new one; empty ends it: the release is for all
	Limit  *uint64 `json:"limit,omitempty"`  // devices that may fail
	Halts  *bool   `json:"halts,omitempty"`  // at the alarm, by itself
	Halt   *bool   `json:"halt,omitempty"`   // it now, or let it go on
}

// Releases is a page of releases.
type Releases struct {
	Releases []Release `json:"releases"`
	Next     string    `json:"next"` // cursor of the next page; empty: this is the last
}

// Rows are the entries and where the next page begins.
func (l Releases) Rows() ([]Release, string) { return l.Releases, l.Next }

// Claims are what a release says of itself in its signed manifest.
type Claims struct {
	Model   string   `json:"model"`
	Version string   `json:"version"`
	Order   uint64   `json:"order"`
	Counter uint64   `json:"counter"`
	Size    uint32   `json:"size"`  // of the image, in bytes
	Image   string   `json:"image"` // SHA-256 in hex
	Keys    []string `json:"keys"`  // that signed it
	Era     uint16   `json:"era"`
	Least   uint32   `json:"least_statement"` // trust statement that a device must have at least
	Day     string   `json:"day,omitempty"`   // that it says it was released, as 2026-11-28
	Note    string   `json:"note,omitempty"`
	Family  string   `json:"family,omitempty"` // of devices with several parts; none: the release is one image
	Chip    string   `json:"chip,omitempty"`   // that its parts are for; none: not said
}

// ClaimsOf are those of a manifest, and of who signed it.
func ClaimsOf(m *release.Manifest, signers *release.Signers) Claims {
	return Claims{Model: m.Model, Version: m.Version, Order: m.Order, Counter: m.Counter, Size: m.Size, Image: release.Hex(m.Digest),
		Keys: KeyIDs(signers), Era: m.Era, Least: m.Least, Day: m.Date(), Note: m.Note,
		Family: m.Family, Chip: m.Chip}
}

// KeyIDs are the ids of the keys that signed.
func KeyIDs(signers *release.Signers) []string {
	ids := []string{}
	for _, id := range signers.IDs() {
		ids = append(ids, id.String())
	}
	return ids
}

// Release is a release. Counts are for who sees devices, its rollout for who sees update files.
type Release struct {
	Claims
	State     string    `json:"state" enum:"offered,withheld,withdrawn,superseded"`
	Published time.Time `json:"published"`
	Manifest  []byte    `json:"manifest"`            // signed
	Installed *int      `json:"installed,omitempty"` // devices that say they run it
	Confirmed *int      `json:"confirmed,omitempty"` // and that it confirmed itself
	Rollout   *Rollout  `json:"rollout,omitempty"`   // none: it is for all
	Damaged   bool      `json:"damaged,omitempty"`   // the stored image: publish the release file again
}

// Rollout is a rollout as accounts see it.
type Rollout struct {
	Phases string     `json:"phases"`
	Begun  time.Time  `json:"begun"`
	Passed int64      `json:"passed"`          // seconds that it ran, by which the phases go
	Clock  string     `json:"clock,omitempty"` // that the clock says something else
	Share  string     `json:"share"`           // that the release is offered to now
	Next   *time.Time `json:"next,omitempty"`
	Limit  uint32     `json:"limit"`
	Failed uint32     `json:"failed"` // devices that told so
	Lost   uint32     `json:"lost"`   // devices that wait to be restored, or do not answer
	Alarm  bool       `json:"alarm"`  // both together are more than the limit
	// Strangers say that it failed on them. They are not proven to be devices, and no limit counts them.
	Strangers int        `json:"strangers"`
	Halts     bool       `json:"halts"` // the alarm halts it
	Halted    *time.Time `json:"halted,omitempty"`
	Why       string     `json:"why,omitempty"`
}

// Published is what became of a release file.
type Published struct {
	Release Release  `json:"release"`
	Added   []string `json:"signatures_added"` // by these keys, to a release that was there already
}
