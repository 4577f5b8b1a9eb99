package terminal_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/terminal"
)

// TestBeforeInformation: what a server says of trust and freshness does nothing to a device that keeps no trust statement, in the
// one order that there is; anything else ends the session, and the device is as it was.
func TestBeforeInformation(t *testing.T) {
	f := fixtureOf(t, small)
	trust, fresh := &protocol.Trust{Statement: make([]byte, 960)}, &protocol.Fresh{Signed: make([]byte, 256)}
	news := &protocol.News{Wait: 1}
	for _, tt := range []struct {
		name string
		says []protocol.Message
		want terminal.Outcome
	}{
		{"trust", []protocol.Message{trust}, terminal.Nothing},
		{"fresh", []protocol.Message{fresh}, terminal.Nothing},
		{"both", []protocol.Message{trust, fresh}, terminal.Nothing},
		{"the other way", []protocol.Message{fresh, trust}, terminal.Broken},
		{"trust twice", []protocol.Message{trust, trust}, terminal.Broken},
		{"fresh twice", []protocol.Message{fresh, fresh}, terminal.Broken},
		{"news", []protocol.Message{news}, terminal.Broken},
		{"a second challenge", []protocol.Message{&protocol.Challenge{}}, terminal.Broken},
		{"a hello", []protocol.Message{&protocol.Hello{Model: "1", Serial: "2", Threshold: 1}}, terminal.Broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := f.device(t, f.a)
			s := nothing(t)
			s.before = tt.says
			r.run(func(term *terminal.Terminal) {
				if out, err := term.Session(s.conn()); out != tt.want || (err == nil) != (out == terminal.Nothing) {
					t.Errorf("%v, %v, want %v", out, err, tt.want)
				}
				r.applications()
				s.before = nil
				if out, err := term.Session(s.conn()); out != terminal.Nothing {
					t.Errorf("the next session: %v, %v", out, err)
				}
			})
			if !r.holds(f.a) {
				t.Error("the flash holds something else")
			}
		})
	}
}

// TestWaits: what the server says of waiting is there for whoever asks again.
func TestWaits(t *testing.T) {
	f := fixtureOf(t, small)
	preparing := protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonPreparing, Wait: 30}
	for _, tt := range []struct {
		name  string
		first protocol.Message // instead of the challenge
		info  protocol.Info
		gone  *protocol.Info // in answer to the request
		out   terminal.Outcome
		wait  uint32
		again bool
	}{
		{"busy", &protocol.Error{Fault: protocol.FaultBusy, Wait: 30}, protocol.Info{}, nil, terminal.Broken, 30, true},
		{"shutdown", &protocol.Error{Fault: protocol.FaultShutdown, Wait: 31}, protocol.Info{}, nil, terminal.Broken, 31, true},
		{"internal", &protocol.Error{Fault: protocol.FaultInternal, Wait: 60}, protocol.Info{}, nil, terminal.Broken, 60, false},
		{"no challenge", &protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonHeld, Wait: 5}, protocol.Info{}, nil, terminal.Broken, 0, false},
		{"up to date", nil, protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonUpToDate, Wait: 3600}, nil, terminal.Nothing, 3600, false},
		{"preparing", nil, preparing, nil, terminal.Nothing, 30, true},
		{"the usual time", nil, protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonUpToDate}, nil, terminal.Nothing, 0, false},
		{"gone", nil, f.serverFor(t, f.delta, f.b).info, &preparing, terminal.Nothing, 30, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := f.device(t, f.a)
			s := f.serverFor(t, f.delta, f.b)
			s.first, s.info, s.gone = tt.first, tt.info, tt.gone
			r.run(func(term *terminal.Terminal) {
				out, err := term.Session(s.conn())
				last := term.Last()
				if out != tt.out || last.Wait != tt.wait || last.Again() != tt.again {
					t.Errorf("%v, wait %d, again %v (%v); want %v, %d, %v", out, last.Wait, last.Again(), err, tt.out, tt.wait, tt.again)
				}
				r.applications()
			})
		})
	}
}

// TestSignedHello: a device with a key signs its hello over the server's challenge and the name that it dialled (the test server verifies
// every hello); where that does not work, it says hello as one without a key.
func TestSignedHello(t *testing.T) {
	secret := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	public := publicOf(secret)
	seed, hard := &terminal.DeviceKey{Public: public, Seed: [32]byte(secret.Seed())}, &terminal.DeviceKey{Public: public, Hardware: true}
	sign := func(msg []byte, sig *[ed25519.SignatureSize]byte) error {
		copy(sig[:], ed25519.Sign(secret, msg))
		return nil
	}
	trouble := errors.New("trouble")
	random := func(p []byte) error {
		copy(p, "sixteen bytes...")
		return nil
	}
	for _, tt := range []struct {
		name   string
		key    *terminal.DeviceKey
		parts  func(*terminal.Hardware)
		host   string
		signed bool
		fresh  string
	}{
		{"no key", nil, nil, "server.test", false, ""},
		{"a key", seed, nil, "server.test", true, ""},
		{"a key, and a source of nonces", seed, func(hw *terminal.Hardware) { hw.Random = random }, "server.test", true, "sixteen bytes..."},
		{"a source of nonces", nil, func(hw *terminal.Hardware) { hw.Random = random }, "server.test", false, "sixteen bytes..."},
		{"a source that fails", seed, func(hw *terminal.Hardware) { hw.Random = func([]byte) error { return trouble } }, "server.test", true, ""},
		{"in hardware", hard, func(hw *terminal.Hardware) { hw.Sign = sign }, "server.test", true, ""},
		{"in hardware that fails", hard, func(hw *terminal.Hardware) {
			hw.Sign = func([]byte, *[ed25519.SignatureSize]byte) error { return trouble }
		}, "server.test", false, ""},
		{"another host", seed, nil, "127.0.0.1", true, ""},
		{"no proper host", seed, nil, "Server.test:80", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := *fixtureOf(t, small)
			f.own = tt.key
			r := f.device(t, f.a)
			r.parts = tt.parts
			s := nothing(t)
			s.nonce, s.host = protocol.Nonce{1, 2, 3}, tt.host
			if out, _ := r.update(s); out != terminal.Nothing {
				t.Fatalf("outcome %v", out)
			}
			want := 0
			if tt.signed {
				want = ed25519.SignatureSize
				if !bytes.Equal(s.hello.Device, public[:]) {
					t.Errorf("device key %x, want %x", s.hello.Device, public)
				}
			}
			if len(s.hello.Signature) != want || string(s.hello.Fresh) != tt.fresh {
				t.Errorf("signature of %d bytes, nonce %q; want %d, %q", len(s.hello.Signature), s.hello.Fresh, want, tt.fresh)
			}
		})
	}
}

// TestHelloSaysWhatTheIdentificationSays: what a server must know before it chooses an update file.
func TestHelloSaysWhatTheIdentificationSays(t *testing.T) {
	f, old := twoKeys(t)
	f.id.Threshold = 2
	var err error
	if f.a.signed, err = release.Sign(&f.a.m, f.key, old.key); err != nil {
		t.Fatal(err)
	}
	r := f.device(t, f.a)
	s := nothing(t)
	r.update(s)
	h, id := &s.hello, r.last.Identity()
	if h.Threshold != 2 || len(h.Keys) != 2 || h.Reads != uint16(id.Reads) || h.Reads == 0 || h.Stages != uint8(id.Stages) || h.Sequence != 1 || h.Connected || h.Staging != 0 || h.Statement != 0 {
		t.Errorf("%+v", h)
	}
}
