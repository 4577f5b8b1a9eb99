package smp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"unbrick/flash"
	"unbrick/internal/cbor"
	"unbrick/internal/vectors"
	"unbrick/release"
)

func fill(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }

func identity() *Identity {
	return &Identity{Version: UserVersion, Model: "0001", Serial: "S-17", Keys: [][32]byte{[32]byte(fill(32, 1)), [32]byte(fill(32, 2))},
		Threshold: 2, Statement: 455, Trust: 12, DeviceKey: [32]byte(fill(32, 3)), Reads: 15, Completes: true, Stages: 3, Staging: flash.Area{Addr: 1 << 20, Size: 64 << 10},
		Layout: flash.Layout{
			Geometry: flash.Geometry{Runs: []flash.Run{{Size: 16 << 10, Count: 4}, {Size: 64 << 10, Count: 1}, {Size: 128 << 10, Count: 7}}, ProgramUnit: 8, Page: 256, Erased: 0xff, Blocks: []uint32{512 << 10}},
			Boot:     32 << 10, Settings: []flash.Area{{Name: "user", Addr: 896 << 10, Size: 128 << 10}},
		},
		Workspace: 192 << 10, Resident: 16 << 10, State: RecordRewriting, Why: WhyInterrupted, Match: MatchNone, Confirmed: true, Floor: release.Floor{Era: 1, Counter: 3}, From: 260, To: 261, Doubtful: 2, Frames: FramesVersion, Speed: 921600, Buffer: BufSize, Erases: true}
}

// examples are the vectors of testdata: one body each with its header.
func examples() map[string]struct {
	h Header
	b Body
} {

	m := map[string]struct {
		h Header
		b Body
	}{}
	ask := func(name string, q Request) {
		h := q.Head()
		h.Sequence = 7
		m[name] = struct {
			h Header
			b Body
		}{h, q}
	}
	answer := func(name string, q Request, b Body) {
		h := q.Head()
		h.Sequence = 7
		m[name] = struct {
			h Header
			b Body
		}{h.Response(), b}
	}
	ask("echo", &EchoRequest{Text: []byte("hello")})
	answer("echo-answer", &EchoRequest{}, &EchoResponse{Text: []byte("hello")})
	ask("reset", &ResetRequest{})
	answer("reset-answer", &ResetRequest{}, &Empty{})
	ask("parameters", &ParametersRequest{})
	answer("parameters-answer", &ParametersRequest{}, &Parameters{BufSize: BufSize, BufCount: BufCount})
	ask("bootloader", &BootloaderRequest{})
	answer("bootloader-answer", &BootloaderRequest{}, &Bootloader{Name: []byte(BootloaderName)})
	ask("state", &StateRequest{})
	answer("state-answer", &StateRequest{}, &State{Images: []Image{{Version: []byte("2.4.1"), Hash: fill(32, 5), Bootable: true, Active: true, Confirmed: true}}})
	ask("upload-first", &UploadRequest{Length: 1000, HasLength: true, SHA: fill(32, 6), Data: []byte("first piece")})
	ask("upload-next", &UploadRequest{Offset: 11, Data: []byte("next piece")})
	answer("upload-answer", &UploadRequest{}, &Offset{Offset: 21})
	ask("identify", &IdentifyRequest{})
	answer("identify-answer", &IdentifyRequest{}, identity())
	ask("record", &RecordRequest{Part: PartTo, Offset: 100})
	answer("record-answer", &RecordRequest{}, &Record{Length: 260, Offset: 100, Data: fill(160, 7)})
	ask("digests", &DigestsRequest{Level: 0, First: 16, Count: 9, Of: 200})
	answer("digests-answer", &DigestsRequest{}, &Digests{First: 16, Digests: fill(72, 8), Doubtful: []byte{2, 1}})
	ask("begin", &BeginRequest{Manifest: fill(260, 9), Parts: true})
	ask("begin-asis", &BeginRequest{Manifest: fill(260, 9), Parts: true, AsIs: true})
	answer("begin-answer", &BeginRequest{}, &Status{Phase: PhasePreparing, Total: 2, Doubtful: 2, Floor: release.Floor{Counter: 3}})
	ask("leaves", &LeavesRequest{First: 40, Data: fill(64, 10)})
	ask("file", &FileRequest{Number: 2, Size: 5000, SHA: [32]byte(fill(32, 12)), Workspace: 60000, Block: 512})
	ask("file-last", &FileRequest{Number: 3, Size: 700, SHA: [32]byte(fill(32, 13)), Workspace: 50000, Block: 512, Last: true})
	answer("file-answer", &FileRequest{}, &Offset{Offset: 1024})
	ask("data", &DataRequest{Number: 3, Offset: 512, Data: fill(188, 14)})
	answer("data-answer", &DataRequest{}, &Offset{Offset: 700})
	ask("status", &StatusRequest{})
	answer("status-answer", &StatusRequest{}, &Status{Phase: PhaseRewriting, Done: 31, Total: 96, Operations: 540, Failures: 1, Refreshed: 2, Millis: 2345, Floor: release.Floor{Era: 1, Counter: 3}})
	answer("status-failed", &StatusRequest{}, &Status{Phase: PhaseFailed, Fault: FaultErase, Addr: 0x67000})
	ask("finish", &FinishRequest{})
	ask("abort", &AbortRequest{})
	ask("frames", &FramesRequest{Speed: 921600})
	answer("frames-answer", &FramesRequest{}, &Frames{Speed: 921600, Block: 1024, Ahead: 65536})
	ask("readout", &ReadoutRequest{Offset: 4096, Count: MaxPart})
	answer("readout-answer", &ReadoutRequest{}, &Readout{Offset: 4096, Data: fill(100, 15)})
	ask("receipt", &ReceiptRequest{Nonce: [16]byte(fill(16, 16))})
	answer("receipt-answer", &ReceiptRequest{}, &Receipt{Receipt: fill(177, 17), Signature: [64]byte(fill(64, 18))})
	ask("trust", &TrustRequest{Statement: fill(301, 19)})
	answer("trust-answer", &TrustRequest{}, &Empty{})
	answer("leaves-answer", &LeavesRequest{}, &Empty{})
	answer("finish-answer", &FinishRequest{}, &Status{Phase: PhaseFinishing, Done: 96, Total: 96, Applied: 3, Operations: 1700, Millis: 7310, Floor: release.Floor{Era: 1, Counter: 3}})
	answer("abort-answer", &AbortRequest{}, &Empty{})
	answer("identify-least", &IdentifyRequest{}, &Identity{Version: UserVersion, Model: "0001", Serial: "S-17", Keys: [][32]byte{[32]byte(fill(32, 1))}, Threshold: 1,
		Layout:    flash.Layout{Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 64}}, ProgramUnit: 4, Page: 256, Erased: 0xff}, Boot: 16 << 10},
		Workspace: 64 << 10})
	ask("erase", &EraseRequest{Addr: 896 << 10, Size: 128 << 10})
	answer("erase-answer", &EraseRequest{}, &Erased{Addr: 896 << 10, Size: 128 << 10, Done: 20 << 10})
	return m
}

