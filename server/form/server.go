package form

// Endpoints of the server itself.
var (
	Tell = Endpoint[Told, Accepted]{Route{Method: "POST", Path: "/api/reports", Needs: Anyone, Act: "restoration.report", NoCookie: true,
		Takes: CBOR, Status: 202,
		Refuses: []int{403, 404, 413, 415},
		Summary: "The result of a restoration over the cable. It is its sender's claim, or with a receipt the device's word."}}
	DrawNonce = Endpoint[Nothing, Nothing]{Route{Method: "POST", Path: "/api/reports/nonce", Needs: Anyone, NoCookie: true,
		Gives:   Binary,
		Summary: "Sixteen bytes for a device to sign its receipt over; good for one, for a day."}}
	GetDemo = Endpoint[Nothing, Demo]{Route{Method: "GET", Path: "/api/demo", Needs: Anyone, Gives: CBOR, Refuses: []int{404},
		Summary: "What the Lab's device is made of; on a demo server only."}}
	Describe = Endpoint[Nothing, Nothing]{Route{Method: "GET", Path: "/api/openapi.json", Needs: Anyone, Gives: JSON,
		Summary: "This description."}}
)

// What is not for the API's clients.
var (
	Link = Route{Method: "GET", Path: "/link", Needs: Anyone, Status: 101, Refuses: []int{400, 403, 426, 503},
		Summary: "Where terminals come in: a WebSocket, on which docs/protocol.md is spoken."}
	Metrics = Route{Method: "GET", Path: "/metrics", Needs: MaySee, Gives: Text, Refuses: []int{400, 401, 403, 500},
		Summary: "What is counted, for Prometheus. At an operators' listener that is asked by its address, not by a name, it needs no token."}
	Health = Route{Method: "GET", Path: "/healthz", Needs: Anyone, Operators: true, Gives: Text, Summary: "The process runs."}
	Ready  = Route{Method: "GET", Path: "/readyz", Needs: Anyone, Operators: true, Gives: Text, Refuses: []int{503},
		Summary: "The server can be sent sessions."}
)

// Told is a report.
type Told struct{ Body Report }

// Accepted says that a report was taken. Who asks does not learn which serials there are.
type Accepted struct {
	Accepted bool `json:"accepted"`
}

// Report is what page or command tell the server of a restoration.
type Report struct {
	ID           string `json:"id"` // 16 random bytes in hex: the same report sent again counts once
	Model        string `json:"model"`
	Serial       string `json:"serial"`
	Outcome      string `json:"outcome" enum:"restored,not-restored,found"`
	From         string `json:"from"`    // version that it ran or was being rewritten from
	Version      string `json:"version"` // of the release it was restored to
	Image        string `json:"image"`   // of that release, SHA-256 in hex
	Why          uint32 `json:"why"`     // code of the reason for restoration mode
	Sectors      uint32 `json:"sectors_written"`
	Sent         uint32 `json:"bytes_sent"` // on the wire, framing included
	Received     uint32 `json:"bytes_received"`
	Full         uint32 `json:"bytes_full"` // that a full image would have taken
	Milliseconds uint32 `json:"milliseconds"`
	Baud         uint32 `json:"baud"`
	Via          string `json:"via"`                 // page or command
	Words        string `json:"words"`               // what went wrong, for people
	Receipt      []byte `json:"receipt,omitempty"`   // of the device (docs/release.md)
	Signature    []byte `json:"signature,omitempty"` // of the device's key over it
}

// Demo is what a demo server shows.
type Demo struct {
	Models []DemoModel `json:"models"`
}

// DemoModel is one model of it.
type DemoModel struct {
	Record   []byte    `json:"record"`
	Public   []byte    `json:"public"`
	Releases []Release `json:"releases"`
}
