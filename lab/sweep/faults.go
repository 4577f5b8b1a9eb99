package sweep

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"unbrick/emulator"
	labstand "unbrick/lab/stand"
	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/terminal"
)

// links does every fault to every message of an update session. The device has no more memory than the
// update needs, so that applications must make room for it.
func (sw *sweep) links() error {
	if sw.s.Shape.RAM == 0 {
		shape := sw.s.Shape
		shape.RAM = sw.s.info.Workspace
		tight, err := NewSubject(sw.ctx, sw.s.Name, shape, sw.s.goods[Old].image, sw.s.goods[New].image, sw.s.seed)
		if err != nil {
			return err
		}
		in := &sweep{s: tight, o: sw.o, ctx: sw.ctx, result: sw.result, until: sw.until}
		return in.links()
	}
	w, err := sw.worker()
	if err != nil {
		return err
	}
	w.board.Restore(sw.s.start)
	l := &link{s: sw.s}
	w.update(l)
	sw.collect(w)
	n := int(l.message) * int(linkFaults-1)
	return sw.spread(KindLink, n, func(w *worker, i int) {
		hit := LinkHit{uint32(i/int(linkFaults-1)) + 1, LinkFault(i%int(linkFaults-1)) + 1}
		w.run = Run{Link: hit}
		w.counts[KindLink]++
		w.cycles++
		w.board.Restore(sw.s.start)
		w.linkRun(&executor{judge: w.judge}, hit)
	})
}

// resumeFor is longer than a device keeps a part of an update file, and its applications limited for it.
const resumeFor = 11 * time.Minute

// linkRun updates over a link with one fault, and once more over one without.
func (j *judge) linkRun(x *executor, hit LinkHit) Outcome {
	h := j.s.updated()
	l := x.link()
	l.at, l.fault = hit.At, hit.Fault
	x.begin(ActUpdate, fmt.Sprintf("update, message %d %s", hit.At, hit.Fault))
	var out terminal.Outcome
	limited := false
	erased := uint64(0)
	j.board.ResetCounter()
	j.stand.run(nil, func(t labstand.Agent) {
		if j.mode != terminal.Running {
			return
		}
		if out = x.session(t, l); out == terminal.Rewritten || out == terminal.Damaged {
			j.board.Reset(emulator.CauseSoftware)
		}
		erased = j.board.Operations()
		if out == terminal.Broken {
			// Nobody resumes it.
			j.board.Clock().Sleep(resumeFor)
			t.Alive()
		}
		limited = j.limited()
	})
	good := j.sound()
	good = j.check(CheckUpdates, out != 0 && out != terminal.Damaged, func() string { return "the session ended as " + out.String() }) && good
	good = j.check(CheckApps, !limited, func() string { return "an application does not run after a session that ended as " + out.String() }) && good
	if out != terminal.Rewritten {
		good = j.check(CheckProof, erased == 0 || out == terminal.Nothing, func() string { return fmt.Sprintf("%d flash operations in a session that ended as %v", erased, out) }) && good
		x.begin(ActUpdate, "update over a link that works")
		j.power()
		again := j.update(x.link())
		good = j.check(CheckUpdates, again == terminal.Rewritten, func() string { return "the next session ended as " + again.String() }) && good
	}
	j.power()
	o := j.settle(&h)
	if !j.check(CheckUpdates, o == OutcomeNew, func() string { return "after a session that works the device " + o.String() }) || !good {
		return OutcomeFailed
	}
	return o
}

// middle returns a cut of an erase of software in the middle of the update, which restoration has most to do behind.
func (sw *sweep) middle(tear emulator.Tear) (moment, error) {
	w, err := sw.worker()
	if err != nil {
		return moment{}, err
	}
	w.board.Restore(sw.s.start)
	forks := w.forks(func() { w.update(&link{s: sw.s}) })
	first, last := sw.s.software0(forks)
	if first < 0 {
		return moment{}, errors.New("the update writes nothing")
	}
	var found moment // the first behind the middle; of an update of one sector there is only one before it
	for _, m := range sw.s.moments(ActUpdate, forks, sw.s.updated(), never) {
		o := &m.fork.Operation
		if o.Kind != emulator.OpErase || o.Addr < sw.s.layout.SoftwareBase() || m.cut.Tear != tear {
			continue
		}
		if found = m; int(m.cut.Op) > (first+last)/2 {
			break
		}
	}
	if found.fork == nil {
		return moment{}, errors.New("the update erases nothing")
	}
	return found, nil
}

