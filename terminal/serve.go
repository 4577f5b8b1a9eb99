package terminal

import (
	"math"
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// Ending is why Serve returned. The caller resets the device.
type Ending uint8

// The endings.
const (
	ResetAsked  Ending = 1 + iota // by the host
	ResetDone                     // restored, and the host said nothing more
	ResetIdle                     // asked into restoration mode with a right image, and nobody came
	CableFailed                   // the cable cannot be read or written
)

func (e Ending) String() string {
	switch e {
	case ResetAsked:
		return "reset asked"
	case ResetDone:
		return "restored"
	case ResetIdle:
		return "nobody came"
	case CableFailed:
		return "cable failed"
	}
	return "unknown"
}

// How long Serve waits in silence before it ends by itself: with the wanted image in the flash, or with a
// right one and no restoration begun. Otherwise it waits for ever.
const (
	doneSilence = 10 * time.Second
	idleSilence = 30 * time.Minute
	forever     = time.Duration(math.MaxInt64)
)

// host is the conversation with a restoration apparatus: elements 119 and 120. All of it is RAM; what
// must outlive a power failure is in the record and its marks.
type host struct {
	deframer smp.Deframer
	frame    []byte
	rx       [256]byte
	at, have int
	pending  []byte // a request that came before Serve
	packet   []byte // the answer under construction
	wire     []byte // the same, framed
	met      bool   // a host has spoken

	phase     smp.Phase
	fault     smp.Fault
	addr      uint32
	signed    [release.MaxManifest]byte
	length    int
	m         release.Manifest
	parts     bool
	asIs      bool // no sector is refreshed
	known     bool // parts: the root over all leaves is the signed one
	intended  bool // the record says that the image of m is on the way, since begin
	size      uint32
	sha       release.Digest
	stored    uint32
	whole     bool // a file was announced
	consumed  bool // and another, before it, was applied or refused
	promised  []byte
	applied   uint32
	refreshed uint32
	before    counts        // flash operations of records that were finished since begin
	worked    time.Duration // by itself since begin
	job       job
	reset     bool
	upload    upload
	framing   framing
	files     files
	ahead     ahead
	settings  settings
	identity  smp.Identity
	hashes    [smp.MaxLevel + 1]hasher
}

// job is work that goes on after the request for it was answered.
type job uint8

const (
	jobNone job = iota
	jobBegin
	jobApply
	jobFinish
	jobNext
	jobErase
)

func (h *host) begin() {
	h.frame = make([]byte, smp.DeframerSize(smp.BufSize))
	h.deframer.Reset(h.frame)
	h.packet = make([]byte, 0, smp.BufSize+64)
	h.wire = make([]byte, 0, smp.FramedSize(smp.BufSize+64))
	h.framing.buf = make([]byte, frame.DecoderSize(1+smp.BufSize))
	for i := range h.hashes {
		h.hashes[i] = newHasher()
	}
	h.ahead.sum = newHasher()
}

// Serve is restoration mode: it answers hosts on the cable and stores what they bring (S15 to S20), until
// a reset is due. A host that vanishes leaves no trace but what is in the flash: the next one begins
// again.
func (t *Terminal) Serve() Ending {
	h := &t.host
	t.step = 20
	t.rewrite.between = t.poll
	t.note(15, 119, EventWaiting, uint32(t.why), 0)
	if err := t.seize(0); err != nil {
		// Identification still works; begin refuses for want of memory.
		t.release()
	}
	addr, dead := t.survivor.dead() // perhaps why the device is here
	if !dead && t.deads > 0 {
		addr, dead = t.deadAddrs[0], true
	}
	if dead {
		h.fault, h.addr = smp.FaultProgram, addr
		if addr < t.base {
			h.fault = smp.FaultRecord
		}
		t.emit(Event{Step: 15, Element: 119, Code: EventDead, Sector: int32(t.hw.Layout.Geometry.SectorAt(addr)), A: addr})
	}
	t.survey()
	t.describe()
	h.ahead.on = true
	heard := t.hw.Clock.Now()
	for {
		packet := h.pending
		h.pending = nil
		if packet == nil {
			var err error
			wait := t.patience()
			if wait != forever {
				wait -= t.hw.Clock.Now() - heard
			}
			if packet, err = t.hear(wait); err != nil {
				return CableFailed
			}
		}
		if packet == nil {
			if t.hw.Cable.Break() {
				t.console()
				continue
			}
			if h.job != jobNone {
				t.work20()
				heard = t.hw.Clock.Now()
				continue
			}
			if p := t.patience(); p == forever || t.hw.Clock.Now()-heard < p {
				continue
			}
			if h.phase == smp.PhaseDone {
				return ResetDone
			}
			return ResetIdle
		}
		if err := t.handle(packet); err != nil {
			return CableFailed
		}
		if h.reset {
			t.note(0, 119, EventResetAsked, 0, 0)
			return ResetAsked
		}
		t.work20()
		heard = t.hw.Clock.Now()
	}
}

// patience returns how long silence may last.
func (t *Terminal) patience() time.Duration {
	h := &t.host
	switch {
	case h.phase == smp.PhaseDone:
		return doneSilence
	case t.why == smp.WhyAsked && h.phase == smp.PhaseIdle && h.upload.phase == uploadNone && t.match != smp.MatchNone:
		return idleSilence
	}
	return forever
}

// survey looks for sectors that cannot be read or read differently twice. They are doubtful whatever the
// record says, and no interrupted operation need be the cause.
func (t *Terminal) survey() {
	var p [chunk]byte
	for s := range t.software.Sectors() {
		addr, n := t.software.Sector(s)
		for at := uint32(0); at < n; at += chunk {
			m := min(n-at, chunk)
			if t.readTwice(t.base+addr+at, p[:m]) != nil {
				if !t.doubtful(s) {
					t.setDoubt(s)
					t.emit(Event{Step: 15, Element: 119, Code: EventDoubtful, Sector: int32(t.first + s)})
				}
				break
			}
		}
	}
}

// poll answers a host between two sectors of long work, while the flash is idle.
func (t *Terminal) poll() {
	for {
		packet, err := t.hear(0)
		if packet == nil && t.hw.Cable.Break() {
			t.console()
		}
		if packet == nil || err != nil {
			return
		}
		if t.handle(packet) != nil {
			return
		}
	}
}

// work20 does what the last request asked for.
func (t *Terminal) work20() {
	h := &t.host
	todo := h.job
	h.job = jobNone
	if todo == jobNone {
		return
	}
	start := t.hw.Clock.Now()
	switch todo {
	case jobBegin:
		t.prepare()
	case jobApply:
		t.apply()
	case jobFinish:
		t.conclude()
	case jobNext:
		t.applyNext()
	case jobErase:
		t.eraseSettings()
	case jobNone:
	}
	h.worked += t.hw.Clock.Now() - start
	t.acknowledge() // the host need not ask
}
