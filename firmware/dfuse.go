package firmware

import (
	"hash/crc32"

	"unbrick/limits"
)

const (
	dfuSeMagic  = "DfuSe"
	dfuSePrefix = 11
	dfuTarget   = 274
	dfuElement  = 8
	dfuSuffix   = 16
)

// isDFU looks for the suffix of a DFU file, whose CRC is over all before it.
func isDFU(b []byte) bool {
	n := len(b)
	return n >= dfuSuffix && string(b[n-8:n-5]) == "UFD" && b[n-5] == dfuSuffix && le.Uint32(b[n-4:]) == ^crc32.ChecksumIEEE(b[:n-4])
}

// readDfuSe reads a file of ST's extension of DFU: targets, each with elements at addresses.
func (f *File) readDfuSe(b []byte) (err error) {
	f.Format = DfuSe
	if len(b) < dfuSePrefix+dfuSuffix {
		return short(DfuSe, len(b), dfuSePrefix+dfuSuffix)
	}
	size, targets := uint64(le.Uint32(b[6:])), int(b[10])
	switch {
	case b[5] != 1:
		return malformed(DfuSe, "it is of version %d", b[5])
	case size+dfuSuffix > uint64(len(b)):
		return short(DfuSe, len(b), int(min(size+dfuSuffix, 1<<31-1)))
	case size+dfuSuffix < uint64(len(b)) || string(b[len(b)-8:len(b)-5]) != "UFD" || b[len(b)-5] != dfuSuffix:
		return malformed(DfuSe, "it says %d bytes, and behind them there is no suffix of %d", size, dfuSuffix)
	case !isDFU(b):
		return &Refusal{Reason: CheckFailed, Format: DfuSe, Check: SuffixCRC}
	case targets == 0 || targets > limits.DFUTargets:
		return malformed(DfuSe, "%d targets, 1 to %d", targets, limits.DFUTargets)
	}
	f.held(SuffixCRC, "")
	rest, holding := b[dfuSePrefix:size], &pieces{format: DfuSe}
	for i := range targets {
		if rest, err = f.readTarget(i, rest, holding); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return malformed(DfuSe, "%d bytes behind the last target", len(rest))
	}
	f.Parts, err = holding.parts()
	return err
}

// readTarget reads one target. Only the one of alternate setting 0 is the flash; others are option bytes or memories beside it.
func (f *File) readTarget(i int, b []byte, holding *pieces) (rest []byte, err error) {
	if len(b) < dfuTarget || string(b[:6]) != "Target" {
		return nil, malformed(DfuSe, "target %d is none", i+1)
	}
	size, elements := uint64(le.Uint32(b[266:])), le.Uint32(b[270:])
	if size > uint64(len(b)-dfuTarget) {
		return nil, malformed(DfuSe, "target %d of %d bytes, %d are left", i+1, size, len(b)-dfuTarget)
	}
	data, rest := b[dfuTarget:][:size], b[dfuTarget+size:]
	if b[6] != 0 {
		f.Skipped = append(f.Skipped, Skipped{"another memory than the flash", int(size)})
		return rest, nil
	}
	n := uint32(0)
	for ; len(data) > 0; n++ {
		if len(data) < dfuElement || uint64(le.Uint32(data[4:])) > uint64(len(data)-dfuElement) {
			return nil, malformed(DfuSe, "element %d of target %d ends behind it", n+1, i+1)
		}
		addr, size := le.Uint32(data), le.Uint32(data[4:])
		if err := holding.add(uint64(addr), data[dfuElement:][:size]); err != nil {
			return nil, err
		}
		data = data[dfuElement+size:]
	}
	if n != elements {
		return nil, malformed(DfuSe, "target %d says %d elements and has %d", i+1, elements, n)
	}
	return rest, nil
}
