package smp

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/internal/vectors"
)

func TestCRC16(t *testing.T) {
	// The check value of CRC-16/XMODEM in the catalogue of parametrised CRC algorithms.
	if got := CRC16(0, []byte("123456789")); got != 0x31c3 {
		t.Errorf("got %#04x, want 0x31c3", got)
	}
	if got := CRC16(CRC16(0, []byte("1234")), []byte("56789")); got != 0x31c3 {
		t.Errorf("in two parts: got %#04x", got)
	}
}

// TestImageListFrame: the request that mcumgr clients send first. The CRC was computed by another program.
func TestImageListFrame(t *testing.T) {
	h := Header{Op: Read, Group: GroupImage, ID: ImageState}
	packet, err := AppendPacket(nil, h, &StateRequest{})
	if err != nil {
		t.Fatal(err)
	}
	const want = "\x06\x09AAsAAAABAAEAAKCG/g==\n"
	if got := string(AppendFrames(nil, packet)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// reference is the framing in its plainest form.
func reference(packet []byte) string {
	crc := CRC16(0, packet)
	n := len(packet) + 2
	raw := append([]byte{byte(n >> 8), byte(n)}, packet...)
	raw = append(raw, byte(crc>>8), byte(crc))
	var b strings.Builder
	for mark := "\x06\x09"; len(raw) > 0; mark = "\x04\x14" {
		k := min(93, len(raw))
		if rest := len(raw) - k; rest == 1 || rest == 2 {
			k = 90 // the CRC stays whole, and not alone
		}
		b.WriteString(mark + base64.StdEncoding.EncodeToString(raw[:k]) + "\n")
		raw = raw[k:]
	}
	return b.String()
}

func TestFrames(t *testing.T) {
	for n := 1; n < 700; n++ {
		packet := make([]byte, n)
		for i := range packet {
			packet[i] = byte(i * n)
		}
		got := AppendFrames(nil, packet)
		if string(got) != reference(packet) {
			t.Fatalf("%d bytes: got %q\nwant %q", n, got, reference(packet))
		}
		if len(got) != FramedSize(n) {
			t.Errorf("%d bytes: FramedSize %d, want %d", n, FramedSize(n), len(got))
		}
		for line := range strings.Lines(string(got)) {
			if len(line) > MaxLine {
				t.Errorf("%d bytes: line of %d", n, len(line))
			}
		}
		var d Deframer
		d.Reset(make([]byte, DeframerSize(n)))
		back, used := d.Next(got)
		if !bytes.Equal(back, packet) || used != len(got) || d.Damaged() != 0 {
			t.Fatalf("%d bytes: back %d, used %d of %d, damaged %d", n, len(back), used, len(got), d.Damaged())
		}
	}
}

// all feeds stream in pieces and returns copies of the packets.
func all(d *Deframer, stream []byte, piece int) [][]byte {
	var packets [][]byte
	for len(stream) > 0 {
		p := stream[:min(piece, len(stream))]
		stream = stream[len(p):]
		for len(p) > 0 {
			packet, used := d.Next(p)
			if packet != nil {
				packets = append(packets, bytes.Clone(packet))
			}
			p = p[used:]
		}
	}
	return packets
}

// TestDeframerPassesOver: what is on a line besides packets; testdata/streams has it as vectors.
func TestDeframerPassesOver(t *testing.T) {
	names := map[string]bool{}
	packet := bytes.Repeat([]byte("0123456789abcdef"), 20)
	framed := string(AppendFrames(nil, packet))
	lines := strings.SplitAfter(framed, "\n")
	for _, test := range []struct {
		name    string
		stream  string
		want    int
		damaged uint64
	}{
		{"alone", framed, 1, 0},
		{"twice", framed + framed, 2, 0},
		{"log before, between and after", "*** Booting ***\r\nuart:~$ \n" + strings.Join(lines, "I: log line\n") + "more\n" + framed, 2, 0},
		{"log that is not ended", "uart:~$ " + framed, 1, 0},
		{"CR LF", strings.ReplaceAll(framed, "\n", "\r\n"), 1, 0},
		{"line feed lost", strings.Replace(framed, "\n", "", 1), 1, 0},
		{"last line feed lost", strings.TrimSuffix(framed, "\n") + framed, 1, 1},
		{"line lost", lines[0] + lines[2] + framed, 1, 1},
		{"first line lost", lines[1] + lines[2] + framed, 1, 0},
		{"broken off", framed[:200] + framed, 1, 1},
		{"character damaged", strings.Replace(framed, "A", "B", 1) + framed, 1, 1},
		{"character is none of base64", framed[:50] + "\x00" + framed[51:] + framed, 1, 1},
		{"character lost", framed[:50] + framed[51:] + framed, 1, 1},
		{"character doubled", framed[:50] + framed[49:] + framed, 1, 1},
		{"marker torn", "\x06" + framed, 1, 0},
		{"marker only", "\x06\x09\n" + framed, 1, 1},
		{"padding inside", framed[:48] + "==" + framed[50:] + framed, 1, 1},
		{"binary noise", "\x00\xff\x04\x14\x09\x06\x06" + framed, 1, 0},
	} {
		name := filepath.Join("streams", strings.ReplaceAll(strings.ReplaceAll(test.name, ",", ""), " ", "-"))
		names[name] = true
		header := fmt.Sprintf("stream: hexadecimal, and the packet\nwhy: %s\npackets: %d\ndamaged: %d", test.name, test.want, test.damaged)
		shown(t, name, header, vectors.Wrap([]byte(test.stream))+"\n"+vectors.Wrap(packet))
		for _, piece := range []int{1, 7, 1 << 16} {
			var d Deframer
			d.Reset(make([]byte, DeframerSize(len(packet))))
			got := all(&d, []byte(test.stream), piece)
			if len(got) != test.want {
				t.Errorf("%s in pieces of %d: got %d packets, want %d", test.name, piece, len(got), test.want)
			}
			for _, p := range got {
				if !bytes.Equal(p, packet) {
					t.Errorf("%s: got another packet", test.name)
				}
			}
			if d.Damaged() != test.damaged {
				t.Errorf("%s in pieces of %d: %d damaged, want %d", test.name, piece, d.Damaged(), test.damaged)
			}
		}
	}
	files, err := filepath.Glob("testdata/streams/*.txt")
	if err != nil || len(files) != len(names) {
		t.Errorf("%d files of streams, want %d, %v", len(files), len(names), err)
	}
}

// TestFragmentsOfOthers: clients that pad each line, or cut lines anywhere, are understood.
func TestFragmentsOfOthers(t *testing.T) {
	packet := []byte("a packet of some length, cut by another's rules")
	crc := CRC16(0, packet)
	n := len(packet) + 2
	raw := append([]byte{byte(n >> 8), byte(n)}, packet...)
	raw = append(raw, byte(crc>>8), byte(crc))
	for cut := 2; cut < len(raw); cut++ {
		stream := "\x06\x09" + base64.StdEncoding.EncodeToString(raw[:cut]) + "\n\x04\x14" + base64.StdEncoding.EncodeToString(raw[cut:]) + "\n"
		var d Deframer
		d.Reset(make([]byte, 100))
		if got := all(&d, []byte(stream), 5); len(got) != 1 || !bytes.Equal(got[0], packet) {
			t.Errorf("cut at %d: got %q", cut, got)
		}
	}
}

// TestDeframerIsBounded: a packet that does not fit is dropped, and the next one is found.
func TestDeframerIsBounded(t *testing.T) {
	small := []byte("small")
	var d Deframer
	d.Reset(make([]byte, DeframerSize(20)))
	stream := AppendFrames(nil, make([]byte, 21))
	stream = AppendFrames(stream, small)
	if got := all(&d, stream, 3); len(got) != 1 || !bytes.Equal(got[0], small) {
		t.Errorf("got %q", got)
	}
	var none Deframer
	if got := all(&none, stream, 3); len(got) != 0 {
		t.Errorf("zero value: got %q", got)
	}
}

// TestDeframerNoise: whatever happens to the line, only whole sent packets come out, and an undamaged
// frame behind the noise always does.
func TestDeframerNoise(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 2))
	var d Deframer
	d.Reset(make([]byte, DeframerSize(BufSize)))
	wrong := 0
	for range 2000 {
		packet := make([]byte, 1+rnd.IntN(400))
		for i := range packet {
			packet[i] = byte(rnd.Uint32())
		}
		framed := AppendFrames(nil, packet)
		noisy := bytes.Clone(framed)
		for range 1 + rnd.IntN(4) {
			switch i := rnd.IntN(len(noisy)); rnd.IntN(3) {
			case 0:
				noisy[i] ^= 1 << rnd.IntN(8)
			case 1:
				noisy = append(noisy[:i], noisy[i+1:]...)
			case 2:
				noisy = append(noisy[:i], append([]byte{byte(rnd.Uint32())}, noisy[i:]...)...)
			}
		}
		for _, p := range all(&d, noisy, 64) {
			if !bytes.Equal(p, packet) {
				wrong++ // a 16 bit CRC lets one in 65536 pass
			}
		}
		got := all(&d, framed, 64)
		if len(got) == 0 || !bytes.Equal(got[len(got)-1], packet) {
			t.Fatalf("the frame behind %q was lost", noisy)
		}
	}
	if wrong > 2 {
		t.Errorf("%d damaged packets passed", wrong)
	}
}

