package fleet

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// NonceLife is how long after it was drawn a nonce is good for a receipt.
const NonceLife = 24 * time.Hour

// nonces are the numbers over which devices sign receipts. Nobody need remember one: it is when it was drawn, and an authentication of
// that under a key of this run of the server, so that strangers may draw without end. Each is taken once from a device, and none
// after a later one. A restart of the server ends those that are out.
type nonces struct {
	key    [32]byte
	passed func() time.Duration

	mu    sync.Mutex
	last  uint64        // that was drawn
	taken map[ID]uint64 // last from each device
}

func newNonces(passed func() time.Duration) *nonces {
	n := &nonces{passed: passed, taken: map[ID]uint64{}}
	rand.Read(n.key[:])
	return n
}

// draw returns one that was never drawn.
func (n *nonces) draw() [16]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = max(n.last+1, n.now())
	return n.sealed(n.last)
}

// now is in microseconds, and never 0.
func (n *nonces) now() uint64 { return uint64(n.passed().Microseconds()) + 1 }

func (n *nonces) sealed(number uint64) (nonce [16]byte) {
	binary.BigEndian.PutUint64(nonce[:], number)
	mac := hmac.New(sha256.New, n.key[:])
	mac.Write(nonce[:8])
	copy(nonce[8:], mac.Sum(nil))
	return nonce
}

// take ends nonce, and those before it, for a device that may be taken at its word over it; false if it may not. What is not recorded in
// the end has to be given back.
func (n *nonces) take(id ID, nonce *[16]byte) (giveBack func(), good bool) {
	number := binary.BigEndian.Uint64(nonce[:])
	sealed := n.sealed(number)
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.taken[id]
	if !hmac.Equal(sealed[:], nonce[:]) || number <= before || n.now()-min(number, n.now()) >= uint64(NonceLife.Microseconds()) {
		return nil, false
	}
	n.taken[id] = number
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.taken[id] == number {
			n.taken[id] = before
		}
	}, true
}
