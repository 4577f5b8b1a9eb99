package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// Times and limits of a transfer in frames.
const (
	// aheadTime is how much may be on its way, as time on the line: enough for any adapter's turn-around,
	// and little enough that what is sent again does not wait long.
	aheadTime = 300 * time.Millisecond
	// earlyTime is how much of a file may still be on its way when the next one is announced, and how much of
	// that one is sent before the device has answered: enough for the turn-around.
	earlyTime = 40 * time.Millisecond
	// burstTime is how much is sent before acknowledgements are looked for, in a glance.
	burstTime = 20 * time.Millisecond
	glance    = 100 * time.Microsecond
	// quietTime is how long to wait for an acknowledgement beyond the time of some blocks.
	quietTime = 50 * time.Millisecond
	// askTime is how often a device that works is asked how far it is, which also keeps the framing.
	askTime = 400 * time.Millisecond
	// maxFalls is how often the framing may be lost in one run before the rest goes the plain way.
	maxFalls = 3
	// smallBlock is the block on a line that spoils more than one block in lossLimit.
	smallBlock = 256
	lossLimit  = 25
)

// errFell says that the framing has ended: what was under way is to be asked for anew.
var errFell = errors.New("framing lost")

// stream brings update files in frames, each while the device applies the one before, and returns how many
// the device has applied: all, unless frames do not work any more.
func (r *runner) stream(ctx context.Context) (int, error) {
	s := r.s
	r.before, r.operations = r.touched, r.status.Operations
	for falls := 0; ; falls++ {
		if falls > maxFalls {
			s.framing.none = true
		}
		if falls > 0 {
			if s.framing.slow = s.framing.slow || falls > 1; s.framing.slow {
				r.p.speed = 0
			}
			if err := s.agree(ctx, r.p.Device, r.p.speed); err != nil {
				return 0, err
			}
			if err := r.question(ctx); err != nil {
				return 0, err
			}
		}
		if !s.framing.guard.On() {
			if err := r.wait(ctx, 0); err != nil {
				return 0, err
			}
			return r.count(), r.trouble()
		}
		err := r.pass(ctx)
		if err == nil {
			return len(r.p.jobs), nil
		}
		if !errors.Is(err, errFell) {
			return 0, err
		}
	}
}

// pass brings all files that the device does not have, and waits until it has applied them.
func (r *runner) pass(ctx context.Context) error {
	var next *bringing
	wait := !r.fresh // for the answer to the first announcement, since the device may have a part of the file
	r.fresh = false
	for i := r.count(); i < len(r.p.jobs); i++ {
		b := next
		if b == nil || !b.taken {
			b = r.prepare(i)
			if err := r.lead(ctx, b, wait); err != nil {
				return err
			}
		}
		wait = false
		var err error
		if next, err = r.blocks(ctx, b); err != nil {
			return err
		}
	}
	for r.count() < len(r.p.jobs) {
		if err := r.heed(ctx); err != nil {
			return err
		}
	}
	return nil
}

// bringing is a file on its way.
type bringing struct {
	i     int
	q     smp.FileRequest
	file  []byte
	w     frame.Sender
	count uint32 // blocks
	wire  int    // bytes of a block on the wire
	seq   uint8  // of an announcement that is not answered
	asked bool
	taken bool // the device has said that it takes it
	lost  int
}

func (r *runner) prepare(i int) *bringing {
	b := &bringing{i: i, file: r.p.jobs[i].file, q: r.announcement(i, r.block, r.s.framing.agreed.Block)}
	b.count = (b.q.Size + b.q.Block - 1) / b.q.Block
	b.wire = frame.DataSize(int(b.q.Block))
	b.w.Begin(b.count, 0)
	return b
}

// announcement is that of the file of job i, in blocks of the size that is wished for, or larger ones up to most.
func (r *runner) announcement(i int, wish, most uint32) smp.FileRequest {
	j := &r.p.jobs[i]
	size := uint32(len(j.file))
	return smp.FileRequest{Number: uint32(i + 1), Size: size, SHA: sha256.Sum256(j.file), Workspace: j.workspace,
		Block: blockFor(size, wish, most), Last: i == len(r.p.jobs)-1}
}

