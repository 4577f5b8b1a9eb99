package mcuboot_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"

	"unbrick/firmware/mcuboot"
	"unbrick/internal/mcuboottest"
)

func key(word string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(word))
	return ed25519.NewKeyFromSeed(seed[:])
}

func plain() *mcuboottest.Spec {
	return &mcuboottest.Spec{Major: 1, Minor: 2, Revision: 345, Build: 6, Payload: bytes.Repeat([]byte("payload "), 40)}
}

func TestParse(t *testing.T) {
	for name, change := range map[string]func(*mcuboottest.Spec){
		"plain":        func(*mcuboottest.Spec) {},
		"counter":      func(s *mcuboottest.Spec) { s.Counter = 7 },
		"large header": func(s *mcuboottest.Spec) { s.Header = 0x200 },
		"trailer":      func(s *mcuboottest.Spec) { s.Slot = 4096 },
		"one byte":     func(s *mcuboottest.Spec) { s.Payload = []byte{1} },
	} {
		t.Run(name, func(t *testing.T) {
			s := plain()
			change(s)
			file := mcuboottest.Sign(key("a"), s)
			m, err := mcuboot.Parse(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Version.String(); got != "1.2.345+6" {
				t.Errorf("got version %s", got)
			}
			public := sha256.Sum256(key("a").Public().(ed25519.PublicKey))
			if m.Payload != len(s.Payload) || m.Signature != "Ed25519" || !bytes.Equal(m.KeyHash, public[:]) || len(m.Hash) != 32 {
				t.Errorf("got %+v", m)
			}
			if m.Counter != s.Counter || m.Counted != (s.Counter != 0) {
				t.Errorf("got counter %d, %t", m.Counter, m.Counted)
			}
			if m.Size+m.Padding != len(file) || (m.Padding > 0) != (s.Slot > 0) {
				t.Errorf("got size %d and padding %d of a file of %d", m.Size, m.Padding, len(file))
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	file := func() []byte {
		s := plain()
		s.Counter = 7
		return mcuboottest.Sign(key("a"), s)
	}
	end := 32 + len(plain().Payload)
	put := binary.LittleEndian.PutUint16
	for name, test := range map[string]struct {
		change func(b []byte) []byte
		want   error
	}{
		"magic":             {func(b []byte) []byte { b[0]++; return b }, mcuboot.ErrNotImage},
		"empty":             {func(b []byte) []byte { return nil }, mcuboot.ErrNotImage},
		"only a magic":      {func(b []byte) []byte { return b[:4] }, mcuboot.ErrNotImage},
		"header too short":  {func(b []byte) []byte { put(b[8:], 31); return b }, mcuboot.ErrSizes},
		"header too long":   {func(b []byte) []byte { put(b[8:], 0xffff); return b }, mcuboot.ErrSizes},
		"payload":           {func(b []byte) []byte { b[15] = 0xff; return b }, mcuboot.ErrSizes},
		"no payload":        {func(b []byte) []byte { clear(b[12:16]); return b }, mcuboot.ErrSizes},
		"protected area":    {func(b []byte) []byte { put(b[10:], 8); return b }, mcuboot.ErrTLV},
		"no protected area": {func(b []byte) []byte { put(b[10:], 0); return b }, mcuboot.ErrTLV},
		"TLV magic":         {func(b []byte) []byte { b[end+12]++; return b }, mcuboot.ErrTLV},
		"TLV length":        {func(b []byte) []byte { put(b[end+14:], 0xffff); return b }, mcuboot.ErrTLV},
		"TLV entry":         {func(b []byte) []byte { put(b[end+18:], 0xffff); return b }, mcuboot.ErrTLV},
		"cut short":         {func(b []byte) []byte { return b[:len(b)-1] }, mcuboot.ErrTLV},
		"byte behind":       {func(b []byte) []byte { return append(b, 0xff) }, mcuboot.ErrSizes},
		"payload changed":   {func(b []byte) []byte { b[40]++; return b }, mcuboot.ErrHash},
		"version changed":   {func(b []byte) []byte { b[20]++; return b }, mcuboot.ErrHash},
		"counter changed":   {func(b []byte) []byte { b[end+8]++; return b }, mcuboot.ErrHash},
		"hash changed":      {func(b []byte) []byte { b[end+12+8]++; return b }, mcuboot.ErrHash},
		"hash missing":      {func(b []byte) []byte { b[end+12+4] = 0x60; return b }, mcuboot.ErrNoHash},
		"unsigned":          {func(b []byte) []byte { b[end+12+4+36+36] = 0x60; return b }, mcuboot.ErrUnsigned},
		"two hashes":        {func(b []byte) []byte { b[end+12+4+36] = 0x10; return b }, mcuboot.ErrTLV},
		"protected hash":    {func(b []byte) []byte { b[end+4] = 0x10; return b }, mcuboot.ErrTLV},
	} {
		if m, err := mcuboot.Parse(test.change(file())); !errors.Is(err, test.want) {
			t.Errorf("%s: got %+v, %v, want %v", name, m, err, test.want)
		}
	}
}

// A file that only lacks its end is told so, wherever it ends.
func TestParseTellsACutFile(t *testing.T) {
	whole := mcuboottest.Sign(key("a"), plain())
	for _, has := range []int{40, len(whole) - 100, len(whole) - 1} {
		var short *mcuboot.ShortError
		if _, err := mcuboot.Parse(whole[:has]); !errors.As(err, &short) || short.Has != has || short.Wants <= has || short.Wants > len(whole) {
			t.Errorf("%d of %d bytes: %v", has, len(whole), err)
		}
	}
}

// An encrypted image's hash is over bytes that are not in the file.
func TestEncryptedIsNotChecked(t *testing.T) {
	s := plain()
	s.Flags = mcuboot.FlagEncrypted128
	file := mcuboottest.Sign(key("a"), s)
	file[40]++
	if m, err := mcuboot.Parse(file); err != nil || !m.Encrypted() {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestVersions(t *testing.T) {
	for v, want := range map[mcuboot.Version][2]string{
		{}:                            {"0.0.0", "0.0.0"},
		{1, 2, 3, 0}:                  {"1.2.3", "1.2.3"},
		{255, 255, 65535, 4294967295}: {"255.255.65535+4294967295", "255.255.65535.4294967295"},
	} {
		if got := v.String(); got != want[0] {
			t.Errorf("got %s, want %s", got, want[0])
		}
		if got := v.Listed(); got != want[1] {
			t.Errorf("got %s, want %s", got, want[1])
		}
		if got := mcuboot.ShowListed(want[1]); got != want[0] {
			t.Errorf("%s: shown as %s, want %s", want[1], got, want[0])
		}
	}
	for _, odd := range []string{"", "1", "1.2.3.x", "1.2..3", "a.b.c.d"} {
		if got := mcuboot.ShowListed(odd); got != odd {
			t.Errorf("%q: shown as %q", odd, got)
		}
	}
	if got := mcuboot.ShowListed("1.2.3.0"); got != "1.2.3" {
		t.Errorf("got %s", got)
	}
}

// FuzzParse: whatever comes, no size points outside the file, and what is accepted stays refused when a
// byte that the hash covers changes.
func FuzzParse(f *testing.F) {
	s := plain()
	f.Add(mcuboottest.Sign(key("a"), s))
	s.Counter, s.Slot = 9, 2048
	f.Add(mcuboottest.Sign(key("a"), s))
	f.Add([]byte{0x3d, 0xb8, 0xf3, 0x96})
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := mcuboot.Parse(file)
		if err != nil {
			return
		}
		if m.Size <= 0 || m.Size > len(file) || m.Header+m.Payload+m.Protected >= m.Size || m.Padding != len(file)-m.Size {
			t.Fatalf("accepted sizes %+v of a file of %d", m, len(file))
		}
		if m.Encrypted() {
			return
		}
		changed := bytes.Clone(file)
		changed[m.Header+m.Payload-1] ^= 1
		if _, err := mcuboot.Parse(changed); err == nil {
			t.Fatal("a changed payload was accepted")
		}
	})
}
