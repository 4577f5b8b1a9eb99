package stk500

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"unbrick/internal/standin"
	board "unbrick/internal/standin/stk500"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

var ctx = context.Background()

// random are bytes that no flash holds by chance.
func random(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 9))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// rig is a board on a line.
type rig struct {
	*board.Board
	w *standin.Wire
	t *testing.T
}

func build(t *testing.T, o board.Options, line standin.Options) *rig {
	t.Helper()
	if line.Seed == 0 {
		line.Seed = 1
	}
	b := board.New(o)
	return &rig{b, standin.New(b, line), t}
}

func (r *rig) open() restore.Port {
	r.t.Helper()
	p, err := r.w.Open(115200)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) enter(o *family.Options) *Loader {
	r.t.Helper()
	l, err := Enter(ctx, r.open(), 115200, 0, o)
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// clean wants no mistake of the host's to be noted.
func (r *rig) clean() {
	r.t.Helper()
	if r.Tally.Faults > 0 {
		r.t.Errorf("%d mistakes: %q", r.Tally.Faults, r.Tally.Notes)
	}
}

// holds wants parts to be in the flash.
func (r *rig) holds(parts []release.Part) {
	r.t.Helper()
	for _, p := range parts {
		if got := r.NOR.Data[p.Offset:][:len(p.Data)]; !bytes.Equal(got, p.Data) {
			r.t.Errorf("part at %#x is not there", p.Offset)
		}
	}
}

// restored is a whole restoration.
func restored(l *Loader, parts []release.Part) (*family.Difference, error) {
	d, err := l.Compare(ctx, parts, nil)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	if err := l.Write(ctx, d, nil); err != nil {
		return d, fmt.Errorf("write: %w", err)
	}
	if proof, err := l.Verify(ctx, parts, nil); err != nil || proof != family.ProofRead {
		return d, fmt.Errorf("verify: %v: %w", proof, err)
	}
	return d, nil
}

// code is the code of a failure; 0: it is none of ours.
func code(err error) restore.Code {
	var e *restore.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// kinds are the boards that can be written to.
var kinds = []struct {
	name string
	o    board.Options
	says string
}{
	{"Optiboot", board.Options{Kind: board.Optiboot}, "Optiboot 4.4"},
	{"Optiboot that loses its first byte", board.Options{Kind: board.OldOptiboot}, "Optiboot 4.4"},
	{"ATmegaBOOT", board.Options{Kind: board.ATmegaBOOT}, "ATmegaBOOT 1.16"},
	{"ATmegaBOOT on ATmega168", board.Options{Kind: board.ATmegaBOOT, Signature: [3]byte{0x1e, 0x94, 0x06}, Size: 16 << 10, Baud: 19200}, "ATmegaBOOT 1.16"},
	{"stk500boot", board.Options{Kind: board.STK500Boot}, "stk500boot, AVRISP_2"},
}
