package mcuboottest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// Device has two slots of flash. In recovery its boot loader answers, and takes an image for slot 0;
// otherwise its program does, and takes one for slot 1. The zero value of every option is MCUboot's
// default. A Device is used by one goroutine.
type Device struct {
	Key     ed25519.PublicKey // that its boot loader trusts
	Slots   [2][]byte         // of equal size, erased 0xff
	Align   int               // bytes that its flash programs at once; 0: 4
	Buffer  int               // bytes of its receive buffer; 0: 512
	Program bool              // a program runs, with an SMP server
	Quiet   bool              // the program that is started next has no server: nothing answers
	Tells   bool              // it knows the parameters, and lists hash and state
	Erase   time.Duration     // of a whole slot, before the first piece is answered
	Swap    time.Duration     // a start with a trial takes so long, in which nobody listens
	NoEcho  bool              // echo is not built in
	Lose    func(n int) bool  // whether the n-th whole packet, from 1, is lost before it arrives
	Mute    func(n int) bool  // whether the n-th answer, from 1, is lost on its way

	line     []byte
	packet   []byte // decoded so far
	dropped  bool   // it was too long; its further lines are passed over
	quiet    bool
	away     time.Duration
	faults   []string
	packets  int
	answers  int
	off      int // wanted next
	length   int
	sequence int
	last     []byte // packet before, for repetitions

	pending, confirmed bool // slot 1 is to be tried; slot 0 stays
	trial              bool // what runs is on trial
	restarts           int
	sizes              []int // bytes of data of the pieces
}

// Faults is what a strict device holds against the host.
func (d *Device) Faults() []string { return d.faults }

// Restarts is how often it was started by command.
func (d *Device) Restarts() int { return d.restarts }

// Pieces are the sizes of the pieces that arrived whole.
func (d *Device) Pieces() []int { return d.sizes }

// Confirmed reports whether the running image stays.
func (d *Device) Confirmed() bool { return d.confirmed && !d.trial }

func (d *Device) fault(format string, args ...any) {
	d.faults = append(d.faults, fmt.Sprintf(format, args...))
}

func (d *Device) buffer() int {
	if d.Buffer == 0 {
		return 512
	}
	return d.Buffer
}

// maxLine is the longest console line, markers and line feed included.
const maxLine = 127

// Take takes bytes from the host. It returns the device's answer, how long it works before it gives it, and
// how long it does not listen afterwards.
func (d *Device) Take(b []byte) (answer []byte, worked, away time.Duration) {
	d.away = 0
	for _, c := range b {
		d.line = append(d.line, c)
		if c != '\n' {
			if len(d.line) > 4*maxLine {
				d.line = d.line[:0]
				d.fault("more than %d bytes without a line feed", 4*maxLine)
			}
			continue
		}
		a, w := d.takeLine(d.line)
		d.line = d.line[:0]
		answer, worked = append(answer, a...), worked+w
	}
	return answer, worked, d.away
}

