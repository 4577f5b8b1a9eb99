package fleet

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"fmt"

	"unbrick/internal/cbor"
	"unbrick/limits"
	"unbrick/release"
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

// kinds are what a device's history calls the outcomes.
var kinds = map[Outcome]storage.EventKind{OutcomeRestored: storage.Restored, OutcomeNotRestored: storage.NotRestored,
	OutcomeFound: storage.Found}

// String is the word of the outcome in JSON.
func (o Outcome) String() string { return cmp.Or(string(kinds[o]), "unknown") }

const (
	reportItems = 19
	reportForm  = 2            // the first item of the CBOR array
	maxWords    = limits.Words // bytes of Report.Words
	maxVia      = 16
)

// Report is the result of one restoration over the cable. It is the reporter's claim, and the server shows it as such, until the device
// itself says so: by a receipt that comes with it, or in its next session.
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
	Receipt      []byte // of the device; empty: it gave none
	Signature    []byte // over it, 64 bytes
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
	w.Bytes(p.Receipt)
	w.Bytes(p.Signature)
	return w.Result()
}

// DecodeReport reads the CBOR form, and validates.
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
	p.Receipt, p.Signature = bytes.Clone(r.BytesMax(release.MaxReceipt)), bytes.Clone(r.BytesMax(ed25519.SignatureSize))
	if err := r.Finish(); err != nil {
		return p, fmt.Errorf("report: %w", err)
	}
	return p, p.Validate()
}

// Validate checks every limit and every text of a report.
func (p *Report) Validate() error {
	switch {
	case p.Outcome < OutcomeRestored || p.Outcome > OutcomeFound:
		return fmt.Errorf("report: outcome %d", p.Outcome)
	case p.ID == [16]byte{}:
		return fmt.Errorf("report: no id")
	case p.Via != "page" && p.Via != "command":
		return fmt.Errorf("report: via %q", p.Via)
	case len(p.Receipt) > release.MaxReceipt:
		return fmt.Errorf("report: a receipt of %d bytes, at most %d", len(p.Receipt), release.MaxReceipt)
	case len(p.Receipt) > 0 && len(p.Signature) != ed25519.SignatureSize || len(p.Receipt) == 0 && len(p.Signature) > 0:
		return fmt.Errorf("report: a receipt of %d bytes with a signature of %d", len(p.Receipt), len(p.Signature))
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
