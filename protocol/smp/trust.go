package smp

import (
	"unbrick/limits"
)

// ReceiptRequest asks for the device's signed word on where it stands, over a nonce of whoever wants to believe it. A device
// answers it in phases idle and done.
type ReceiptRequest struct {
	Nonce [16]byte
}

// Head implements Request.
func (*ReceiptRequest) Head() Header { return user(Read, UserReceipt) }

func (m *ReceiptRequest) fields(f *fields) {
	f.fill("nonce", needed, m.Nonce[:])
}

// DecodeBody implements Body.
func (m *ReceiptRequest) DecodeBody(b []byte) error {
	*m = ReceiptRequest{}
	return read(m, b)
}

// Receipt is the answer: a receipt as package release reads it, and the device key's signature over it.
type Receipt struct {
	Receipt   []byte // at most limits.Receipt
	Signature [64]byte
}

func (m *Receipt) fields(f *fields) {
	f.fill("sig", needed, m.Signature[:])
	f.bytes("receipt", needed, &m.Receipt, limits.Receipt)
}

// DecodeBody implements Body.
func (m *Receipt) DecodeBody(b []byte) error {
	*m = Receipt{}
	return read(m, b)
}

// TrustRequest brings a trust statement, before anything else if one is to count. Answered by Empty when the device has
// adopted it, or had it already.
type TrustRequest struct {
	Statement []byte // at most limits.Statement
}

// Head implements Request.
func (*TrustRequest) Head() Header { return user(Write, UserTrust) }

func (m *TrustRequest) fields(f *fields) {
	f.bytes("d", needed, &m.Statement, limits.Statement)
}

// DecodeBody implements Body.
func (m *TrustRequest) DecodeBody(b []byte) error {
	*m = TrustRequest{}
	return read(m, b)
}
