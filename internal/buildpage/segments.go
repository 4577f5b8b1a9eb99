package main

import (
	"encoding/binary"
	"slices"
)

// maxGap is how many zeros between two stretches of initialised memory are written out.
const maxGap = 256

// joined returns a module with stretches of initialised memory that lie next to each other in one. Go's linker leaves out runs of
// zeros for the sake of a bare module's size, up to 100,000 times; in the runtime's index of functions that makes one stretch of
// two bytes for every 4096 of the program counter, and their addresses are what a compressor can do least about.
func joined(wasm []byte) ([]byte, error) {
	list, _, err := dataSegments(wasm)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b segment) int { return a.at - b.at })
	var all []segment
	for _, s := range list {
		if n := len(all); n > 0 {
			last := &all[n-1]
			gap := s.at - last.at - len(last.bytes)
			if gap < 0 {
				return nil, errForm // which one counts is a matter of their order
			}
			if gap <= maxGap {
				last.bytes = append(append(last.bytes, make([]byte, gap)...), s.bytes...)
				continue
			}
		}
		all = append(all, segment{s.at, slices.Clone(s.bytes)})
	}
	data := binary.AppendUvarint(nil, uint64(len(all)))
	for _, s := range all {
		data = append(data, 0, 0x41)
		data = appendInt32(data, s.at)
		data = append(data, 0x0b)
		data = binary.AppendUvarint(data, uint64(len(s.bytes)))
		data = append(data, s.bytes...)
	}
	out := slices.Clone(wasm[:8])
	r := &reader{b: wasm[8:]}
	for len(r.b) > 0 && r.err == nil {
		id := r.take(1)[0]
		body := r.take(r.uint())
		switch id {
		case sectionData:
			body = data
		case sectionDataCount: // would be wrong now
			return nil, errForm
		}
		out = append(out, id)
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	return out, r.err
}

// appendInt32 appends a number that is not negative in signed groups of seven bits (WebAssembly core specification, section 5.2.2).
func appendInt32(dst []byte, n int) []byte {
	for n >= 0x40 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}
