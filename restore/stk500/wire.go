package stk500

import "errors"

// Bytes of version 1.
const (
	inSync     = 0x14
	noSync     = 0x15
	ok         = 0x10
	failed     = 0x11
	unknown    = 0x12
	noDevice   = 0x13
	space      = 0x20 // ends each command
	getSync    = 0x30
	getName    = 0x31
	getParam   = 0x41
	enterProg  = 0x50
	leaveProg  = 0x51
	loadAddr   = 0x55
	writePage  = 0x64
	readPage   = 0x74
	readSign   = 0x75
	flashPlace = 'F'

	paramHardware = 0x80
	paramMajor    = 0x81
	paramMinor    = 0x82
	paramTop      = 0x98
)

// Bytes of version 2.
const (
	start2   = 0x1b
	token2   = 0x0e
	signOn   = 0x01
	address2 = 0x06
	enter2   = 0x10
	leave2   = 0x11
	erase2   = 0x12
	write2   = 0x13
	read2    = 0x14
	sign2    = 0x1b
	good2    = 0x00
	failed2  = 0xc0
	bit31    = 0x80 // of the address, for flash beyond 64 KiB
	frame2   = 6    // bytes around a message
	maxBody  = 3 + maxPage
)

// How an answer can be wrong.
var (
	errLost    = errors.New("the boot loader lost its place among the bytes")
	errRefused = errors.New("the boot loader refused a command")
)

// answer1 looks at what came in answer to a command of version 1 that gives n bytes. It is over when done or err says so; more is how
// many bytes are needed yet, at least.
func answer1(in []byte, n int) (data []byte, more int, err error) {
	if len(in) == 0 {
		return nil, n + 2, nil
	}
	if in[0] != inSync {
		return nil, 0, errLost
	}
	if len(in) < n+2 {
		return nil, n + 2 - len(in), nil
	}
	switch in[n+1] {
	case ok:
		return in[1 : n+1], 0, nil
	case failed, unknown, noDevice:
		return nil, 0, errRefused
	}
	return nil, 0, errLost
}

// append2 appends a message of version 2.
func append2(dst []byte, seq byte, body []byte) []byte {
	from := len(dst)
	dst = append(dst, start2, seq, byte(len(body)>>8), byte(len(body)), token2)
	dst = append(dst, body...)
	return append(dst, xor(dst[from:]))
}

func xor(p []byte) (sum byte) {
	for _, b := range p {
		sum ^= b
	}
	return sum
}

// answer2 finds the message with a sequence number in what came. Where it is not whole yet, it returns nil; drop bytes at the beginning
// are of no use any more.
func answer2(in []byte, seq byte) (body []byte, drop int) {
	for ; drop < len(in); drop++ {
		p := in[drop:]
		if p[0] != start2 || len(p) > 1 && p[1] != seq {
			continue
		}
		if len(p) < 5 {
			return nil, drop
		}
		size := int(p[2])<<8 | int(p[3])
		if size == 0 || size > maxBody || p[4] != token2 {
			continue
		}
		if len(p) < size+frame2 {
			return nil, drop
		}
		if xor(p[:size+frame2]) == 0 {
			return p[5 : size+5], drop
		}
	}
	return nil, drop
}
