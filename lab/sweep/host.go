package sweep

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"unbrick/emulator"
	labstand "unbrick/lab/stand"
	"unbrick/protocol/smp"
	"unbrick/terminal"
)

// Road is a way to bring a device back.
type Road uint8

// The roads. All but RoadEngine are a host in one piece with the cable: it answers within the device's
// Write, so that a restoration needs neither a second goroutine nor time on a line. What the device does is
// the same: the same frames reach the same terminal code.
const (
	RoadUpload Road = iota // the plain SMP upload of a release file
	RoadFile               // one update file made from the flash as it is
	RoadParts              // leaves, and two update files
	RoadEngine             // package restore over the virtual line
	roads
)

var roadNames = [roads]string{"upload", "file", "parts", "engine"}

func (r Road) String() string { return roadNames[r] }

// ErrGaveUp says that a restoration did not get to its end.
var ErrGaveUp = errors.New("host gave up")

// host is the apparatus and the cable.
type host struct {
	st       *stand
	want     Which
	road     Road
	ask      bool // ask the booting device into restoration mode
	live     bool // the device listens
	asked    bool
	out      []byte
	deframer smp.Deframer
	head     smp.Header
	then     func(body []byte)
	refused  func(error) // what comes instead if the next request is, nil: the host gives up
	status   smp.Status
	number   uint32 // of the last file
	picture  []byte // of each sector: which image it holds, or unknown
	done     bool
	err      error
	sent     uint64
	watch    func(send bool, h *smp.Header, n int) // told of every packet, may be nil

	// Of a host that does not restore.
	script   func(h *host) // what it does instead
	surveyed func()        // what comes behind the survey instead
	prepared uint64        // flash operations until the restoration was ready
	accepted bool          // the device took what it should have refused
}

var _ terminal.Cable = (*host)(nil)

// restore boots the device and, if it is in restoration mode, brings it to w by the road. It returns
// nil when the device says it is there and was told to reset, and also when the device runs already. A
// device that lost power on the way is no error: the stand tells.
func (st *stand) restore(road Road, w Which, ask bool) error {
	if road == RoadEngine {
		return st.engine(w, ask, nil)
	}
	h := &host{st: st, want: w, road: road, ask: ask, watch: st.packet}
	st.serve(h)
	return h.err
}

// serve boots the device with h at its cable.
func (st *stand) serve(h *host) {
	h.deframer.Reset(make([]byte, smp.DeframerSize(smp.BufSize)))
	st.run(h, func(t labstand.Agent) {
		if st.mode != terminal.Restoration {
			return
		}
		h.live = true
		h.begin()
		t.Serve()
		st.board.Reset(emulator.CauseSoftware)
	})
	st.sent, st.ran = h.sent, st.mode == terminal.Running
	if h.err == nil && st.mode == terminal.Restoration && !h.done && st.ended != emulator.EndCut && st.crash == nil && st.fault == nil {
		h.err = fmt.Errorf("%w: the device reset before the end", ErrGaveUp)
	}
}

// Read implements terminal.Cable. Requests come only when the device waits for them, not when it looks
// between two sectors whether there is one.
func (h *host) Read(p []byte, wait time.Duration) (int, error) {
	if !h.live && h.ask && !h.asked {
		h.asked = true
		h.request(&smp.EchoRequest{Text: []byte("sweep")}, func([]byte) {})
	} else if !h.live || wait <= 0 {
		h.st.board.Clock().Sleep(wait)
		return 0, nil
	}
	if len(h.out) == 0 {
		if h.err == nil {
			h.err = fmt.Errorf("%w: no answer", ErrGaveUp)
		}
		h.st.power()
		h.st.board.Clock().Sleep(wait) // does not return
		return 0, nil
	}
	n := copy(p, h.out)
	h.out = h.out[n:]
	return n, nil
}

// Write implements terminal.Cable.
func (h *host) Write(p []byte) error {
	for len(p) > 0 {
		packet, used := h.deframer.Next(p)
		p = p[used:]
		if packet == nil {
			continue
		}
		head, body, err := smp.ParsePacket(packet)
		if err != nil || !head.Answers(&h.head) {
			continue
		}
		if h.watch != nil {
			h.watch(false, &head, len(packet))
		}
		then, refused := h.then, h.refused
		h.then, h.refused = nil, nil
		if then == nil {
			continue
		}
		if err := smp.ResponseError(body); err != nil {
			if refused == nil {
				refused = h.fail
			}
			refused(err)
			continue
		}
		then(body)
	}
	return nil
}

