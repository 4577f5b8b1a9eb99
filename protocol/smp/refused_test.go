package smp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"unbrick/internal/vectors"
	"unbrick/limits"
	"unbrick/release"
)

// shown returns the payload of a vector.
func shown(t *testing.T, name, header, payload string) string {
	t.Helper()
	return vectors.Keep(t, filepath.Join("testdata", name+".txt"), header+"\n\n"+payload)
}

func unhex(t *testing.T, s string) []byte { t.Helper(); return vectors.Unhex(t, s) }

// refusedBodies are bodies that no decoder takes: of which vector's kind, the name of the refusal, why.
func refusedBodies() []struct {
	of, name, why string
	body          Body
} {
	who := func(change func(m *Identity)) Body { m := identity(); change(m); return m }
	return []struct {
		of, name, why string
		body          Body
	}{
		{"echo", "long", "a text of 65 bytes", &EchoRequest{Text: fill(MaxEcho+1, 'x')}},
		{"begin", "manifest", "a manifest of 833 bytes", &BeginRequest{Manifest: make([]byte, release.MaxManifest+1)}},
		{"begin", "empty", "the manifest is missing", &Empty{}},
		{"leaves", "many", "57 digests", &LeavesRequest{Data: make([]byte, MaxLeafData+32)}},
		{"leaves", "half", "no whole digests", &LeavesRequest{Data: make([]byte, 33)}},
		{"leaves", "empty", "first leaf and digests are missing", &Empty{}},
		{"digests", "many", "241 digests", &DigestsRequest{Count: MaxDigests + 1}},
		{"digests", "level", "level 5", &DigestsRequest{Level: MaxLevel + 1}},
		{"digests", "empty", "level, first and number are missing", &Empty{}},
		{"digests-answer", "bits", "bits for 8 of 10 digests", &Digests{Digests: make([]byte, 80), Doubtful: []byte{1}}},
		{"digests-answer", "half", "no whole digests", &Digests{Digests: make([]byte, 81)}},
		{"record", "part", "part 3", &RecordRequest{Part: 3}},
		{"record", "empty", "the part is missing", &Empty{}},
		{"record-answer", "behind", "bytes behind the end", &Record{Length: 10, Offset: 5, Data: make([]byte, 6)}},
		{"record-answer", "length", "a statement of 961 bytes", &Record{Length: limits.Statement + 1}},
		{"file", "empty", "all keys are missing", &Empty{}},
		{"data", "long", "1921 bytes", &DataRequest{Data: fill(MaxPart+1, 1)}},
		{"data", "empty", "all keys are missing", &Empty{}},
		{"data-answer", "empty", "the offset is missing", &Empty{}},
		{"status-answer", "empty", "phase and code are missing", &Empty{}},
		{"status-answer", "floor", "a counter of 2^53", &Status{Floor: release.Floor{Counter: release.MaxNumber + 1}}},
		{"readout", "many", "1921 bytes", &ReadoutRequest{Count: MaxPart + 1}},
		{"readout", "empty", "offset and number are missing", &Empty{}},
		{"readout-answer", "long", "1921 bytes", &Readout{Data: fill(MaxPart+1, 1)}},
		{"erase", "empty", "address and size are missing", &Empty{}},
		{"erase-answer", "done", "more is done than there is", &Erased{Size: 4096, Done: 4097}},
		{"frames", "empty", "the version is missing", &Empty{}},
		{"frames-answer", "empty", "all keys are missing", &Empty{}},
		{"receipt", "empty", "the number is missing", &Empty{}},
		{"receipt-answer", "long", "a receipt of 193 bytes", &Receipt{Receipt: fill(limits.Receipt+1, 1)}},
		{"trust", "long", "a statement of 961 bytes", &TrustRequest{Statement: fill(limits.Statement+1, 1)}},
		{"trust", "empty", "the statement is missing", &Empty{}},
		{"parameters-answer", "small", "a buffer that takes nothing", &Parameters{BufSize: MinBufSize - 1, BufCount: 1}},
		{"parameters-answer", "none", "no buffer", &Parameters{BufSize: 512}},
		{"state-answer", "many", "nine images", &State{Images: make([]Image, MaxImages+1)}},
		{"upload-next", "empty", "offset and data are missing", &Empty{}},
		{"identify-answer", "empty", "all keys are missing", &Empty{}},
		{"identify-answer", "model", "a model of 33 bytes", who(func(m *Identity) { m.Model = strings.Repeat("x", 33) })},
		{"identify-answer", "no-serial", "a serial without a byte", who(func(m *Identity) { m.Serial = "" })},
		{"identify-answer", "space", "a serial with a space at its end", who(func(m *Identity) { m.Serial = "S-17 " })},
		{"identify-answer", "dots", "dots alone are no identifier", who(func(m *Identity) { m.Serial = ".." })},
		{"identify-answer", "letters", "a letter that is not ASCII", who(func(m *Identity) { m.Model = "h\u00fcb" })},
		{"identify-answer", "area", "an area whose name turns the text around", who(func(m *Identity) { m.Layout.Settings[0].Name = "a\u202eb" })},
		{"identify-answer", "layout", "a boot area that ends inside of a sector", who(func(m *Identity) { m.Layout.Boot = 1 })},
		{"identify-answer", "keys", "five keys", who(func(m *Identity) { m.Keys = make([][32]byte, MaxKeys+1) })},
		{"identify-answer", "threshold", "a threshold of 3 with two keys", who(func(m *Identity) { m.Threshold = 3 })},
		{"identify-answer", "none-sign", "a threshold of 0", who(func(m *Identity) { m.Threshold = 0 })},
		{"identify-answer", "floor", "a counter of 2^53", who(func(m *Identity) { m.Floor.Counter = release.MaxNumber + 1 })},
		{"identify-answer", "manifest", "a manifest of 833 bytes in the record", who(func(m *Identity) { m.To = limits.Manifest + 1 })},
	}
}

