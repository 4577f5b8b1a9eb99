package esp

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"unbrick/internal/standin"
	"unbrick/restore"
)

// host is a host of its own: it knows of the protocol what a test needs, and nothing of restore/esp.
type host struct {
	t     *testing.T
	chip  *Chip
	wire  *standin.Wire
	port  *standin.Port
	in    []byte // not looked at yet
	text  []byte // what was in no frame
	slip  slip
	extra int // bytes of a status
}

func newHost(t *testing.T, c Config, o standin.Options) *host {
	t.Helper()
	if o.Seed == 0 {
		o.Seed = 1
	}
	t.Logf("seed %d, %+v", o.Seed, c)
	ch := New(c)
	w := standin.New(ch, o)
	h := &host{t: t, chip: ch, wire: w, extra: ch.m.status()}
	if c.Port == OTG {
		return h
	}
	p, err := w.Open(115200)
	if err != nil {
		t.Fatal(err)
	}
	h.port = p
	return h
}

// down is a chip in its loader, synced and ready to write.
func down(t *testing.T, c Config) *host {
	h := newHost(t, c, standin.Options{})
	h.wire.Run(300 * time.Millisecond)
	h.classic()
	h.sync()
	h.ready()
	return h
}

func (h *host) lines(steps ...any) {
	h.t.Helper()
	for _, s := range steps {
		switch s := s.(type) {
		case string:
			if err := h.port.SetLines(s[0] == '1', s[1] == '1'); err != nil {
				h.t.Fatalf("lines %s: %v", s, err)
			}
		case int:
			h.wire.Run(time.Duration(s) * time.Millisecond)
		}
	}
}

func (h *host) classic() { h.lines("01", 100, "10", 50, "00", 100) }

// frame is the next one, or nil when none came in time. What is in none is text.
func (h *host) frame(wait time.Duration) []byte {
	h.t.Helper()
	end := h.port.Now() + wait
	for {
		for i, b := range h.in {
			f, wrong, outside := h.slip.add(b)
			if outside {
				h.text = append(h.text, b)
			}
			if wrong != "" && h.chip.rom.heard {
				h.t.Fatalf("the chip sent no frame: %s", wrong)
			}
			if f != nil {
				h.in = h.in[i+1:]
				return bytes.Clone(f)
			}
		}
		h.in = nil
		var p [4096]byte
		n, err := h.port.Read(p[:], max(0, end-h.port.Now()))
		if n == 0 {
			if !restore.IsTimeout(err) {
				h.t.Fatalf("read: %v", err)
			}
			return nil
		}
		h.in = append(h.in, p[:n]...)
	}
}

// heard is all that the chip says for so long, text or not.
func (h *host) heard(d time.Duration) string {
	h.t.Helper()
	all := append(h.text, h.in...)
	h.text, h.in, h.slip = nil, nil, slip{}
	for end := h.port.Now() + d; ; {
		var p [4096]byte
		n, err := h.port.Read(p[:], max(0, end-h.port.Now()))
		if n == 0 {
			if !restore.IsTimeout(err) {
				h.t.Fatalf("read: %v", err)
			}
			return string(all)
		}
		all = append(all, p[:n]...)
	}
}

func request(op byte, body []byte, sum byte) []byte {
	p := []byte{0, op}
	p = binary.LittleEndian.AppendUint16(p, uint16(len(body)))
	p = append(p, sum, 0, 0, 0)
	return wrap(append(p, body...))
}

func syncBody() []byte { return append([]byte{7, 7, 0x12, 0x20}, bytes.Repeat([]byte{0x55}, 32)...) }

// sync does what every host does: again, until it is answered. It takes all answers, whatever stands in front of them.
func (h *host) sync() {
	h.t.Helper()
	for try := range 5 {
		h.slip = slip{}
		h.send(request(sync, syncBody(), 0))
		n := 0
		for f := h.frame(100 * time.Millisecond); f != nil; f = h.frame(100 * time.Millisecond) {
			if len(f) == 8+h.extra && f[0] == 1 && f[1] == sync {
				n++
			}
		}
		if n > 0 {
			if try == 0 {
				h.t.Error("the first SYNC was answered")
			}
			if n != 8 {
				h.t.Errorf("%d answers to SYNC", n)
			}
			h.text = nil
			return
		}
	}
	h.t.Fatalf("no answer to SYNC; text %q, faults %q", h.text, h.chip.Notes)
}

