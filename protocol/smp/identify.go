package smp

import (
	"unbrick/flash"
	"unbrick/internal/cbor"
	"unbrick/release"
)

// IdentifyRequest asks who the device is (S16).
type IdentifyRequest struct{ Empty }

// Head implements Request.
func (*IdentifyRequest) Head() Header { return user(Read, UserIdentify) }

// Identity is the answer: all that a host needs to choose a release and plan a restoration.
type Identity struct {
	Version   uint32 // of group 64
	Model     string
	Serial    string
	Keys      [][32]byte      // public keys that it trusts, Ed25519
	Threshold uint8           // how many of them must have signed a release: 1 to len(Keys)
	Retired   []release.KeyID // of those, the ones that do not count any more
	Layout    flash.Layout    // of the whole flash
	Workspace uint32          // bytes of RAM that it has for a restoration, resident code included
	Resident  uint32          // bytes of them that resident code takes
	State     RecordState
	Why       Why
	Match     Match  // which image is there, by the whole digest
	Confirmed bool   // the installed release has confirmed itself
	Floor     uint64 // security floor: releases with a lower counter are refused
	A, B      uint32 // bytes of the signed manifests in the record, 0: none
	Doubtful  uint32 // doubtful sectors of the software area
	Frames    uint32 // version of the fast framing that it speaks, 0: none
	Speed     uint32 // highest speed of its cable in bits a second, 0: only the base speed
	Buffer    uint32 // longest packet that it takes, as in Parameters; 0: it does not say
	Erases    bool   // it erases settings areas when it is asked to
}

// write writes the keys of Identity in deterministic order.
func (m *Identity) write(w *cbor.Writer) {
	g := &m.Layout.Geometry
	number := func(key string, v uint64) { w.Text(key); w.Uint(v) }
	pairs := 26
	if m.Erases {
		pairs++
	}
	w.Map(pairs)
	number("a", uint64(m.A))
	number("b", uint64(m.B))
	number("v", uint64(m.Version))
	number("th", uint64(m.Threshold))
	number("buf", uint64(m.Buffer))
	number("ram", uint64(m.Workspace))
	number("why", uint64(m.Why))
	number("boot", uint64(m.Layout.Boot))
	w.Text("keys")
	w.Array(len(m.Keys))
	for i := range m.Keys {
		w.Bytes(m.Keys[i][:])
	}
	number("page", uint64(g.Page))
	w.Text("runs")
	w.Array(2 * len(g.Runs))
	for _, r := range g.Runs {
		w.Uint(uint64(r.Size))
		w.Uint(uint64(r.Count))
	}
	number("unit", uint64(g.ProgramUnit))
	number("doubt", uint64(m.Doubtful))
	if m.Erases {
		w.Text("erase")
		w.Bool(true)
	}
	number("floor", m.Floor)
	number("match", uint64(m.Match))
	w.Text("model")
	w.Text(m.Model)
	number("speed", uint64(m.Speed))
	number("state", uint64(m.State))
	w.Text("blocks")
	w.Array(len(g.Blocks))
	for _, b := range g.Blocks {
		w.Uint(uint64(b))
	}
	number("erased", uint64(g.Erased))
	number("frames", uint64(m.Frames))
	w.Text("serial")
	w.Text(m.Serial)
	w.Text("retired")
	w.Array(len(m.Retired))
	for i := range m.Retired {
		w.Bytes(m.Retired[i][:])
	}
	number("resident", uint64(m.Resident))
	w.Text("settings")
	w.Array(len(m.Layout.Settings))
	for _, a := range m.Layout.Settings {
		w.Array(3)
		w.Text(a.Name)
		w.Uint(uint64(a.Addr))
		w.Uint(uint64(a.Size))
	}
	w.Text("confirmed")
	w.Bool(m.Confirmed)
}

const identityNeeds = 1<<15 - 1