// TestRefused: bodies that no decoder takes are in testdata/refused, each with the kind of its vector and its reason.
func TestRefused(t *testing.T) {
	all := map[string]bool{}
	for _, v := range refusedBodies() {
		e, ok := examples()[v.of]
		if !ok {
			t.Fatalf("no vector %s", v.of)
		}
		packet, err := AppendPacket(nil, e.h, v.body)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join("refused", v.of+"-"+v.name)
		all[name] = true
		got := unhex(t, shown(t, name, "refused: body of "+v.of+"\nwhy: "+v.why, vectors.Wrap(packet)))
		_, body, err := ParsePacket(got)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		into := reflect.New(reflect.TypeOf(e.b).Elem()).Interface().(Body)
		if err := into.DecodeBody(body); !errors.Is(err, ErrBody) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, v := range []struct{ name, why, packet string }{
		{"short", "a header of 7 bytes", "02000000000000"},
		{"reserved-bits", "a reserved bit is set", "2200000000000000"},
		{"operation", "operation 4", "0400000000000000"},
		{"length-less", "a length of one byte more than there are", "0200000100000000"},
		{"length-more", "a length of one byte less than there are", "0200000000000000a0"},
	} {
		name := filepath.Join("refused", "packet-"+v.name)
		all[name] = true
		if h, _, err := ParsePacket(unhex(t, shown(t, name, "refused: packet\nwhy: "+v.why, v.packet+"\n"))); !errors.Is(err, ErrPacket) {
			t.Errorf("%s: got %+v, %v", name, h, err)
		}
	}
	const head, off, data = "0a000000" + "00010701", "636f6666", "6464617461"
	for _, v := range []struct{ name, why, body string }{
		{"cut-short", "the map ends early", "a2" + off + "05" + data + "42aa"},
		{"no-data", "a key is missing", "a1" + off + "05"},
		{"bytes-behind", "a byte behind the map", "a2" + off + "05" + data + "41aa00"},
		{"negative", "an offset below 0", "a2" + off + "20" + data + "41aa"},
		{"large", "an offset of 2^32", "a2" + off + "1b0000000100000000" + data + "41aa"},
		{"number-as-key", "a key that is no text", "a2" + "0505" + data + "41aa"},
		{"no-map", "an array", "82" + "05" + "41aa"},
	} {
		name := filepath.Join("refused", "upload-next-"+v.name)
		all[name] = true
		packet := unhex(t, head+v.body)
		packet[3] = byte(len(packet) - HeaderSize)
		_, body, err := ParsePacket(unhex(t, shown(t, name, "refused: body of upload-next\nwhy: "+v.why, vectors.Wrap(packet))))
		if err != nil {
			t.Fatal(err)
		}
		if err := (&UploadRequest{}).DecodeBody(body); !errors.Is(err, ErrBody) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	files, err := filepath.Glob("testdata/refused/*.txt")
	if err != nil || len(files) != len(all) {
		t.Errorf("%d files of refusals, want %d, %v", len(files), len(all), err)
	}
}

// TestLenient: what clients of others send is understood: other key order, keys we do not know, indefinite lengths, longer integers. The
// vectors of testdata/lenient hold the packet, and behind an empty line the one that we would have made.
func TestLenient(t *testing.T) {
	const off, data = "636f6666", "6464617461"
	h := (&UploadRequest{}).Head()
	h.Sequence = 7
	plain := UploadRequest{Offset: 5, Data: []byte{0xaa}}
	ours, err := AppendPacket(nil, h, &plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct{ name, why, body string }{
		{"plain", "as we write it", "a2" + off + "05" + data + "41aa"},
		{"other-order", "keys in another order", "a2" + data + "41aa" + off + "05"},
		{"indefinite", "map and bytes of indefinite length", "bf" + off + "05" + data + "5f41aaff" + "ff"},
		{"longer-integer", "an integer in eight bytes", "a2" + off + "1b0000000000000005" + data + "41aa"},
		{"unknown-keys", "keys that nobody knows", "a4" + off + "05" + "6775706772616465" + "f5" + data + "41aa" + "6178" + "8201a16161f6"},
		{"key-twice", "of a key that is there twice the last counts", "a3" + off + "07" + off + "05" + data + "41aa"},
		{"flags", "flags in the header mean nothing", "a2" + off + "05" + data + "41aa"},
	} {
		q := h
		if v.name == "flags" {
			q.Flags = 0x80
		}
		body := unhex(t, v.body)
		q.Length = uint16(len(body))
		packet := append(q.Append(nil), body...)
		payload := shown(t, filepath.Join("lenient", v.name), "taken: upload-next\nwhy: "+v.why, vectors.Wrap(packet)+"\n"+vectors.Wrap(ours))
		theirs, _, _ := strings.Cut(payload, "\n\n")
		got, body, err := ParsePacket(unhex(t, theirs))
		if err != nil || got.Sequence != 7 {
			t.Fatal(v.name, err)
		}
		var m UploadRequest
		if err := m.DecodeBody(body); err != nil || !reflect.DeepEqual(m, plain) {
			t.Errorf("%s: got %+v, %v", v.name, m, err)
		}
	}
}

// TestErrorVectors: what a device answers instead, in testdata/errors: with the request's version, and what a host reads from it.
func TestErrorVectors(t *testing.T) {
	for _, v := range []struct {
		name string
		make func() ([]byte, error)
		want Error
	}{
		{"fault", func() ([]byte, error) { return AppendFault(nil, requestOf(1), FaultSignature) }, Error{Group: GroupUser, Code: uint32(FaultSignature)}},
		{"fault-version-0", func() ([]byte, error) { return AppendFault(nil, requestOf(0), FaultSignature) }, Error{Code: uint32(RCDenied), RC: true}},
		{"rc", func() ([]byte, error) { return AppendRC(nil, requestOf(1), RCNotSupported) }, Error{Code: uint32(RCNotSupported), RC: true}},
		{"rc-version-3", func() ([]byte, error) { return AppendRC(nil, requestOf(3), RCTooNew) }, Error{Code: uint32(RCTooNew), RC: true}},
	} {
		packet, err := v.make()
		if err != nil {
			t.Fatal(err)
		}
		says := fmt.Sprintf("error: group %d, %d", v.want.Group, v.want.Code)
		if v.want.RC {
			says = fmt.Sprintf("error: rc %d", v.want.Code)
		}
		got := unhex(t, shown(t, filepath.Join("errors", v.name), says, vectors.Wrap(packet)))
		h, body, err := ParsePacket(got)
		var e *Error
		if err != nil || !h.Answers(requestOf(1)) || h.Version > 1 || !errors.As(ResponseError(body), &e) || *e != v.want {
			t.Errorf("%s: %+v, %v, %v", v.name, h, err, ResponseError(body))
		}
	}
}

// requestOf heads a begin of sequence 7.
func requestOf(version uint8) *Header {
	h := (&BeginRequest{}).Head()
	h.Version, h.Sequence = version, 7
	return &h
}

// TestFaultCodes: docs/commands.md has the return code of every fault to a client of version 0.
func TestFaultCodes(t *testing.T) {
	page, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	for f := FaultUnknown; int(f) < len(faultNames); f++ {
		if row := fmt.Sprintf("\n| %d | %s | %d |", f, f, f.RC()); !bytes.Contains(page, []byte(row)) {
			t.Errorf("no row %q in the document", row[1:])
		}
	}
}

// TestDocumentShowsPackets: docs/commands.md has every packet of our own group in bytes, as the vectors have them.
func TestDocumentShowsPackets(t *testing.T) {
	page, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "<!-- examples -->\n")
	rows, _, _ := strings.Cut(after, "<!-- end of the examples -->")
	seen := map[string]bool{"begin": true, "begin-asis": true, "trust": true, "identify-answer": true} // too long, said in words
	for line := range strings.Lines(rows) {
		name, packet, _ := strings.Cut(strings.TrimSpace(line), " ")
		text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(text), "\n\n")
		want, _, _ = strings.Cut(want, "\n\n")
		if got := unhex(t, strings.NewReplacer(" ", "", "|", "").Replace(packet)); !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%s: the document has %x", name, got)
		}
		seen[name] = true
	}
	for name, e := range examples() {
		if e.h.Group == GroupUser && !seen[name] {
			t.Errorf("the document does not show %s", name)
		}
	}
	least, err := os.ReadFile("testdata/identify-least.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ = strings.Cut(string(page), "<!-- identify -->\n")
	rows, _, _ = strings.Cut(after, "<!-- end of identify -->")
	var got []byte
	for line := range strings.Lines(rows) {
		for _, word := range strings.Fields(line) {
			if b, err := hex.DecodeString(word); err == nil {
				got = append(got, b...)
			}
		}
	}
	_, want, _ := strings.Cut(string(least), "\n\n")
	want, _, _ = strings.Cut(want, "\n\n")
	if !bytes.Equal(got, unhex(t, want)[HeaderSize:]) {
		t.Errorf("the document has identify-least as\n%x", got)
	}
	framed, err := os.ReadFile("testdata/erase.txt")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(framed), "\n\n")
	if !strings.Contains(string(page), "    "+strings.TrimSpace(parts[2])+"\n") {
		t.Error("the document does not show the line of erase")
	}
}
