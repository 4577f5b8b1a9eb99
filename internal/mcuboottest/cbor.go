package mcuboottest

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errItem says that bytes are not the one map of short CBOR that a recovery takes.
var errItem = errors.New("no map of text keys")

// decode reads a map with text keys whose values are numbers, texts, byte strings and booleans, of
// definite lengths and shortest form. Anything else is an error.
func decode(b []byte) (map[string]any, error) {
	if len(b) == 0 || b[0]>>5 != 5 {
		return nil, errItem
	}
	n, b, err := head(b)
	if err != nil {
		return nil, err
	}
	m := make(map[string]any)
	for range n {
		key, rest, err := item(b)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if _, twice := m[name]; !ok || twice {
			return nil, fmt.Errorf("%w: key %v", errItem, key)
		}
		if m[name], b, err = item(rest); err != nil {
			return nil, err
		}
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: %d bytes behind it", errItem, len(b))
	}
	return m, nil
}

// head reads the argument of an item.
func head(b []byte) (uint64, []byte, error) {
	if len(b) == 0 {
		return 0, nil, errItem
	}
	low := b[0] & 31
	b = b[1:]
	if low < 24 {
		return uint64(low), b, nil
	}
	size := 1 << (low - 24)
	if low > 27 || len(b) < size {
		return 0, nil, errItem
	}
	var wide [8]byte
	copy(wide[8-size:], b)
	v := binary.BigEndian.Uint64(wide[:])
	if v < 24 || size > 1 && v>>(8*size/2) == 0 {
		return 0, nil, fmt.Errorf("%w: %d is not in its shortest form", errItem, v)
	}
	return v, b[size:], nil
}

func item(b []byte) (any, []byte, error) {
	if len(b) == 0 {
		return nil, nil, errItem
	}
	major := b[0] >> 5
	if b[0] == 0xf4 || b[0] == 0xf5 {
		return b[0] == 0xf5, b[1:], nil
	}
	n, rest, err := head(b)
	switch {
	case err != nil:
		return nil, nil, err
	case major == 0:
		return n, rest, nil
	case (major == 2 || major == 3) && n <= uint64(len(rest)):
		if major == 3 {
			return string(rest[:n]), rest[n:], nil
		}
		return rest[:n:n], rest[n:], nil
	}
	return nil, nil, fmt.Errorf("%w: item %#x", errItem, b[0])
}

func head8(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
}

func numberItem(n uint64) []byte { return head8(0, n) }
func textItem(s string) []byte   { return append(head8(3, uint64(len(s))), s...) }
func bytesItem(b []byte) []byte  { return append(head8(2, uint64(len(b))), b...) }

func boolItem(on bool) byte {
	if on {
		return 0xf5
	}
	return 0xf4
}