// DecodeBody implements Body. It allocates, and validates the layout.
func (m *Identity) DecodeBody(b []byte) error {
	*m = Identity{}
	g := &m.Layout.Geometry
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "v"):
			m.Version, seen = r.Uint32(), seen|1<<0
		case is(k, "model"):
			m.Model, seen = identifier(r), seen|1<<1
		case is(k, "serial"):
			m.Serial, seen = identifier(r), seen|1<<2
		case is(k, "keys"):
			m.Keys, seen = readKeys(r), seen|1<<3
		case is(k, "th"):
			m.Threshold, seen = uint8(r.UintMax(MaxKeys)), seen|1<<14
		case is(k, "retired"):
			m.Retired = readRetired(r)
		case is(k, "boot"):
			m.Layout.Boot, seen = r.Uint32(), seen|1<<4
		case is(k, "runs"):
			g.Runs, seen = readRuns(r), seen|1<<5
		case is(k, "unit"):
			g.ProgramUnit, seen = r.Uint32(), seen|1<<6
		case is(k, "page"):
			g.Page, seen = r.Uint32(), seen|1<<7
		case is(k, "erased"):
			g.Erased, seen = byte(r.UintMax(0xff)), seen|1<<8
		case is(k, "blocks"):
			g.Blocks = readBlocks(r)
		case is(k, "settings"):
			m.Layout.Settings = readSettings(r)
		case is(k, "buf"):
			m.Buffer = r.Uint32()
		case is(k, "ram"):
			m.Workspace, seen = r.Uint32(), seen|1<<9
		case is(k, "resident"):
			m.Resident = r.Uint32()
		case is(k, "state"):
			m.State, seen = RecordState(r.UintMax(0xff)), seen|1<<10
		case is(k, "why"):
			m.Why = Why(r.UintMax(0xff))
		case is(k, "match"):
			m.Match, seen = Match(r.UintMax(0xff)), seen|1<<11
		case is(k, "confirmed"):
			m.Confirmed = r.Bool()
		case is(k, "floor"):
			m.Floor, seen = r.Uint(), seen|1<<12
		case is(k, "a"):
			m.A = uint32(r.UintMax(release.MaxManifest))
		case is(k, "b"):
			m.B = uint32(r.UintMax(release.MaxManifest))
		case is(k, "frames"):
			m.Frames = r.Uint32()
		case is(k, "speed"):
			m.Speed = r.Uint32()
		case is(k, "erase"):
			m.Erases = r.Bool()
		case is(k, "doubt"):
			m.Doubtful, seen = r.Uint32(), seen|1<<13
		default:
			r.Skip()
		}
	}
	if r.Err() == nil && seen == identityNeeds {
		if m.Threshold == 0 || int(m.Threshold) > len(m.Keys) {
			r.Fail(ErrLimit)
		}
		if err := m.Layout.Validate(); err != nil {
			r.Fail(err)
		}
	}
	return closing(r, seen, identityNeeds)
}

// identifier reads the name of a model or a device.
func identifier(r *cbor.Reader) string {
	s := r.TextMax(release.MaxText)
	if err := release.CheckID(s); err != nil {
		r.Fail(err)
	}
	return s
}

// areaName reads the name of a settings area.
func areaName(r *cbor.Reader) string {
	s := r.TextMax(flash.MaxAreaName)
	if err := release.CheckText(s, flash.MaxAreaName); err != nil {
		r.Fail(err)
	}
	return s
}

func readKeys(r *cbor.Reader) [][32]byte {
	var keys [][32]byte
	for n := r.Array(); r.Next(&n); {
		var k [32]byte
		r.Fill(k[:])
		if keys = append(keys, k); len(keys) > MaxKeys {
			r.Fail(ErrLimit)
		}
	}
	return keys
}

func readRetired(r *cbor.Reader) []release.KeyID {
	var ids []release.KeyID
	for n := r.Array(); r.Next(&n); {
		var id release.KeyID
		r.Fill(id[:])
		if ids = append(ids, id); len(ids) > MaxRetired {
			r.Fail(ErrLimit)
		}
	}
	return ids
}

func readRuns(r *cbor.Reader) []flash.Run {
	var runs []flash.Run
	for n := r.Array(); r.Next(&n); {
		size := r.Uint32()
		if !r.Next(&n) {
			r.Fail(ErrMissing)
		}
		if runs = append(runs, flash.Run{Size: size, Count: r.Uint32()}); len(runs) > flash.MaxRuns {
			r.Fail(ErrLimit)
		}
	}
	return runs
}

func readBlocks(r *cbor.Reader) []uint32 {
	var blocks []uint32
	for n := r.Array(); r.Next(&n); {
		if blocks = append(blocks, r.Uint32()); len(blocks) > flash.MaxBlocks {
			r.Fail(ErrLimit)
		}
	}
	return blocks
}

func readSettings(r *cbor.Reader) []flash.Area {
	var areas []flash.Area
	for n := r.Array(); r.Next(&n); {
		k := r.Array()
		if k != 3 && k != -1 {
			r.Fail(ErrMissing)
		}
		a := flash.Area{Name: areaName(r), Addr: r.Uint32(), Size: r.Uint32()}
		if k == -1 && !r.Break() {
			r.Fail(ErrLimit)
		}
		if areas = append(areas, a); len(areas) > flash.MaxSettings {
			r.Fail(ErrLimit)
		}
	}
	return areas
}
