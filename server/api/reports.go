package api

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"unbrick/limits"
	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/fleet"
)

// Report is fleet.Report in JSON.
type Report struct {
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

func (in *Report) report() (fleet.Report, error) {
	p := fleet.Report{Model: in.Model, Serial: in.Serial, From: in.From, Version: in.Version, Why: in.Why, Sectors: in.Sectors, Sent: in.Sent, Received: in.Received, Full: in.Full,
		Milliseconds: in.Milliseconds, Baud: in.Baud, Via: in.Via, Words: in.Words}
	for o := fleet.OutcomeRestored; o <= fleet.OutcomeFound; o++ {
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
	return p, p.Validate()
}

// report takes the result of a restoration from the page or the command.
func (s *Server) report(w http.ResponseWriter, r *http.Request) error {
	if wait, ok := s.reports.Allow(s.client(r)); !ok {
		s.cfg.Metrics.Limited.Add(1)
		return tooMany(w, wait)
	}
	var p fleet.Report
	var err error
	switch contentType(r) {
	case cborType:
		var b []byte
		if b, err = access.Body(w, r, limits.Report); err != nil {
			return err
		}
		p, err = fleet.DecodeReport(b)
	case jsonType:
		var in Report
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
	err = s.cfg.Fleet.Report(r.Context(), &p, access.IsOperator(r))
	known := !errors.Is(err, fleet.ErrUnknown)
	if err != nil && known {
		return err
	}
	s.cfg.Metrics.Reports.Add(map[bool]string{true: p.Outcome.String(), false: "unknown-device"}[known])
	s.cfg.Log.Info("restoration reported", "model", p.Model, "serial", p.Serial, "outcome", p.Outcome.String(), "to", p.Version, "sectors", p.Sectors, "sent", p.Sent, "via", p.Via, "known", known)
	return writeJSON(w, http.StatusAccepted, map[string]any{"accepted": true}) // who asks does not learn which serials there are
}
