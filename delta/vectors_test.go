package delta_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/internal/vectors"
)

// vector is one scenario for decoders in any language: a text header of "name: value" lines, a blank
// line, and the bytes of file, checkpoint if there is one, old and new image one after the other. With a checkpoint decoding goes on
// from there, and old is the flash as it is then. Of what is refused reason says why, in words of this decoder; of what is not, steps,
// reads and built are what was counted.
type vector struct {
	comment, geometry string
	erased            byte
	expect            string // "ok" or "refused"
	reason            string
	work              delta.Work
	built             uint32
	file, old, new    []byte
	checkpoint        []byte // nil: from the beginning
}

func (v *vector) marshal() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "comment: %s\ngeometry: %s\nerased: %02x\nexpect: %s\n", v.comment, v.geometry, v.erased, v.expect)
	if v.expect == "ok" {
		fmt.Fprintf(&b, "steps: %d\nreads: %d\nbuilt: %d\n", v.work.Steps, v.work.Reads, v.built)
	} else {
		fmt.Fprintf(&b, "reason: %s\n", v.reason)
	}
	fmt.Fprintf(&b, "file: %d\n", len(v.file))
	if v.checkpoint != nil {
		fmt.Fprintf(&b, "checkpoint: %d\n", len(v.checkpoint))
	}
	fmt.Fprintf(&b, "old: %d\nnew: %d\n\n", len(v.old), len(v.new))
	for _, part := range [][]byte{v.file, v.checkpoint, v.old, v.new} {
		b.Write(part)
	}
	return b.Bytes()
}

func parseVector(t testing.TB, b []byte) *vector {
	t.Helper()
	head, payload, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok {
		t.Fatal("no blank line")
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(head)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		fields[name] = value
	}
	number := func(name string, base, bits int) uint64 {
		n, err := strconv.ParseUint(fields[name], base, bits)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	take := func(name string) []byte {
		n := number(name, 10, 31)
		if n > uint64(len(payload)) {
			t.Fatalf("%s: %q", name, fields[name])
		}
		part := payload[:n]
		payload = payload[n:]
		return part
	}
	v := &vector{comment: fields["comment"], geometry: fields["geometry"], erased: byte(number("erased", 16, 8)), expect: fields["expect"], reason: fields["reason"]}
	if v.expect == "ok" {
		v.work, v.built = delta.Work{Steps: number("steps", 10, 64), Reads: number("reads", 10, 64)}, uint32(number("built", 10, 32))
	}
	v.file = take("file")
	if fields["checkpoint"] != "" {
		v.checkpoint = take("checkpoint")
	}
	v.old, v.new = take("old"), take("new")
	if len(payload) != 0 {
		t.Fatalf("%d bytes behind the payload", len(payload))
	}
	return v
}

func readVector(t testing.TB, name string) *vector {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".vector"))
	if err != nil {
		t.Fatal(err)
	}
	return parseVector(t, b)
}

var errElsewhere = errors.New("leads elsewhere")

// run decodes the vector's file and returns an error unless it leads to the new image, and what was counted.
func (v *vector) run(t *testing.T) (work delta.Work, built uint32, err error) {
	t.Helper()
	area, err := flash.ParseGeometry(v.geometry, 0)
	if err != nil {
		t.Fatal(err)
	}
	area.Erased = v.erased
	board := flash.Bytes(bytes.Repeat([]byte{v.erased}, int(area.Size())))
	copy(board, v.old)
	h, err := delta.ParseHeader(v.file)
	if err != nil {
		return work, 0, err
	}
	var d delta.Decoder
	if err := d.Open(v.file, &area, board, make([]byte, h.Memory())); err != nil {
		return work, 0, err
	}
	if v.checkpoint != nil {
		if err := d.Resume(v.checkpoint); err != nil {
			return work, 0, err
		}
	}
	for {
		s, data, err := d.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return work, 0, err
		}
		addr, _ := area.Sector(s)
		copy(board[addr:], data)
	}
	want := bytes.Repeat([]byte{v.erased}, int(area.Size()))
	copy(want, v.new)
	end, size := area.Sector(area.SectorAt(uint32(len(v.new) - 1)))
	if !bytes.Equal(board[:end+size], want[:end+size]) {
		return work, 0, errElsewhere
	}
	return d.Work(), d.Built(), nil
}

// settle fills in what a vector expects.
func (v *vector) settle(t *testing.T, name string) {
	t.Helper()
	work, built, err := v.run(t)
	if (err == nil) != (v.expect == "ok") || errors.Is(err, errElsewhere) {
		t.Fatalf("%s: %s: %v, want %s", name, v.comment, err, v.expect)
	}
	if err != nil {
		v.reason = err.Error()
	} else {
		v.work, v.built = work, built
	}
}

func vectorNames(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.vector")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestVectors(t *testing.T) {
	if *vectors.Update {
		all := makeVectors(t)
		for name, v := range all {
			v.settle(t, name)
		}
		for _, name := range vectorNames(t) {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		for name, v := range all {
			if err := os.WriteFile(filepath.Join("testdata", name+".vector"), v.marshal(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	names := vectorNames(t)
	if len(names) < 80 {
		t.Fatalf("%d vectors", len(names))
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			v := parseVector(t, b)
			if !bytes.Equal(v.marshal(), b) {
				t.Error("the header is not written like this")
			}
			work, built, err := v.run(t)
			switch {
			case v.expect == "ok" && err == nil:
				if work != v.work || built != v.built {
					t.Errorf("%s: %v for %d bytes, want %v for %d", v.comment, work, built, v.work, v.built)
				}
			case v.expect == "ok" || err == nil || err.Error() != v.reason:
				t.Errorf("%s: %v, want %s: %s", v.comment, err, v.expect, v.reason)
			}
			if v.expect == "ok" {
				v.reencodes(t)
			}
		})
	}
}

// reencodes: what is accepted is written alike.
func (v *vector) reencodes(t *testing.T) {
	t.Helper()
	h, err := delta.ParseHeader(v.file)
	if err != nil {
		t.Fatal(err)
	}
	control, data := h.Streams(v.file)
	if again := h.Append(nil, control, data); !bytes.Equal(again, v.file) {
		t.Errorf("written again as % x", again)
	}
}
