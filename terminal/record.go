package terminal

import (
	"encoding/binary"
	"hash/crc32"

	"unbrick/protocol"
	"unbrick/release"
)

// State is what a record says of the software area.
type State uint8

// The states of a record.
const (
	Installed State = 1 + iota // it holds the image of To
	Rewriting                  // it is on its way from the image of From to the image of To
)

func (s State) String() string {
	switch s {
	case Installed:
		return "installed"
	case Rewriting:
		return "rewriting"
	}
	return "none"
}

// record is the content of one record sector: all that the device knows of its software, whole in each.
// An `installed` record keeps in From the predecessor that may return until To confirmed itself.
type record struct {
	sequence  uint32
	state     State
	confirmed bool   // of the installed release; while rewriting, of From
	retired   uint8  // key slots no longer trusted, one bit each
	floor     uint64 // least security counter that is accepted
	report    report
	fromLen   int
	toLen     int
	fromBytes [release.MaxManifest]byte
	toBytes   [release.MaxManifest]byte
	// doubt names sectors of the software area that were doubtful when the record was written. With doubtAll all
	// are; if some are named, these and all behind the image that is installed.
	doubt    [maxDoubt]uint16
	doubts   int
	doubtAll bool
}

// report is what the next session tells of the last rewrite.
type report struct {
	verdict      protocol.Verdict
	fault        protocol.Fault
	erases       uint32
	recordErases uint32
	failed       uint32
	from, to     release.Digest
	dead         [maxDead]uint32
	deads        int
}

func (r *record) from() []byte { return r.fromBytes[:r.fromLen] }
func (r *record) to() []byte   { return r.toBytes[:r.toLen] }

func (r *record) setFrom(signed []byte) { r.fromLen = copy(r.fromBytes[:], signed) }
func (r *record) setTo(signed []byte)   { r.toLen = copy(r.toBytes[:], signed) }

// Limits of a record.
const (
	maxDoubt   = 128 // doubtful sectors named one by one; more are all
	maxDead    = 8
	recordHead = 144
	maxRecord  = recordHead + 2*release.MaxManifest + 2*maxDoubt + 4
	maxMarks   = 256 // marks behind one record; when they run out the record is renewed
)

const (
	recordMagic   = 0x43524255 // "UBRC", little endian
	recordVersion = 1
	flagConfirmed = 1 << 0
	flagDoubtAll  = 1 << 1
)

// encode writes r to dst, which has maxRecord bytes, and returns the part used. The layout, little
// endian: magic u32, version u8, state u8, flags u8, retired u8, sequence u32, length u32 (of all),
// floor u64, length of From u16, of To u16, doubtful sectors u16, dead sectors u8, verdict u8, fault
// u8, three zeros, erases u32, erases of record sectors u32, failures u32, From and To of the report,
// eight dead addresses u32; the two manifests; the doubtful sectors, u16 each; CRC-32 of it all.
func (r *record) encode(dst []byte) []byte {
	le := binary.LittleEndian
	n := recordHead + r.fromLen + r.toLen + 2*r.doubts + 4
	b := dst[:n]
	clear(b[:recordHead])
	var flags byte
	if r.confirmed {
		flags |= flagConfirmed
	}
	if r.doubtAll {
		flags |= flagDoubtAll
	}
	le.PutUint32(b[0:], recordMagic)
	b[4], b[5], b[6], b[7] = recordVersion, byte(r.state), flags, r.retired
	le.PutUint32(b[8:], r.sequence)
	le.PutUint32(b[12:], uint32(n))
	le.PutUint64(b[16:], r.floor)
	le.PutUint16(b[24:], uint16(r.fromLen))
	le.PutUint16(b[26:], uint16(r.toLen))
	le.PutUint16(b[28:], uint16(r.doubts))
	b[30], b[31], b[32] = byte(r.report.deads), byte(r.report.verdict), byte(r.report.fault)
	le.PutUint32(b[36:], r.report.erases)
	le.PutUint32(b[40:], r.report.recordErases)
	le.PutUint32(b[44:], r.report.failed)
	copy(b[48:], r.report.from[:])
	copy(b[80:], r.report.to[:])
	for i := range r.report.deads {
		le.PutUint32(b[112+4*i:], r.report.dead[i])
	}
	p := b[recordHead:]
	p = p[copy(p, r.from()):]
	p = p[copy(p, r.to()):]
	for i := range r.doubts {
		le.PutUint16(p, r.doubt[i])
		p = p[2:]
	}
	le.PutUint32(p, crc32.ChecksumIEEE(b[:n-4]))
	return b
}

