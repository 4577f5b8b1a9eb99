// Package identity is what the server knows devices by: their public keys, and the list in which they come from the factory
// (docs/formats.md, list of devices).
package identity

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"unbrick/limits"
	"unbrick/release"
)

// Entry is a device as a list names it.
type Entry struct {
	Model, Serial string // identifiers
	Public        [32]byte
}

// Header is the first line of each list.
const Header = "model,serial,public\n"

// MaxEntries is how many devices a list names at most.
const MaxEntries = limits.ListEntries

// maxLine is the bytes of the longest line, without its end.
const maxLine = 2*(release.MaxText+1) + 64

// MaxList is the bytes of the longest list.
const MaxList = len(Header) + MaxEntries*(maxLine+1)

// ErrList is the class of every refusal of a list. The line stands in the text.
var ErrList = errors.New("list of devices")

// AppendEntry appends e's line to dst. It fails as ParseList would with it.
func AppendEntry(dst []byte, e *Entry) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrList, err)
	}
	return fmt.Appendf(dst, "%s,%s,%x\n", e.Model, e.Serial, e.Public), nil
}

func (e *Entry) check() error {
	if err := release.CheckID(e.Model); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if err := release.CheckID(e.Serial); err != nil {
		return fmt.Errorf("serial: %w", err)
	}
	return CheckKey(&e.Public)
}

// ParseList takes the bytes that Header and AppendEntry make, nothing else, and no device and no key twice. It fails with ErrList, or
// with what r failed with.
func ParseList(r io.Reader) ([]Entry, error) {
	p := parser{in: bufio.NewReaderSize(r, 4<<10), devices: map[[2]string]int{}, keys: map[[32]byte]int{}}
	var all []Entry
	for p.line = 1; ; p.line++ {
		text, err := p.next()
		switch {
		case err != nil:
			return nil, err
		case text == "" && p.line > 1:
			return all, nil
		case p.line == 1 && text != Header:
			return nil, p.wrong("is not the header %q", strings.TrimSuffix(Header, "\n"))
		case p.line == 1:
			continue
		case len(all) == MaxEntries:
			return nil, p.wrong("a list names %d devices at most: divide it", MaxEntries)
		}
		e, err := p.entry(strings.TrimSuffix(text, "\n"))
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
}

// parser reads one list.
type parser struct {
	in      *bufio.Reader
	line    int
	devices map[[2]string]int // where each was named
	keys    map[[32]byte]int
}

func (p *parser) wrong(format string, args ...any) error {
	return fmt.Errorf("%w: line %d: "+format, append([]any{ErrList, p.line}, args...)...)
}

// next returns a line with its end; nothing at the end of the list.
func (p *parser) next() (string, error) {
	b, err := p.in.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF) && len(b) == 0:
		return "", nil
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("line %d: %w", p.line, err)
	case len(b) > maxLine+1 || errors.Is(err, bufio.ErrBufferFull):
		return "", p.wrong("longer than %d bytes", maxLine)
	case err != nil:
		return "", p.wrong("no line end: the list was cut off")
	case strings.HasSuffix(string(b), "\r\n"):
		return "", p.wrong("ends with CR LF: lines end with LF alone")
	}
	return string(b), nil
}

// entry takes a line apart.
func (p *parser) entry(text string) (Entry, error) {
	columns := strings.Split(text, ",")
	if len(columns) != 3 {
		return Entry{}, p.wrong("columns: %d, three wanted: model, serial and public key", len(columns))
	}
	e := Entry{Model: columns[0], Serial: columns[1]}
	digits := columns[2]
	if n, err := hex.Decode(e.Public[:], []byte(digits)[:min(len(digits), 64)]); err != nil || n != 32 || len(digits) != 64 ||
		digits != strings.ToLower(digits) {
		return Entry{}, p.wrong("public key: %q is not 64 lower-case hex digits", digits)
	}
	if err := e.check(); err != nil {
		return Entry{}, p.wrong("%w", err)
	}
	if before, twice := p.devices[[2]string{e.Model, e.Serial}]; twice {
		return Entry{}, p.wrong("%s %s was named in line %d", e.Model, e.Serial, before)
	}
	if before, twice := p.keys[e.Public]; twice {
		return Entry{}, p.wrong("public key: that of line %d. Each device has its own", before)
	}
	p.devices[[2]string{e.Model, e.Serial}], p.keys[e.Public] = p.line, p.line
	return e, nil
}
