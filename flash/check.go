package flash

import (
	"bytes"
	"errors"
)

// What reading back can find.
var (
	ErrUnstable = errors.New("reads differently twice")
	ErrVerify   = errors.New("does not hold what was programmed")
)

// Erased reports whether every byte of p is the erased byte.
func Erased(p []byte, erased byte) bool {
	for _, c := range p {
		if c != erased {
			return false
		}
	}
	return true
}

// ReadTwice fills p from addr on and fails if anything cannot be read or reads differently a second time. Bits that an
// interrupted operation left in between are found so only by chance. mem is memory for the second reading.
func ReadTwice(r Reader, addr uint32, p, mem []byte) error {
	if err := r.Read(addr, p); err != nil {
		return err
	}
	return Compare(r, addr, p, mem)
}

// Compare reads as many bytes as p has, as many at a time as mem has, and fails with ErrUnstable unless they are p.
func Compare(r Reader, addr uint32, p, mem []byte) error {
	for len(p) > 0 {
		n := min(len(p), len(mem))
		if err := r.Read(addr, mem[:n]); err != nil {
			return err
		}
		if !bytes.Equal(mem[:n], p[:n]) {
			return ErrUnstable
		}
		addr += uint32(n)
		p = p[n:]
	}
	return nil
}

// Blank reads n bytes at addr, as many at a time as mem has, and fails with ErrVerify unless all are the erased byte.
func Blank(r Reader, addr, n uint32, erased byte, mem []byte) error {
	for n > 0 {
		m := min(n, uint32(len(mem)))
		if err := r.Read(addr, mem[:m]); err != nil {
			return err
		}
		if !Erased(mem[:m], erased) {
			return ErrVerify
		}
		addr += m
		n -= m
	}
	return nil
}
