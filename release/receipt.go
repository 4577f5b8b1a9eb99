package release

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"

	"unbrick/internal/cbor"
	"unbrick/limits"
)

// MaxReceipt is the most bytes a receipt has, without its signature.
const MaxReceipt = limits.Receipt

// receiptUse stands before a receipt's bytes where they are signed, so that no other signature of the device key is one.
const receiptUse = "unbrick receipt v1\x00"

// receiptItems is how many items a receipt's array has.
const receiptItems = 12

// ErrReceipt is the class of every refusal of a receipt's form.
var ErrReceipt = errors.New("malformed receipt")

// Receipt is what a device says of itself, over a number that somebody else drew, signed with its device key.
type Receipt struct {
	Model, Serial string // identifiers
	Nonce         [16]byte
	State         uint8  // of the record: smp.RecordState
	Why           uint8  // it is in restoration mode: smp.Why
	Match         uint8  // which of the record's images the flash holds: smp.Match
	From, To      Digest // of the record's images; zero: none
	Sequence      uint32 // of the record
	Operations    uint32 // flash operations of the last restoration
	Failures      uint32 // and how many of them failed
	Statement     uint32 // version of the trust statement; 0: none
}

func (v *Receipt) validate() error {
	if err := CheckID(v.Model); err != nil {
		return fmt.Errorf("%w: model: %w", ErrReceipt, err)
	}
	if err := CheckID(v.Serial); err != nil {
		return fmt.Errorf("%w: serial: %w", ErrReceipt, err)
	}
	return nil
}

// AppendReceipt appends the bytes of v, at most MaxReceipt, to dst. It fails with ErrReceipt if model or serial is no identifier.
func AppendReceipt(dst []byte, v *Receipt) ([]byte, error) {
	if err := v.validate(); err != nil {
		return nil, err
	}
	w := cbor.Appending(dst)
	w.Array(receiptItems)
	w.Text(v.Model)
	w.Text(v.Serial)
	w.Bytes(v.Nonce[:])
	w.Uint(uint64(v.State))
	w.Uint(uint64(v.Why))
	w.Uint(uint64(v.Match))
	w.Bytes(v.From[:])
	w.Bytes(v.To[:])
	w.Uint(uint64(v.Sequence))
	w.Uint(uint64(v.Operations))
	w.Uint(uint64(v.Failures))
	w.Uint(uint64(v.Statement))
	return w.Result()
}

// ParseReceipt is the inverse of AppendReceipt and takes nothing else. It fails with ErrReceipt.
func ParseReceipt(b []byte) (Receipt, error) {
	if len(b) > MaxReceipt {
		return Receipt{}, fmt.Errorf("%w: %d bytes, at most %d", ErrReceipt, len(b), MaxReceipt)
	}
	var v Receipt
	r := cbor.NewReader(b)
	if r.Array() != receiptItems {
		r.Fail(ErrReceipt)
	}
	v.Model, v.Serial = r.TextMax(MaxText), r.TextMax(MaxText)
	r.Fill(v.Nonce[:])
	for _, p := range [...]*uint8{&v.State, &v.Why, &v.Match} {
		*p = uint8(r.UintMax(math.MaxUint8))
	}
	r.Fill(v.From[:])
	r.Fill(v.To[:])
	for _, p := range [...]*uint32{&v.Sequence, &v.Operations, &v.Failures, &v.Statement} {
		*p = r.Uint32()
	}
	if err := r.Finish(); err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if err := v.validate(); err != nil {
		return Receipt{}, err
	}
	return v, nil
}

// ReceiptMessage appends to dst what a device key signs for the receipt with these bytes.
func ReceiptMessage(dst, receipt []byte) []byte {
	return append(append(dst, receiptUse...), receipt...)
}

// VerifyReceipt returns the receipt of these bytes if key signed it. It fails with ErrReceipt or ErrSignature.
func VerifyReceipt(receipt, signature []byte, key ed25519.PublicKey) (Receipt, error) {
	v, err := ParseReceipt(receipt)
	if err != nil {
		return Receipt{}, err
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, ReceiptMessage(nil, receipt), signature) {
		return Receipt{}, ErrSignature
	}
	return v, nil
}