// frames does every fault to frames of a restoration: the engine's, over the virtual line.
func (sw *sweep) frames() error {
	m, err := sw.middle(emulator.ErasePart)
	if err != nil {
		return err
	}
	w, err := sw.worker()
	if err != nil {
		return err
	}
	w.run = Run{Cuts: []Cut{m.cut}, Mend: Restoring(RoadEngine, New)}
	w.tear(&m)
	counter := &faulty{}
	err = w.engine(New, false, func(p restore.Port) restore.Port { counter.Port = p; return counter })
	good := w.sound()
	good = w.check(CheckRestored, err == nil, func() string { return fmt.Sprintf("a restoration without a fault: %v", err) }) && good
	sw.collect(w)
	if !good {
		return nil // the check has told
	}
	total := int(counter.count)
	step := 1
	if n := sw.o.Cable; n > 0 && n < total {
		step = (total + n - 1) / n
	}
	each := int(frameFaults - 1)
	n := (total + step - 1) / step * each
	return sw.spread(KindCable, n, func(w *worker, i int) {
		hit := FrameHit{uint32(i/each*step) + 1, FrameFault(i%each) + 1}
		w.run = Run{Cuts: []Cut{m.cut}, Frame: hit}
		w.counts[KindCable]++
		w.cycles++
		w.tear(&m)
		w.cableRun(&executor{judge: w.judge}, m.h, hit, Noise{})
	})
}

// cableRun restores the device to the new image over a line that is not good. If that does not succeed,
// which a line may be too bad for, it must over a good one.
func (j *judge) cableRun(x *executor, h history, hit FrameHit, n Noise) Outcome {
	j.power()
	h = j.restored(h, New)
	h.runs = false
	// Begun again, a restoration refreshes and rewrites what the last one left, each time.
	h.software *= 2 * engineTries
	h.records *= 2 * engineTries
	x.begin(Restoring(RoadEngine, New), fmt.Sprintf("restoration, frame %d %s, %d wrong bits in 1e9, %d bytes lost and %d inserted in 1e6", hit.At, hit.Fault, n.Errors, n.Lost, n.Inserted))
	if err := j.board.SetLine(emulator.LineConfig{BitErrors: float64(n.Errors) / 1e9, LostBytes: float64(n.Lost) / 1e6}); err != nil {
		panic("sweep: " + err.Error()) // the numbers are from here
	}
	err := j.engine(New, false, func(p restore.Port) restore.Port {
		if n.Inserted > 0 {
			p = &strange{Port: p, per: n.Inserted, state: uint64(n.Seed) + 1}
		}
		return &faulty{Port: p, hit: hit}
	})
	good := j.sound()
	if e := j.board.SetLine(emulator.LineConfig{}); e != nil {
		panic("sweep: " + e.Error())
	}
	if err != nil {
		x.begin(Restoring(RoadEngine, New), "the same over a line that works")
		j.power()
		err = j.engine(New, false, nil)
		good = j.sound() && good
	}
	if !j.mended(&h, New, err, "restored over a bad line") || !good {
		return OutcomeFailed
	}
	return OutcomeNew
}

// strange is a port on whose line bytes appear that nobody sent.
type strange struct {
	restore.Port
	per   uint32 // in a million
	state uint64
}

func (p *strange) chance() (byte, bool) {
	p.state = fold(p.state, 0x5EED)
	return byte(p.state >> 40), uint32(p.state>>8)%1_000_000 < p.per
}

// Write implements restore.Port.
func (p *strange) Write(b []byte) error {
	var out []byte
	for _, c := range b {
		if x, yes := p.chance(); yes {
			out = append(out, x)
		}
		out = append(out, c)
	}
	return p.Port.Write(out)
}

// Break implements restore.Breaker, if the port does.
func (p *strange) Break(d time.Duration) error {
	if b, ok := p.Port.(restore.Breaker); ok {
		return b.Break(d)
	}
	return restore.ErrUnsupported
}

// noise restores over lines with wrong, lost and inserted bytes.
func (sw *sweep) noise() error {
	m, err := sw.middle(emulator.ErasePart)
	if err != nil {
		return err
	}
	var all []Noise
	for k := range sw.o.Noise {
		for _, n := range []Noise{{Errors: 1_000}, {Errors: 10_000}, {Errors: 100_000}, {Errors: 1_000_000}, {Lost: 1_000}, {Inserted: 1_000}, {Errors: 100_000, Lost: 500, Inserted: 500}} {
			n.Seed = uint32(sw.random(uint64(k), uint64(n.Errors), uint64(n.Lost), 9).Uint32())
			all = append(all, n)
		}
	}
	return sw.spread(KindNoise, len(all), func(w *worker, i int) {
		w.run = Run{Cuts: []Cut{m.cut}, Noise: all[i]}
		w.counts[KindNoise]++
		w.cycles++
		w.tear(&m)
		w.board.Stir(uint64(all[i].Seed))
		w.cableRun(&executor{judge: w.judge}, m.h, FrameHit{}, all[i])
	})
}

