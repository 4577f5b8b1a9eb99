package protocol

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"unbrick/limits"
	"unbrick/release"
)

func digest(b byte) (d Digest) {
	for i := range d {
		d[i] = b
	}
	return d
}

// examples are the good vectors of testdata: one message each, by the name of its file.
func examples() map[string]Message {
	return map[string]Message{
		"challenge": &Challenge{Nonce: digest(7)},
		"hello": &Hello{Model: "0001", Serial: "S-17", Release: "2.3.0", Order: 7, Digest: digest(1), Floor: release.Floor{Counter: 3}, Keys: []KeyID{{1, 2, 3, 4, 5, 6, 7, 8}}, Threshold: 1,
			Workspace: 196608, Kinds: KindsOf(KindDelta, KindFull), Confirmed: true, Sequence: 4, Device: []byte{}, Fresh: []byte{}, Signature: []byte{}},
		"hello-report": &Hello{Model: "0001", Serial: "S-17", Release: "2.4.1", Order: 8, Digest: digest(2), Threshold: 1,
			Report:  &Report{From: digest(1), To: digest(2), Verdict: VerdictGood, Erases: 96, RecordErases: 2, FailedErases: 1, Dead: []uint32{0x10000, 0x11000}},
			Refused: []Digest{digest(9)}, Sequence: 1, Device: []byte{}, Fresh: []byte{}, Signature: []byte{}},
		"hello-most":   mostHello(),
		"info-delta":   &Info{Kind: KindDelta, Size: 16384, Digest: digest(3), Workspace: 65536, Has: 196608, Steps: 1, Manifest: []byte{0xd2, 0x84}},
		"info-nothing": &Info{Kind: KindNone, Reason: ReasonUpToDate, Wait: 3600, Manifest: []byte{}},
		"info-no-fit":  &Info{Kind: KindNone, Reason: ReasonNoFit, Workspace: 65536, Has: 8192, Wait: MaxWait, Manifest: []byte{0xd2, 0x84}},
		"request":      &Request{Digest: digest(3), Offset: 4096, Credit: 65536},
		"data":         &Data{Offset: 4096, Bytes: []byte("update file")},
		"credit":       &Credit{Bytes: 32768},
		"end":          &End{Size: 16384, Digest: digest(3)},
		"done":         &Done{Digest: digest(3)},
		"gone":         &Gone{Info: Info{Kind: KindNone, Reason: ReasonPreparing, Wait: 30, Manifest: []byte{}}},
		"error":        &Error{Fault: FaultSignature, Text: []byte("bad signature")},
		"error-busy":   &Error{Fault: FaultBusy, Text: []byte("200 sessions"), Wait: 30},
		"ping":         &Ping{Number: 1000},
		"pong":         &Pong{Number: 1000},
		"bye":          &Bye{},
		"news":         &News{Nonce: digest(8), Wait: 300},
		"trust":        &Trust{Statement: []byte{0xd8, 0x62}},
		"fresh":        &Fresh{Signed: []byte{0xd2}},
		"info-future":  &Info{Kind: 200, Size: 1, Digest: digest(3), Steps: 2, Manifest: []byte{0xd8, 0x62}},
		"gone-future":  &Gone{Info: Info{Kind: KindNone, Reason: 200, Manifest: []byte{}}},
		"error-future": &Error{Fault: 200, Text: []byte{}, Wait: MaxWait},
	}
}

// mostHello is the hello with the most of everything in it.
func mostHello() *Hello {
	text := strings.Repeat("x", MaxText)
	h := &Hello{Model: text, Serial: text, Release: text, Era: 1<<16 - 1, Order: MaxNumber, Floor: release.Floor{Era: 1<<16 - 1, Counter: MaxNumber}, Digest: digest(0xff), Threshold: MaxKeys,
		Statement: 1<<32 - 1, Reads: 1<<16 - 1, Workspace: 1<<32 - 1, Kinds: 1<<32 - 1, Staging: 1<<32 - 1, Stages: 1<<8 - 1, Connected: true, Confirmed: true,
		Report:   &Report{Verdict: 0xff, Fault: 0xff, Erases: 1<<32 - 1, RecordErases: 1<<32 - 1, FailedErases: 1<<32 - 1},
		Sequence: 1<<32 - 1, Device: make([]byte, deviceSize), Fresh: make([]byte, freshSize), Signature: make([]byte, 64)}
	for range MaxKeys {
		h.Keys = append(h.Keys, KeyID{0xff})
	}
	for range MaxRefused {
		h.Refused = append(h.Refused, digest(0xff))
	}
	for range MaxDead {
		h.Report.Dead = append(h.Report.Dead, 1<<32-1)
	}
	return h
}

// TestVectors: each example encodes to its file in testdata and decodes from it again.
func TestVectors(t *testing.T) {
	for name, m := range examples() {
		t.Run(name, func(t *testing.T) {
			got, err := m.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			want := vector(t, name, "message: "+m.Code().String(), got)
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

// TestHelloFits: the largest Hello stays below its announced bound, and encoding it does not allocate.
func TestHelloFits(t *testing.T) {
	h := mostHello()
	buf := make([]byte, 0, MaxHello)
	b, err := h.Append(buf)
	if err != nil || len(b) > MaxHello {
		t.Fatalf("got %d bytes, %v; want at most %d", len(b), err, MaxHello)
	}
	if n := testing.AllocsPerRun(10, func() { h.Append(buf) }); n != 0 {
		t.Errorf("Append allocates %v times", n)
	}
	host := strings.Repeat("h", limits.Host)
	if b, err = h.AppendSigned(buf, &Nonce{}, host); err != nil || len(b) > MaxHello {
		t.Fatalf("%d bytes are signed, %v; want at most %d", len(b), err, MaxHello)
	}
	if n := testing.AllocsPerRun(10, func() { h.AppendSigned(buf, &Nonce{}, host) }); n != 0 {
		t.Errorf("AppendSigned allocates %v times", n)
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
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		for c := CodeHello; int(c) < len(codeNames); c++ {
			if e := empty(c).Decode(b); (e == nil) != (err == nil && m.Code() == c) {
				t.Fatalf("the decoder of %s says %v, Decode %v", c, e, err)
			}
		}
		if err != nil {
			return
		}
		again, err := m.Append(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("took %x, encodes again as %x, %v", b, again, err)
		}
	})
}
