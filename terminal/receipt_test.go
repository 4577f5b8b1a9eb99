package terminal

import (
	"errors"
	"testing"

	"unbrick/protocol/smp"
	"unbrick/release"
)

// heard gives the device a packet and returns the body that it answered.
func (h *restoration) heard(t *testing.T, packet []byte) []byte {
	t.Helper()
	if err := h.handle(packet); err != nil {
		t.Fatal(err)
	}
	_, body, err := smp.ParsePacket(h.line.packet[:smp.HeaderSize+int(h.line.packet[2])<<8+int(h.line.packet[3])])
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// receiptOf asks for a receipt and returns it, or how it was refused.
func (h *restoration) receiptOf(t *testing.T, key *DeviceKey, nonce byte) (release.Receipt, error) {
	t.Helper()
	body := h.heard(t, packetOf(t, &smp.ReceiptRequest{Nonce: [16]byte{nonce}}))
	if err := smp.ResponseError(body); err != nil {
		return release.Receipt{}, err
	}
	var m smp.Receipt
	if err := m.DecodeBody(body); err != nil {
		t.Fatal(err)
	}
	r, err := release.VerifyReceipt(m.Receipt, m.Signature[:], key.Public[:])
	if err != nil {
		t.Fatal(err)
	}
	if r.Nonce != [16]byte{nonce} || r.Model != "0001" || r.Serial != "B" {
		t.Errorf("nonce %x, model %q, serial %q", r.Nonce, r.Model, r.Serial)
	}
	return r, nil
}

// signing returns a device in restoration mode, idle, that has a key.
func signing(t *testing.T) (*bench, *restoration, *DeviceKey) {
	t.Helper()
	b, h := wanting(t)
	h.forget()
	h.describe()
	key := soundDeviceKey()
	h.key, h.hasKey, h.hw.SignSeed, h.software.match = key, true, SignSeed, matchTo
	return b, h, &key
}

// TestReceiptSays what record and verdict say, and nothing of what is only wanted.
func TestReceiptSays(t *testing.T) {
	b, h, key := signing(t)
	h.why, h.before.Operations, h.area.Counts.Operations, h.before.Failed = smp.WhyPin, 30, 12, 5
	image := h.software.to.Digest
	want := release.Receipt{Model: "0001", Serial: "B", State: uint8(smp.RecordInstalled), Why: uint8(smp.WhyPin), Match: uint8(smp.MatchTo), To: image,
		Sequence: 1, Operations: 42, Failures: 5}
	check := func(what string) {
		t.Helper()
		got, err := h.receiptOf(t, key, 9)
		want.Nonce = [16]byte{9}
		if err != nil || got != want {
			t.Errorf("%s: %v\n%+v, want\n%+v", what, err, got, want)
		}
	}
	check("as it left the factory")
	other := h.software.to.Manifest
	other.Version, other.Digest = "2", release.Digest{2}
	h.want(&other, b.signed) // it is wanted, and no record says so
	h.before.Operations, want.Operations = 0, 0
	check("with another one wanted")
	h.records.SetDoubt(0)
	want.Match = uint8(smp.MatchNone)
	check("with a sector in doubt")
	h.records.ClearDoubt(0)
	h.software.match = matchNone
	check("with another image in the flash")
	if err := h.intend(b.signed, &h.software.to.Manifest, 1); err != nil {
		t.Fatal(err)
	}
	h.before.Failed, want.Failures = 0, h.area.Counts.Failed
	want.State, want.From, want.Sequence, want.Operations = uint8(smp.RecordRewriting), image, 2, h.area.Counts.Operations
	check("on the way")
	for i := range b.layout.Records() {
		at, n := b.layout.Geometry.Sector(b.layout.Records()[i])
		clear(b.part.Cells[at:][:n])
	}
	h.scan()
	h.readSoftware()
	want.State, want.From, want.To, want.Sequence = uint8(smp.RecordNone), release.Digest{}, release.Digest{}, 0
	check("without a record")
}

// TestReceiptInPhases: none while a restoration is under way.
func TestReceiptInPhases(t *testing.T) {
	_, h, key := signing(t)
	for p := smp.PhaseIdle; p <= smp.PhaseUploading; p++ {
		want := smp.FaultPhase
		switch {
		case p == smp.PhaseIdle || p == smp.PhaseDone:
			want = smp.FaultNone
		case p.Busy():
			want = smp.FaultBusy
		}
		h.phase = p
		var said *smp.Error
		switch _, err := h.receiptOf(t, key, 1); {
		case errors.As(err, &said) && said.Fault() != want, err == nil && want != smp.FaultNone:
			t.Errorf("%v: %v, want %v", p, err, want)
		}
	}
}

// TestReceiptOfARecordThatIsGone: what the record sector does not hold any more is not signed.
func TestReceiptOfARecordThatIsGone(t *testing.T) {
	b, h, key := signing(t)
	at, _ := b.layout.Geometry.Sector(b.layout.Records()[0])
	end := uint32(0) // of the body; commit mark and seal are behind it
	for i, c := range b.part.Cells[at : at+4096] {
		if c != 0xFF {
			end = uint32(i)
		}
	}
	for _, off := range []uint32{0, 40, end - 8} {
		b.part.Cells[at+off] ^= 1
		var said *smp.Error
		if _, err := h.receiptOf(t, key, 1); !errors.As(err, &said) || said.Fault() != smp.FaultRecord {
			t.Errorf("byte %d of the record: %v", off, err)
		}
		b.part.Cells[at+off] ^= 1
	}
	if _, err := h.receiptOf(t, key, 1); err != nil {
		t.Error(err)
	}
}

// TestNoReceipt: who cannot sign has no such command, and says so as one who does not know it.
func TestNoReceipt(t *testing.T) {
	_, h, key := signing(t)
	broken := func(*DeviceKey, []byte, *[64]byte) error { return errors.New("broken") }
	for _, c := range []struct {
		name  string
		make  func()
		fault smp.Fault
		rc    smp.RC
	}{
		{"hardware that fails", func() { h.hw.SignSeed = broken }, smp.FaultUnknown, 0},
		{"nobody who signs", func() { h.hw.SignSeed = nil }, 0, smp.RCNotSupported},
		{"no key", func() { h.hasKey = false }, 0, smp.RCNotSupported},
	} {
		c.make()
		var said *smp.Error
		_, err := h.receiptOf(t, key, 1)
		if !errors.As(err, &said) || said.RC != (c.rc != 0) || said.RC && smp.RC(said.Code) != c.rc || !said.RC && said.Fault() != c.fault {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	h.hasKey = true
	packet, err := smp.AppendPacket(nil, (&smp.ReceiptRequest{}).Head(), &smp.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	var said *smp.Error
	if err := smp.ResponseError(h.heard(t, packet)); !errors.As(err, &said) || said.Fault() != smp.FaultMalformed {
		t.Errorf("without a nonce: %v", err)
	}
}
