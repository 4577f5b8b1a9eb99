package smp

import (
	"unbrick/internal/cbor"
	"unbrick/limits"
)

// ReceiptRequest asks for the device's signed word on where it stands, over a nonce of whoever wants to believe it. A device
// answers it in phases idle and done.
type ReceiptRequest struct {
	Nonce [16]byte
}

// Head implements Request.
func (*ReceiptRequest) Head() Header { return user(Read, UserReceipt) }

func (m *ReceiptRequest) write(w *cbor.Writer) {
	w.Map(1)
	w.Text("nonce")
	w.Bytes(m.Nonce[:])
}

// DecodeBody implements Body.
func (m *ReceiptRequest) DecodeBody(b []byte) error {
	*m = ReceiptRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "nonce"):
			r.Fill(m.Nonce[:])
			seen |= 1
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 1)
}

// Receipt is the answer: a receipt as package release reads it, and the device key's signature over it.
type Receipt struct {
	Receipt   []byte // at most limits.Receipt
	Signature [64]byte
}

func (m *Receipt) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("sig")
	w.Bytes(m.Signature[:])
	w.Text("receipt")
	w.Bytes(m.Receipt)
}

// DecodeBody implements Body.
func (m *Receipt) DecodeBody(b []byte) error {
	*m = Receipt{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "sig"):
			r.Fill(m.Signature[:])
			seen |= 1
		case is(k, "receipt"):
			m.Receipt, seen = r.BytesMax(limits.Receipt), seen|2
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 3)
}

// TrustRequest brings a trust statement, before anything else if one is to count. Answered by Empty when the device has
// adopted it, or had it already.
type TrustRequest struct {
	Statement []byte // at most limits.Statement
}

// Head implements Request.
func (*TrustRequest) Head() Header { return user(Write, UserTrust) }

func (m *TrustRequest) write(w *cbor.Writer) {
	w.Map(1)
	w.Text("d")
	w.Bytes(m.Statement)
}

// DecodeBody implements Body.
func (m *TrustRequest) DecodeBody(b []byte) error {
	*m = TrustRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "d"):
			m.Statement, seen = r.BytesMax(limits.Statement), seen|1
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 1)
}
