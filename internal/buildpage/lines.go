package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// errForm is returned for a program whose tables are not laid out as this tool knows them: another
// toolchain made it. Such a program is right, only larger.
var errForm = errors.New("the program's table of functions has a form that is not known")

// The table of functions of Go 1.20 and later (runtime/symtab.go, type pcHeader; internal/abi,
// FuncInfo): a header, then the parts that its offsets name.
const (
	tableMagic  = "\xf1\xff\xff\xff\x00\x00\x01\x08" // code in bytes, words of eight
	tableFields = 8                                  // numbers behind the magic, of eight bytes
	infoSize    = 44                                 // of a function, before its tables' offsets
	infoStack   = 16                                 // offset of its stack table,
	infoFile    = 20                                 // of its table of files,
	infoLine    = 24                                 // and of lines
	infoTables  = 28                                 // number of its other tables
	infoUnit    = 32                                 // where its compilation unit's files begin
	infoStart   = 36                                 // first line
)

// withoutLines takes the tables of file names and line numbers out of a Go program for the browser, in
// place. A panic then names its functions without lines, which is what the page's banner has room for, and
// the program travels a fourteenth lighter: nothing else in it is as dense.
func withoutLines(wasm []byte) error {
	segments, top, err := dataSegments(wasm)
	if err != nil {
		return err
	}
	memory := make([]byte, top)
	for _, s := range segments {
		copy(memory[s.at:], s.bytes)
	}
	at := bytes.Index(memory, []byte(tableMagic))
	if at < 0 || bytes.Contains(memory[at+1:], []byte(tableMagic)) {
		return errForm
	}
	if err := clearLines(memory[at:]); err != nil {
		return err
	}
	for _, s := range segments {
		copy(s.bytes, memory[s.at:])
	}
	return nil
}

// clearLines clears the tables of files and lines in the table of functions that t begins with, once
// everything in it was found as expected.
func clearLines(t []byte) error {
	var field [tableFields]int
	last := len(tableMagic) + 8*tableFields
	if len(t) < last {
		return errForm
	}
	for i := range field {
		n := binary.LittleEndian.Uint64(t[len(tableMagic)+8*i:])
		if n > uint64(len(t)) {
			return errForm
		}
		field[i] = int(n)
	}
	functions, units, files, tables, infos := field[0], field[4], field[5], field[6], field[7]
	for _, part := range field[3:] { // in this order, one behind the other
		if part < last {
			return errForm
		}
		last = part
	}
	if functions == 0 || 8*functions > len(t)-infos {
		return errForm
	}
	values, info := t[tables:infos], t[infos:]
	keep := make([]bool, len(values))
	of := make([][]byte, functions)
	for i := range of {
		f := int(binary.LittleEndian.Uint32(info[8*i+4:]))
		if f > len(info)-infoSize {
			return errForm
		}
		of[i] = info[f:]
		count := int(binary.LittleEndian.Uint32(of[i][infoTables:]))
		if 4*count > len(of[i])-infoSize {
			return errForm
		}
		if err := mark(keep, values, of[i][infoStack:]); err != nil {
			return err
		}
		for k := range count {
			if err := mark(keep, values, of[i][infoSize+4*k:]); err != nil {
				return err
			}
		}
	}
	for _, f := range of {
		clear(f[infoFile:infoTables]) // no table: the runtime says "?" and 0
		clear(f[infoUnit : infoStart+4])
	}
	for i, kept := range keep {
		if !kept {
			values[i] = 0
		}
	}
	clear(t[units:tables])
	clear(t[files:tables])
	return nil
}

// mark keeps the table whose offset field begins with; 0 is none. A table is pairs of a value's change and
// a distance, both of up to five groups of seven bits; behind the first pair a change of 0 ends it.
func mark(keep []bool, values, field []byte) error {
	start := int(binary.LittleEndian.Uint32(field))
	if start == 0 {
		return nil
	}
	at := start
	group := func() (zero bool) {
		zero = true
		for at < len(values) {
			b := values[at]
			at++
			zero = zero && b&0x7f == 0
			if b < 0x80 {
				return zero
			}
		}
		at = len(values) + 1
		return true
	}
	for {
		end := group() && at > start+1
		if at > len(values) {
			return errForm
		}
		if end {
			break
		}
		group()
	}
	for i := start; i < at; i++ {
		keep[i] = true
	}
	return nil
}

// Sections of a module (WebAssembly core specification, section 5.5.2).
const (
	sectionData      = 11
	sectionDataCount = 12
)

// segment is a stretch of initialised memory: bytes lies in the module.
type segment struct {
	at    int
	bytes []byte
}

// dataSegments finds the initialised memory of a module (WebAssembly core specification, section 5.5.14),
// and how much memory it reaches.
func dataSegments(wasm []byte) (list []segment, top int, err error) {
	r := &reader{b: wasm}
	if string(r.take(8)) != "\x00asm\x01\x00\x00\x00" {
		return nil, 0, errors.New("not a WebAssembly module")
	}
	for len(r.b) > 0 && r.err == nil {
		id := r.take(1)
		section := &reader{b: r.take(r.uint())}
		if r.err != nil || id[0] != sectionData {
			continue
		}
		for n := section.uint(); n > 0 && section.err == nil; n-- {
			if section.uint() != 0 || string(section.take(1)) != "\x41" { // memory 0, at a constant
				return nil, 0, errForm
			}
			at := section.uint()
			if string(section.take(1)) != "\x0b" {
				return nil, 0, errForm
			}
			s := segment{at, section.take(section.uint())}
			list = append(list, s)
			top = max(top, at+len(s.bytes))
		}
		if section.err != nil {
			return nil, 0, fmt.Errorf("data: %w", section.err)
		}
	}
	if top > 1<<28 {
		return nil, 0, errForm
	}
	return list, top, r.err
}
