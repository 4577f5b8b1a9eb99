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

// Device has images of two slots each. In recovery its boot loader answers, as MCUboot's boot_serial does;
// otherwise its program does, as Zephyr's SMP server. The zero value of every option is MCUboot's default.
// A Device is used by one goroutine.
type Device struct {
	Key    ed25519.PublicKey // that its boot loader trusts
	Slots  [2][]byte         // of equal size, erased 0xff
	Others [][2][]byte       // of images 1, 2, ...; the list then tells each entry's image
	Align  int               // bytes that its flash programs at once; 0: 4
	Buffer int               // bytes of its receive buffer; 0: 512
	Lines  int               // console lines that wait while it works; 0: 8; further ones are lost

	Program bool   // a program runs, with an SMP server
	Quiet   bool   // the program that is started next has no server: nothing answers
	Tells   bool   // its recovery knows the parameters, tells hash and state, and takes marks
	NoHash  bool   // the list tells no hash; a mark is for slot 0 then, whatever it names
	Frugal  bool   // the program's list leaves false flags out; recovery always does
	Direct  bool   // upload numbers name slots: 0 and 1 slot 0, 2 slot 1 of image 0, 3 slot 0 of image 1
	NoEcho  bool   // echo is not built in
	Name    string // of the boot loader, which its program tells; empty: it does not know the question
	Old     bool   // drops headers of version 1

	Erase       time.Duration    // of a whole slot, before the first piece is answered
	EraseSector time.Duration    // not 0: sectors of 4 KiB are erased as they are reached, instead
	Swap        time.Duration    // a start with a trial takes so long, in which nobody listens
	Window      time.Duration    // after a start it waits so long for a command, and any keeps it in recovery
	Held        bool             // its recovery pin is held: a start ends in recovery, and nothing is tried
	Lose        func(n int) bool // whether the n-th whole packet, from 1, is lost before it arrives
	Mute        func(n int) bool // whether the n-th answer, from 1, is lost on its way

	line     []byte
	packet   []byte // decoded so far
	dropped  bool   // it was too long; its further lines are passed over
	quiet    bool
	away     time.Duration
	faults   []string
	packets  int
	answers  int
	uploads  upload
	erases   int
	sequence int
	last     []byte // packet before, for repetitions

	states   map[int]*state // by image
	restarts int
	sizes    []int // bytes of data of the pieces
}

// upload is what a server keeps of the upload under way, in RAM. A recovery forgets it at a restart, and
// keeps it when the upload is complete.
type upload struct {
	image, slot int
	off, length int
	erased      int    // bytes, where sectors are erased as they are reached
	sha         string // the program's: an upload of the same goes on
}

// state is that of an image's slots.
type state struct {
	pending, permanent bool // slot 1 is to be tried, or to be started for good
	trial              bool // slot 0 is on trial: the next start takes it back
	confirmed          bool // slot 0 was told to stay
}

// State of an image; its slots are as they come from the factory at first.
func (d *Device) state(image int) *state {
	if d.states == nil {
		d.states = make(map[int]*state)
	}
	if d.states[image] == nil {
		d.states[image] = &state{}
	}
	return d.states[image]
}

// images is how many there are.
func (d *Device) images() int { return 1 + len(d.Others) }

// slot is one of an image's two.
func (d *Device) slot(image, slot int) *[]byte {
	if image == 0 {
		return &d.Slots[slot]
	}
	return &d.Others[image-1][slot]
}

// Faults is what a strict device holds against the host.
func (d *Device) Faults() []string { return d.faults }

// Restarts is how often it was started by command.
func (d *Device) Restarts() int { return d.restarts }

// Pieces are the sizes of the pieces that arrived whole.
func (d *Device) Pieces() []int { return d.sizes }

// Confirmed reports whether the running image stays.
func (d *Device) Confirmed() bool { return d.state(0).confirmed && !d.state(0).trial }

// Erases is how often a whole slot was erased.
func (d *Device) Erases() int { return d.erases }

// Packets is how many whole ones have arrived.
func (d *Device) Packets() int { return d.packets }

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
	op := p[0] & 7
	if (op != 0 && op != 2) || p[0]&^(7|1<<3) != 0 || d.Old && p[0] != op {
		d.fault("operation and version %#x are dropped", p[0])
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
	body, worked := d.answer(op, binary.BigEndian.Uint16(p[4:]), p[7], p[8:])
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
	case group == 0 && id == 8 && op == 0 && d.Program && d.Name != "":
		return append(append([]byte{0xa1}, textItem("bootloader")...), textItem(d.Name)...), 0
	case group == 1 && id == 0 && op == 0:
		return d.list(), 0
	case group == 1 && id == 0 && op == 2 && (d.Program || d.Tells):
		return d.mark(m), 0
	case group == 1 && id == 1 && op == 2:
		return d.upload(m)
	case group >= 64:
		d.fault("command %d of group %d, which is its maker's own", id, group)
	}
	return rc(8), 0
}

// startTime is between the answer to a reset and the next byte that is heard.
const startTime = 400 * time.Millisecond

// restart starts the device, and swaps for a trial.
func (d *Device) restart() time.Duration {
	d.restarts++
	d.uploads, d.last = upload{}, nil
	if d.Held {
		d.Program = false
		return startTime
	}
	worked := startTime
	for image := range d.images() {
		s := d.state(image)
		one, two := d.slot(image, 0), d.slot(image, 1)
		switch {
		case s.pending:
			worked += d.Swap
			s.pending = false
			if _, _, ok := read(*two, d.Key); ok {
				*one, *two = *two, *one
				s.trial, s.confirmed = !s.permanent, s.permanent
			}
		case s.trial: // it did not confirm itself
			*one, *two = *two, *one
			s.trial = false
		}
	}
	_, _, ok := read(d.Slots[0], d.Key)
	d.Program, d.quiet = ok, d.Quiet
	return worked
}

