package firmware

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const byteOrderMark = "\xef\xbb\xbf"

// lines calls each with every line that is not empty, without what ends it, and its number.
func lines(b []byte, each func(n int, line []byte) error) error {
	b = bytes.TrimPrefix(b, []byte(byteOrderMark))
	for n := 1; len(b) > 0; n++ {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		if line = bytes.Trim(line, " \t\r"); len(line) == 0 {
			continue
		}
		if err := each(n, line); err != nil {
			return err
		}
	}
	return nil
}

// record decodes the hexadecimal digits of a line into p, which is large enough for every line that may be.
func record(p, digits []byte) ([]byte, bool) {
	if len(digits)%2 != 0 || len(digits) > 2*len(p) {
		return nil, false
	}
	for i := range len(digits) / 2 {
		high, low := digit(digits[2*i]), digit(digits[2*i+1])
		if high > 15 || low > 15 {
			return nil, false
		}
		p[i] = high<<4 | low
	}
	return p[:len(digits)/2], true
}

func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

func sumOf(b []byte) (sum byte) {
	for _, c := range b {
		sum += c
	}
	return sum
}

// badSum is the refusal of a record with a wrong sum.
func badSum(f Format, line int) *Refusal {
	return &Refusal{Reason: CheckFailed, Format: f, Check: RecordSums, Detail: fmt.Sprintf("line %d", line)}
}

// noEnd is the refusal of a text that lacks its last record.
func noEnd(f Format) *Refusal {
	return &Refusal{Reason: CutShort, Format: f, Detail: "there is no record that ends it"}
}

// Types of records of Intel HEX.
const (
	hexData = iota
	hexEnd
	hexSegment
	hexStart
	hexLinear
	hexStartLinear
)

// hexReader is the state between two lines of Intel HEX.
type hexReader struct {
	base    uint64
	wraps   bool // addresses count within 64 KiB above base
	starts  int
	ended   bool
	holding pieces
	buffer  [260]byte
}

// readHex reads Intel HEX.
func (f *File) readHex(b []byte) (err error) {
	f.Format = IntelHex
	r := &hexReader{holding: pieces{format: IntelHex}}
	if err := lines(b, r.line); err != nil {
		return err
	}
	if !r.ended {
		return noEnd(f.Format)
	}
	f.held(RecordSums, "")
	r.holding.withoutEEPROM(f)
	f.Parts, err = r.holding.parts()
	return err
}

func (r *hexReader) line(n int, line []byte) error {
	if r.ended {
		return malformed(IntelHex, "line %d stands behind the record that ends the file", n)
	}
	if line[0] != ':' {
		return malformed(IntelHex, "line %d begins with %q, not with a colon", n, line[:1])
	}
	rec, ok := record(r.buffer[:], line[1:])
	if !ok || len(rec) < 5 {
		return malformed(IntelHex, "line %d is no record", n)
	}
	size := int(rec[0])
	if size+5 != len(rec) {
		return malformed(IntelHex, "line %d says %d bytes of data and has %d", n, size, len(rec)-5)
	}
	if sumOf(rec) != 0 {
		return badSum(IntelHex, n)
	}
	offset, data := binary.BigEndian.Uint16(rec[1:]), rec[4:4+size]
	switch kind := rec[3]; kind {
	case hexData:
		if r.wraps && int(offset)+size > 1<<16 {
			return malformed(IntelHex, "the data of line %d go around the end of their segment", n)
		}
		return r.holding.add(r.base+uint64(offset), data)
	case hexEnd:
		if size != 0 {
			return malformed(IntelHex, "line %d ends the file and has data", n)
		}
		r.ended = true
	case hexSegment, hexLinear:
		if size != 2 {
			return malformed(IntelHex, "line %d is an address of %d bytes", n, size)
		}
		r.base, r.wraps = uint64(binary.BigEndian.Uint16(data))<<4, true
		if kind == hexLinear {
			r.base, r.wraps = uint64(binary.BigEndian.Uint16(data))<<16, false
		}
	case hexStart, hexStartLinear:
		if r.starts++; size != 4 || r.starts > 1 {
			return malformed(IntelHex, "line %d says where the program starts, in %d bytes or again", n, size)
		}
	default:
		return malformed(IntelHex, "line %d is of type %d", n, kind)
	}
	return nil
}

// srecReader is the state between two lines of S-records.
type srecReader struct {
	count   int // data records
	counted bool
	ended   bool
	holding pieces
	buffer  [256]byte
}

// readSRecord reads S-records. What says that no line is missing is the record that ends them, or their count: srec_cat writes an end only
// where it knows at which address the program starts.
func (f *File) readSRecord(b []byte) (err error) {
	f.Format = SRecord
	r := &srecReader{holding: pieces{format: SRecord}}
	if err := lines(b, r.line); err != nil {
		return err
	}
	if !r.ended && !r.counted {
		return noEnd(f.Format)
	}
	f.held(RecordSums, "")
	f.check(RecordCount, "", r.counted)
	r.holding.withoutEEPROM(f)
	f.Parts, err = r.holding.parts()
	return err
}

// srecAddress is how many bytes an address has, by the type of the record; 0: there is no such type.
var srecAddress = [10]int{2, 2, 3, 4, 0, 2, 3, 4, 3, 2}

func (r *srecReader) line(n int, line []byte) error {
	if r.ended {
		return malformed(SRecord, "line %d stands behind the record that ends the file", n)
	}
	if len(line) < 2 || line[0] != 'S' || line[1] < '0' || line[1] > '9' || srecAddress[line[1]-'0'] == 0 {
		return malformed(SRecord, "line %d does not begin as a record does", n)
	}
	kind := line[1] - '0'
	rec, ok := record(r.buffer[:], line[2:])
	wide := srecAddress[kind]
	if !ok || len(rec) < 2+wide || int(rec[0])+1 != len(rec) {
		return malformed(SRecord, "line %d is no record, or has not the length that it says", n)
	}
	if sumOf(rec) != 0xff {
		return badSum(SRecord, n)
	}
	addr, data := uint64(0), rec[1+wide:len(rec)-1]
	for _, c := range rec[1 : 1+wide] {
		addr = addr<<8 | uint64(c)
	}
	if kind > 3 && len(data) > 0 {
		return malformed(SRecord, "line %d is of type %d and has data", n, kind)
	}
	switch kind {
	case 1, 2, 3:
		if r.counted {
			return malformed(SRecord, "line %d has data behind the count of the records", n)
		}
		r.count++
		return r.holding.add(addr, data)
	case 5, 6:
		if r.counted || uint64(r.count) != addr {
			return &Refusal{Reason: CheckFailed, Format: SRecord, Check: RecordCount, Has: uint64(r.count), Needs: addr}
		}
		r.counted = true
	case 7, 8, 9:
		r.ended = true
	}
	return nil
}
