package form

import "time"

// Endpoints of models.
var (
	ListModels = Endpoint[ModelQuery, Models]{Route{Method: "GET", Path: ModelsPath, Needs: Anyone, Gives: CBOR,
		Summary: "The models that the server knows. As CBOR: an array of their records, whole."}}
	GetModel = Endpoint[ModelID, Model]{Route{Method: "GET", Path: "/api/models/{id}", Needs: Anyone, Gives: CBOR, Refuses: []int{404},
		Summary: "A model. As CBOR: its record."}}
	ListKeys = Endpoint[KeyQuery, Keys]{Route{Method: "GET", Path: "/api/models/{id}/keys", Needs: Anyone, Gives: CBOR, Refuses: []int{404},
		Summary: "The keys whose releases are taken for a model. As CBOR: an array of public keys."}}
	PutModel = Endpoint[ModelID, Model]{Route{Method: "PUT", Path: "/api/models/{id}", Needs: MayPublish, Act: "model.put", Takes: CBOR,
		Refuses: []int{409, 413, 415},
		Summary: "Describes a model to the server, by the record that unbrick model put -o makes."}}
	PreferKind = Endpoint[Prefer, Model]{Route{Method: "PUT", Path: "/api/models/{id}/prefer", Needs: MayPublish, Act: "model.prefer",
		Refuses: []int{404, 409},
		Summary: "Says what kind of update file is tried first for devices of a model."}}
	RemoveKey = Endpoint[KeyOfModel, Nothing]{Route{Method: "DELETE", Path: "/api/models/{id}/keys/{key}", Needs: MayPublish,
		Act: "key.remove", Status: 204, Refuses: []int{404},
		Summary: "Takes back a key whose releases are taken for a model. Those that are there stay."}}
	RemoveModel = Endpoint[ModelID, Nothing]{Route{Method: "DELETE", Path: "/api/models/{id}", Needs: MayPublish, Act: "model.remove",
		Status: 204, Refuses: []int{404, 409},
		Summary: "Removes a model that has no release, no device and no device key, with its keys and what is set for it."}}
)

// ModelQuery asks for models.
type ModelQuery struct{ Page }

// ModelID names a model.
type ModelID struct {
	ID string `path:"id"`
}

// KeyQuery asks for the keys of a model.
type KeyQuery struct {
	Page
	ID string `path:"id"`
}

// KeyOfModel names a key of a model.
type KeyOfModel struct {
	ID  string `path:"id"`
	Key string `path:"key"` // its id: 16 hex digits
}

// Prefer says which kind of update file is tried first.
type Prefer struct {
	ID   string `path:"id"`
	Body struct {
		Kind string `json:"kind" enum:"delta,bsdiff"`
	}
}

// Models is a page of models.
type Models struct {
	Models []Model `json:"models"`
	Next   string  `json:"next"` // cursor of the next page; empty: this is the last
}

// Rows are the entries and where the next page begins.
func (l Models) Rows() ([]Model, string) { return l.Models, l.Next }

// Model is a model as people and Fleet see it. Sizes are in bytes.
type Model struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Flash       string   `json:"flash"`    // size of the flash, as people write it
	Geometry    string   `json:"geometry"` // its sectors, as people write them
	Sectors     int      `json:"sectors"`
	ProgramUnit uint32   `json:"program_unit"`
	Page        uint32   `json:"page"`
	Erased      byte     `json:"erased"`
	Boot        uint32   `json:"boot"`
	Software    uint32   `json:"software"`
	RAM         uint32   `json:"ram"`
	Resident    uint32   `json:"resident"`
	Workspace   uint32   `json:"workspace"` // the most that an update can have
	ISA         string   `json:"isa"`
	Line        uint32   `json:"line"` // baud
	Hints       []string `json:"hints"`
	Apps        []App    `json:"apps"`
	Prefer      string   `json:"prefer"`    // kind of update file that is tried first
	Enrolment   string   `json:"enrolment"` // how its devices are: approve, list or open
	Keys        []Key    `json:"keys"`
	Record      []byte   `json:"record"`
}

// App is an application whose memory may be claimed for an update.
type App struct {
	Name       string `json:"name"`
	Size       uint32 `json:"size"`
	Importance uint8  `json:"importance"`
	Fixed      bool   `json:"fixed"`
}

// Keys is a page of the keys of a model.
type Keys struct {
	Keys []Key  `json:"keys"`
	Next string `json:"next"` // cursor of the next page; empty: this is the last
}

// Rows are the entries and where the next page begins.
func (l Keys) Rows() ([]Key, string) { return l.Keys, l.Next }

// Key is a key whose releases are taken for a model.
type Key struct {
	ID     string    `json:"id"`
	Public []byte    `json:"public"`
	Added  time.Time `json:"added"`
}
