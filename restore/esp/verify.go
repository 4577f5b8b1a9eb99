package esp

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

const (
	sampleEvery = 1 << 16 // of a part that cannot be verified, one sample for so many bytes,
	mostSamples = 24      // but of all parts not more
)

var errLocked = errors.New("the flash is still empty there: it may be locked against writing")

// Verify asks for digests of all parts. Of an ESP8266, which has none, it reads samples. What can neither be asked nor read is not
// verified, and ProofNone says so.
func (l *Loader) Verify(ctx context.Context, parts []release.Part, report family.Report) (family.Proof, error) {
	proof, err := l.verify(ctx, parts, report)
	return proof, l.fail(err)
}

func (l *Loader) verify(ctx context.Context, parts []release.Part, report family.Report) (family.Proof, error) {
	begin := l.line.Now()
	if err := l.ready(ctx); err != nil {
		return family.ProofNone, err
	}
	pic, err := l.fits(parts)
	if err != nil {
		return family.ProofNone, err
	}
	t := &teller{line: l.line, report: report, begin: begin, p: restore.Progress{Stage: restore.StageVerify}}
	if l.chip.is8266() {
		return l.samples(ctx, pic, t)
	}
	if !l.digests() {
		return family.ProofNone, nil
	}
	if err := l.open(ctx, l.size()); err != nil {
		return family.ProofNone, err
	}
	for i := range pic.all {
		t.p.Of += pic.all[i].sectors()
	}
	t.p.WorkOf = uint64(t.p.Of) * sector
	if l.proven && l.plan != nil && equal(l.plan.d.Parts, parts) { // its comparison has found every byte, and nothing was written since
		t.p.Sectors = t.p.Of
		t.work(t.p.WorkOf)
		return family.ProofDigest, nil
	}
	for i := range pic.all {
		s := &pic.all[i]
		for j := 0; j < s.sectors(); {
			k := min(s.sectors(), j+max(4*leastChunk, l.chunk()))
			addr, want := s.part(j, k)
			same, err := l.holds(ctx, addr, want, t.tell)
			if err != nil {
				return family.ProofNone, err
			}
			if !same {
				return family.ProofNone, l.wrong(ctx, addr, want)
			}
			t.p.Sectors += k - j
			t.work(uint64(t.p.Sectors) * sector)
			j = k
		}
	}
	return family.ProofDigest, nil
}

func equal(a, b []release.Part) bool {
	return slices.EqualFunc(a, b, func(x, y release.Part) bool { return x.Offset == y.Offset && string(x.Data) == string(y.Data) })
}

// wrong finds the sector in which a piece differs.
func (l *Loader) wrong(ctx context.Context, addr uint32, want []byte) error {
	differ, err := l.lacks(ctx, addr, want)
	if err != nil {
		return err
	}
	fail := &restore.Error{Code: restore.CodeVerify, Addr: addr}
	if list := differ.sorted(); len(list) > 0 {
		fail.Addr = list[0]
		fail.Err = fmt.Errorf("%d sectors differ, the first at %#x", len(list), list[0])
		s := stretch{addr, want}
		from, p := s.part(int((list[0]-s.first())/sector), int((list[0]-s.first())/sector)+1)
		empty, err := l.holds(ctx, from, repeated(0xff, len(p)), nil)
		if err != nil {
			return err
		}
		if empty && l.touched != restore.TouchedNothing {
			fail.Err = errLocked
		}
	}
	return fail
}

// samples reads pieces of 64 bytes: the first and the last of each stretch, and some between.
func (l *Loader) samples(ctx context.Context, pic *picture, t *teller) (family.Proof, error) {
	if err := l.open(ctx, l.size()); err != nil {
		return family.ProofNone, err
	}
	var list []stretch
	each := max(2, mostSamples/len(pic.all))
	for _, s := range pic.all {
		n := min(each, 2+len(s.data)/sampleEvery)
		last := max(0, len(s.data)-slowRead)
		for i := range n {
			at := last * i / (n - 1)
			list = append(list, stretch{s.addr + uint32(at), s.data[at:min(at+slowRead, len(s.data))]})
		}
	}
	t.p.Of = len(list)
	t.p.WorkOf = uint64(len(list))
	var buf [slowRead]byte
	for _, s := range list {
		got := buf[:len(s.data)]
		right := false
		for range 2 { // what is read has no checksum
			if err := l.spiRead(ctx, s.addr, got); err != nil {
				return family.ProofNone, err
			}
			if right = string(got) == string(s.data); right {
				break
			}
		}
		if !right {
			err := fmt.Errorf("what lies at %#x is not what was written", s.addr)
			return family.ProofNone, &restore.Error{Code: restore.CodeVerify, Addr: s.addr, Err: err}
		}
		t.p.Sectors++
		t.work(uint64(t.p.Sectors))
	}
	return family.ProofSamples, nil
}
