package terminal_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"unbrick/delta/diff"
	"unbrick/emulator"
	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
	"unbrick/terminal"
)

// apparatus is a restoration host in its simplest form: it knows releases A and B and makes a delta from
// the flash as the device's digests describe it.
type apparatus struct {
	f        *fixture
	port     *emulator.Port
	deframer smp.Deframer
	seq      uint8
	rx       []byte
	id       smp.Identity
}

func (f *fixture) apparatus(port *emulator.Port) *apparatus {
	a := &apparatus{f: f, port: port}
	a.deframer.Reset(make([]byte, smp.DeframerSize(4096)))
	return a
}

// ask sends a request and waits for its answer.
func (a *apparatus) ask(q smp.Request, into smp.Body) error {
	a.seq++
	h := q.Head()
	h.Sequence = a.seq
	packet, err := smp.AppendPacket(nil, h, q)
	if err != nil {
		return err
	}
	wire := smp.AppendFrames(nil, packet)
	for range 5 {
		if err := a.port.Write(wire); err != nil {
			return err
		}
		body, err := a.answer(&h, 10*time.Second)
		if err != nil {
			continue
		}
		if err := smp.ResponseError(body); err != nil {
			return err
		}
		return into.DecodeBody(body)
	}
	return fmt.Errorf("no answer to %d/%d", h.Group, h.ID)
}

func (a *apparatus) answer(q *smp.Header, wait time.Duration) ([]byte, error) {
	end := a.port.Now() + wait
	for a.port.Now() < end {
		for len(a.rx) > 0 {
			p, used := a.deframer.Next(a.rx)
			a.rx = a.rx[used:]
			if p == nil {
				continue
			}
			h, body, err := smp.ParsePacket(p)
			if err == nil && h.Answers(q) {
				return append([]byte(nil), body...), nil
			}
		}
		buf := make([]byte, 1024)
		n, err := a.port.Read(buf, end-a.port.Now())
		if err != nil {
			return nil, err
		}
		a.rx = append(a.rx, buf[:n]...)
	}
	return nil, errors.New("no answer")
}

// settle polls status until the device does nothing by itself.
func (a *apparatus) settle() (smp.Status, error) {
	for {
		var s smp.Status
		if err := a.ask(&smp.StatusRequest{}, &s); err != nil {
			return s, err
		}
		if !s.Phase.Busy() {
			return s, nil
		}
		a.pause(20 * time.Millisecond)
	}
}

func (a *apparatus) pause(d time.Duration) {
	n, _ := a.port.Read(make([]byte, 256), d)
	_ = n
}

// survey reads what the flash holds: bytes where a digest is that of a known sector, and what is not to
// be believed.
func (a *apparatus) survey() (old []byte, doubtful []bool, err error) {
	n := a.f.software.Sectors()
	old = make([]byte, a.f.software.Size())
	doubtful = make([]bool, n)
	pad := func(image []byte) []byte {
		p := make([]byte, a.f.software.Size())
		for i := range p {
			p[i] = a.f.software.Erased
		}
		copy(p, image)
		return p
	}
	known := [][]byte{pad(a.f.a.image), pad(a.f.b.image)}
	for first := 0; first < n; first += smp.MaxDigests {
		var d smp.Digests
		if err := a.ask(&smp.DigestsRequest{First: uint32(first), Count: uint32(min(n-first, smp.MaxDigests))}, &d); err != nil {
			return nil, nil, err
		}
		for i := range len(d.Digests) / smp.DigestSize {
			s := first + i
			addr, size := a.f.software.Sector(s)
			doubtful[s] = true
			if d.Doubtful[i/8]>>(i%8)&1 != 0 {
				continue
			}
			for _, k := range known {
				sum := sha256.Sum256(k[addr : addr+size])
				if string(sum[:smp.DigestSize]) == string(d.Digests[i*smp.DigestSize:][:smp.DigestSize]) {
					copy(old[addr:], k[addr:addr+size])
					doubtful[s] = false
				}
			}
		}
	}
	return old, doubtful, nil
}

// restore brings the device to g.
func (a *apparatus) restore(g goods, parts bool) (smp.Status, error) {
	if err := a.ask(&smp.IdentifyRequest{}, &a.id); err != nil {
		return smp.Status{}, err
	}
	var s smp.Status
	if err := a.ask(&smp.BeginRequest{Manifest: g.signed, Parts: parts}, &s); err != nil {
		return s, fmt.Errorf("begin: %w", err)
	}
	s, err := a.settle()
	if err != nil || s.Phase != smp.PhaseReady {
		return s, fmt.Errorf("begin: %v %v %w", s.Phase, s.Fault, err)
	}
	old, doubtful, err := a.survey()
	if err != nil {
		return s, err
	}
	if parts {
		err = a.inParts(g, old, doubtful)
	} else {
		err = a.inOne(g, old, doubtful)
	}
	if err != nil {
		return s, err
	}
	if err := a.ask(&smp.FinishRequest{}, &s); err != nil {
		return s, err
	}
	s, err = a.settle()
	if err == nil && s.Phase != smp.PhaseDone {
		err = fmt.Errorf("finish: %v %v", s.Phase, s.Fault)
	}
	return s, err
}

func (a *apparatus) inOne(g goods, old []byte, doubtful []bool) error {
	file, err := diff.Create(context.Background(), old, g.image, &diff.Options{Geometry: &a.f.software, Doubtful: doubtful, Resident: resident, Workspace: a.id.Workspace})
	if err != nil {
		return err
	}
	return a.apply(file)
}