// recordLength returns the length that a record's first 16 bytes announce, 0 if they are no record's.
func recordLength(head []byte) int {
	le := binary.LittleEndian
	n := le.Uint32(head[12:])
	if le.Uint32(head) != recordMagic || head[4] != recordVersion || n < recordHead+4 || n > maxRecord {
		return 0
	}
	return int(n)
}

// decode fills r from b and reports whether b is exactly what encode writes for it.
func (r *record) decode(b []byte) bool {
	le := binary.LittleEndian
	if len(b) < recordHead+4 || recordLength(b) != len(b) || le.Uint32(b[len(b)-4:]) != crc32.ChecksumIEEE(b[:len(b)-4]) {
		return false
	}
	from, to, doubts, deads := int(le.Uint16(b[24:])), int(le.Uint16(b[26:])), int(le.Uint16(b[28:])), int(b[30])
	if from > release.MaxManifest || to > release.MaxManifest || to == 0 || doubts > maxDoubt || deads > maxDead ||
		recordHead+from+to+2*doubts+4 != len(b) {
		return false
	}
	state := State(b[5])
	if state != Installed && state != Rewriting || b[6]&^(flagConfirmed|flagDoubtAll) != 0 || b[33] != 0 || b[34] != 0 || b[35] != 0 {
		return false
	}
	r.sequence, r.state, r.retired, r.floor = le.Uint32(b[8:]), state, b[7], le.Uint64(b[16:])
	r.confirmed, r.doubtAll = b[6]&flagConfirmed != 0, b[6]&flagDoubtAll != 0
	r.report = report{
		verdict: protocol.Verdict(b[31]), fault: protocol.Fault(b[32]),
		erases: le.Uint32(b[36:]), recordErases: le.Uint32(b[40:]), failed: le.Uint32(b[44:]), deads: deads,
	}
	copy(r.report.from[:], b[48:])
	copy(r.report.to[:], b[80:])
	for i := range maxDead {
		r.report.dead[i] = le.Uint32(b[112+4*i:])
		if i >= deads && r.report.dead[i] != 0 {
			return false
		}
	}
	p := b[recordHead:]
	r.setFrom(p[:from])
	r.setTo(p[from : from+to])
	p = p[from+to:]
	r.doubts = doubts
	for i := range doubts {
		r.doubt[i] = le.Uint16(p[2*i:])
	}
	return true
}

// crcOf returns the CRC-32 at the end of an encoded record.
func crcOf(body []byte) uint32 { return binary.LittleEndian.Uint32(body[len(body)-4:]) }

// An entry is what stands behind a record's body: the commit mark, the seal, and the marks, each in
// program units of its own. It says which of them it is, so that a torn one is none.
const entrySize = 8

// Values of an entry's first field; marks put a sector index there.
const (
	entryCommit = 0xA5C30000
	entrySeal   = 0xA5C40000
	entryMark   = 0x5A000000
)

// entry returns the bytes of one entry: its tag, and a CRC-32 over tag and the record's own CRC, so that
// an entry counts only behind the record it was written for.
func entry(tag, recordCRC uint32) [entrySize]byte {
	var b [entrySize]byte
	binary.LittleEndian.PutUint32(b[:], tag)
	sum := ^uint32(0)
	// By hand, because crc32.ChecksumIEEE would move its argument to the heap.
	for _, word := range [2]uint32{tag, recordCRC} {
		for range 4 {
			sum = crc32.IEEETable[byte(sum)^byte(word)] ^ sum>>8
			word >>= 8
		}
	}
	binary.LittleEndian.PutUint32(b[4:], ^sum)
	return b
}

// markOf returns the sector that b marks, or -1 if b is no mark behind the record with this CRC.
func markOf(b []byte, recordCRC uint32) int {
	tag := binary.LittleEndian.Uint32(b)
	if tag&0xFFFF0000 != entryMark || [entrySize]byte(b[:entrySize]) != entry(tag, recordCRC) {
		return -1
	}
	return int(tag & 0xFFFF)
}
