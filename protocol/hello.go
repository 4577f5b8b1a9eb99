package protocol

import (
	"fmt"

	"unbrick/internal/cbor"
	"unbrick/release"
)

const (
	helloItems  = 14
	reportItems = 8
	infoItems   = 10
)

// Append implements Message.
func (m *Hello) Append(dst []byte) ([]byte, error) {
	if err := m.valid(); err != nil {
		return refuse(CodeHello, err)
	}
	w := cbor.Appending(dst)
	w.Array(helloItems)
	w.Uint(uint64(CodeHello))
	w.Uint(uint64(m.Version))
	w.Text(m.Model)
	w.Text(m.Serial)
	w.Text(m.Release)
	w.Uint(m.Order)
	w.Bytes(m.Digest[:])
	w.Uint(m.Floor)
	w.Array(len(m.Keys))
	for i := range m.Keys {
		w.Bytes(m.Keys[i][:])
	}
	w.Uint(uint64(m.Workspace))
	w.Uint(uint64(m.Kinds))
	w.Bool(m.Confirmed)
	m.Report.write(w)
	w.Array(len(m.Refused))
	for i := range m.Refused {
		w.Bytes(m.Refused[i][:])
	}
	return done(w, CodeHello, len(dst))
}

// Decode implements Message.
func (m *Hello) Decode(b []byte) error {
	*m = Hello{}
	r := cbor.NewReader(b)
	open(r, b, CodeHello, helloItems)
	m.Version = r.Uint32()
	m.Model = r.TextMax(MaxText)
	m.Serial = r.TextMax(MaxText)
	m.Release = r.TextMax(MaxText)
	m.Order = r.Uint()
	r.Fill(m.Digest[:])
	m.Floor = r.Uint()
	for n := counted(r, MaxKeys); r.Next(&n); {
		var k KeyID
		r.Fill(k[:])
		m.Keys = append(m.Keys, k)
	}
	m.Workspace = r.Uint32()
	m.Kinds = Kinds(r.Uint32())
	m.Confirmed = r.Bool()
	if !r.Null() {
		m.Report = &Report{}
		m.Report.read(r)
	}
	for n := counted(r, MaxRefused); r.Next(&n); {
		var d Digest
		r.Fill(d[:])
		m.Refused = append(m.Refused, d)
	}
	return shut(r, CodeHello, m.valid())
}

func (m *Hello) valid() error {
	if err := release.CheckID(m.Model); err != nil {
		return fmt.Errorf("%w: model: %w", ErrLimit, err)
	}
	if err := release.CheckID(m.Serial); err != nil {
		return fmt.Errorf("%w: serial: %w", ErrLimit, err)
	}
	if err := release.CheckText(m.Release, MaxText); err != nil {
		return fmt.Errorf("%w: release: %w", ErrLimit, err)
	}
	if m.Version == 0 || len(m.Keys) > MaxKeys || len(m.Refused) > MaxRefused {
		return ErrLimit
	}
	if m.Report != nil && (m.Report.Verdict == VerdictNone || len(m.Report.Dead) > MaxDead) {
		return ErrLimit
	}
	return nil
}

func (p *Report) write(w *cbor.Writer) {
	if p == nil {
		w.Null()
		return
	}
	w.Array(reportItems)
	w.Bytes(p.From[:])
	w.Bytes(p.To[:])
	w.Uint(uint64(p.Verdict))
	w.Uint(uint64(p.Fault))
	w.Uint(uint64(p.Erases))
	w.Uint(uint64(p.RecordErases))
	w.Uint(uint64(p.FailedErases))
	w.Array(len(p.Dead))
	for _, a := range p.Dead {
		w.Uint(uint64(a))
	}
}

func (p *Report) read(r *cbor.Reader) {
	if r.Array() != reportItems {
		r.Fail(ErrMalformed)
	}
	r.Fill(p.From[:])
	r.Fill(p.To[:])
	p.Verdict = Verdict(r.UintMax(0xff))
	p.Fault = Fault(r.UintMax(0xff))
	p.Erases = r.Uint32()
	p.RecordErases = r.Uint32()
	p.FailedErases = r.Uint32()
	for n := counted(r, MaxDead); r.Next(&n); {
		p.Dead = append(p.Dead, r.Uint32())
	}
}

// Append implements Message.
func (m *Info) Append(dst []byte) ([]byte, error) { return m.append(dst, CodeInfo) }

// Decode implements Message.
func (m *Info) Decode(b []byte) error { return m.decode(b, CodeInfo) }

// Append implements Message.
func (m *Gone) Append(dst []byte) ([]byte, error) { return m.Info.append(dst, CodeGone) }

// Decode implements Message.
func (m *Gone) Decode(b []byte) error { return m.Info.decode(b, CodeGone) }

func (m *Info) append(dst []byte, c Code) ([]byte, error) {
	if err := m.valid(); err != nil {
		return refuse(c, err)
	}
	w := cbor.Appending(dst)
	w.Array(infoItems)
	w.Uint(uint64(c))
	w.Uint(uint64(m.Kind))
	w.Uint(uint64(m.Reason))
	w.Uint(uint64(m.Size))
	w.Bytes(m.Digest[:])
	w.Uint(uint64(m.Workspace))
	w.Uint(uint64(m.Has))
	w.Uint(uint64(m.Steps))
	w.Uint(uint64(m.Wait))
	w.Bytes(m.Manifest)
	return done(w, c, len(dst))
}

func (m *Info) decode(b []byte, c Code) error {
	r := cbor.NewReader(b)
	open(r, b, c, infoItems)
	m.Kind = Kind(r.UintMax(0xff))
	m.Reason = Reason(r.UintMax(0xff))
	m.Size = r.Uint32()
	r.Fill(m.Digest[:])
	m.Workspace = r.Uint32()
	m.Has = r.Uint32()
	m.Steps = uint8(r.UintMax(MaxSteps))
	m.Wait = r.Uint32()
	m.Manifest = r.BytesMax(release.MaxManifest)
	return shut(r, c, m.valid())
}

// valid checks that the values go together: a file has a size, steps and a manifest; nothing has a
// reason. A kind or reason from the future is taken, for it is the receiver's to refuse.
func (m *Info) valid() error {
	if len(m.Manifest) > release.MaxManifest || m.Steps > MaxSteps || m.Size > MaxFile {
		return ErrLimit
	}
	if m.Kind == KindNone {
		if m.Reason == ReasonOffered || m.Size != 0 || m.Steps != 0 || m.Digest != (Digest{}) {
			return ErrMalformed
		}
		return nil
	}
	if m.Reason != ReasonOffered || m.Size == 0 || m.Steps == 0 || len(m.Manifest) == 0 {
		return ErrMalformed
	}
	return nil
}

// counted reads the head of an array of at most max items.
func counted(r *cbor.Reader, max int) int {
	n := r.Array()
	if n > max {
		r.Fail(ErrLimit)
		return 0
	}
	return n
}
