// Package mcuboot is the family of boot loaders that speak SMP's image group: MCUboot in its serial recovery, and a running program with
// Zephyr's server. The protocol is package restore's, which speaks it with our own terminals, too; here it is what families are.
//
// Such a loader takes one signed image, whole, and its list is the verdict: it has only what it would start.
package mcuboot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	image "unbrick/firmware/mcuboot"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

// Loader is such a boot loader. It is a family.Loader.
type Loader struct {
	s         *restore.Session
	o         family.Options
	list      *restore.Loader
	installer *restore.Installer
}

var _ family.Loader = (*Loader)(nil)

// Enter calls whoever answers SMP at a port that is open at a speed.
func Enter(ctx context.Context, port restore.Port, baud uint32, o *family.Options) (*Loader, error) {
	l := &Loader{}
	if o != nil {
		l.o = *o
	}
	s, err := restore.Connect(ctx, port, &restore.Options{Baud: baud, First: restore.WayEcho, Only: true, Heard: l.o.Heard, Trace: l.trace})
	if err != nil {
		return nil, err
	}
	l.s = s
	return l, nil
}

func (l *Loader) trace(c restore.Call) {
	if l.o.Trace != nil {
		l.o.Trace(family.Exchange{At: c.At, Took: c.Took, Name: "SMP " + strconv.Itoa(int(c.Group)) + "/" + strconv.Itoa(int(c.ID)), Bytes: c.Bytes,
			Tries: c.Tries, Err: c.Err})
	}
}

// Describe implements family.Loader.
func (l *Loader) Describe(ctx context.Context) (*family.Board, error) {
	list, err := l.s.Loader(ctx)
	if err != nil {
		return nil, err
	}
	l.list = list
	b := &family.Board{Family: family.MCUboot, Name: "MCUboot device", Loader: "answers as MCUboot does"}
	if list.Runs() {
		b.Loader = "a program with an SMP server"
	}
	for i := range list.Images {
		m := &list.Images[i]
		row := family.Row{Label: "Slot " + strconv.Itoa(int(m.Slot)), Value: m.Version, Small: flags(m)}
		if m.Number > 0 {
			row.Label = "Image " + strconv.Itoa(int(m.Number)) + ", slot " + strconv.Itoa(int(m.Slot))
		}
		b.Listed = append(b.Listed, row)
		if len(m.Hash) > 0 {
			b.Listed = append(b.Listed, family.Row{Label: "Hash", Value: image.Hex(m.Hash), Mono: true})
		}
	}
	if len(list.Images) == 0 {
		b.Listed = append(b.Listed, family.Row{Label: "It holds", Value: "No image that it would start"})
	}
	return b, nil
}

// flags are the marks of an entry, as the tools of that ecosystem print them.
func flags(m *restore.LoaderImage) string {
	var words []string
	for _, flag := range []struct {
		on   bool
		word string
	}{{m.Active, "active"}, {m.Confirmed, "confirmed"}, {m.Pending, "pending"}} {
		if flag.on {
			words = append(words, flag.word)
		}
	}
	return strings.Join(words, ", ")
}

// Compare implements family.Loader. A loader takes an image whole.
func (l *Loader) Compare(_ context.Context, parts []release.Part, _ family.Report) (*family.Difference, error) {
	if len(parts) != 1 || parts[0].Offset != 0 {
		return nil, &restore.Error{Code: restore.CodeUnfit, Err: errors.New("a boot loader of MCUboot's kind takes one signed image")}
	}
	file := parts[0].Data
	if _, err := restore.CheckImage(file); err != nil {
		return nil, err
	}
	size := uint32(len(file))
	return &family.Difference{Parts: parts, Block: size, Write: []family.Range{{Addr: 0, Size: size}}, Blocks: 1, Differ: 1, Bytes: uint64(size) * 3 / 2,
		// Base64, one turn-around and one answer a piece: about two thirds of the line.
		Work: time.Duration(size) * 15 * time.Second / restore.DefaultBaud}, nil
}

// Write implements family.Loader.
func (l *Loader) Write(ctx context.Context, d *family.Difference, report family.Report) error {
	i, err := l.s.Installer(d.Parts[0].Data, &restore.InstallOptions{Report: report})
	if err != nil {
		return err
	}
	if err := i.Bring(ctx); err != nil {
		return err
	}
	l.installer = i
	return nil
}

// Verify implements family.Loader: of what Write brought, whose place in the list Write has looked up.
func (l *Loader) Verify(ctx context.Context, parts []release.Part, _ family.Report) (family.Proof, error) {
	if l.installer != nil {
		if l.installer.Installed().Hashed {
			return family.ProofDigest, nil
		}
		return family.ProofListed, nil
	}
	if len(parts) != 1 {
		return family.ProofNone, &restore.Error{Code: restore.CodeUnfit, Err: errors.New("a boot loader of MCUboot's kind holds one signed image")}
	}
	m, err := restore.CheckImage(parts[0].Data)
	if err != nil {
		return family.ProofNone, err
	}
	if _, err := l.Describe(ctx); err != nil {
		return family.ProofNone, err
	}
	for i := range l.list.Images {
		if e := &l.list.Images[i]; len(e.Hash) > 0 && string(e.Hash) == string(m.Hash) {
			return family.ProofDigest, nil
		}
	}
	return family.ProofNone, &restore.Error{Code: restore.CodeVerify, Err: fmt.Errorf("it does not list image %s", m.Version)}
}

// Start implements family.Loader.
func (l *Loader) Start(ctx context.Context) (*family.Sight, error) {
	if l.installer == nil {
		return &family.Sight{Outcome: family.Unasked}, nil // whatever it has may be on trial, which a restart would end
	}
	if err := l.installer.Start(ctx); err != nil {
		return nil, err
	}
	i := l.installer.Installed()
	s := &family.Sight{Outcome: family.Quiet}
	switch {
	case i.Confirmed:
		s.Outcome = family.Stays
	case i.Runs && i.Trial:
		s.Outcome = family.OnTrial
	case i.Runs:
		s.Outcome = family.Runs
	case !i.Started:
		s.Outcome = family.Unanswered
	case i.Trial:
		s.Outcome = family.Tried
	}
	return s, nil
}

// Read implements family.Loader: nothing of the image group reads a flash.
func (l *Loader) Read(context.Context, uint32, []byte, family.Report) error {
	return &restore.Error{Code: restore.CodeRefused, Err: errors.New("a boot loader of MCUboot's kind cannot be read out")}
}

// Way implements family.Loader.
func (l *Loader) Way() family.Way { return family.WayThere }

// Stats implements family.Loader.
func (l *Loader) Stats() family.Stats {
	sent, received := l.s.Bytes()
	s := family.Stats{Sent: sent, Received: received}
	if l.installer != nil {
		s.Repeated = l.installer.Installed().Repeated
	}
	return s
}

// Close implements family.Loader.
func (l *Loader) Close() error { return l.s.Close() }
