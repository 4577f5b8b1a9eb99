package form

import "time"

// Endpoints of the fleet.
var (
	Summarize = Endpoint[Nothing, Summary]{Route{Method: "GET", Path: SummaryPath, Needs: MaySee,
		Summary: "How many devices there are, by group and by release."}}
	ListDevices = Endpoint[DeviceQuery, Devices]{Route{Method: "GET", Path: DevicesPath, Needs: MaySee,
		Summary: "The devices that have spoken here, those in need first."}}
	GetDevice = Endpoint[DeviceID, DeviceDetail]{Route{Method: "GET", Path: "/api/devices/{model}/{serial}", Needs: MaySee,
		Refuses: []int{404},
		Summary: "A device with the newest part of its history."}}
	GetHistory = Endpoint[HistoryQuery, History]{Route{Method: "GET", Path: "/api/devices/{model}/{serial}/history", Needs: MaySee,
		Refuses: []int{404},
		Summary: "The history of a device, the newest first."}}
	HoldDevice = Endpoint[Hold, Device]{Route{Method: "POST", Path: "/api/devices/{model}/{serial}/hold", Needs: MayHandle, Act: "device.hold",
		Refuses: []int{404, 409},
		Summary: "Keeps a release from a device."}}
	FreeDevice = Endpoint[Hold, Device]{Route{Method: "POST", Path: "/api/devices/{model}/{serial}/free", Needs: MayHandle, Act: "device.free",
		Refuses: []int{404},
		Summary: "Offers a device a release again that was kept from it; without an image, ends all that keeps updates from it."}}
	ForgetDevice = Endpoint[DeviceID, Nothing]{Route{Method: "DELETE", Path: "/api/devices/{model}/{serial}", Needs: MayHandle,
		Act: "device.remove", Status: 204, Refuses: []int{404},
		Summary: "Deletes a device with its history."}}
	ForgetDevices = Endpoint[DevicesOf, Forgotten]{Route{Method: "DELETE", Path: DevicesPath, Needs: MayHandle, Act: "device.remove-all",
		Refuses: []int{404},
		Summary: "Deletes devices of a model with their history and keys, at most 1,000 at once, and says how many are left."}}
)

// DeviceQuery asks for devices.
type DeviceQuery struct {
	Page
	Search string `query:"search"` // a part of the serial number, or the word of a group; at most 64 bytes
	Model  string `query:"model"`
	Group  string `query:"group"`
	Image  string `query:"image"` // that they say they run: SHA-256 in hex
}

// DeviceID names a device.
type DeviceID struct {
	Model  string `path:"model"`
	Serial string `path:"serial"`
}

// DevicesOf names the devices of a model.
type DevicesOf struct {
	Model string `query:"model"`
}

// Forgotten says how many devices, and device keys, were deleted, and how many are left.
type Forgotten struct {
	Devices     int `json:"devices"`
	Keys        int `json:"keys"`
	DevicesLeft int `json:"devices_left"`
	KeysLeft    int `json:"keys_left"`
}

// HistoryQuery asks for the history of a device.
type HistoryQuery struct {
	Page
	DeviceID
}

// Hold names a device and a release.
type Hold struct {
	DeviceID
	Body struct {
		Image string `json:"image"` // SHA-256 in hex
	}
}

// Summary counts devices.
type Summary struct {
	Devices  int            `json:"devices"`
	Groups   map[string]int `json:"groups"`
	Releases []ReleaseCount `json:"releases"`
	// Strangers is how many are not proven to be a device, by their standing. No other number has them in it.
	Strangers map[string]int `json:"strangers"`
}

// ReleaseCount counts the devices that say they run an image.
type ReleaseCount struct {
	Model     string `json:"model"`
	Image     string `json:"image"`
	Version   string `json:"version"`
	Installed int    `json:"installed"`
	Confirmed int    `json:"confirmed"`
	Known     bool   `json:"known"` // it is that of a release that is here
}

