package storage

import (
	"context"
	"crypto/sha256"
	"time"

	"unbrick/internal/cbor"
	"unbrick/limits"
	"unbrick/release"
)

// MaxActText is how many bytes each text of an Act has at most. What is longer is cut.
const MaxActText = limits.ActText

// Pruned is the Name of the row that stands for all rows before it, which were taken away. It keeps the number and the hash of
// the last of them.
const Pruned = "pruned"

// Act is what an account did or was refused.
type Act struct {
	At      time.Time
	Account string // empty: nobody who is known
	Token   string // ID of the one that it was known by
	Address string // client address that it came from
	Name    string // what, such as release.state
	Object  string // on what, such as 0001/S-17
	Before  string
	After   string
	Result  string // done, unchanged, or the code of the refusal
}

// Row is a row of the audit log.
type Row struct {
	N int64 // from 1, without a gap
	Act
	// Hash is over the hash before it and this row: whoever knows one knows all that was before it.
	Hash Digest
}

// Chain computes the hash of a row behind the row whose hash is before (docs/formats.md, audit log).
func (r *Row) Chain(before Digest) Digest {
	w := cbor.Appending(append([]byte{auditVersion}, before[:]...))
	w.Array(10)
	w.Int(r.N)
	w.Int(r.At.UnixMilli())
	for _, text := range r.texts() {
		w.Bytes([]byte(*text))
	}
	b, err := w.Result()
	if err != nil {
		panic("storage: " + err.Error()) // a writer that grows takes every integer and every byte string
	}
	return sha256.Sum256(b)
}

// auditVersion is the first byte of what is hashed.
const auditVersion = 1

func (a *Act) texts() []*string {
	return []*string{&a.Account, &a.Token, &a.Address, &a.Name, &a.Object, &a.Before, &a.After, &a.Result}
}

// Fit cuts texts that are too long, and takes out what a terminal would obey.
func (a *Act) Fit() {
	for _, text := range a.texts() {
		*text = release.Clean(*text, MaxActText)
	}
	if a.At = a.At.Truncate(time.Millisecond); a.At.UnixMilli() == 0 {
		a.At = a.At.Add(time.Millisecond) // stored as 0 it would be no time at all
	}
}

// Doer is an act that is under way.
type Doer struct {
	Act
	Now  func() time.Time // of each row; nil: At
	Rows int              // that were written
}

type actKey struct{}

// Doing returns a context under which every change of the store writes the act into the audit log, in the step of the change: there is
// no change without its row. The store counts in d.Rows how often it did.
func Doing(ctx context.Context, d *Doer) context.Context { return context.WithValue(ctx, actKey{}, d) }

// DoerOf is what Doing put into a context, nil if nothing.
func DoerOf(ctx context.Context) *Doer {
	d, _ := ctx.Value(actKey{}).(*Doer)
	return d
}
