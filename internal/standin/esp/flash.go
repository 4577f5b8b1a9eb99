package esp

import (
	"crypto/md5"
	"encoding/hex"
	"time"
)

// writing is what BEGIN, DATA and END have to do with each other.
type writing struct {
	allowed bool // SPI_SET_PARAMS was there; ESP8266: FLASH_BEGIN of nothing
	op      byte // of BEGIN; 0: none
	at      int  // where the next byte goes
	left    int  // bytes that were announced and are not written; for DEFL
	blocks  uint32
	next    uint32 // number of the next block
	encrypt bool
	inflate *inflater
	held    []byte // of DEFL, not written yet
	broken  byte   // why every DEFL_DATA fails
}

// ready says whether the flash can be worked on there.
func (l *loader) ready(at, size uint32) bool {
	if uint64(at)+uint64(size) > romLimit && int(at) < l.size {
		l.ch.Fault("an address beyond 16 MiB, where the flash begins at 0 again")
	}
	return l.attached && l.write.allowed && uint64(at)+uint64(size) <= uint64(l.size)
}

// cells is a part of the flash, as three bytes of address reach it.
func (l *loader) cells(at, size uint32) []byte {
	p := make([]byte, size)
	for i := range p {
		p[i] = l.ch.flash.Data[(int(at)+i)%romLimit]
	}
	return p
}

// beginWrite erases.
func (l *loader) beginWrite(op byte, body []byte) {
	ch := l.ch
	size, blocks, length, at := word(body, 0), word(body, 1), word(body, 2), word(body, 3)
	refuse := func(code byte, why string) {
		ch.Fault(why)
		ch.Refused++
		if size > 0 {
			ch.Unwritten++
		}
		l.reply(op, nil, code)
	}
	encrypt := len(body) == 20 && word(body, 4) == 1
	switch {
	case len(body) == 20 && word(body, 4) > 1:
		refuse(badParam, "encryption that is neither 0 nor 1")
		return
	case length != block:
		refuse(badParam, "blocks of another size than 400h")
		return
	case encrypt && (!ch.c.Encrypted || ch.c.Release || ch.c.SecureDownload):
		refuse(failed, "the chip was to encrypt, which it must not")
		return
	case encrypt && at%16 != 0:
		refuse(badParam, "an address for encryption that is not a multiple of 16")
		return
	case op == deflBegin && (size%block != 0 || size == 0):
		refuse(badParam, "an uncompressed size that is not a multiple of 400h")
		return
	}
	if ch.m.is8266() {
		l.attached, l.write.allowed, l.size = true, true, len(ch.flash.Data)
	}
	if size > 0 && !l.ready(at, size) {
		refuse(failed, "erasing before the flash was attached and its size set, or beyond that")
		return
	}
	if size > 0 {
		ch.Writes++
	}
	broken := l.write.broken
	l.write = writing{allowed: l.write.allowed, op: op, at: int(at), left: int(size), blocks: blocks, encrypt: encrypt, broken: broken}
	if op == deflBegin {
		l.write.inflate = &inflater{}
	}
	from, n := int(at)/sector, 0
	if size > 0 {
		n = (int(at)+int(size)+sector-1)/sector - from
	}
	if ch.m.is8266() {
		// It counts the sectors in front of a boundary of 64 KiB twice.
		n = (int(size) + sector - 1) / sector
		n += min(16-from%16, n)
	}
	l.erase(op, from, n)
}

// erase erases n sectors, one after the other, and answers then.
func (l *loader) erase(op byte, from, n int) {
	ch := l.ch
	if n == 0 {
		l.reply(op, nil, fine)
		return
	}
	d := ch.c.Times.Erase
	if d == 0 {
		d = ch.w.Between(40*time.Millisecond, 150*time.Millisecond)
	}
	l.busy = true
	ch.later(d, func() {
		if !ch.c.Locked {
			ch.flash.Erase(from * sector % romLimit)
		}
		if n == 1 {
			l.work(0, func() { l.reply(op, nil, fine) })
			return
		}
		l.erase(op, from+1, n-1)
	})
}

