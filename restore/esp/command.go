package esp

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"time"
)

// Requests of the ROM (esptool, "Serial Protocol").
const (
	opFlashBegin   = 0x02
	opFlashData    = 0x03
	opFlashEnd     = 0x04
	opSync         = 0x08
	opWriteReg     = 0x09
	opReadReg      = 0x0a
	opParams       = 0x0b
	opAttach       = 0x0d
	opReadSlow     = 0x0e
	opBaud         = 0x0f
	opDeflateBegin = 0x10
	opDeflateData  = 0x11
	opMD5          = 0x13
	opSecurity     = 0x14
)

const (
	block    = 0x400 // bytes of a data block
	sector   = 0x1000
	ring     = 16 << 20 // bytes that the ROM's addresses of 24 bits reach
	patient  = 3 * time.Second
	perMB    = 40 * time.Second // of erasing
	md5PerMB = 8 * time.Second
	mega     = 1e6
)

// within is how long a work on n bytes may take.
func within(n int, perMB time.Duration) time.Duration {
	return max(patient, time.Duration(float64(n)/mega*float64(perMB)))
}

// syncBody is what SYNC has: the ROM of some chips measures the speed by its many 55.
var syncBody = append([]byte{0x07, 0x07, 0x12, 0x20}, repeated(0x55, 32)...)

func repeated(b byte, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = b
	}
	return p
}

func (r *rom) readReg(ctx context.Context, addr uint32) (uint32, error) {
	_, v, err := r.ask(ctx, request{op: opReadReg, name: "read a register", quick: true, body: words(addr), wait: patient, tries: 3})
	return v, err
}

// sure reads a register until two readings in a row agree: answers have no checksum.
func (r *rom) sure(ctx context.Context, addr uint32) (uint32, error) {
	last, err := r.readReg(ctx, addr)
	for range 4 {
		if err != nil {
			return 0, err
		}
		var v uint32
		if v, err = r.readReg(ctx, addr); err == nil && v == last {
			return v, nil
		}
		last = v
	}
	if err == nil {
		err = errLost
	}
	return 0, err
}

func (r *rom) writeReg(ctx context.Context, addr, value uint32) error {
	q := request{op: opWriteReg, name: "write a register", quick: true, body: words(addr, value, 0xffffffff, 0), wait: patient, tries: 3}
	_, _, err := r.ask(ctx, q)
	return err
}

// security asks for flags, count and chip of a chip that has protections; 12 or 20 bytes.
func (r *rom) security(ctx context.Context) ([]byte, error) {
	data, _, err := r.ask(ctx, request{op: opSecurity, name: "tell its protections", quick: true, want: -1, wait: patient, tries: 2})
	return append([]byte(nil), data...), err
}

// attach connects the ROM with the flash at some pads; 0: the usual ones.
func (r *rom) attach(ctx context.Context, pads uint32) error {
	_, _, err := r.ask(ctx, request{op: opAttach, name: "attach the flash", quick: true, body: words(pads, 0), wait: patient, tries: 3})
	return err
}

// params tells the ROM how large the flash is.
func (r *rom) params(ctx context.Context, size uint32) error {
	body := words(0, size, 0x10000, 0x1000, 0x100, 0xffff)
	_, _, err := r.ask(ctx, request{op: opParams, name: "take the flash's size", quick: true, body: body, wait: patient, tries: 3})
	return err
}

// digest asks for the MD5 of a piece of flash.
func (r *rom) digest(ctx context.Context, addr uint32, n int, told func()) (sum [md5.Size]byte, err error) {
	q := request{op: opMD5, name: "compute a digest", body: words(addr, uint32(n), 0, 0), want: 2 * md5.Size,
		wait: within(n, md5PerMB), tries: 3, tick: told}
	for try := range 2 { // what is no digest was damaged
		var data []byte
		if data, _, err = r.ask(ctx, q); err != nil {
			return sum, err
		}
		if _, bad := hex.Decode(sum[:], data); bad == nil {
			return sum, nil
		}
		r.lost |= 1
		if try == 0 {
			r.line.Repeat()
		}
	}
	return sum, errShort
}

// readSlow reads at most 64 bytes of flash; the answer has always 64.
func (r *rom) readSlow(ctx context.Context, addr uint32, p []byte) error {
	q := request{op: opReadSlow, name: "read its flash", quick: true, body: words(addr, uint32(len(p))), want: slowRead,
		wait: patient, tries: 3}
	data, _, err := r.ask(ctx, q)
	copy(p, data)
	return err
}

// begin is FLASH_BEGIN or DEFL_BEGIN: erase bytes from addr on are erased, and blocks may follow. The fifth word is one that the 8266 and
// the ESP32 do not know.
func (l *Loader) begin(ctx context.Context, op byte, addr uint32, erase, blocks int, told func()) error {
	if err := l.allowed(addr, max(erase, blocks*block)); err != nil && (erase > 0 || blocks > 0) {
		return err
	}
	body := words(uint32(erase), uint32(blocks), block, addr)
	if l.chip.fifth {
		body = append(body, words(l.encrypt())...)
	}
	if erase > 0 || blocks > 0 {
		l.touch()
	}
	q := request{op: op, name: "erase its flash", body: body, wait: within(erase, perMB), tries: 3, tick: told}
	_, _, err := l.rom.ask(ctx, q)
	return err
}

// data sends a block of a begin. A plain one may be sent again, as the flash takes the same bytes twice; a deflated one never, as the
// ROM may have it already.
func (l *Loader) data(ctx context.Context, op byte, seq int, p []byte, wait time.Duration) error {
	q := request{op: op, name: "write its flash", body: words(uint32(len(p)), uint32(seq), 0, 0), data: p, wait: wait, tries: 3}
	if op == opDeflateData {
		q.tries = 1
	}
	_, _, err := l.rom.ask(ctx, q)
	return err
}
