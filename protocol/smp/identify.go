package smp

import (
	"unbrick/flash"
	"unbrick/internal/cbor"
	"unbrick/limits"
	"unbrick/release"
)

// IdentifyRequest asks who the device is (S16).
type IdentifyRequest struct{ Empty }

// Head implements Request.
func (*IdentifyRequest) Head() Header { return user(Read, UserIdentify) }

// Identity is the answer: all that a host needs to choose a release and plan a restoration.
type Identity struct {
	Version   uint32 // of our own group
	Model     string
	Serial    string
	Keys      [][32]byte   // public keys of its key slots, Ed25519
	Threshold uint8        // so many of them must sign, where no trust statement says otherwise
	Statement uint32       // bytes of the trust statement in the record, 0: none
	Trust     uint32       // its version, 0: none
	DeviceKey [32]byte     // public key of the device itself; zero: it has none
	Reads     uint16       // formats that its boot code reads, one bit each
	Completes bool         // its boot code completes an interrupted rewrite
	Stages    uint8        // what it can put into its staging area, one bit each
	Staging   flash.Area   // its staging area, without a name; Size 0: none
	Layout    flash.Layout // of the whole flash
	Workspace uint32       // bytes of RAM that it has for a restoration, resident code included
	Resident  uint32       // bytes of them that resident code takes
	State     RecordState
	Why       Why
	Match     Match         // which image is there, by the whole digest
	Confirmed bool          // the installed release has confirmed itself
	Floor     release.Floor // security floor: releases below it are refused
	From, To  uint32        // bytes of the signed manifests in the record, 0: none
	Doubtful  uint32        // doubtful sectors of the software area
	Frames    uint32        // version of the fast framing that it speaks, 0: none
	Speed     uint32        // highest speed of its cable in bits a second, 0: only the base speed
	Buffer    uint32        // longest packet that it takes, as in Parameters; 0: it does not say
	Erases    bool          // it erases settings areas when it is asked to
}

// write writes the keys of Identity in deterministic order.
func (m *Identity) write(w *cbor.Writer) {
	g := &m.Layout.Geometry
	number := func(key string, v uint64) { w.Text(key); w.Uint(v) }
	w.Map(m.pairs())
	number("s", uint64(m.Statement))
	number("v", uint64(m.Version))
	if m.DeviceKey != ([32]byte{}) {
		w.Text("dk")
		w.Bytes(m.DeviceKey[:])
	}
	number("th", uint64(m.Threshold))
	number("to", uint64(m.To))
	number("tv", uint64(m.Trust))
	number("buf", uint64(m.Buffer))
	number("era", uint64(m.Floor.Era))
	number("ram", uint64(m.Workspace))
	number("why", uint64(m.Why))
	number("boot", uint64(m.Layout.Boot))
	number("from", uint64(m.From))
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
	number("floor", m.Floor.Counter)
	number("match", uint64(m.Match))
	w.Text("model")
	w.Text(m.Model)
	number("reads", uint64(m.Reads))
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
	number("stages", uint64(m.Stages))
	if m.Staging.Size > 0 {
		w.Text("staging")
		w.Array(2)
		w.Uint(uint64(m.Staging.Addr))
		w.Uint(uint64(m.Staging.Size))
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
	w.Text("completes")
	w.Bool(m.Completes)
	w.Text("confirmed")
	w.Bool(m.Confirmed)
}

// pairs returns how many keys the map has.
func (m *Identity) pairs() int {
	n := 31
	if m.DeviceKey != ([32]byte{}) {
		n++
	}
	if m.Erases {
		n++
	}
	if m.Staging.Size > 0 {
		n++
	}
	return n
}

const identityNeeds = 1<<16 - 1

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
			m.Threshold, seen = uint8(r.UintMax(limits.KeySlots)), seen|1<<14
		case is(k, "s"):
			m.Statement = uint32(r.UintMax(limits.Statement))
		case is(k, "tv"):
			m.Trust = r.Uint32()
		case is(k, "dk"):
			r.Fill(m.DeviceKey[:])
		case is(k, "reads"):
			m.Reads = uint16(r.UintMax(0xffff))
		case is(k, "completes"):
			m.Completes = r.Bool()
		case is(k, "stages"):
			m.Stages = uint8(r.UintMax(0xff))
		case is(k, "staging"):
			m.Staging = readStaging(r)
		case is(k, "era"):
			m.Floor.Era, seen = uint16(r.UintMax(0xffff)), seen|1<<15
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
			m.Floor.Counter, seen = r.UintMax(release.MaxNumber), seen|1<<12
		case is(k, "from"):
			m.From = uint32(r.UintMax(release.MaxManifest))
		case is(k, "to"):
			m.To = uint32(r.UintMax(release.MaxManifest))
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

func readStaging(r *cbor.Reader) flash.Area {
	k := r.Array()
	if k != 2 && k != -1 {
		r.Fail(ErrMissing)
	}
	a := flash.Area{Addr: r.Uint32(), Size: r.Uint32()}
	if k == -1 && !r.Break() || a.Size == 0 {
		r.Fail(ErrLimit)
	}
	return a
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