// defects updates a device one of whose sectors is worn or faulty, once or always.
func (sw *sweep) defects() error {
	s := sw.s
	var all []emulator.Defect
	records := s.layout.Records()
	first := s.layout.SoftwareFirst()
	add := func(sector int, off uint32) {
		addr, _ := s.layout.Geometry.Sector(sector)
		for _, times := range []uint32{1, 0} {
			all = append(all,
				emulator.Defect{Kind: emulator.DefectErase, Addr: addr, Times: times},
				emulator.Defect{Kind: emulator.DefectProgram, Addr: addr + off, Times: times},
				emulator.Defect{Kind: emulator.DefectMisprogram, Addr: addr + off, Times: times})
		}
		all = append(all,
			emulator.Defect{Kind: emulator.DefectStuck, Addr: addr + off, Mask: 0x10, Value: 0x10},
			emulator.Defect{Kind: emulator.DefectStuck, Addr: addr + off, Mask: 0x10})
	}
	for i, c := range s.changed {
		if c {
			add(first+i, 40)
		}
	}
	for _, i := range records {
		add(i, 40)
	}
	return sw.spread(KindDefect, len(all), func(w *worker, i int) {
		w.run = Run{Defect: all[i]}
		w.counts[KindDefect]++
		w.cycles++
		w.board.Restore(s.start)
		w.defectRun(&executor{judge: w.judge}, all[i])
	})
}

// defectRun updates a device with a defect. It must run a whole image, or wait in restoration mode and
// there name the sector; and when the defect is gone it must be possible to restore it.
func (j *judge) defectRun(x *executor, d emulator.Defect) Outcome {
	s := j.s
	if err := j.board.Inject(d); err != nil {
		panic("sweep: " + err.Error()) // the defect is from here or from a checked id
	}
	h := s.updated()
	// Each sector is tried three times, and each record; a device that cannot go on tries again at every boot.
	h.software = 3*h.software + 64
	h.records = 3*h.records + 64
	h.dead = true
	if !j.read().valid {
		h.least, h.trusts = 0, false // a stuck bit has spoiled the only record: nobody knows any more
	}
	x.begin(ActUpdate, fmt.Sprintf("update with a defect at 0x%x", d.Addr))
	var dead []uint32
	j.event = func(e terminal.Event) {
		if e.Code == terminal.EventDead {
			dead = append(dead, e.A)
		}
	}
	out := j.update(x.link())
	j.event = nil
	good := j.sound()
	if len(dead) > 0 {
		good = j.names(x, dead, out) && good
	}
	j.power()
	o := j.settle(&h)
	if d.Times == 1 {
		good = j.check(CheckRetried, o == OutcomeNew, func() string {
			return fmt.Sprintf("something at 0x%x went wrong once, and the device %v", d.Addr, o)
		}) && good
	}
	if o == OutcomeRestoration {
		sector := s.layout.Geometry.SectorAt(d.Addr)
		addr, _ := s.layout.Geometry.Sector(sector)
		x.begin(Restoring(RoadFile, New), "restoration with the defect")
		j.power()
		h = j.restored(h, New)
		h.software += 64
		h.records += 64
		err := j.restore(RoadFile, New, false)
		good = j.sound() && good
		if err != nil {
			var status *StatusError
			named := errors.As(err, &status) && status.Status.Addr == addr && status.Status.Fault != smp.FaultNone
			good = j.check(CheckDead, named, func() string { return fmt.Sprintf("sector at 0x%x takes no data, and the device says %v", addr, err) }) && good
		}
		if err == nil {
			good = j.mended(&h, New, nil, "restored with the defect") && good
		} else {
			j.board.Mend()
			x.begin(Restoring(RoadUpload, New), "restoration with the defect mended")
			good = j.mend(&h, RoadUpload, New) && good
		}
		o = OutcomeNew
	}
	if o == OutcomeFailed || !good {
		return OutcomeFailed
	}
	return o
}

// names asks a device that has just found sectors to be dead, and keeps its power, whether it says so: in its next session if it
// runs, and in any case over the cable.
func (j *judge) names(x *executor, dead []uint32, out terminal.Outcome) bool {
	if out == terminal.Rewritten || out == terminal.Damaged || out == terminal.Refused {
		x.begin(ActUpdate, "a session after it")
		l := x.link()
		l.up = true
		j.update(l)
		if j.mode == terminal.Running && !j.check(CheckTold, slices.Contains(l.dead, dead[0]), func() string {
			return fmt.Sprintf("sector at 0x%x takes no data, and the next hello names %x", dead[0], l.dead)
		}) {
			return false
		}
	}
	var status smp.Status
	h := &host{st: &j.stand, ask: true, watch: j.packet, script: func(h *host) {
		h.request(&smp.StatusRequest{}, func(body []byte) {
			if h.body(body, &status) {
				h.reset()
			}
		})
	}}
	x.begin(ActBoot, "asked over the cable")
	j.serve(h)
	return j.check(CheckTold, status.Addr == dead[0] && status.Fault != smp.FaultNone, func() string {
		return fmt.Sprintf("sector at 0x%x takes no data, and over the cable it says %v at 0x%x (%v)", dead[0], status.Fault, status.Addr, h.err)
	})
}

// hostile sends what a host must not: files that do not lead to the release from here, and lengths that
// are not those of what follows.
func (sw *sweep) hostile() error {
	m, err := sw.middle(emulator.Complete)
	if err != nil {
		return err
	}
	return sw.spread(KindHostile, len(lies), func(w *worker, i int) {
		w.run = Run{Cuts: []Cut{m.cut}, Lie: uint32(i) + 1}
		w.counts[KindHostile]++
		w.cycles++
		w.tear(&m)
		w.lie(lies[i])
	})
}