// takeLine is one console line, line feed included.
func (d *Device) takeLine(line []byte) ([]byte, time.Duration) {
	switch {
	case bytes.LastIndexByte(line, 6) > 0:
		d.packet = nil // the cable came out inside a line
		return nil, 0
	case bytes.HasPrefix(line, []byte{6, 9}):
		d.packet, d.dropped = nil, false
	case bytes.HasPrefix(line, []byte{4, 20}) && d.dropped:
		return nil, 0
	case bytes.HasPrefix(line, []byte{4, 20}):
		if len(d.packet) == 0 {
			d.fault("a line goes on where no packet began")
			return nil, 0
		}
	default:
		return nil, 0 // of the console
	}
	if len(line) > maxLine {
		d.fault("line of %d bytes", len(line))
		d.packet = nil
		return nil, 0
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(string(line[2 : len(line)-1]))
	if err != nil {
		d.fault("base64: %v", err)
		d.packet = nil
		return nil, 0
	}
	d.packet = append(d.packet, decoded...)
	if len(d.packet) > d.buffer() {
		d.packet, d.dropped = nil, true // nothing tells the host but silence
		return nil, 0
	}
	if len(d.packet) < 2 || int(binary.BigEndian.Uint16(d.packet)) != len(d.packet)-2 {
		return nil, 0
	}
	whole := d.packet[2:]
	d.packet = nil
	if crc(whole) != 0 || len(whole) < 2+8 {
		d.fault("packet of %d bytes with a bad CRC", len(whole))
		return nil, 0
	}
	d.packets++
	if d.Lose != nil && d.Lose(d.packets) {
		return nil, 0
	}
	body, worked := d.take(whole[:len(whole)-2])
	if body == nil {
		return nil, worked
	}
	d.answers++
	if d.Mute != nil && d.Mute(d.answers) {
		return nil, worked
	}
	return frame(body), worked
}

// take is one packet. A header that the boot loader would drop is dropped here too.
func (d *Device) take(p []byte) ([]byte, time.Duration) {
	if p[0] != 0 && p[0] != 2 {
		if d.Program && (p[0] == 8 || p[0] == 10) {
			d.fault("version 1 to a server that this host should know as foreign")
		} else {
			d.fault("operation and version %#x: boot_serial drops all but 0 and 2", p[0])
		}
		return nil, 0
	}
	if int(binary.BigEndian.Uint16(p[2:])) != len(p)-8 || p[1] != 0 {
		d.fault("header %x of a packet of %d bytes", p[:8], len(p))
		return nil, 0
	}
	if d.last != nil && int(p[6]) == d.sequence && !bytes.Equal(p, d.last) {
		d.fault("sequence %d for two different requests", p[6])
	}
	d.sequence, d.last = int(p[6]), bytes.Clone(p)
	body, worked := d.answer(p[0], binary.BigEndian.Uint16(p[4:]), p[7], p[8:])
	if body == nil {
		return nil, worked
	}
	h := []byte{p[0] + 1, 0, 0, 0, p[4], p[5], p[6], p[7]}
	binary.BigEndian.PutUint16(h[2:], uint16(len(body)))
	return append(h, body...), worked
}

// answer is the body for one request.
func (d *Device) answer(op byte, group uint16, id byte, body []byte) ([]byte, time.Duration) {
	m, err := decode(body)
	if err != nil {
		d.fault("body %x: %v", body, err)
		return rc(3), 0
	}
	switch {
	case group == 0 && id == 0 && !d.NoEcho:
		text, ok := m["d"].(string)
		if !ok || len(m) != 1 {
			return rc(3), 0
		}
		return append([]byte{0xa1, 0x61, 'r'}, textItem(text)...), 0
	case group == 0 && id == 5 && op == 2:
		d.away = d.restart()
		return rc(0), 0
	case group == 0 && id == 6 && op == 0 && d.Tells:
		b := append([]byte{0xa2}, textItem("buf_size")...)
		b = append(b, numberItem(uint64(d.buffer()))...)
		b = append(b, textItem("buf_count")...)
		return append(b, 1), 0
	case group == 1 && id == 0 && op == 0:
		return d.list(), 0
	case group == 1 && id == 0 && op == 2 && d.Program:
		return d.mark(m), 0
	case group == 1 && id == 1 && op == 2:
		return d.upload(m)
	}
	return rc(8), 0
}

// startTime is between the answer to a reset and the next byte that is heard.
const startTime = 400 * time.Millisecond

// restart starts the device, and swaps for a trial.
func (d *Device) restart() time.Duration {
	d.restarts++
	d.off, d.length, d.last = 0, 0, nil
	worked := startTime
	switch {
	case d.pending:
		worked = d.Swap
		if _, _, ok := read(d.Slots[1], d.Key); ok {
			d.Slots[0], d.Slots[1] = d.Slots[1], d.Slots[0]
			d.trial = true
		}
		d.pending = false
	case d.trial: // it did not confirm itself
		d.Slots[0], d.Slots[1] = d.Slots[1], d.Slots[0]
		d.trial = false
	}
	_, _, ok := read(d.Slots[0], d.Key)
	d.Program, d.quiet = ok, d.Quiet
	return worked
}

// Silent reports whether nothing listens: a program without a server runs.
func (d *Device) Silent() bool { return d.Program && d.quiet }

// list is the image list: only what the boot loader would start.
func (d *Device) list() []byte {
	var entries [][]byte
	for slot := range d.Slots {
		version, hash, ok := read(d.Slots[slot], d.Key)
		if !ok {
			continue
		}
		n := 2
		e := append(append(textItem("slot"), byte(slot)), textItem("version")...)
		e = append(e, textItem(version)...)
		if d.Tells || d.Program {
			n += 6
			e = append(append(e, textItem("hash")...), bytesItem(hash)...)
			for _, flag := range []struct {
				name string
				on   bool
			}{{"bootable", true}, {"pending", slot == 1 && d.pending}, {"confirmed", slot == 0 && !d.trial},
				{"active", slot == 0}, {"permanent", false}} {
				e = append(append(e, textItem(flag.name)...), boolItem(flag.on))
			}
		}
		entries = append(entries, append([]byte{0xa0 | byte(n)}, e...))
	}
	b := append([]byte{0xa1}, textItem("images")...)
	b = append(b, 0x80|byte(len(entries)))
	return append(b, bytes.Join(entries, nil)...)
}

// mark is the image state of a running server: a trial, or the confirmation of what runs.
func (d *Device) mark(m map[string]any) []byte {
	hash, _ := m["hash"].([]byte)
	confirm, _ := m["confirm"].(bool)
	_, running, _ := read(d.Slots[0], d.Key)
	_, other, ok := read(d.Slots[1], d.Key)
	switch {
	case confirm && (hash == nil || bytes.Equal(hash, running)):
		d.trial, d.confirmed = false, true
	case !confirm && ok && bytes.Equal(hash, other):
		d.pending = true
	default:
		return rc(3)
	}
	return d.list()
}

// upload is one piece.
func (d *Device) upload(m map[string]any) ([]byte, time.Duration) {
	off, hasOff := m["off"].(uint64)
	data, hasData := m["data"].([]byte)
	length, hasLength := m["len"].(uint64)
	for key := range m {
		if !strings.Contains(" off data len sha image ", " "+key+" ") {
			d.fault("upload with key %q", key)
		}
	}
	if !hasOff || !hasData || len(data) == 0 || hasLength != (off == 0) {
		d.fault("upload with off %t, data of %d bytes, len %t", hasOff, len(data), hasLength)
		return rc(3), 0
	}
	if image, ok := m["image"].(uint64); ok && image > 0 {
		return rc(5), 0
	}
	slot := 0
	if d.Program {
		slot = 1
	}
	var worked time.Duration
	if off == 0 {
		if length > uint64(len(d.Slots[slot])) {
			return rc(3), 0
		}
		for i := range d.Slots[slot] {
			d.Slots[slot][i] = 0xff
		}
		d.off, d.length, worked = 0, int(length), d.Erase
	}
	if int(off) != d.off {
		return offset(d.off), worked
	}
	if d.off+len(data) > d.length {
		return rc(3), worked
	}
	d.sizes = append(d.sizes, len(data))
	align := d.Align
	if align == 0 {
		align = 4
	}
	n := len(data)
	if d.off+n < d.length {
		n -= n % align
	}
	for i, c := range data[:n] {
		if d.Slots[slot][d.off+i] != 0xff {
			d.fault("byte %#x is programmed twice", d.off+i)
		}
		d.Slots[slot][d.off+i] = c
	}
	d.off += n
	return offset(d.off), worked
}

func rc(code byte) []byte { return append([]byte{0xa1, 0x62, 'r', 'c'}, code) }

func offset(off int) []byte {
	b := append([]byte{0xa2, 0x62, 'r', 'c', 0}, textItem("off")...)
	return append(b, numberItem(uint64(off))...)
}

// crc is the CRC-16/XMODEM, bit by bit.
func crc(b []byte) uint16 {
	var c uint16
	for _, x := range b {
		for bit := 7; bit >= 0; bit-- {
			top := c>>15 ^ uint16(x>>bit&1)
			c <<= 1
			if top != 0 {
				c ^= 0x1021
			}
		}
	}
	return c
}

// frame is the console framing of boot_serial: all in base64, then cut into lines.
func frame(packet []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(packet)+2))
	b = append(b, packet...)
	b = binary.BigEndian.AppendUint16(b, crc(packet))
	text := base64.StdEncoding.EncodeToString(b)
	var out []byte
	for first := true; len(text) > 0; first = false {
		n := min(len(text), 124)
		mark := []byte{4, 20}
		if first {
			mark = []byte{6, 9}
		}
		out = append(append(append(out, mark...), text[:n]...), '\n')
		text = text[n:]
	}
	return out
}
