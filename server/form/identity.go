package form

import "time"

// Endpoints of the keys that devices are known by.
var (
	ListDeviceKeys = Endpoint[DeviceID, Known]{Route{Method: "GET", Path: "/api/devices/{model}/{serial}/keys", Needs: MaySee,
		Refuses: []int{404},
		Summary: "The keys of a device, and who spoke under its serial and is not proven to be it; the device need not have spoken."}}
	ApproveDevice = Endpoint[DeviceKeyChange, Known]{Route{Method: "POST", Path: "/api/devices/{model}/{serial}/approve", Needs: MayHandle,
		Act: "device.approve", Refuses: []int{404, 409},
		Summary: "Makes a key that of a device which has none: what it signs is the device's word from then on."}}
	RekeyDevice = Endpoint[DeviceKeyChange, Known]{Route{Method: "POST", Path: "/api/devices/{model}/{serial}/rekey", Needs: MayHandle,
		Act: "device.rekey", Refuses: []int{404, 409},
		Summary: "Makes a key that of a device in place of the one it has, which is barred; its history stays."}}
	ImportKeys = Endpoint[KeyList, Imported]{Route{Method: "POST", Path: "/api/keys", Needs: MayHandle, Act: "device.import", Takes: CSV,
		Refuses: []int{404, 409, 413, 503},
		Summary: "Enrols the devices of a list that unbrick factory made, all or none."}}
	SetEnrolment = Endpoint[Enrolment, Model]{Route{Method: "PUT", Path: "/api/models/{id}/enrolment", Needs: MayAdminister,
		Act: "model.enrolment", Refuses: []int{404},
		Summary: "Says how devices of a model are enrolled."}}
	ListStrangers = Endpoint[StrangerQuery, Strangers]{Route{Method: "GET", Path: StrangersPath, Needs: MaySee,
		Summary: "Who spoke and is not proven to be the device that he named, who spoke last first."}}
	RemoveStrangers = Endpoint[StrangerRange, Removed]{Route{Method: "DELETE", Path: StrangersPath, Needs: MayHandle, Act: "stranger.remove",
		Summary: "Forgets strangers of a model, or of one serial."}}
)

// KeyList is a list of devices: lines of model, serial and public key (docs/formats.md).
type KeyList struct{}

// Imported says what became of a list.
type Imported struct {
	Devices int `json:"devices"` // that the list names
	Known   int `json:"known"`   // of them those that had the key already
}

// DeviceKeyChange names a device and a key.
type DeviceKeyChange struct {
	DeviceID
	Body struct {
		Key string `json:"key"` // 64 digits, hex
	}
}

// Enrolment says how devices of a model are enrolled.
type Enrolment struct {
	ID   string `path:"id"`
	Body struct {
		// approve: somebody who may operate accepts each; list: a list names it; open: the first key that speaks under a serial is its own.
		Enrolment string `json:"enrolment" enum:"approve,list,open"`
	}
}

// Known is by what a device is known, and who is not proven to be it.
type Known struct {
	DeviceKeys []DeviceKey `json:"device_keys"` // the enrolled one first
	Strangers  []Stranger  `json:"strangers"`   // at most 100, who spoke last first
}

// DeviceKey is a key of a device.
type DeviceKey struct {
	Key   string    `json:"key"`   // 64 digits, hex
	State string    `json:"state"` // enrolled or barred
	Since time.Time `json:"since"`
}

// StrangerQuery asks for strangers.
type StrangerQuery struct {
	Page
	Model    string `query:"model"`
	Serial   string `query:"serial"`
	Search   string `query:"search"`   // a part of the serial number; at most 64 bytes
	Standing string `query:"standing"` // as Stranger has it
}

// StrangerRange says which strangers.
type StrangerRange struct {
	Model  string `query:"model"`
	Serial string `query:"serial"` // empty: all of the model
}

// Removed is how many were removed.
type Removed struct {
	Removed int `json:"removed"`
}

// Strangers is a page of strangers.
type Strangers struct {
	Strangers []Stranger `json:"strangers"`
	Next      string     `json:"next"` // cursor of the next page; empty: this is the last
}

// Rows are the entries and where the next page begins.
func (l Strangers) Rows() ([]Stranger, string) { return l.Strangers, l.Next }

// Stranger is somebody who spoke under a serial and is not proven to be the device that has it. All but standing, address and times is
// what he says.
type Stranger struct {
	Model  string `json:"model"`
	Serial string `json:"serial"`
	Key    string `json:"key"` // 64 digits, hex; empty: none was named
	// pending: holds that key, and none is enrolled for the serial; second-key: holds another than the enrolled one; barred-key: holds one
	// whose place another took; other-name: signed for a name that is none of this server's; bad-signature: the key did not sign this;
	// unsigned: no key at all.
	Standing  string    `json:"standing"`
	Name      string    `json:"name"`    // that it was signed for, if the standing is other-name
	Address   string    `json:"address"` // that spoke last; an IPv6 /64; "example": nobody spoke, it came with the demonstration
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Sessions  int64     `json:"sessions"`
	Release   Running   `json:"release"`
	Workspace uint32    `json:"workspace"` // bytes
}
