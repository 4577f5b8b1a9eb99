package terminal_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
)

// TestUpload restores with nothing but standard SMP: a release file through the image group.
func TestUpload(t *testing.T) {
	for _, k := range kinds {
		f := fixtureOf(t, k)
		r := f.broken(t)
		_, err := r.restoring(func(a *apparatus) error {
			file := fileOf(f.b)
			if err := a.upload(file, 1000); err != nil {
				return err
			}
			var s smp.State
			if err := a.ask(&smp.StateRequest{}, &s); err != nil {
				return err
			}
			if len(s.Images) != 1 || !bytes.Equal(s.Images[0].Hash, f.b.m.Digest[:]) || !s.Images[0].Bootable || s.Images[0].Confirmed {
				t.Errorf("state %+v", s)
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		if mode := r.boot(); mode != terminal.Running || !r.holds(f.b) {
			t.Errorf("%s: %v", k.name, mode)
		}
	}
}

// TestUploadPassesBy: trust statement and long note of a release file pass by in pieces of any size, and what is no release file
// is refused before anything is erased.
func TestUploadPassesBy(t *testing.T) {
	f := fixtureOf(t, small)
	note := bytes.Repeat([]byte("what is new\n"), release.MaxLongNote/12)
	whole := release.File{Statement: bytes.Repeat([]byte{0xd8}, release.MaxStatement), LongNote: note, Image: f.b.image,
		Signed: f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.LongNote = release.LongNoteDigest(note) })}
	for _, n := range []int{1, 3, 11, 12, 13, 500, 1000} {
		if n < 500 {
			whole.LongNote = note[:24] // small pieces take their time
		} else {
			whole.LongNote = note
		}
		r := f.broken(t)
		if _, err := r.restoring(func(a *apparatus) error { return a.upload(release.AppendFile(nil, &whole), n) }); err != nil {
			t.Fatalf("pieces of %d: %v", n, err)
		}
		if mode := r.boot(); mode != terminal.Running || !r.holds(f.b) {
			t.Errorf("pieces of %d: %v", n, mode)
		}
	}
	file := release.AppendFile(nil, &whole)
	manifest := 12 + len(whole.Statement)
	note4 := manifest + 4 + len(whole.Signed)
	change := func(at int, v ...byte) []byte { b := bytes.Clone(file); copy(b[at:], v); return b }
	for _, tt := range []struct {
		name string
		file []byte
		want smp.Fault
	}{
		{"version 1", change(7, '1'), smp.FaultManifest},
		{"trust statement too long", change(8, 0xc1, 3), smp.FaultStatement},
		{"trust statement of 2 GiB", change(11, 0x80), smp.FaultStatement},
		{"no manifest", change(manifest, 0, 0), smp.FaultManifest},
		{"manifest too long", change(manifest, 0x41, 3), smp.FaultManifest},
		{"long note too long", change(note4, 1, 0x40), smp.FaultManifest},
		{"one byte too many", append(bytes.Clone(file), 0), smp.FaultSize},
		{"one byte too few", file[:len(file)-1], smp.FaultSize},
		{"nearly nothing", file[:19], smp.FaultSize},
		{"more than there can be", append(bytes.Clone(file), make([]byte, release.MaxHead+int(f.software.Size()))...), smp.FaultSize},
	} {
		r := f.broken(t)
		var ops uint64
		_, err := r.restoring(func(a *apparatus) error {
			r.board.ResetCounter()
			if err := a.upload(tt.file, 500); faultOf(err) != tt.want {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
			ops = r.board.Operations()
			return nil
		})
		if err != nil || ops != 0 {
			t.Errorf("%s: %d flash operations, %v", tt.name, ops, err)
		}
	}
}

// upload sends a release file in pieces of n bytes, one of them twice.
func (a *apparatus) upload(file []byte, n int) error {
	sum := sha256.Sum256(file)
	for at, turn := 0, 0; at < len(file); turn++ {
		q := smp.UploadRequest{Offset: uint32(at), Data: file[at:min(at+n, len(file))]}
		if at == 0 {
			q.HasLength, q.Length, q.SHA = true, uint32(len(file)), sum[:]
		}
		var off smp.Offset
		if err := a.ask(&q, &off); err != nil {
			return err
		}
		if turn%5 == 0 {
			if err := a.ask(&q, &off); err != nil {
				return fmt.Errorf("again: %w", err)
			}
		}
		if int(off.Offset) <= at {
			return fmt.Errorf("stuck at %d", at)
		}
		at = int(off.Offset)
	}
	return nil
}
