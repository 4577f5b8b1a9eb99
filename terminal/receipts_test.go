package terminal_test

import (
	"fmt"
	"testing"

	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
)

// TestReceiptOfARestoration: before it the device's word is that it is broken, behind it that it runs what the flash holds, and on the
// way there is none.
func TestReceiptOfARestoration(t *testing.T) {
	f := *fixtureOf(t, small)
	f.own = new(terminal.NewDeviceKey(&[32]byte{4}))
	r := f.broken(t)
	var before, behind release.Receipt
	_, err := r.restoring(func(a *apparatus) (err error) {
		if before, err = a.receipt(1); err != nil {
			return err
		}
		var s smp.Status
		if err := a.ask(&smp.BeginRequest{Manifest: f.b.signed}, &s); err != nil {
			return err
		}
		if _, err := a.settle(); err != nil {
			return err
		}
		if _, err := a.receipt(2); faultOf(err) != smp.FaultPhase {
			return fmt.Errorf("on the way: %w", err)
		}
		if s, err = a.restore(f.b, false); err != nil {
			return err
		}
		behind, err = a.receipt(3)
		if behind.Operations != s.Operations || s.Operations == 0 {
			t.Errorf("%d operations in the receipt, %d in status", behind.Operations, s.Operations)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := smp.RecordState(before.State), smp.RecordRewriting; got != want || before.Match != uint8(smp.MatchNone) ||
		before.From != f.a.m.Digest || before.To != f.b.m.Digest || before.Why != uint8(smp.WhyInterrupted) {
		t.Errorf("before: %+v", before)
	}
	if got, want := smp.RecordState(behind.State), smp.RecordInstalled; got != want || behind.Match != uint8(smp.MatchTo) ||
		behind.To != f.b.m.Digest || behind.Sequence <= before.Sequence {
		t.Errorf("behind: %+v", behind)
	}
	if !r.holds(f.b) {
		t.Error("the flash does not hold what the receipt says")
	}
}

// receipt asks for the device's word over a nonce, and believes its key alone.
func (a *apparatus) receipt(nonce byte) (release.Receipt, error) {
	var m smp.Receipt
	if err := a.ask(&smp.ReceiptRequest{Nonce: [16]byte{nonce}}, &m); err != nil {
		return release.Receipt{}, err
	}
	v, err := release.VerifyReceipt(m.Receipt, m.Signature[:], a.f.own.Public[:])
	if err == nil && v.Nonce != [16]byte{nonce} {
		err = fmt.Errorf("over the nonce %x", v.Nonce)
	}
	return v, err
}
