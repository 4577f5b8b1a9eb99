package protocol

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the vectors anew")

func digest(b byte) (d Digest) {
	for i := range d {
		d[i] = b
	}
	return d
}

// examples are the vectors of testdata: one message each, by the name of its file.
func examples() map[string]Message {
	return map[string]Message{
		"hello": &Hello{Version: 1, Model: "0001", Serial: "S-17", Release: "2.3.0", Order: 7, Digest: digest(1), Floor: 3,
			Keys: []KeyID{{1, 2, 3, 4, 5, 6, 7, 8}}, Workspace: 196608, Kinds: KindsOf(KindDelta, KindFull), Confirmed: true},
		"hello-report": &Hello{Version: 1, Model: "0001", Serial: "S-17", Release: "2.4.1", Order: 8, Digest: digest(2),
			Report:  &Report{From: digest(1), To: digest(2), Verdict: VerdictGood, Erases: 96, RecordErases: 2, FailedErases: 1, Dead: []uint32{0x10000, 0x11000}},
			Refused: []Digest{digest(9)}},
		"info-delta":   &Info{Kind: KindDelta, Size: 16384, Digest: digest(3), Workspace: 65536, Has: 196608, Steps: 1, Manifest: []byte{0xd2, 0x84}},
		"info-nothing": &Info{Kind: KindNone, Reason: ReasonUpToDate, Manifest: []byte{}},
		"info-no-fit":  &Info{Kind: KindNone, Reason: ReasonNoFit, Workspace: 65536, Has: 8192, Manifest: []byte{0xd2, 0x84}},
		"request":      &Request{Digest: digest(3), Offset: 4096, Credit: 65536},
		"data":         &Data{Offset: 4096, Bytes: []byte("update file")},
		"credit":       &Credit{Bytes: 32768},
		"end":          &End{Size: 16384, Digest: digest(3)},
		"done":         &Done{Digest: digest(3)},
		"gone":         &Gone{Info: Info{Kind: KindNone, Reason: ReasonPreparing, Wait: 30, Manifest: []byte{}}},
		"error":        &Error{Fault: FaultBusy, Text: []byte("200 sessions")},
		"ping":         &Ping{Number: 1000},
		"pong":         &Pong{Number: 1000},
		"bye":          &Bye{},
	}
}

// TestVectors: each example encodes to its file in testdata and decodes from it again. A vector is a
// text header, an empty line, and the message in hexadecimal.
func TestVectors(t *testing.T) {
	for name, m := range examples() {
		t.Run(name, func(t *testing.T) {
			got, err := m.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".txt")
			if *update {
				text := "message: " + m.Code().String() + "\nencoding: hexadecimal\n\n" + wrap(hex.EncodeToString(got))
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, payload, _ := strings.Cut(string(text), "\n\n")
			want, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(payload), "\n", ""))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
			back, err := Decode(want)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := back.Append(nil); err != nil || !bytes.Equal(again, want) {
				t.Errorf("encodes again as %x, %v", again, err)
			}
			if !reflect.DeepEqual(back, m) {
				t.Errorf("got %+v\nwant %+v", back, m)
			}
			for n := range want {
				if _, err := Decode(want[:n]); !errors.Is(err, ErrMalformed) {
					t.Errorf("first %d bytes: got %v", n, err)
				}
			}
			if _, err := Decode(append(bytes.Clone(want), 0)); !errors.Is(err, ErrMalformed) {
				t.Errorf("one byte more: got %v", err)
			}
		})
	}
}

func wrap(s string) string {
	var b strings.Builder
	for len(s) > 64 {
		b.WriteString(s[:64] + "\n")
		s = s[64:]
	}
	return b.String() + s + "\n"
}

func TestRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxText+1)
	for name, m := range map[string]Message{
		"hello version 0":      &Hello{Model: "1", Serial: "2"},
		"hello empty model":    &Hello{Version: 1, Serial: "2"},
		"hello long serial":    &Hello{Version: 1, Model: "1", Serial: long},
		"hello control":        &Hello{Version: 1, Model: "1", Serial: "a\nb"},
		"hello serial of dots": &Hello{Version: 1, Model: "1", Serial: ".."},
		"hello space behind":   &Hello{Version: 1, Model: "1", Serial: "A1 "},
		"hello space in model": &Hello{Version: 1, Model: "0 1", Serial: "2"},
		"hello wide letter":    &Hello{Version: 1, Model: "1", Serial: "\u00e4"},
		"hello release turns":  &Hello{Version: 1, Model: "1", Serial: "2", Release: "1\u202e"},
		"error unseen":         &Error{Fault: FaultRetry, Text: []byte("a\u200bb")},
		"error control":        &Error{Fault: FaultRetry, Text: []byte("a\x1b[2J")},
		"hello many keys":      &Hello{Version: 1, Model: "1", Serial: "2", Keys: make([]KeyID, MaxKeys+1)},
		"hello many refused":   &Hello{Version: 1, Model: "1", Serial: "2", Refused: make([]Digest, MaxRefused+1)},
		"hello empty report":   &Hello{Version: 1, Model: "1", Serial: "2", Report: &Report{}},
		"hello many dead":      &Hello{Version: 1, Model: "1", Serial: "2", Report: &Report{Verdict: 1, Dead: make([]uint32, MaxDead+1)}},
		"info none, offered":   &Info{},
		"info none with size":  &Info{Reason: ReasonHeld, Size: 1},
		"info no manifest":     &Info{Kind: KindDelta, Size: 1, Steps: 1},
		"info with reason":     &Info{Kind: KindDelta, Size: 1, Steps: 1, Manifest: []byte{1}, Reason: ReasonHeld},
		"info large":           &Info{Kind: KindDelta, Size: MaxFile + 1, Steps: 1, Manifest: []byte{1}},
		"info many steps":      &Info{Kind: KindDelta, Size: 1, Steps: MaxSteps + 1, Manifest: []byte{1}},
		"info large manifest":  &Info{Kind: KindDelta, Size: 1, Steps: 1, Manifest: make([]byte, 1025)},
		"request much credit":  &Request{Credit: MaxCredit + 1},
		"data empty":           &Data{},
		"data long":            &Data{Bytes: make([]byte, MaxData+1)},
		"data behind the end":  &Data{Offset: MaxFile, Bytes: []byte{1}},
		"credit nothing":       &Credit{},
		"credit much":          &Credit{Bytes: MaxCredit + 1},
		"end of nothing":       &End{},
		"error without fault":  &Error{},
		"error with long text": &Error{Fault: 1, Text: make([]byte, MaxReason+1)},
		"error not UTF-8":      &Error{Fault: 1, Text: []byte{0xff}},
	} {
		if b, err := m.Append(nil); err == nil {
			t.Errorf("%s: encoded as %x", name, b)
		}
	}
	for name, text := range map[string]string{
		"empty":             "",
		"no array":          "0c",
		"empty array":       "80",
		"code 0":            "8100",
		"unknown code":      "810d",
		"long head":         "81180c",
		"bye with a field":  "820c00",
		"ping without":      "810a",
		"indefinite array":  "9f0cff",
		"longer integer":    "820a1801",
		"credit of nothing": "820500",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := Decode(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, %v", name, m, err)
		}
	}
	if _, err := Decode(make([]byte, MaxMessage+1)); !errors.Is(err, ErrLimit) {
		t.Errorf("too long: got %v", err)
	}
}

// TestHelloFits: the largest Hello stays below its announced bound, and encoding it does not allocate.
func TestHelloFits(t *testing.T) {
	text := strings.Repeat("x", MaxText)
	h := &Hello{Version: 1<<32 - 1, Model: text, Serial: text, Release: text, Order: 1<<64 - 1, Floor: 1<<64 - 1, Digest: digest(0xff),
		Keys: make([]KeyID, MaxKeys), Workspace: 1<<32 - 1, Kinds: 1<<32 - 1, Confirmed: true, Refused: make([]Digest, MaxRefused),
		Report: &Report{Verdict: 0xff, Fault: 0xff, Erases: 1<<32 - 1, RecordErases: 1<<32 - 1, FailedErases: 1<<32 - 1, Dead: make([]uint32, MaxDead)}}
	for i := range h.Report.Dead {
		h.Report.Dead[i] = 1<<32 - 1
	}
	buf := make([]byte, 0, MaxHello)
	b, err := h.Append(buf)
	if err != nil || len(b) > MaxHello {
		t.Fatalf("got %d bytes, %v; want at most %d", len(b), err, MaxHello)
	}
	if n := testing.AllocsPerRun(10, func() { h.Append(buf) }); n != 0 {
		t.Errorf("Append allocates %v times", n)
	}
}

// TestDeviceDecodesWithoutAllocation covers every message that a terminal receives.
func TestDeviceDecodesWithoutAllocation(t *testing.T) {
	for name, m := range examples() {
		if _, ok := m.(*Hello); ok {
			continue
		}
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(10, func() {
			if _, err := CodeOf(b); err != nil || m.Decode(b) != nil {
				t.Fatal("does not decode")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		CodeBye.String(): "bye", Code(99).String(): "message 99", KindFull.String(): "full", ReasonUnknownKey.String(): "unknown key",
		VerdictRestored.String(): "restored", FaultRetry.String(): "retry", Fault(0).String(): "fault 0", Reason(200).String(): "reason 200",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range examples() {
		b, err := m.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			return
		}
		again, err := m.Append(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("took %x, encodes again as %x, %v", b, again, err)
		}
	})
}
