package emulator

import (
	"slices"
	"time"
)

// Snapshot is a board's flash at one moment, with its wear, its defects, the clock and the state
// of chance. It shares sectors with the board, so it costs little; it is never changed and may be
// restored any number of times, to the board it came from or to one made from the same Config.
type Snapshot struct {
	sectors []*sector
	defects []Defect
	now     time.Duration
	random  random
	up      random
	down    random
	total   uint64
	boots   uint64
}

// Snapshot takes a snapshot. No agent may run, and no flash operation may be under way.
func (b *Board) Snapshot() *Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive || b.pending.Kind != 0 {
		panic("emulator: snapshot of a board at work")
	}
	return b.snapshot()
}

// snapshot shares the sectors with what it returns. With mu held.
func (b *Board) snapshot() *Snapshot {
	b.share()
	clear(b.owned)
	return &Snapshot{
		sectors: slices.Clone(b.sectors), defects: slices.Clone(b.defects), now: b.now + b.debt,
		random: b.random, up: b.line.up.random, down: b.line.down.random,
		total: b.total, boots: b.ram.boots,
	}
}

// Restore makes the board what it was, without power, without faults, with the operation counter
// at 0 and no cut set; the port and the line's wires are empty. No agent may run.
func (b *Board) Restore(s *Snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive {
		panic("emulator: restore of a board at work")
	}
	if len(s.sectors) != len(b.sectors) {
		panic("emulator: snapshot of another board")
	}
	copy(b.sectors, s.sectors)
	clear(b.owned)
	b.defects = append(b.defects[:0], s.defects...)
	b.now, b.debt = s.now, 0
	b.random, b.line.up.random, b.line.down.random = s.random, s.up, s.down
	b.total, b.ram.boots = s.total, s.boots
	b.power = off
	b.pending, b.busy, b.result = operation{}, false, nil
	b.ops, b.cutAt = 0, 0
	b.faults = nil
	for _, w := range []*wire{&b.line.up, &b.line.down} {
		w.queue, w.head, w.buffer, w.free, w.last = w.queue[:0], 0, w.buffer[:0], s.now, s.now
	}
	b.line.breaks = nil
	b.wakeAll()
}