// TestVectors: each example encodes to its file and decodes from it to the same value. A vector is a
// text header, an empty line, and packet and console frames.
func TestVectors(t *testing.T) {
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			packet, err := AppendPacket(nil, e.h, e.b)
			if err != nil {
				t.Fatal(err)
			}
			if len(packet) > BufSize {
				t.Errorf("packet of %d bytes, announced %d", len(packet), BufSize)
			}
			path := filepath.Join("testdata", name+".txt")
			text := "packet: hexadecimal\nframes: with markers as \\x06\\x09 and \\x04\\x14\n\n" + vectors.Wrap(packet) + "\n" + visible(AppendFrames(nil, packet))
			vectors.Keep(t, path, text)
			h, body, err := ParsePacket(packet)
			if err != nil {
				t.Fatal(err)
			}
			r, keys := cbor.NewReader(body), cbor.Keys{}
			for n := r.Map(); r.Next(&n); r.Skip() {
				keys.Text(r)
			}
			if err := r.Finish(); err != nil {
				t.Errorf("not in deterministic order: %v", err)
			}
			e.h.Length = uint16(len(body))
			if h != e.h {
				t.Errorf("header: got %+v, want %+v", h, e.h)
			}
			back := reflect.New(reflect.TypeOf(e.b).Elem()).Interface().(Body)
			if err := back.DecodeBody(body); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(back, e.b) {
				t.Errorf("got  %+v\nwant %+v", back, e.b)
			}
			if again, err := AppendPacket(nil, e.h, back); err != nil || !bytes.Equal(again, packet) {
				t.Errorf("encodes again as %x, %v", again, err)
			}
			if ResponseError(body) != nil {
				t.Errorf("is taken for an error: %v", ResponseError(body))
			}
		})
	}
}

func visible(frames []byte) string {
	return strings.NewReplacer("\x06\x09", `\x06\x09`, "\x04\x14", `\x04\x14`).Replace(string(frames))
}

