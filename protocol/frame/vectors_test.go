package frame

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/internal/vectors"
)

// vector returns the bytes of a file of testdata: a text header, an empty line, and what is on the wire in hexadecimal. With -update it
// writes header and got there before.
func vector(t *testing.T, name, header string, got []byte) []byte {
	t.Helper()
	return vectors.Unhex(t, vectors.Keep(t, filepath.Join("testdata", name+".txt"), header+"\n\n"+vectors.Wrap(got)))
}

func upward(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i%255 + 1)
	}
	return b
}

// stuffed is a frame around bytes that are COBS already.
func stuffed(b ...byte) []byte { return append(append([]byte{0}, b...), 0) }

// TestVectors: each frame of testdata is taken, and encodes so again; what its content means is said in its header.
func TestVectors(t *testing.T) {
	var pattern [PatternSize]byte
	Fill(&pattern, 1)
	ack := func(m Ack) (string, []byte) {
		return fmt.Sprintf("kind: ack\nfile: %d\nnext: %d\nhave: %016x\napplied: %d\nphase: %d\ncode: %d", m.File, m.Next, m.Have, m.Applied, m.Phase, m.Fault), AppendAck(nil, &m)
	}
	data := func(m Data) (string, []byte) {
		return fmt.Sprintf("kind: data\nfile: %d\nblock: %d\nbytes: %x", m.File, m.Block, m.Bytes), AppendData(nil, &m)
	}
	packet := func(p []byte) (string, []byte) {
		return fmt.Sprintf("kind: packet\npacket: %x", p), AppendPacket(nil, p)
	}
	probe := func(k Kind, word string) (string, []byte) {
		return fmt.Sprintf("kind: %s\npattern: %x", word, pattern), AppendPattern(nil, k, pattern[:])
	}
	names := map[string]bool{}
	check := func(name, header string, wire []byte) {
		t.Helper()
		names[name] = true
		b := vector(t, name, header, wire)
		content, used, bad := decode(b)
		if bad || used != len(b) {
			t.Fatalf("%s: not taken", name)
		}
		if again := Append(nil, content[:1], content[1:]); !bytes.Equal(again, b) {
			t.Errorf("%s: encodes again as %x", name, again)
		}
		taken := true
		switch word, _, _ := strings.Cut(strings.TrimPrefix(header, "kind: "), "\n"); word {
		case "ack":
			_, taken = ParseAck(content)
		case "data":
			_, taken = ParseData(content)
		case "probe":
			_, taken = ParsePattern(content, KindProbe)
		case "echo":
			_, taken = ParsePattern(content, KindEcho)
		}
		if !taken {
			t.Errorf("%s: its content is not taken", name)
		}
	}
	add := func(name string) func(header string, wire []byte) {
		return func(header string, wire []byte) { check(name, header, wire) }
	}
	add("digits")("kind: 49\ncontent: "+hex.EncodeToString([]byte("123456789")), Append(nil, []byte("123456789"), nil))
	add("packet")(packet([]byte{0x0a, 0, 0, 1, 0x55, 0x42, 7, 9, 0xa0}))
	add("data")(data(Data{File: 1, Block: 0x102, Bytes: upward(3)}))
	add("data-most")(data(Data{File: 255, Block: 65535, Bytes: upward(MaxBlock)}))
	add("data-zeros")(data(Data{File: 0, Block: 0, Bytes: make([]byte, MinBlock)}))
	add("group-full")(data(Data{File: 1, Block: 0x101, Bytes: upward(250)})) // 254 bytes without a zero before the CRC
	add("ack")(ack(Ack{File: 2, Next: 3, Have: 5, Applied: 1, Phase: 4}))
	add("ack-most")(ack(Ack{File: 255, Next: MaxBlocks, Have: 1<<64 - 1, Applied: 65535, Phase: 7, Fault: 17}))
	add("probe")(probe(KindProbe, "probe"))
	add("echo")(probe(KindEcho, "echo"))

	good := AppendPacket(nil, []byte{1, 2, 3})
	change := func(at int, v byte) []byte { b := bytes.Clone(good); b[at] = v; return b }
	kind := func(k Kind, rest int) []byte { return Append(nil, []byte{byte(k)}, make([]byte, rest)) }
	far := [ackSize]byte{byte(KindAck), 1, 1, 0, 1}
	for _, v := range []struct {
		name, why string
		damaged   bool // else the frame is whole, and its content is none
		wire      []byte
	}{
		{"crc", "the CRC is not that of the content", true, change(len(good)-2, 1)},
		{"cut", "it ends before its last group does", true, append(bytes.Clone(good[:len(good)-3]), 0)},
		{"only-crc", "no content before the CRC", true, Append(nil, nil, nil)},
		{"hang-up", "what a host sends to leave the framing, one of 16", true, stuffed(1)},
		{"group-empty", "a last group without bytes behind a full one", true, append(bytes.Clone(fullGroup(t)), 1, 0)},
		{"data-empty", "data without bytes", false, kind(KindData, 3)},
		{"data-long", "a block of 1025 bytes", false, kind(KindData, 3+MaxBlock+1)},
		{"ack-short", "an ack of 16 bytes", false, kind(KindAck, ackSize-2)},
		{"ack-long", "an ack of 18 bytes", false, kind(KindAck, ackSize)},
		{"ack-far", "next is 65537", false, Append(nil, far[:], nil)},
		{"probe-short", "a probe of 255 bytes", false, kind(KindProbe, PatternSize-1)},
		{"kind-6", "a kind that there is not", false, kind(6, 4)},
		{"kind-0", "a kind that there is not", false, kind(0, 4)},
	} {
		name := filepath.Join("refused", v.name)
		names[name] = true
		as := "content"
		if v.damaged {
			as = "damaged"
		}
		var d Decoder
		d.Reset(make([]byte, DecoderSize(2048)))
		content, _, bad := d.Next(vector(t, name, "refused: "+as+"\nwhy: "+v.why, v.wire))
		if bad != v.damaged || (content == nil) != v.damaged {
			t.Errorf("%s: damaged %v, content %x", name, bad, content)
		}
		_, data := ParseData(content)
		_, ack := ParseAck(content)
		_, probe := ParsePattern(content, KindProbe)
		if data || ack || probe {
			t.Errorf("%s: its content is taken", name)
		}
	}
	for _, dir := range []string{"", "refused"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			name, _ := filepath.Rel("testdata", strings.TrimSuffix(f, ".txt"))
			if !names[name] {
				t.Errorf("%s is no vector", f)
			}
			delete(names, name)
		}
	}
	if len(names) > 0 {
		t.Errorf("no files of %v", names)
	}
}

// fullGroup returns a frame, without the zero byte at its end, whose last group has 254 bytes: such a CRC is searched for.
func fullGroup(t *testing.T) []byte {
	t.Helper()
	for n := range 1 << 16 {
		b := upward(250)
		b[0], b[1], b[2] = byte(KindPacket), byte(n>>8)|1, byte(n)|1
		f := Append(nil, b[:1], b[1:])
		if len(f) == 2+1+254 && f[1] == 255 {
			return f[:len(f)-1]
		}
	}
	t.Fatal("no such frame")
	return nil
}

// TestDocumentShowsFrames: docs/cable.md has frames of each kind in bytes, as the vectors have them.
func TestDocumentShowsFrames(t *testing.T) {
	page, err := os.ReadFile("../../docs/cable.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"digits", "packet", "data", "ack"} {
		text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		_, payload, _ := strings.Cut(string(text), "\n\n")
		if want := "`" + strings.ReplaceAll(payload, "\n", "") + "`"; !strings.Contains(string(page), want) {
			t.Errorf("%s: the document does not have %s", name, want)
		}
	}
}