func TestFramingDoesNotAllocate(t *testing.T) {
	packet := make([]byte, BufSize)
	buf := make([]byte, 0, FramedSize(BufSize))
	var d Deframer
	mem := make([]byte, DeframerSize(BufSize))
	if n := testing.AllocsPerRun(10, func() {
		framed := AppendFrames(buf, packet)
		d.Reset(mem)
		if p, _ := d.Next(framed); len(p) != BufSize {
			t.Fatal("lost")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDeframer(f *testing.F) {
	f.Add(AppendFrames(nil, []byte("packet")), 3)
	f.Add(AppendFrames([]byte("log\n"), make([]byte, 300)), 50)
	f.Add([]byte("\x06\x09AAAA\n\x04\x14====\n"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		var a, b Deframer
		a.Reset(make([]byte, 200))
		b.Reset(make([]byte, 200))
		whole := all(&a, stream, 1<<20)
		for _, p := range whole {
			// What comes out is a packet: framed anew it comes out again.
			var d Deframer
			d.Reset(make([]byte, 200))
			if again := all(&d, AppendFrames(nil, p), 9); len(again) != 1 || !bytes.Equal(again[0], p) {
				t.Fatalf("%x does not come out again", p)
			}
		}
		if piece < 1 {
			piece = 1
		}
		parts := all(&b, stream, piece)
		if len(parts) != len(whole) || !same(&a, &b) {
			t.Fatalf("pieces of %d: %d packets, whole: %d", piece, len(parts), len(whole))
		}
	})
}

func same(a, b *Deframer) bool { return a.damaged == b.damaged && a.n == b.n }