func TestErrors(t *testing.T) {
	q := (&BeginRequest{}).Head()
	q.Sequence = 9
	for _, test := range []struct {
		name    string
		version uint8
		make    func(q *Header) ([]byte, error)
		want    Error
		text    string
	}{
		{"fault", 1, func(q *Header) ([]byte, error) { return AppendFault(nil, q, FaultSignature) }, Error{Group: GroupUser, Code: uint32(FaultSignature)}, "device answered signature"},
		{"fault to an old client", 0, func(q *Header) ([]byte, error) { return AppendFault(nil, q, FaultSignature) }, Error{Code: uint32(RCDenied), RC: true}, "device answered access denied"},
		{"rc", 1, func(q *Header) ([]byte, error) { return AppendRC(nil, q, RCNotSupported) }, Error{Code: uint32(RCNotSupported), RC: true}, "device answered not supported"},
	} {
		q.Version = test.version
		packet, err := test.make(&q)
		if err != nil {
			t.Fatal(err)
		}
		h, body, err := ParsePacket(packet)
		if err != nil || !h.Answers(&q) {
			t.Fatalf("%s: header %+v, %v", test.name, h, err)
		}
		var got *Error
		if err := ResponseError(body); !errors.As(err, &got) || *got != test.want || got.Error() != test.text {
			t.Errorf("%s: got %v, want %v", test.name, err, test.text)
		}
	}
	for text, want := range map[string]string{
		"a1627263" + "03":        "device answered invalid value",
		"a1627263" + "00":        "",
		"a0":                     "",
		"bf627263" + "08" + "ff": "device answered not supported",
		"a163657272a2" + "65" + "67726f7570" + "01" + "627263" + "02": "device answered error 2 of group 1",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		err = ResponseError(b)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	if err := ResponseError([]byte{1}); !errors.Is(err, ErrBody) {
		t.Errorf("no map: got %v", err)
	}
	for f := FaultNone; f <= FaultUnreadable; f++ {
		if f.String() == "" || f != FaultNone && f.RC() == RCOK {
			t.Errorf("fault %d: %q, rc %d", f, f, f.RC())
		}
	}
}

func TestPacket(t *testing.T) {
	q := Header{Op: Read, Version: 1, Group: 64, Sequence: 5, ID: 8}
	for name, h := range map[string]Header{
		"operation": {Op: WriteResponse, Group: 64, Sequence: 5, ID: 8},
		"sequence":  {Op: ReadResponse, Group: 64, Sequence: 4, ID: 8},
		"group":     {Op: ReadResponse, Group: 1, Sequence: 5, ID: 8},
		"ID":        {Op: ReadResponse, Group: 64, Sequence: 5, ID: 7},
		"request":   q,
	} {
		if h.Answers(&q) {
			t.Errorf("%s: another packet is taken for the answer", name)
		}
	}
	if h := q.Response(); !h.Answers(&q) {
		t.Error("the answer is not taken")
	}
}

// TestDeviceSideDoesNotAllocate covers what a terminal decodes and encodes.
func TestDeviceSideDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, BufSize)
	for name, e := range examples() {
		packet, err := AppendPacket(nil, e.h, e.b)
		if err != nil {
			t.Fatal(err)
		}
		body := packet[HeaderSize:]
		decodes := e.h.Op == Read || e.h.Op == Write
		if n := testing.AllocsPerRun(10, func() {
			if _, err := AppendPacket(buf, e.h, e.b); err != nil {
				t.Fatal(err)
			}
			if decodes {
				if err := e.b.DecodeBody(body); err != nil {
					t.Fatal(err)
				}
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	q := (&BeginRequest{}).Head()
	if n := testing.AllocsPerRun(10, func() { AppendFault(buf, &q, FaultFloor); AppendRC(buf, &q, RCBusy) }); n != 0 {
		t.Errorf("faults: %v allocations", n)
	}
}

// bodies returns a new value of every body there is.
func bodies() []Body {
	return []Body{&Empty{}, &EchoRequest{}, &EchoResponse{}, &Parameters{}, &State{}, &UploadRequest{}, &Offset{}, &Identity{}, &RecordRequest{},
		&Record{}, &DigestsRequest{}, &Digests{}, &BeginRequest{}, &LeavesRequest{}, &FileRequest{}, &DataRequest{}, &Status{}, &EraseRequest{}, &Erased{},
		&FramesRequest{}, &Frames{}, &ReadoutRequest{}, &Readout{}, &ReceiptRequest{}, &Receipt{}, &TrustRequest{}}
}

// FuzzBodies: no decoder panics; whatever it takes encodes, and that decodes to the same encoding: the
// one deterministic form of it.
func FuzzBodies(f *testing.F) {
	for _, e := range examples() {
		packet, err := AppendPacket(nil, e.h, e.b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet[HeaderSize:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ResponseError(b)
		for _, m := range bodies() {
			if m.DecodeBody(b) != nil {
				continue
			}
			one, err := AppendPacket(nil, Header{}, m)
			if err != nil {
				t.Fatalf("%T took %x and does not encode: %v", m, b, err)
			}
			back := reflect.New(reflect.TypeOf(m).Elem()).Interface().(Body)
			if err := back.DecodeBody(one[HeaderSize:]); err != nil {
				t.Fatalf("%T made %x of %x and does not take it: %v", m, one, b, err)
			}
			if two, err := AppendPacket(nil, Header{}, back); err != nil || !bytes.Equal(one, two) {
				t.Fatalf("%T: %x, then %x, %v", m, one, two, err)
			}
		}
	})
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte{2, 0, 0, 1, 0, 64, 7, 3, 0xa0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, err := ParsePacket(b)
		if err != nil {
			return
		}
		if again := append(h.Append(nil), body...); !bytes.Equal(again, b) {
			t.Fatalf("took %x, encodes again as %x", b, again)
		}
	})
}
