package restore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"unbrick/protocol/smp"
	"unbrick/restore"
)

// stranger is a server of another make behind a port in virtual time: it answers the standard commands that it
// knows, and notes every packet of our own group, of which nobody knows what it would do there.
type stranger struct {
	knows    func(h *smp.Header) smp.Body // nil: rc 8, unless it drops what it does not know
	drops    bool
	loses    int // of the first packets
	deframer smp.Deframer
	now      time.Duration
	waiting  []byte
	heard    int
	alien    []string
}

func newStranger(knows func(h *smp.Header) smp.Body) *stranger {
	s := &stranger{knows: knows}
	s.deframer.Reset(make([]byte, smp.DeframerSize(4096)))
	return s
}

func (s *stranger) Write(p []byte) error {
	for len(p) > 0 {
		packet, used := s.deframer.Next(p)
		p = p[used:]
		if packet == nil {
			continue
		}
		h, _, err := smp.ParsePacket(packet)
		if err != nil {
			continue
		}
		if h.Group >= smp.GroupUser {
			s.alien = append(s.alien, fmt.Sprintf("%d/%d", h.Group, h.ID))
		}
		if s.heard++; s.heard <= s.loses {
			continue
		}
		var out []byte
		if body := s.knows(&h); body != nil {
			out, err = smp.AppendPacket(nil, h.Response(), body)
		} else if !s.drops {
			out, err = smp.AppendRC(nil, &h, smp.RCNotSupported)
		}
		if err == nil && out != nil {
			s.waiting = smp.AppendFrames(s.waiting, out)
		}
	}
	return nil
}

func (s *stranger) Read(p []byte, wait time.Duration) (int, error) {
	if len(s.waiting) == 0 {
		s.now += wait
		return 0, restore.ErrTimeout
	}
	s.now += time.Millisecond
	n := copy(p, s.waiting)
	s.waiting = s.waiting[n:]
	return n, nil
}

func (s *stranger) Now() time.Duration { return s.now }
func (s *stranger) Close() error       { return nil }

// TestStrangersHearNothingOfOurs meets servers of other makes in every way. None of them is sent a command of
// our own group.
func TestStrangersHearNothingOfOurs(t *testing.T) {
	state := func(h *smp.Header) smp.Body {
		switch {
		case h.Group == smp.GroupImage && h.ID == smp.ImageState:
			return &smp.State{Images: []smp.Image{{Version: []byte("1.0.0"), Active: true}}}
		case h.Group == smp.GroupUser: // its maker's own command: everything is well
			return &smp.Empty{}
		}
		return nil
	}
	with := func(id uint8, b smp.Body) func(h *smp.Header) smp.Body {
		return func(h *smp.Header) smp.Body {
			if h.Group == smp.GroupOS && h.ID == id {
				return b
			}
			return state(h)
		}
	}
	for name, s := range map[string]*stranger{
		"knows the list only":   newStranger(state),
		"tells its boot loader": newStranger(with(smp.OSBootloader, &smp.Bootloader{Name: []byte("MCUboot")})),
		"has a name like ours":  newStranger(with(smp.OSBootloader, &smp.Bootloader{Name: []byte("Unbrick 2")})),
		"tells its parameters":  newStranger(with(smp.OSParameters, &smp.Parameters{BufSize: 2048, BufCount: 1})),
		"drops what it does not know": func() *stranger {
			knows := with(smp.OSParameters, &smp.Parameters{BufSize: 384, BufCount: 1})
			s := newStranger(func(h *smp.Header) smp.Body {
				if h.Group == smp.GroupOS && h.ID == smp.OSEcho {
					return &smp.EchoResponse{Text: []byte("unbrick")}
				}
				return knows(h)
			})
			s.drops = true
			return s
		}(),
		"loses the first packets": func() *stranger { s := newStranger(state); s.loses = 3; return s }(),
	} {
		t.Run(name, func(t *testing.T) {
			for _, first := range []restore.Way{restore.WayNone, restore.WayEcho, restore.WayWait} {
				session, err := restore.Connect(t.Context(), s, &restore.Options{First: first})
				if err != nil {
					t.Fatal(err)
				}
				var e *restore.Error
				if _, err := session.Identify(t.Context()); !errors.As(err, &e) || e.Code != restore.CodeForeign {
					t.Errorf("identify: got %v, want %v", err, restore.CodeForeign)
				}
				if l, err := session.Loader(t.Context()); err != nil || len(l.Images) != 1 {
					t.Errorf("list: got %+v, %v", l, err)
				}
				session.Close()
			}
			if len(s.alien) > 0 {
				t.Errorf("it was sent commands of ours: %v", s.alien)
			}
		})
	}
}
