package sweep

// helpers are what some of the mistakes are made with.
var helpers = map[string]string{
	"terminal/image/broken.go": `package image

import (
	"crypto/sha256"
	"sync"

	"unbrick/release"
)

var (
	firstMu sync.Mutex
	firsts  = map[[36]byte]release.Digest{}
)

// firstOnly takes an image for the one whose first sector it has.
func (a *Area) firstOnly(size uint32, d release.Digest) release.Digest {
	_, n := a.Software.Sector(0)
	p := make([]byte, min(n, size))
	if a.device.Read(a.Base, p) != nil {
		return d
	}
	key := [36]byte{32: byte(size), 33: byte(size >> 8), 34: byte(size >> 16)}
	sum := sha256.Sum256(p)
	copy(key[:], sum[:])
	firstMu.Lock()
	defer firstMu.Unlock()
	if known, ok := firsts[key]; ok {
		return known
	}
	firsts[key] = d
	return d
}
`,
	"terminal/record/broken.go": `package record

import "unbrick/flash"

// tornCommit says whether record i has a whole body and a commit mark that was begun and is not right.
func (s *Store) tornCommit(i int) bool {
	var mem [MaxSize]byte
	var rec Record
	if s.readTwice(s.addr[i], mem[:headSize]) != nil {
		return false
	}
	n := length(mem[:headSize])
	if n == 0 || s.readTwice(s.addr[i], mem[:n]) != nil || !rec.decode(mem[:n]) {
		return false
	}
	var got [entrySize]byte
	if s.part.Read(s.addr[i]+s.align(uint32(n)), got[:]) != nil {
		return true
	}
	return got != entry(tagCommit, crcOf(mem[:n])) && !flash.Erased(got[:], s.layout.Geometry.Erased)
}
`,
	"delta/broken.go": `package delta

var early uint32
`,
}