func (h *host) send(p []byte) {
	h.t.Helper()
	if err := h.port.Write(p); err != nil {
		h.t.Fatal(err)
	}
}

func words(v ...uint32) (p []byte) {
	for _, w := range v {
		p = binary.LittleEndian.AppendUint32(p, w)
	}
	return p
}

// ask is one exchange: value, data, and the code of its status.
func (h *host) ask(op byte, body []byte) (value uint32, data []byte, code byte) {
	h.t.Helper()
	sum := byte(0)
	if (op == flashData || op == deflData) && len(body) >= 16 {
		sum = 0xef
		for _, b := range body[16:] {
			sum ^= b
		}
	}
	h.send(request(op, body, sum))
	return h.answer(op)
}

func (h *host) answer(op byte) (value uint32, data []byte, code byte) {
	h.t.Helper()
	f := h.frame(time.Minute)
	if len(f) < 8+h.extra || f[0] != 1 || int(binary.LittleEndian.Uint16(f[2:])) != len(f)-8 {
		h.t.Fatalf("command %#x: answer %x; faults %q", op, f, h.chip.Notes)
	}
	data = f[8 : len(f)-h.extra]
	st := f[len(f)-h.extra:]
	if st[0] > 1 || (st[0] == 0) != (st[1] == 0) {
		h.t.Fatalf("command %#x: status %x", op, st)
	}
	if f[1] != op && st[1] != badFormat {
		h.t.Fatalf("command %#x: answer %x", op, f)
	}
	return binary.LittleEndian.Uint32(f[4:]), data, st[1]
}

// must is ask of what has to go well.
func (h *host) must(op byte, body []byte) (uint32, []byte) {
	h.t.Helper()
	v, d, code := h.ask(op, body)
	if code != fine {
		h.t.Fatalf("command %#x: error %#x; faults %q", op, code, h.chip.Notes)
	}
	return v, d
}

// refused is ask of what must not go well.
func (h *host) refused(op byte, body []byte, want byte) {
	h.t.Helper()
	if _, _, code := h.ask(op, body); code != want {
		h.t.Errorf("command %#x, body %.40x: code %#x, want %#x", op, body, code, want)
	}
}

// unknown is ask of what the chip does not have: eight answers.
func (h *host) unknown(op byte, body []byte) {
	h.t.Helper()
	h.refused(op, body, badFormat)
	n := 1
	for ; h.frame(50*time.Millisecond) != nil; n++ {
	}
	if n != 8 {
		h.t.Errorf("command %#x: %d answers", op, n)
	}
}

// ready attaches the flash and sets its size.
func (h *host) ready() {
	h.t.Helper()
	if h.chip.m.is8266() {
		h.must(flashBegin, words(0, 0, block, 0))
		return
	}
	h.must(attach, words(0, 0))
	h.must(setParams, words(0, uint32(len(h.chip.Flash())), 0x10000, 0x1000, 0x100, 0xffff))
}

func (h *host) begin(op byte, size, blocks, at int) []byte {
	b := words(uint32(size), uint32(blocks), block, uint32(at))
	if !h.chip.m.old {
		b = append(b, 0, 0, 0, 0)
	}
	return b
}

func chunk(p []byte, seq int) []byte {
	return append(words(uint32(len(p)), uint32(seq), 0, 0), p...)
}

// write writes as every host does without a stub.
func (h *host) write(at int, p []byte) {
	h.t.Helper()
	blocks := (len(p) + block - 1) / block
	h.must(flashBegin, h.begin(flashBegin, len(p), blocks, at))
	for i := range blocks {
		b := bytes.Repeat([]byte{0xff}, block)
		copy(b, p[i*block:])
		h.must(flashData, chunk(b, i))
	}
}

// clean fails when the chip has seen a mistake.
func (h *host) clean() {
	h.t.Helper()
	if h.chip.Faults > 0 {
		h.t.Errorf("%d faults: %q", h.chip.Faults, h.chip.Notes)
	}
}

// noted fails when the chip has not seen a certain mistake.
func (h *host) noted(what string) {
	h.t.Helper()
	if !strings.Contains(strings.Join(h.chip.Notes, "\n"), what) {
		h.t.Errorf("no fault %q: %q", what, h.chip.Notes)
	}
}

// firmware is Sample.
func firmware(chip string, _, _ int) []byte { return Sample(chip) }