// Devices is a page of devices.
type Devices struct {
	Devices []Device `json:"devices"`
	Total   int      `json:"total"` // in all pages
	Next    string   `json:"next"`  // cursor of the next page; empty: this is the last
}

// Rows are the entries and where the next page begins.
func (l Devices) Rows() ([]Device, string) { return l.Devices, l.Next }

// Device is a device as Fleet sees it. All but demo, group, target, needs, progress and the failures is what the device said of
// itself.
type Device struct {
	Model     string     `json:"model"`
	Serial    string     `json:"serial"`
	Demo      bool       `json:"demo"` // an example of the server's: no terminal stands behind it
	Group     string     `json:"group"`
	Since     time.Time  `json:"since"`
	FirstSeen time.Time  `json:"first_seen"`
	LastSeen  time.Time  `json:"last_seen"`
	Sessions  int64      `json:"sessions"`
	Release   Running    `json:"release"`
	Target    *Target    `json:"target,omitempty"`
	Workspace uint32     `json:"workspace"` // bytes
	Needs     uint32     `json:"needs"`     // bytes of workspace that its update wants, if it has not got them
	Kinds     []string   `json:"kinds"`     // of update files that it takes
	Keys      []string   `json:"keys"`      // that it trusts
	Progress  *Progress  `json:"progress,omitempty"`
	Restored  *time.Time `json:"restored,omitempty"`
	Told      bool       `json:"restored_as_told"`   // a reporter says so, and the device itself has not yet
	Conflict  *time.Time `json:"conflict,omitempty"` // two seem to have its key: it is left out of what is counted
	Key       string     `json:"key"`                // that its last session was signed with; empty: it never proved itself
	Attempts  []Attempt  `json:"attempts"`
	Refusals  []Refusal  `json:"refusals"`
	Dead      []Dead     `json:"dead_sectors"`
}

// Dead is a sector that takes no data, as the device says.
type Dead struct {
	Addr  uint32 `json:"address"`
	Freed bool   `json:"freed"` // by the operator: tried again
}

// Running is what a device says that it runs.
type Running struct {
	Version   string `json:"version"`
	Order     uint64 `json:"order"`
	Image     string `json:"image"`
	Known     bool   `json:"known"` // it is a release that is here
	Confirmed bool   `json:"confirmed"`
}

// Target is the release that a device is led to.
type Target struct {
	Version string `json:"version"`
	Image   string `json:"image"`
}

// Progress is that of a transfer that runs now, in bytes.
type Progress struct {
	Sent uint32 `json:"sent"`
	Size uint32 `json:"size"`
}

// Attempt is a release that failed on a device, or is held back from it.
type Attempt struct {
	Image    string     `json:"image"`
	Version  string     `json:"version"`
	Failures uint32     `json:"failures"`
	Held     bool       `json:"held"`            // now, by whomever
	By       string     `json:"by,omitempty"`    // operator or server, if held
	Until    *time.Time `json:"until,omitempty"` // end of the server's hold
	Last     time.Time  `json:"last"`
}

// Refusal is an update file that the device says it found wrong. It is not offered to it before until.
type Refusal struct {
	File  string    `json:"file"`
	Until time.Time `json:"until"`
}

// DeviceDetail is a device with what is known of its model, and the newest part of its history.
type DeviceDetail struct {
	Device
	Known
	ModelName string  `json:"model_name"`
	Geometry  string  `json:"geometry"`
	History   []Event `json:"history"`
	Next      string  `json:"next"` // cursor of the history behind it; empty: this is all
}

// History is a page of a device's history.
type History struct {
	History []Event `json:"history"`
	Next    string  `json:"next"` // cursor of the next page; empty: this is the last
}

// Event is one line of a device's history.
type Event struct {
	ID     int64          `json:"id"`
	At     time.Time      `json:"at"`
	Kind   string         `json:"kind"`
	Source string         `json:"source"` // who says so
	From   string         `json:"from"`
	To     string         `json:"to"`
	Bytes  uint64         `json:"bytes"`
	File   string         `json:"file"`
	Detail map[string]any `json:"detail,omitempty"` // of this kind
}
