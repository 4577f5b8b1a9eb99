package espimage

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
)

const (
	blockMagic   = 0xe7
	blockVersion = 2 // RSA; 3 is ECDSA
	blockSize    = 1216
	blockSum     = 1196 // where its CRC lies
	maxBlocks    = 3
	v1Size       = 68
)

// Tail reads what is behind an image in b, which holds it and all that belongs to its place: nothing, a fill of bytes 0xFF or 0, or a
// signature. Anything else it refuses.
func (m *Image) Tail(b []byte) error {
	rest := b[m.Length:]
	m.Size = m.Length
	if Blank(rest) {
		return nil
	}
	if at := (m.Length + Sector - 1) &^ (Sector - 1); at+blockSize <= len(b) && b[at] == blockMagic && filled(b[m.Length:at]) {
		return m.readBlocks(b, at)
	}
	if m.Chip.ID == 0 && len(rest) >= v1Size && bytes.Equal(rest[:4], make([]byte, 4)) && Blank(rest[v1Size:]) {
		m.Signature, m.Size = SignedV1, m.Length+v1Size
		return nil
	}
	return fmt.Errorf("%w: the image ends at 0x%x, and %d bytes follow that are neither a fill nor a signature", ErrBehind, m.Length,
		len(rest))
}

// readBlocks reads the sector of signature blocks at at.
func (m *Image) readBlocks(b []byte, at int) error {
	sum := sha256.Sum256(b[:at])
	end := at
	for i := 0; i < maxBlocks && end+blockSize <= len(b) && b[end] == blockMagic; i++ {
		block := b[end:][:blockSize]
		if block[1] != blockVersion && block[1] != blockVersion+1 {
			return fmt.Errorf("%w: signature block of version %d", ErrMalformed, block[1])
		}
		if [32]byte(block[4:]) != sum {
			return fmt.Errorf("%w: signature block %d is over other bytes than the image's", ErrDigest, i+1)
		}
		if crc32.ChecksumIEEE(block[:blockSum]) != le.Uint32(block[blockSum:]) {
			return fmt.Errorf("%w: CRC of signature block %d", ErrDigest, i+1)
		}
		end += blockSize
	}
	if !Blank(b[end:]) {
		return fmt.Errorf("%w: %d bytes behind the signature blocks", ErrBehind, len(b)-end)
	}
	m.Signature, m.Size = SignedV2, min(at+Sector, len(b))
	return nil
}

// Blank reports whether b is nothing but bytes 0xFF, or nothing but zeros.
func Blank(b []byte) bool {
	return len(b) == 0 || (b[0] == 0xff || b[0] == 0) && uniform(b)
}

// Erased reports whether b is nothing but bytes 0xFF.
func Erased(b []byte) bool { return len(b) == 0 || b[0] == 0xff && uniform(b) }

func uniform(b []byte) bool { return bytes.Equal(b[1:], b[:len(b)-1]) }

// filled reports whether b is a fill before signature blocks: zeros and bytes 0xFF, in any order.
func filled(b []byte) bool {
	for _, c := range b {
		if c != 0 && c != 0xff {
			return false
		}
	}
	return true
}