// inParts sends leaves for every sector that must change, and then these sectors in two files.
func (a *apparatus) inParts(g goods, old []byte, doubtful []bool) error {
	var changed []int
	for s := range a.f.software.Sectors() {
		addr, size := a.f.software.Sector(s)
		if int(addr) >= len(g.image) {
			break
		}
		want := make([]byte, size)
		for i := range want {
			want[i] = a.f.software.Erased
		}
		copy(want, g.image[addr:])
		if doubtful[s] || string(want) != string(old[addr:addr+size]) {
			changed = append(changed, s)
		}
	}
	for _, s := range changed {
		addr, size := a.f.software.Sector(s)
		for at := addr; at < addr+size && int(at) < len(g.image); at += g.m.LeafSize {
			i := at / g.m.LeafSize
			off, n := g.m.LeafRange(i)
			leaf := leafOf(i, g.image[off:off+n])
			if err := a.ask(&smp.LeavesRequest{First: i, Data: leaf[:]}, &smp.Empty{}); err != nil {
				return fmt.Errorf("leaf %d: %w", i, err)
			}
		}
	}
	for _, half := range [][]int{changed[:len(changed)/2], changed[len(changed)/2:]} {
		if len(half) == 0 {
			continue
		}
		only := make([]bool, a.f.software.Sectors())
		for _, s := range half {
			only[s] = true
		}
		file, err := diff.Create(context.Background(), old, g.image, &diff.Options{Geometry: &a.f.software, Doubtful: doubtful, Only: only, Resident: resident})
		if err != nil {
			return err
		}
		if err := a.apply(file); err != nil {
			return err
		}
		for _, s := range half {
			addr, size := a.f.software.Sector(s)
			for i := addr; i < addr+size; i++ {
				old[i] = a.f.software.Erased
			}
			copy(old[addr:addr+size], g.image[addr:])
			doubtful[s] = false
		}
	}
	return nil
}

// hostBlock is the block of the files that apparatus sends.
const hostBlock = frame.MinBlock

// announce tells the device of the next file.
func (a *apparatus) announce(file []byte) (number, there uint32, err error) {
	var s smp.Status
	if err := a.ask(&smp.StatusRequest{}, &s); err != nil {
		return 0, 0, err
	}
	var off smp.Offset
	q := smp.FileRequest{Number: s.Applied + 1, Size: uint32(len(file)), SHA: sha256.Sum256(file), Workspace: uint32(len(file)), Block: hostBlock}
	return q.Number, off.Offset, a.ask(&q, &off)
}

// apply sends a file, with which the device rewrites.
func (a *apparatus) apply(file []byte) error {
	number, at, err := a.announce(file)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	for int(at) < len(file) {
		part := file[at:]
		var off smp.Offset
		if err := a.ask(&smp.DataRequest{Number: number, Offset: at, Data: part[:min(len(part), smp.MaxPart)]}, &off); err != nil {
			return fmt.Errorf("data: %w", err)
		}
		at = off.Offset
	}
	s, err := a.settle()
	if err == nil && (s.Phase != smp.PhaseReady || s.Fault != smp.FaultNone) {
		err = fmt.Errorf("apply: %v %v at 0x%x", s.Phase, s.Fault, s.Addr)
	}
	return err
}

// restoring runs the device in restoration mode with host at the other end of the line. The device is
// reset when the host asks for it; the second ending is nil if it did not come so far.
func (r *rig) restoring(host func(*apparatus) error) (emulator.Ending, error) {
	done := make(chan error, 1)
	port := r.board.Host()
	if err := port.Open(); err != nil {
		r.t.Fatal(err)
	}
	r.board.KeepClock(true) // the host must not lose patience before the device is there
	go func() {
		err := host(r.f.apparatus(port))
		if err == nil {
			a := r.f.apparatus(port)
			err = a.ask(&smp.ResetRequest{}, &smp.Empty{})
		}
		port.Close()
		if err != nil {
			r.board.Cut(emulator.NotBegun)
		}
		done <- err
	}()
	e := r.run(func(term *terminal.Terminal) {
		if r.mode == terminal.Restoration {
			term.Serve()
			r.board.Reset(emulator.CauseSoftware)
		}
	})
	r.board.KeepClock(false)
	r.board.Halt()
	return e, <-done
}

// errStarted says that a device was to be restored and runs: bits in between were read right by chance this time.
var errStarted = errors.New("it runs by itself")

// mend restores the device to g and checks that it runs exactly that.
func (r *rig) mend(g goods, parts bool) error {
	e, err := r.restoring(func(a *apparatus) error {
		_, err := a.restore(g, parts)
		return err
	})
	if err != nil && r.mode == terminal.Running {
		return errStarted
	}
	if err != nil {
		return fmt.Errorf("restore: %w (%v)", err, e.Kind)
	}
	if !r.holds(g) {
		return errors.New("restored, but the flash does not hold the wanted image")
	}
	r.power()
	if mode := r.boot(); mode != terminal.Running {
		return fmt.Errorf("restored, but boots to %v (%v)", mode, r.last.Why())
	}
	if m, _ := r.last.Installed(); m.Digest != g.m.Digest {
		return errors.New("restored, but runs another release")
	}
	return nil
}
