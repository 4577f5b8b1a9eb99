package api

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"unbrick/limits"
	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/account"
	"unbrick/server/fleet"
	"unbrick/server/form"
)

// fromJSON is a report as the fleet takes it.
func fromJSON(in *form.Report) (fleet.Report, error) {
	p := fleet.Report{Model: in.Model, Serial: in.Serial, From: in.From, Version: in.Version, Why: in.Why, Sectors: in.Sectors,
		Sent: in.Sent, Received: in.Received, Full: in.Full,
		Milliseconds: in.Milliseconds, Baud: in.Baud, Via: in.Via, Words: in.Words,
		Receipt: in.Receipt, Signature: in.Signature}
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

// within bounds how often a client does something.
func (s *Server) within(l *access.Limiter) func(*http.Request) error {
	return func(r *http.Request) error {
		if wait, ok := l.Allow(s.client(r)); !ok {
			return s.tooMany(wait)
		}
		return nil
	}
}

// drawNonce gives a number for a receipt.
func (s *Server) drawNonce(w http.ResponseWriter, _ *http.Request, _ *form.Nothing) (*form.Nothing, error) {
	nonce := s.cfg.Fleet.DrawNonce()
	w.Header().Set("Content-Type", form.Binary)
	w.Header().Set("Cache-Control", "no-store")
	_, err := w.Write(nonce[:])
	return nil, err
}

// report takes the result of a restoration from the page or the command.
func (s *Server) report(w http.ResponseWriter, r *http.Request, in *form.Told) (*form.Accepted, error) {
	var p fleet.Report
	var err error
	if contentType(r) == form.CBOR {
		var b []byte
		if b, err = access.Body(w, r, limits.Report); err != nil {
			return nil, err
		}
		p, err = fleet.DecodeReport(b)
	} else {
		p, err = fromJSON(&in.Body)
	}
	if err != nil {
		return nil, malformed("%v", err)
	}
	about(r, account.Redact(p.Model+"/"+p.Serial))
	after(r, p.Outcome.String())
	err = s.cfg.Fleet.Report(r.Context(), &p, asks(r).May(form.MayHandle) && asks(r).On(p.Model))
	known := !errors.Is(err, fleet.ErrUnknown)
	if err != nil && known {
		return nil, err
	}
	s.cfg.Metrics.Reports.Add(map[bool]string{true: p.Outcome.String(), false: "unknown-device"}[known])
	s.cfg.Log.Info("restoration reported", "model", p.Model, "serial", p.Serial, "outcome", p.Outcome.String(), "to", p.Version, "sectors",
		p.Sectors, "sent", p.Sent, "via", p.Via, "known", known)
	return &form.Accepted{Accepted: true}, nil // who asks does not learn which serials there are
}
