package model

import (
	"errors"
	"fmt"

	"unbrick/flash"
	"unbrick/internal/cbor"
)

// version is the value of key 0; a record with another is refused.
const version = 1

// Keys of the record, all present, in this order.
const (
	keyVersion = iota
	keyID
	keyName
	keyRuns // array: size, count, size, count, ...
	keyUnit
	keyPage
	keyErased
	keyBlocks // array of sizes
	keyBoot
	keySettings // array of [name, address, size]
	keyRAM
	keyResident
	keyApps // array of [name, size, importance, fixed]
	keyISA
	keyLine
	keyHints // array of texts
	keyMaxUpdate
	keys
	keyReadout = keys // only in a record that allows it: true
)

var (
	errVersion = errors.New("unknown version")
	errShape   = errors.New("not the shape of a model")
)

// Append appends m's encoding to dst. m must be valid; Append panics where an invalid one cannot be
// written at all.
func (m *Model) Append(dst []byte) []byte {
	w := cbor.Appending(dst)
	n := keys
	if m.Readout {
		n++
	}
	w.Map(n)
	number := func(key int, v uint64) { w.Uint(uint64(key)); w.Uint(v) }
	text := func(key int, s string) { w.Uint(uint64(key)); w.Text(s) }
	array := func(key, n int) { w.Uint(uint64(key)); w.Array(n) }

	g := &m.Layout.Geometry
	number(keyVersion, version)
	text(keyID, m.ID)
	text(keyName, m.Name)
	array(keyRuns, 2*len(g.Runs))
	for _, r := range g.Runs {
		w.Uint(uint64(r.Size))
		w.Uint(uint64(r.Count))
	}
	number(keyUnit, uint64(g.ProgramUnit))
	number(keyPage, uint64(g.Page))
	number(keyErased, uint64(g.Erased))
	array(keyBlocks, len(g.Blocks))
	for _, b := range g.Blocks {
		w.Uint(uint64(b))
	}
	number(keyBoot, uint64(m.Layout.Boot))
	array(keySettings, len(m.Layout.Settings))
	for _, a := range m.Layout.Settings {
		w.Array(3)
		w.Text(a.Name)
		w.Uint(uint64(a.Addr))
		w.Uint(uint64(a.Size))
	}
	number(keyRAM, uint64(m.RAM))
	number(keyResident, uint64(m.Resident))
	array(keyApps, len(m.Apps))
	for _, a := range m.Apps {
		w.Array(4)
		w.Text(a.Name)
		w.Uint(uint64(a.Size))
		w.Uint(uint64(a.Importance))
		w.Bool(a.Fixed)
	}
	text(keyISA, m.ISA)
	number(keyLine, uint64(m.Line))
	array(keyHints, len(m.Hints))
	for _, h := range m.Hints {
		w.Text(h)
	}
	number(keyMaxUpdate, uint64(m.MaxUpdate))
	if m.Readout {
		w.Uint(keyReadout)
		w.Bool(true)
	}
	b, err := w.Result()
	if err != nil {
		panic("model: append of an invalid model: " + err.Error())
	}
	return b
}

// Decode reads a whole encoding and validates the model. The result keeps no part of b.
func Decode(b []byte) (Model, error) {
	if len(b) > MaxEncoded {
		return Model{}, fmt.Errorf("model: record of %d bytes, at most %d", len(b), MaxEncoded)
	}
	var m Model
	r := cbor.NewReader(b)
	d := decoder{r}
	n := r.Map()
	if n != keys && n != keys+1 {
		d.fail(errShape)
	}
	g := &m.Layout.Geometry
	d.key(keyVersion)
	if r.Uint() != version {
		d.fail(errVersion)
	}
	m.ID = d.text(keyID, MaxID)
	m.Name = d.text(keyName, MaxName)
	if n := d.array(keyRuns, 2*flash.MaxRuns); n%2 != 0 {
		d.fail(errShape)
	} else {
		for range n / 2 {
			g.Runs = append(g.Runs, flash.Run{Size: r.Uint32(), Count: r.Uint32()})
		}
	}
	g.ProgramUnit = d.number(keyUnit)
	g.Page = d.number(keyPage)
	d.key(keyErased)
	g.Erased = byte(r.UintMax(0xFF))
	for range d.array(keyBlocks, flash.MaxBlocks) {
		g.Blocks = append(g.Blocks, r.Uint32())
	}
	m.Layout.Boot = d.number(keyBoot)
	for range d.array(keySettings, flash.MaxSettings) {
		d.tuple(3)
		m.Layout.Settings = append(m.Layout.Settings, flash.Area{Name: r.TextMax(flash.MaxAreaName), Addr: r.Uint32(), Size: r.Uint32()})
	}
	m.RAM = d.number(keyRAM)
	m.Resident = d.number(keyResident)
	for range d.array(keyApps, MaxApps) {
		d.tuple(4)
		m.Apps = append(m.Apps, App{Name: r.TextMax(MaxAppName), Size: r.Uint32(), Importance: uint8(r.UintMax(MaxImportance)), Fixed: r.Bool()})
	}
	m.ISA = d.text(keyISA, MaxISA)
	m.Line = d.number(keyLine)
	for range d.array(keyHints, MaxHints) {
		m.Hints = append(m.Hints, r.TextMax(MaxHint))
	}
	m.MaxUpdate = d.number(keyMaxUpdate)
	if n == keys+1 {
		d.key(keyReadout)
		if m.Readout = r.Bool(); !m.Readout {
			d.fail(errShape)
		}
	}
	if err := r.Finish(); err != nil {
		return Model{}, fmt.Errorf("model: %w", err)
	}
	if err := m.Validate(); err != nil {
		return Model{}, err
	}
	return m, nil
}

// decoder reads keys that must come, each in its turn. The reader's first error sticks.
type decoder struct{ r *cbor.Reader }

func (d decoder) fail(err error) { d.r.Fail(err) }

func (d decoder) key(want int) {
	if d.r.Uint() != uint64(want) {
		d.fail(errShape)
	}
}

func (d decoder) number(key int) uint32 { d.key(key); return d.r.Uint32() }

func (d decoder) text(key, limit int) string { d.key(key); return d.r.TextMax(limit) }

func (d decoder) array(key, limit int) int {
	d.key(key)
	n := d.r.Array()
	if n > limit {
		d.fail(cbor.ErrLength)
		return 0
	}
	return n
}

func (d decoder) tuple(n int) {
	if d.r.Array() != n {
		d.fail(errShape)
	}
}
