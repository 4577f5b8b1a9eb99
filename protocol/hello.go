package protocol

import (
	"fmt"

	"unbrick/internal/cbor"
	"unbrick/release"
)

const (
	helloItems  = 25
	reportItems = 8
	infoItems   = 10
)

// Append implements Message.
func (m *Hello) Append(dst []byte) ([]byte, error) {
	if err := m.valid(); err != nil {
		return refuse(CodeHello, err)
	}
	if len(m.Signature) != signatureSize(m.Device) {
		return refuse(CodeHello, ErrMalformed)
	}
	w := cbor.Appending(dst)
	m.write(w)
	w.Bytes(m.Signature)
	return done(w, CodeHello, len(dst))
}

// write writes all of m but the signature.
func (m *Hello) write(w *cbor.Writer) {
	w.Array(helloItems)
	w.Uint(uint64(CodeHello))
	w.Text(m.Model)
	w.Text(m.Serial)
	w.Text(m.Release)
	w.Uint(uint64(m.Era))
	w.Uint(m.Order)
	w.Bytes(m.Digest[:])
	w.Uint(uint64(m.Floor.Era))
	w.Uint(m.Floor.Counter)
	w.Array(len(m.Keys))
	for i := range m.Keys {
		w.Bytes(m.Keys[i][:])
	}
	w.Uint(uint64(m.Threshold))
	w.Uint(uint64(m.Statement))
	w.Uint(uint64(m.Reads))
	w.Uint(uint64(m.Workspace))
	w.Uint(uint64(m.Kinds))
	w.Uint(uint64(m.Staging))
	w.Uint(uint64(m.Stages))
	w.Bool(m.Connected)
	w.Bool(m.Confirmed)
	m.Report.write(w)
	w.Array(len(m.Refused))
	for i := range m.Refused {
		w.Bytes(m.Refused[i][:])
	}
	w.Uint(uint64(m.Sequence))
	w.Bytes(m.Device)
	w.Bytes(m.Fresh)
}

// Decode implements Message.
func (m *Hello) Decode(b []byte) error {
	*m = Hello{}
	r := cbor.NewReader(b)
	open(r, b, CodeHello, helloItems)
	m.Model = r.TextMax(MaxText)
	m.Serial = r.TextMax(MaxText)
	m.Release = r.TextMax(MaxText)
	m.Era = uint16(r.UintMax(0xffff))
	m.Order = r.Uint()
	r.Fill(m.Digest[:])
	m.Floor.Era = uint16(r.UintMax(0xffff))
	m.Floor.Counter = r.Uint()
	for n := counted(r, MaxKeys); r.Next(&n); {
		var k KeyID
		r.Fill(k[:])
		m.Keys = append(m.Keys, k)
	}
	m.Threshold = uint8(r.UintMax(0xff))
	m.Statement = r.Uint32()
	m.Reads = uint16(r.UintMax(0xffff))
	m.Workspace = r.Uint32()
	m.Kinds = Kinds(r.Uint32())
	m.Staging = r.Uint32()
	m.Stages = uint8(r.UintMax(0xff))
	m.Connected = r.Bool()
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
	m.Sequence = r.Uint32()
	m.Device = r.Bytes()
	m.Fresh = r.Bytes()
	m.Signature = r.Bytes()
	if len(m.Signature) != signatureSize(m.Device) {
		r.Fail(ErrMalformed)
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
	if m.Order > MaxNumber || m.Floor.Counter > MaxNumber || len(m.Keys) > MaxKeys || len(m.Refused) > MaxRefused {
		return ErrLimit
	}
	if m.Threshold == 0 || m.Threshold > MaxKeys {
		return ErrLimit
	}
	if n := len(m.Device); n != 0 && n != deviceSize {
		return ErrMalformed
	}
	if n := len(m.Fresh); n != 0 && n != freshSize {
		return ErrMalformed
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
	if len(m.Manifest) > release.MaxManifest || m.Steps > MaxSteps || m.Size > MaxFile || m.Wait > MaxWait {
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