// blockFor is the block that a file of size bytes goes in: the one that is wished for, or one that is so much larger that there
// are not too many, as far as the device takes it.
func blockFor(size, wish, most uint32) uint32 {
	block := min(wish, most)
	for block < most && (size-1)/block >= frame.MaxBlocks {
		block *= 2
	}
	return block
}

// lead has b announced when the device has place for it: when the one before the one before it was applied.
func (r *runner) lead(ctx context.Context, b *bringing, wait bool) error {
	for r.count() < b.i-1 {
		if err := r.heed(ctx); err != nil {
			return err
		}
	}
	if wait {
		return r.announce(ctx, b)
	}
	return r.open(b)
}

// announce has the device take a file, waiting for the place that it needs.
func (r *runner) announce(ctx context.Context, b *bringing) error {
	s := r.s
	var at smp.Offset
	for {
		err := s.call(ctx, &b.q, &at, prompt)
		if err == nil {
			break
		}
		var said *smp.Error
		if !errors.As(err, &said) {
			return fmt.Errorf("announce file %d: %w", b.q.Number, err)
		}
		// It may have to wait for the end of the one before, whose place it needs.
		wait := said.Fault() == smp.FaultBusy || said.Fault() == smp.FaultWorkspace && r.count() < b.i
		if !wait || r.count() >= b.i {
			// Something before it went wrong, or the device has forgotten.
			if err := r.question(ctx); err != nil {
				return err
			}
			if err := r.trouble(); err != nil {
				return err
			}
			if !wait {
				return fmt.Errorf("announce file %d: %w", b.q.Number, s.refused(said))
			}
		}
		if err := r.heed(ctx); err != nil {
			return err
		}
	}
	if !s.framing.guard.On() {
		return errFell
	}
	if at.Offset > b.q.Size || at.Offset < b.q.Size && at.Offset%b.q.Block != 0 {
		return &Error{Code: CodeProtocol, Err: fmt.Errorf("device has %d bytes of a file of %d in blocks of %d", at.Offset, b.q.Size, b.q.Block)}
	}
	b.w.Begin(b.count, (at.Offset+b.q.Block-1)/b.q.Block)
	b.taken = true
	return nil
}

// ahead announces the file behind b without waiting, when all of b is on its way and the device will have
// room for another one: the line need not stand still for an answer. It returns nil if that is not so.
func (r *runner) ahead(b *bringing) (*bringing, error) {
	if b.i+1 >= len(r.p.jobs) || r.count() < b.i || !b.taken || !b.w.Sent() {
		return nil, nil
	}
	next := r.prepare(b.i + 1)
	return next, r.open(next)
}

// open announces b without waiting for the answer.
func (r *runner) open(b *bringing) error {
	s := r.s
	h := s.head(&b.q)
	packet, err := smp.AppendPacket(s.packet[:0], h, &b.q)
	if err != nil {
		return &Error{Code: CodeProtocol, Err: err}
	}
	s.packet, b.seq, b.asked = packet, h.Sequence, true
	return s.write(s.wrap(packet))
}

// answered looks whether packet, which may be nil, answers the announcement of b, and reports whether it was
// not taken as a new file.
func (b *bringing) answered(packet []byte) (refused bool) {
	h, body, err := smp.ParsePacket(packet)
	q := b.q.Head()
	q.Sequence = b.seq
	if err != nil || !b.asked || !h.Answers(&q) {
		return false
	}
	var at smp.Offset
	b.asked = false
	b.taken = smp.ResponseError(body) == nil && at.DecodeBody(body) == nil && at.Offset == 0
	return !b.taken
}

// put sends a block.
func (r *runner) put(b *bringing, n uint32) error {
	from := n * b.q.Block
	data := frame.Data{File: uint8(b.q.Number), Block: uint16(n), Bytes: b.file[from:min(from+b.q.Block, b.q.Size)]}
	if n == b.count-1 {
		r.touched = max(r.touched, TouchedPart) // a device that has it all may erase
	}
	r.s.framed = frame.AppendData(r.s.framed[:0], &data)
	if err := r.s.write(r.s.framed); err != nil {
		return fmt.Errorf("send file: %w", err)
	}
	return nil
}