// Pin keeps the device in recovery, as a command does that comes while it waits for one after a start.
func (d *Device) Pin() { d.Program = false }

// Silent reports whether nothing listens: a program without a server runs.
func (d *Device) Silent() bool { return d.Program && d.quiet }

// list is the image list: only what the boot loader would start.
func (d *Device) list() []byte {
	var entries [][]byte
	for image := range d.images() {
		for slot := range 2 {
			version, hash, ok := read(*d.slot(image, slot), d.Key)
			if ok {
				entries = append(entries, d.entry(image, slot, version, hash))
			}
		}
	}
	b := append([]byte{0xa1}, textItem("images")...)
	b = append(b, 0x80|byte(len(entries)))
	return append(b, bytes.Join(entries, nil)...)
}

func (d *Device) entry(image, slot int, version string, hash []byte) []byte {
	s := d.state(image)
	n := 2
	var e []byte
	if d.images() > 1 {
		n++
		e = append(append(e, textItem("image")...), byte(image))
	}
	e = append(append(e, textItem("slot")...), byte(slot))
	e = append(append(e, textItem("version")...), textItem(version)...)
	if (d.Tells || d.Program) && !d.NoHash {
		n++
		e = append(append(e, textItem("hash")...), bytesItem(hash)...)
	}
	if !d.Tells && !d.Program {
		return append([]byte{0xa0 | byte(n)}, e...)
	}
	for _, flag := range []struct {
		name string
		on   bool
	}{{"bootable", true}, {"pending", slot == 1 && s.pending}, {"confirmed", slot == 0 && !s.trial || slot == 1 && s.trial},
		{"active", d.Program && slot == 0}, {"permanent", slot == 1 && s.permanent}} {
		if flag.on || d.Program && !d.Frugal {
			n++
			e = append(append(e, textItem(flag.name)...), boolItem(flag.on))
		}
	}
	return append([]byte{0xa0 | byte(n)}, e...)
}

// mark sets the image state: a trial, or what is to stay. Recovery and program have the same rules.
func (d *Device) mark(m map[string]any) []byte {
	hash, _ := m["hash"].([]byte)
	confirm, _ := m["confirm"].(bool)
	if d.NoHash || hash == nil {
		// Without a hash it is about slot 0 of image 0, which can stay, and cannot be tried.
		switch {
		case d.images() > 1 && !d.NoHash:
			return rc(3)
		case confirm:
			d.state(0).trial, d.state(0).confirmed = false, true
		}
		return d.list()
	}
	for image := range d.images() {
		for slot := range 2 {
			if _, have, ok := read(*d.slot(image, slot), d.Key); !ok || !bytes.Equal(hash, have) {
				continue
			}
			s := d.state(image)
			switch {
			case slot == 0 && !confirm:
				return rc(3)
			case s.pending, s.trial && (slot == 1 || !confirm):
				return rc(6)
			case slot == 0:
				s.trial, s.confirmed = false, true
			default:
				s.pending, s.permanent = true, confirm
			}
			return d.list()
		}
	}
	return rc(5)
}

// place is the slot that an upload number names.
func (d *Device) place(number int) (image, slot int, ok bool) {
	image, slot = number, 0
	switch {
	case d.Direct:
		image, slot = max(number-1, 0)/2, max(number-1, 0)%2
	case d.Program:
		slot = 1
	}
	return image, slot, image < d.images()
}

// upload is one piece.
func (d *Device) upload(m map[string]any) ([]byte, time.Duration) {
	off, hasOff := m["off"].(uint64)
	data, hasData := m["data"].([]byte)
	length, hasLength := m["len"].(uint64)
	number, _ := m["image"].(uint64)
	sha, _ := m["sha"].([]byte)
	for key := range m {
		if !strings.Contains(" off data len sha image ", " "+key+" ") {
			d.fault("upload with key %q", key)
		}
	}
	if !hasOff || !hasData || len(data) == 0 || hasLength != (off == 0) {
		d.fault("upload with off %t, data of %d bytes, len %t", hasOff, len(data), hasLength)
		return rc(3), 0
	}
	u := &d.uploads
	var worked time.Duration
	if off == 0 {
		image, slot, ok := d.place(int(number))
		if !ok || length > uint64(len(*d.slot(image, slot))) {
			return rc(3), 0
		}
		// Only the program's server looks at the digest; a recovery begins anew, whatever there was.
		if d.Program && sha != nil && string(sha) == u.sha && u.off > 0 && u.off < u.length {
			return offset(u.off), 0
		}
		*u = upload{image: image, slot: slot, length: int(length), sha: string(sha)}
		if d.EraseSector == 0 {
			d.erases++
			worked = d.Erase
			fill(*d.slot(image, slot))
		}
	}
	if int(off) != u.off {
		return offset(u.off), worked
	}
	if u.off+len(data) > u.length {
		return rc(3), worked
	}
	flash := *d.slot(u.image, u.slot)
	for d.EraseSector != 0 && u.erased < u.off+len(data) {
		end := min(u.erased+4096, len(flash))
		fill(flash[u.erased:end])
		u.erased = end
		worked += d.EraseSector
	}
	d.sizes = append(d.sizes, len(data))
	align := d.Align
	if align == 0 {
		align = 4
	}
	n := len(data)
	if u.off+n < u.length {
		n -= n % align
	}
	for i, c := range data[:n] {
		if flash[u.off+i] != 0xff {
			d.fault("byte %#x is programmed twice", u.off+i)
		}
		flash[u.off+i] = c
	}
	u.off += n
	return offset(u.off), worked
}

func fill(b []byte) {
	for i := range b {
		b[i] = 0xff
	}
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
