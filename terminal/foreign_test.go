package terminal

import (
	"crypto/ed25519"
	"testing"

	"unbrick/delta"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal/record"

	"errors"
)

// signedBy returns a manifest of the bench's image, signed by another key.
func (b *bench) signedBy(t *testing.T, key ed25519.PrivateKey, change func(*release.Manifest)) []byte {
	t.Helper()
	m := b.software.to.Manifest
	if change != nil {
		change(&m)
	}
	signed, err := release.Sign(&m, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestForeignReleaseRunsNowhere: an image whose digest is right does not run if nobody who counts has signed it, wherever in the
// record its manifest stands.
func TestForeignReleaseRunsNowhere(t *testing.T) {
	seed := make([]byte, 32)
	seed[0] = 1
	foreign := ed25519.NewKeyFromSeed(seed)
	for _, tt := range []struct {
		name   string
		change func(rec *record.Record, signed []byte)
		why    smp.Why
	}{
		{"installed", func(rec *record.Record, signed []byte) { rec.To = signed }, smp.WhyDamaged},
		{"on the way", func(rec *record.Record, signed []byte) { rec.State, rec.To = record.Rewriting, signed }, smp.WhyInterrupted},
		{"before", func(rec *record.Record, signed []byte) {
			rec.State, rec.To, rec.From = record.Rewriting, signed, signed
		}, smp.WhyInterrupted},
	} {
		b := newBench(t, 8, 0xFF, 4)
		signed := b.signedBy(t, foreign, nil)
		if err := b.write(func(rec *record.Record) { tt.change(rec, signed) }); err != nil {
			t.Fatal(err)
		}
		b.reset(t)
		if mode := b.Boot(); mode != Restoration || b.Why() != tt.why {
			t.Errorf("%s: %v, %v", tt.name, mode, b.Why())
		}
	}
}

// TestClassicLeaves: what a classic patch has built lies in RAM until it is written. Each sector is compared with its leaves before it is
// touched, and the leaves with the signed root before that.
func TestClassicLeaves(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	if err := b.ram.seize(0); err != nil {
		t.Fatal(err)
	}
	r := &b.rewriter
	m := b.software.to.Manifest
	if err := r.layOut(&m, 0); err != nil {
		t.Fatal(err)
	}
	r.built, r.full, r.total = make([]byte, 4096), false, 1
	for i := range r.built {
		r.built[i] = 0xFF
	}
	copy(r.built, b.image)
	for i := range m.Leaves() {
		at, n := m.LeafRange(i)
		r.leaves.Set(i, release.Leaf(i, r.built[at:][:n]))
	}
	if err := b.write(func(rec *record.Record) { rec.State = record.Rewriting }); err != nil {
		t.Fatal(err)
	}
	b.part.Erased = nil
	r.built[2999] ^= 4
	if err := r.writeClassic(); !errors.Is(err, delta.ErrMismatch) || len(b.part.Erased) != 0 {
		t.Errorf("changed in RAM: %v, erased %x", err, b.part.Erased)
	}
	r.built[2999] ^= 4
	if err := r.writeClassic(); err != nil || len(b.part.Erased) != 1 {
		t.Errorf("as it was: %v, erased %x", err, b.part.Erased)
	}
}
