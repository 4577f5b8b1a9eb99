package server

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"unbrick/internal/cbor"
	"unbrick/limits"
	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/storage"
)

// Outcome is what a restoration came to, as the page or the command reports it. Append-only.
type Outcome uint8

// The outcomes.
const (
	OutcomeRestored    Outcome = 1 // the device has verified the release and runs it
	OutcomeNotRestored Outcome = 2
	OutcomeFound       Outcome = 3 // seen in restoration mode, nothing done yet
)

// String is the word of the outcome in JSON.
func (o Outcome) String() string {
	switch o {
	case OutcomeRestored:
		return "restored"
	case OutcomeNotRestored:
		return "not-restored"
	case OutcomeFound:
		return "found"
	}
	return "unknown"
}

const (
	reportItems = 17
	reportForm  = 1            // the first item of the CBOR array
	maxWords    = limits.Words // bytes of Report.Words
	maxVia      = 16
	maxReport   = limits.Report
)

// Report is the result of one restoration over the cable. It is the reporter's claim: the server shows it as such,
// and believes it when the device itself says so in its next session.
type Report struct {
	ID           [16]byte // chosen at random by the reporter; the same report sent again counts once
	Model        string
	Serial       string
	Outcome      Outcome
	From         string         // version that it ran or was being rewritten from
	Version      string         // of the release it was restored to
	Image        storage.Digest // of that release; zero if none
	Why          uint32         // code of the reason for restoration mode
	Sectors      uint32         // written
	Sent         uint32         // bytes on the wire, framing included
	Received     uint32
	Full         uint32 // bytes that a full image would have taken
	Milliseconds uint32
	Baud         uint32
	Via          string // "page" or "command"
	Words        string // what went wrong, for people
}

// Append appends the CBOR form.
func (p *Report) Append(dst []byte) ([]byte, error) {
	w := cbor.Appending(dst)
	w.Array(reportItems)
	w.Uint(reportForm)
	w.Bytes(p.ID[:])
	w.Text(p.Model)
	w.Text(p.Serial)
	w.Uint(uint64(p.Outcome))
	w.Text(p.From)
	w.Text(p.Version)
	w.Bytes(p.Image[:])
	for _, n := range []uint32{p.Why, p.Sectors, p.Sent, p.Received, p.Full, p.Milliseconds, p.Baud} {
		w.Uint(uint64(n))
	}
	w.Text(p.Via)
	w.Text(p.Words)
	return w.Result()
}

// DecodeReport reads the CBOR form and checks every limit.
func DecodeReport(b []byte) (Report, error) {
	var p Report
	r := cbor.NewReader(b)
	items, form := r.Array(), r.Uint()
	if r.Err() == nil && (items != reportItems || form != reportForm) {
		return p, fmt.Errorf("report: form %d with %d items", form, items)
	}
	r.Fill(p.ID[:])
	p.Model = r.TextMax(release.MaxText)
	p.Serial = r.TextMax(release.MaxText)
	p.Outcome = Outcome(r.UintMax(0xff))
	p.From = r.TextMax(release.MaxText)
	p.Version = r.TextMax(release.MaxText)
	r.Fill(p.Image[:])
	for _, n := range []*uint32{&p.Why, &p.Sectors, &p.Sent, &p.Received, &p.Full, &p.Milliseconds, &p.Baud} {
		*n = r.Uint32()
	}
	p.Via = r.TextMax(maxVia)
	p.Words = r.TextMax(maxWords)
	if err := r.Finish(); err != nil {
		return p, fmt.Errorf("report: %w", err)
	}
	return p, p.validate()
}

func (p *Report) validate() error {
	switch {
	case p.Outcome < OutcomeRestored || p.Outcome > OutcomeFound:
		return fmt.Errorf("report: outcome %d", p.Outcome)
	case p.ID == [16]byte{}:
		return fmt.Errorf("report: no id")
	case p.Via != "page" && p.Via != "command":
		return fmt.Errorf("report: via %q", p.Via)
	}
	for _, e := range []struct {
		name string
		err  error
	}{
		{"model", release.CheckID(p.Model)}, {"serial", release.CheckID(p.Serial)}, {"from", release.CheckText(p.From, release.MaxText)},
		{"version", release.CheckText(p.Version, release.MaxText)}, {"words", release.CheckText(p.Words, maxWords)},
	} {
		if e.err != nil {
			return fmt.Errorf("report: %s: %w", e.name, e.err)
		}
	}
	return nil
}

// reportJSON is the same in JSON.
type reportJSON struct {
	ID           string `json:"id"`
	Model        string `json:"model"`
	Serial       string `json:"serial"`
	Outcome      string `json:"outcome"`
	From         string `json:"from"`
	Version      string `json:"version"`
	Image        string `json:"image"`
	Why          uint32 `json:"why"`
	Sectors      uint32 `json:"sectors_written"`
	Sent         uint32 `json:"bytes_sent"`
	Received     uint32 `json:"bytes_received"`
	Full         uint32 `json:"bytes_full"`
	Milliseconds uint32 `json:"milliseconds"`
	Baud         uint32 `json:"baud"`
	Via          string `json:"via"`
	Words        string `json:"words"`
}