// fill puts on its way what may be, up to burstTime, and returns the file behind b once it was announced.
// more says that there is more to send at once.
func (r *runner) fill(b, next *bringing, tried *bool) (_ *bringing, more bool, err error) {
	s := r.s
	burst := max(1, int(burstTime/s.lineTime(b.wire)))
	limit := min(frame.Window, int(s.framing.agreed.Ahead/b.q.Block), max(4, int(aheadTime/s.lineTime(b.wire))))
	// What is sent for a file before the device has taken it may be in vain.
	early := max(2, int(earlyTime/s.lineTime(b.wire)))
	if !b.taken {
		limit = min(limit, early)
	}
	for {
		n, ok := b.w.Next(limit)
		if !ok {
			break
		}
		if err := r.put(b, n); err != nil {
			return next, false, err
		}
		if burst--; burst == 0 {
			return next, true, nil
		}
	}
	if next == nil && !*tried && b.w.InFlight() <= early {
		if next, err = r.ahead(b); err != nil {
			return next, false, err
		}
		*tried = next != nil
	}
	if next != nil && !next.taken {
		limit = early
	}
	for next != nil {
		n, ok := next.w.Next(limit - b.w.InFlight())
		if !ok {
			break
		}
		if err := r.put(next, n); err != nil {
			return next, false, err
		}
		if burst--; burst == 0 {
			return next, true, nil
		}
	}
	return next, false, nil
}

// blocks sends what is missing of b until the device has all of it, and after that the beginning of the next
// file, which it returns if it was announced.
func (r *runner) blocks(ctx context.Context, b *bringing) (next *bringing, err error) {
	s := r.s
	f := &s.framing
	sent := r.progress.Bytes
	tried := false
	for silent := 0; !b.w.Whole() || next != nil && next.asked; {
		var more bool
		if next, more, err = r.fill(b, next, &tried); err != nil {
			return nil, err
		}
		acks := f.acks
		wait := quietTime + 3*s.lineTime(b.wire) + 2*s.latency
		if more {
			wait = glance // an acknowledgement may tell of a loss before all that may go out has gone out
		}
		packet, err := s.event(ctx, s.port.Now()+wait)
		switch {
		case IsTimeout(err) && more:
		case IsTimeout(err) && b.asked, err == nil && b.answered(packet):
			b.asked = false
			if err := r.announce(ctx, b); err != nil {
				return nil, err
			}
		case IsTimeout(err) && b.w.Whole():
			next.asked = false // announced again, and waited for
		case IsTimeout(err):
			if silent++; silent > maxLost {
				return nil, &Error{Code: CodeNoisy, Err: errors.New("send file: blocks do not arrive")}
			}
			b.w.Expire()
			b.lost++
			s.repeated++
		case err != nil:
			return nil, fmt.Errorf("send file: %w", err)
		case !f.guard.On():
			return nil, errFell
		case packet != nil && next != nil && next.answered(packet):
			next = nil
		case f.acks != acks:
			if err := r.learn(ctx); err != nil {
				return nil, err
			}
			if before := b.w.Acknowledged(); r.take(b, next) && b.w.Acknowledged() > before {
				silent = 0
			}
		}
		r.progress.Bytes = sent + uint64(b.w.Acknowledged())*uint64(b.wire)
		r.tell(s.lineTime(int(b.w.Acknowledged())*b.wire), 0)
	}
	switch {
	case b.lost*lossLimit > int(b.count):
		r.block = smallBlock
		r.progress.Slowed = true
	case b.lost == 0 && r.block < frame.MaxBlock && int(b.count) > lossLimit:
		r.block *= 2
	}
	r.did(s.lineTime(len(b.file)+int(b.count)*(b.wire-int(b.q.Block))), 0)
	return next, nil
}