func (h *host) Break() bool { return false }

func (h *host) Depth() int { return emulator.DefaultDepth }

func (h *host) fail(err error) {
	if h.err == nil {
		h.err = err
	}
}

// request sends q; then is called with the body of its answer.
func (h *host) request(q smp.Request, then func(body []byte)) {
	sequence := h.head.Sequence + 1
	h.head = q.Head()
	h.head.Sequence = sequence
	packet, err := smp.AppendPacket(nil, h.head, q)
	if err != nil {
		h.fail(err)
		return
	}
	h.out = smp.AppendFrames(h.out[:0], packet)
	h.sent += uint64(len(h.out))
	h.then = then
	if h.watch != nil {
		h.watch(true, &h.head, len(packet))
	}
}

// body decodes an answer.
func (h *host) body(b []byte, into smp.Body) bool {
	if err := into.DecodeBody(b); err != nil {
		h.fail(err)
		return false
	}
	return true
}

func (h *host) goods() *goods { return &h.st.s.goods[h.want] }

func (h *host) begin() {
	if h.script != nil {
		h.script(h)
		return
	}
	h.witness(before, h.bringBack)
}

// bringBack is the restoration itself.
func (h *host) bringBack() {
	switch h.road {
	case RoadUpload:
		sum := sha256.Sum256(h.goods().upload)
		h.upload(0, sum[:])
	case RoadFile, RoadParts:
		h.request(&smp.BeginRequest{Manifest: h.goods().signed, Parts: h.road == RoadParts}, func([]byte) {
			h.settle(smp.PhaseReady, func() { h.witness(midway, func() { h.survey(0) }) })
		})
	case RoadEngine, roads:
	}
}

func (h *host) upload(at uint32, sum []byte) {
	file := h.goods().upload
	q := smp.UploadRequest{Offset: at, Data: file[at:min(int(at)+smp.MaxPart, len(file))]}
	if at == 0 {
		q.HasLength, q.Length, q.SHA = true, uint32(len(file)), sum
		q.Data = q.Data[:min(len(q.Data), smp.MaxPart-smp.MaxHash)]
	}
	h.request(&q, func(b []byte) {
		var next smp.Offset
		switch {
		case !h.body(b, &next):
		case int(next.Offset) == len(file):
			h.witness(behind, h.reset)
		case next.Offset <= at || int(next.Offset) > len(file):
			h.fail(fmt.Errorf("%w: device wants offset %d behind %d", ErrGaveUp, next.Offset, at))
		default:
			h.upload(next.Offset, nil)
		}
	})
}

func (h *host) reset() {
	h.done = true
	h.request(&smp.ResetRequest{}, func([]byte) {})
}

// settle asks for the status until the device does nothing by itself, and requires the phase.
func (h *host) settle(want smp.Phase, then func()) {
	h.request(&smp.StatusRequest{}, func(b []byte) {
		switch {
		case !h.body(b, &h.status):
		case h.status.Phase.Busy():
			h.settle(want, then)
		case h.status.Phase != want || h.status.Fault != smp.FaultNone:
			h.fail(&StatusError{h.status})
		default:
			then()
		}
	})
}

// StatusError says how the device ended a restoration.
type StatusError struct{ Status smp.Status }

func (e *StatusError) Error() string {
	return fmt.Sprintf("device: %v, %v at 0x%x", e.Status.Phase, e.Status.Fault, e.Status.Addr)
}

// hostBlock is the block of the files that a host sends.
const hostBlock = 128

// bring sends the files one after the other, each of which the device applies when it is whole, and asks for the verdict.
func (h *host) bring(files [][]byte) {
	if len(files) == 0 {
		h.request(&smp.FinishRequest{}, func([]byte) { h.settle(smp.PhaseDone, func() { h.witness(behind, h.reset) }) })
		return
	}
	file := files[0]
	h.number++
	q := smp.FileRequest{Number: h.number, Size: uint32(len(file)), SHA: sha256.Sum256(file), Workspace: uint32(len(file)), Block: hostBlock}
	var send func(b []byte)
	send = func(b []byte) {
		var at smp.Offset
		if !h.body(b, &at) {
			return
		}
		if int(at.Offset) < len(file) {
			part := file[at.Offset:]
			h.request(&smp.DataRequest{Number: q.Number, Offset: at.Offset, Data: part[:min(len(part), smp.MaxPart)]}, send)
			return
		}
		h.settle(smp.PhaseReady, func() { h.bring(files[1:]) })
	}
	h.request(&q, send)
}
