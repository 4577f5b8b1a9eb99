package form

import "time"

// Endpoints of update files.
var (
	ListFiles = Endpoint[FileQuery, Files]{Route{Method: "GET", Path: "/api/files", Needs: MaySeeFiles,
		Summary: "The update files that the server keeps, the newest first."}}
	SetFileState = Endpoint[FileState, File]{Route{Method: "PUT", Path: "/api/files/{id}/state", Needs: MayPublish, Act: "file.state",
		Refuses: []int{404, 409},
		Summary: "Keeps an update file from all, or has it made anew, whatever it was."}}
	RemoveFile = Endpoint[FileID, Nothing]{Route{Method: "DELETE", Path: "/api/files/{id}", Needs: MayPublish, Act: "file.remove", Status: 204,
		Refuses: []int{404, 409},
		Summary: "Removes an update file. It is made again when a device needs it."}}
)

// FileQuery asks for update files.
type FileQuery struct {
	Page
	Model string `query:"model"`
}

// FileID names an update file.
type FileID struct {
	ID int64 `path:"id"`
}

// FileState says what is to become of an update file.
type FileState struct {
	ID   int64 `path:"id"`
	Body struct {
		State string `json:"state" enum:"wanted,barred"`
	}
}

// Files is a page of update files.
type Files struct {
	Files []File `json:"files"`
	Next  string `json:"next"` // cursor of the next page; empty: this is the last
}

// Rows are the entries and where the next page begins.
func (l Files) Rows() ([]File, string) { return l.Files, l.Next }

// File is an update file as accounts see it. Sizes are in bytes.
type File struct {
	ID        int64      `json:"id"`
	Model     string     `json:"model"`
	Kind      string     `json:"kind"`
	From      string     `json:"from"` // image; empty for a full image
	FromName  string     `json:"from_version"`
	To        string     `json:"to"`
	ToName    string     `json:"to_version"`
	Step      uint32     `json:"step"` // workspace that it was made for; 0: any
	State     string     `json:"state"`
	File      string     `json:"file"` // SHA-256 in hex; empty until it is made
	Size      uint32     `json:"size"`
	Workspace uint32     `json:"workspace"`
	Attempts  uint32     `json:"attempts"`
	Refusals  uint32     `json:"refusals"` // devices that say that they found it wrong
	Error     string     `json:"error"`
	Next      *time.Time `json:"next,omitempty"` // when it is tried again
	Old       bool       `json:"old,omitempty"`  // made by an older server, or for a model that was described anew: no device asks for it
}
