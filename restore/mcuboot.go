package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"unbrick/firmware/mcuboot"
	"unbrick/protocol/smp"
)

// Loader is what is at the other end when it is no terminal of ours, but speaks the image group: the boot
// loader MCUboot in its serial recovery, or a running program with Zephyr's SMP server.
type Loader struct {
	Images []LoaderImage
	Buffer uint32 // bytes of its longest packet as it says, length and CRC included; 0: it does not say
}

// LoaderImage is one entry of its image list. What a loader leaves out of an entry is the zero value.
type LoaderImage struct {
	Number, Slot uint32 // which of several images, and in which of its slots
	Version      string // as imgtool shows it: 1.2.3+4
	Hash         []byte // that the loader has computed or read; nil: it does not tell
	Active       bool   // it runs, or would
	Confirmed    bool   // it stays
	Pending      bool   // it is tried at the next start
	Permanent    bool
	Bootable     bool
}

// Loader asks for the image list. It fails with CodeForeign when the other end does not know that
// question. From then on every request of the session goes out as version 0, which all servers take.
func (s *Session) Loader(ctx context.Context) (*Loader, error) {
	s.plain = true
	l := &Loader{}
	if s.sized {
		l.Buffer = s.params.BufSize
	}
	return l, s.list(ctx, l)
}

// Runs reports whether a program answers: only it says of an image that it runs.
func (l *Loader) Runs() bool {
	return slices.ContainsFunc(l.Images, func(e LoaderImage) bool { return e.Active })
}

func (s *Session) list(ctx context.Context, l *Loader) error {
	var state smp.State
	err := s.call(ctx, &smp.StateRequest{}, &state, hashes)
	var said *smp.Error
	switch {
	case errors.As(err, &said) && said.RC && smp.RC(said.Code) == smp.RCNotSupported:
		return &Error{Code: CodeForeign, Err: fmt.Errorf("list images: %w", err)}
	case err != nil:
		return fmt.Errorf("list images: %w", s.refused(err))
	}
	l.take(&state)
	return nil
}

// take copies the list: what was decoded lies in the session's buffer.
func (l *Loader) take(state *smp.State) {
	l.Images = nil
	for i := range state.Images {
		m := &state.Images[i]
		l.Images = append(l.Images, LoaderImage{
			Number: m.Number, Slot: m.Slot, Version: mcuboot.ShowListed(string(m.Version)), Hash: append([]byte(nil), m.Hash...),
			Active: m.Active, Confirmed: m.Confirmed, Pending: m.Pending, Permanent: m.Permanent, Bootable: m.Bootable,
		})
	}
}

// is reports whether an entry is an image: by its hash, and where the list has none by its version.
func (e *LoaderImage) is(m *mcuboot.Image) bool {
	if len(e.Hash) > 0 {
		return string(e.Hash) == string(m.Hash)
	}
	return e.Version == m.Version.String()
}

// lists reports whether an image is listed in a slot.
func (l *Loader) lists(m *mcuboot.Image, number, slot uint32) bool {
	return slices.ContainsFunc(l.Images, func(e LoaderImage) bool { return e.Number == number && e.Slot == slot && e.is(m) })
}

// holds reports whether an image is listed anywhere.
func (l *Loader) holds(m *mcuboot.Image) bool {
	return slices.ContainsFunc(l.Images, func(e LoaderImage) bool { return e.is(m) })
}

// CheckImage reads a signed image and turns what is wrong with it into an *Error.
func CheckImage(file []byte) (*mcuboot.Image, error) {
	m, err := mcuboot.Parse(file)
	switch {
	case errors.Is(err, mcuboot.ErrHash):
		return nil, &Error{Code: CodeBadRelease, Err: err}
	case err != nil:
		return nil, &Error{Code: CodeBadFile, Err: err}
	case m.Flags&mcuboot.FlagNotBootable != 0:
		return nil, &Error{Code: CodeBadFile, Err: errors.New("image says of itself that it does not start")}
	}
	return m, nil
}