// data is a block.
func (l *loader) data(op byte, body []byte, sum uint32) {
	ch, w := l.ch, &l.write
	refuse := func(code byte, why string) {
		ch.Fault(why)
		ch.Refused++
		ch.Unwritten++
		l.reply(op, nil, code)
	}
	if len(body) < 16 || uint32(len(body)-16) != word(body, 0) {
		refuse(badFormat, "a block whose length is not that of its data")
		return
	}
	p := body[16:]
	check := byte(0xef)
	for _, b := range p {
		check ^= b
	}
	switch begin := op - 1; {
	case op == flashData && len(p) != block, len(p) == 0 || len(p) > block:
		refuse(badParam, "a block that is not 400h bytes")
		return
	case word(body, 2) != 0 || word(body, 3) != 0:
		refuse(badParam, "a block with something in its reserved words")
		return
	case uint32(check) != sum:
		// Noise on the line does that, too: it is no mistake of the host.
		l.reply(op, nil, badChecksum)
		return
	case w.op != begin || !l.attached || !w.allowed:
		refuse(failed, "a block without a BEGIN")
		return
	case op == deflData && w.broken != fine:
		refuse(w.broken, "a block behind one that could not be inflated")
		return
	case word(body, 1) != w.next:
		refuse(badParam, "a block that is not the next one")
		return
	case w.next >= w.blocks:
		refuse(failed, "more blocks than were announced")
		return
	}
	ch.Writes++
	w.next++
	if op == flashData {
		l.work(ch.c.Times.Program, func() { l.reply(op, nil, l.program(p)) })
		return
	}
	out, err := w.inflate.add(p)
	switch {
	case err != nil:
		w.broken = badDeflate
		if err == errAdler {
			w.broken = badAdler
		}
	case len(out) > w.left:
		w.broken = badSize
	}
	if w.broken != fine {
		ch.Fault("data that cannot be inflated, or more than was announced")
		l.reply(op, nil, w.broken)
		return
	}
	w.left -= len(out)
	w.held = append(w.held, out...)
	n := max(0, (len(w.held)-1)/block*block) // the last 1 to 1,024 bytes stay
	if w.inflate.done && ch.c.WritesTail {
		n = len(w.held)
	}
	l.work(ch.c.Times.Program*time.Duration(n/block)+ch.c.Times.Program/4, func() {
		l.reply(op, nil, l.program(w.held[:n]))
		w.held = w.held[n:]
	})
}

// program writes on, and looks whether it is there.
func (l *loader) program(p []byte) byte {
	ch, w := l.ch, &l.write
	at := w.at
	w.at += len(p)
	if at+len(p) > l.size { // blocks may be more than what was erased
		ch.Fault("writing beyond the size that was set")
		return failed
	}
	if ch.c.Locked {
		return fine
	}
	if w.encrypt {
		p = append([]byte(nil), p...)
		crypt(at, p)
	}
	if !ch.flash.Program(at%romLimit, p) {
		ch.Fault("writing where the flash was not erased")
		return badWrite
	}
	return fine
}

// endWrite leaves the loader. Nothing after its answer is answered.
func (l *loader) endWrite(op byte, body []byte) {
	ch, w := l.ch, &l.write
	how := word(body, 0)
	if how > 1 || w.op != op-2 {
		ch.Fault("an END without its BEGIN, or of an unknown kind")
		l.reply(op, nil, failed)
		return
	}
	code := byte(fine)
	if op == deflEnd {
		if len(w.held) > 0 && w.broken == fine {
			code = l.program(w.held)
		}
		w.held = nil
		if !w.inflate.done {
			code = badDeflate
		}
	}
	l.reply(op, nil, code)
	ch.state = booting
	ch.life++
	ch.later(20*time.Millisecond, func() {
		if how == 0 {
			ch.reset(false, ch.m.bySoftware())
			return
		}
		ch.leave()
		ch.listen()
		ch.cause = ch.m.bySoftware()
		ch.start()
	})
}

// md5 answers with text.
func (l *loader) md5(body []byte) {
	at, size := word(body, 0), word(body, 1)
	if word(body, 2) != 0 || word(body, 3) != 0 || !l.ready(at, size) {
		l.ch.Fault("a digest before the flash was attached and its size set, or beyond that")
		l.reply(flashMD5, nil, failed)
		return
	}
	l.work(time.Duration(float64(size)/1e6*float64(l.ch.c.Times.MD5)), func() {
		sum := md5.Sum(l.cells(at, size))
		l.reply(flashMD5, []byte(hex.EncodeToString(sum[:])), fine)
	})
}

// readSlow always answers with 64 bytes.
func (l *loader) readSlow(body []byte) {
	at, n := word(body, 0), word(body, 1)
	switch {
	case n == 0 || n > 64:
		l.ch.Fault("reading nothing, or more than 64 bytes")
		l.reply(readSlow, nil, badLength)
		return
	case !l.ready(at, n):
		l.ch.Fault("reading before the flash was attached and its size set, or beyond that")
		l.reply(readSlow, nil, failed)
		return
	}
	p := make([]byte, 64)
	for i := copy(p, l.cells(at, n)); i < len(p); i++ {
		p[i] = byte(l.ch.w.Random())
	}
	l.reply(readSlow, p, fine)
}
