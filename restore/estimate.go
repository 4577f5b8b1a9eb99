package restore

import (
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// Times of a NOR part with 4 KiB sectors in ordinary circumstances, until the device at hand has shown
// its own: W25Q-like parts erase 4 KiB in 45 ms and 64 KiB in 150 ms, and program 256 bytes in 0.4 ms.
const (
	eraseBase    = 38 * time.Millisecond
	erasePerKiB  = 1750 * time.Microsecond
	programPage  = 700 * time.Microsecond // with its read-back
	digestPerKiB = 30 * time.Microsecond  // reading and SHA-256 on a small core
)

// answerBytes is about what a short answer takes on the wire.
var answerBytes = smp.FramedSize(smp.HeaderSize + 12)

// sectorTime estimates the rewrite of one sector.
func sectorTime(size uint32) time.Duration {
	kib := time.Duration(size+1023) / 1024
	return eraseBase + kib*erasePerKiB + 4*kib*programPage
}

// pieceSize is how many bytes of a file fit one packet of the device's buffer.
func (s *Session) pieceSize() int {
	// Header, map of three, "n" and its number, "off" and its number, "data" and its length.
	const around = smp.HeaderSize + 1 + 2 + 5 + 4 + 5 + 5 + 3
	return max(1, min(smp.MaxPart, int(s.params.BufSize)-around))
}

// leavesAtOnce is how many leaf digests fit one packet.
func (s *Session) leavesAtOnce() int {
	const around = smp.HeaderSize + 1 + 3 + 5 + 5 + 3
	return max(1, min(smp.MaxLeafData, int(s.params.BufSize)-around)/smp.LeafDigest)
}

// framed returns what a request of n body bytes takes on the wire.
func framed(n int) int { return smp.FramedSize(smp.HeaderSize + n) }

// pieces returns packets and wire bytes of sending n bytes of a file.
func (s *Session) pieces(n int) (packets, wire int) {
	piece := s.pieceSize()
	for at := 0; at < n; at += piece {
		k := min(piece, n-at)
		packets++
		wire += framed(k + 1 + 4 + number(at) + 5 + number(k))
	}
	return packets, wire
}

// number returns the bytes that an unsigned integer takes in CBOR.
func number(n int) int {
	switch {
	case n < 24:
		return 1
	case n < 1<<8:
		return 2
	case n < 1<<16:
		return 3
	}
	return 5
}

// uploadBytes returns what the upload of a file of n bytes through the image group takes on the wire to
// the device, in the same framing.
func (s *Session) uploadBytes(n int) uint64 {
	_, wire := s.pieces(n)
	// The first packet also says length ("len") and digest ("sha"), which displace as many bytes.
	_, more := s.pieces(4 + 5 + 4 + 34)
	return uint64(wire + more)
}

// estimate fills in bytes, times and the speed of the plan.
func (p *Plan) estimate(s *Session) {
	p.speed = 0
	bytes, calls := p.traffic(s)
	line := func(baud uint32) time.Duration {
		return lineTime(bytes+calls*answerBytes, baud) + time.Duration(calls)*s.latency
	}
	p.BytesSend, p.Line = uint64(bytes), line(s.opt.Baud)
	if p.speed = s.fast(p.Device, p.Line); p.speed != 0 && s.canFrame(p.Device) {
		p.Line = line(p.speed)
	}
}

// traffic returns the bytes to the device and the number of questions, and fills in the time in the flash.
func (p *Plan) traffic(s *Session) (wire, calls int) {
	const small = 24 // body of a command without content
	framed, pieces := framed, s.pieces
	if s.canFrame(p.Device) {
		framed = func(n int) int { return frame.Size(1 + smp.HeaderSize + n) }
		pieces = blocks
		wire, calls = 2*frame.Size(1+frame.PatternSize), 2
	}
	wire, calls = wire+framed(small), calls+1
	if p.Kind != KindStart {
		wire += framed(len(p.want.signed)+small) + framed(small)
		calls += 2
	}
	if p.Kind == KindParts {
		for _, run := range p.leafRuns() {
			for left := int(run[1]); left > 0; left -= s.leavesAtOnce() {
				wire += framed(min(left, s.leavesAtOnce())*smp.LeafDigest + 17)
				calls++
			}
		}
	}
	var flash time.Duration
	for _, j := range p.jobs {
		n, w := pieces(len(j.file))
		wire += w + framed(small) + framed(small+50)
		calls += n + 2
	}
	area := p.picture.area
	rewritten := append([]int(nil), p.need...)
	for i := range sectorsOf(area, p.Release.Size) {
		if p.picture.doubtful[i] {
			rewritten = append(rewritten, i)
		}
	}
	for _, i := range rewritten {
		_, size := area.Sector(i)
		flash += sectorTime(size)
	}
	if p.Kind != KindStart {
		// Proof and verdict each read the whole image; a record is two small sectors.
		flash += 2*time.Duration(p.Release.Size/1024)*digestPerKiB + 2*sectorTime(4096)
		polls := int(flash/pollGap) + 2
		wire += polls * framed(1)
		calls += polls
	}
	p.Flash = flash
	return wire, calls
}

// blocks returns the wire bytes of n bytes of a file in frames. None of them is waited for.
func blocks(n int) (packets, wire int) {
	return 0, n/frame.MaxBlock*frame.DataSize(frame.MaxBlock) + frame.DataSize(n%frame.MaxBlock)
}

// sectorsTime estimates the rewrite of some sectors.
func (p *Plan) sectorsTime(sectors []int) time.Duration {
	var d time.Duration
	for _, i := range sectors {
		_, size := p.picture.area.Sector(i)
		d += sectorTime(size)
	}
	return d
}