func (in *reportJSON) report() (Report, error) {
	p := Report{Model: in.Model, Serial: in.Serial, From: in.From, Version: in.Version, Why: in.Why, Sectors: in.Sectors, Sent: in.Sent, Received: in.Received, Full: in.Full,
		Milliseconds: in.Milliseconds, Baud: in.Baud, Via: in.Via, Words: in.Words}
	for o := OutcomeRestored; o <= OutcomeFound; o++ {
		if o.String() == in.Outcome {
			p.Outcome = o
		}
	}
	id, err := hex.DecodeString(in.ID)
	if err != nil || len(id) != len(p.ID) {
		return p, fmt.Errorf("report: id %q is not 16 bytes in hex", in.ID)
	}
	copy(p.ID[:], id)
	if in.Image != "" {
		if p.Image, err = release.ParseHex(in.Image); err != nil {
			return p, fmt.Errorf("report: image: %w", err)
		}
	}
	return p, p.validate()
}

// report takes the result of a restoration from the page or the command.
func (s *Server) report(w http.ResponseWriter, r *http.Request) error {
	if wait, ok := s.reports.Allow(s.client(r)); !ok {
		s.metrics.limited.Add(1)
		return tooMany(w, wait)
	}
	var p Report
	var err error
	switch contentType(r) {
	case cborType:
		var b []byte
		if b, err = access.Body(w, r, maxReport); err != nil {
			return err
		}
		p, err = DecodeReport(b)
	case jsonType:
		var in reportJSON
		if err := readJSON(w, r, &in); err != nil {
			return err
		}
		p, err = in.report()
	default:
		return problem(http.StatusUnsupportedMediaType, "media-type", "a report is sent as %s or %s", jsonType, cborType)
	}
	if err != nil {
		return problem(http.StatusBadRequest, "malformed", "%v", err)
	}
	err = s.take(r, &p)
	known := !errors.Is(err, errUnknownDevice)
	if err != nil && known {
		return err
	}
	s.metrics.reports.add(map[bool]string{true: p.Outcome.String(), false: "unknown-device"}[known])
	s.log.Info("restoration reported", "model", p.Model, "serial", p.Serial, "outcome", p.Outcome.String(), "to", p.Version, "sectors", p.Sectors, "sent", p.Sent, "via", p.Via, "known", known)
	return writeJSON(w, http.StatusAccepted, map[string]any{"accepted": true}) // who asks does not learn which serials there are
}

// errUnknownDevice says that a report is about a device that never spoke itself. It is logged and counted.
var errUnknownDevice = errors.New("no such device")

// take makes a report part of the device's history.
func (s *Server) take(r *http.Request, p *Report) error {
	by, now := storage.ByReporter, s.now()
	kind := map[Outcome]storage.EventKind{OutcomeRestored: storage.Restored, OutcomeNotRestored: storage.NotRestored, OutcomeFound: storage.Found}[p.Outcome]
	id := hex.EncodeToString(p.ID[:])
	event := storage.Event{At: now, Kind: kind, Source: by, From: p.From, To: p.Version, Bytes: uint64(p.Sent), Unique: "report:" + id,
		Detail: storage.Detail(map[string]any{"why": p.Why, "sectors": p.Sectors, "sent": p.Sent, "received": p.Received, "full": p.Full, "seconds": float64(p.Milliseconds) / 1000,
			"baud": p.Baud, "via": p.Via, "words": p.Words, "operator": access.IsOperator(r)})}
	_, err := s.change(r.Context(), deviceID{p.Model, p.Serial}, func(d *storage.Device) ([]storage.Event, error) {
		if d.Revision == 0 {
			// Nobody proves that there is such a device, so a stranger's word makes none; an operator's does.
			if _, err := s.store.Model(r.Context(), p.Model); err != nil {
				return nil, err
			}
			if !access.IsOperator(r) {
				return nil, errUnknownDevice
			}
			n, err := s.store.CountDevices(r.Context())
			if err != nil {
				return nil, err
			}
			if n >= s.limits.Devices {
				return nil, problem(http.StatusInsufficientStorage, "full", "%v", errTooManyDevices)
			}
			d.FirstSeen, d.LastSeen, d.Claim.Version = now, now, p.From
			d.Settle(storage.Running, now)
		}
		if slices.Contains(d.Reports, id) {
			return nil, nil
		}
		d.Reports = append(d.Reports, id)
		d.Reports = d.Reports[max(0, len(d.Reports)-storage.MaxReports):]
		reported(d, p, now)
		return []storage.Event{event}, nil
	})
	return err
}

// reported takes into the device's record what a reporter says. A device that speaks for itself at this moment
// knows better.
func reported(d *storage.Device, p *Report, now time.Time) {
	if d.State == storage.Receiving {
		return
	}
	switch p.Outcome {
	case OutcomeRestored:
		d.Restored, d.RestoredTo = now, p.Image
		if d.State == storage.Running && d.Claim.Image == p.Image {
			d.RestoredTo = storage.Digest{} // the device was quicker: it has said so itself
		}
		if d.State == storage.Restoration {
			state := storage.Running
			if d.Target != (storage.Digest{}) { // its next session tells whether the update in between succeeded
				state = storage.Rewriting
			}
			d.Settle(state, now)
			d.LastSeen = now
		}
	case OutcomeNotRestored, OutcomeFound:
		d.RestoredTo = storage.Digest{}
		d.Settle(storage.Restoration, now)
		d.LastSeen = now
	}
}
