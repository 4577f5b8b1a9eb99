package smp

import (
	"unbrick/flash"
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

func (m *Identity) fields(f *fields) {
	g := &m.Layout.Geometry
	atMost(f, "s", usual, &m.Statement, limits.Statement)
	number(f, "v", needed, &m.Version)
	f.fill("dk", rare, m.DeviceKey[:])
	atMost(f, "th", needed, &m.Threshold, limits.KeySlots)
	atMost(f, "to", usual, &m.To, release.MaxManifest)
	number(f, "tv", usual, &m.Trust)
	number(f, "buf", usual, &m.Buffer)
	number(f, "era", needed, &m.Floor.Era)
	number(f, "ram", needed, &m.Workspace)
	number(f, "why", usual, &m.Why)
	number(f, "boot", needed, &m.Layout.Boot)
	atMost(f, "from", usual, &m.From, release.MaxManifest)
	f.keys("keys", &m.Keys)
	number(f, "page", needed, &g.Page)
	f.runs("runs", &g.Runs)
	number(f, "unit", needed, &g.ProgramUnit)
	number(f, "doubt", needed, &m.Doubtful)
	f.bool("erase", rare, &m.Erases)
	atMost(f, "floor", needed, &m.Floor.Counter, release.MaxNumber)
	number(f, "match", needed, &m.Match)
	f.identifier("model", &m.Model)
	number(f, "reads", usual, &m.Reads)
	number(f, "speed", usual, &m.Speed)
	number(f, "state", needed, &m.State)
	f.blocks("blocks", &g.Blocks)
	number(f, "erased", needed, &g.Erased)
	number(f, "frames", usual, &m.Frames)
	f.identifier("serial", &m.Serial)
	number(f, "stages", usual, &m.Stages)
	f.staging("staging", &m.Staging)
	number(f, "resident", usual, &m.Resident)
	f.settings("settings", &m.Layout.Settings)
	f.bool("completes", usual, &m.Completes)
	f.bool("confirmed", usual, &m.Confirmed)
	f.check(m.Threshold > 0 && int(m.Threshold) <= len(m.Keys))
	if f.whole() {
		if err := m.Layout.Validate(); err != nil {
			f.r.Fail(err)
		}
	}
}

// DecodeBody implements Body. It allocates, and validates the layout.
func (m *Identity) DecodeBody(b []byte) error {
	*m = Identity{}
	return read(m, b)
}

// identifier is a pair with the name of a model or a device.
func (f *fields) identifier(key string, v *string) {
	if !f.on(key, needed, false) {
		return
	}
	if f.r == nil {
		f.w.Text(*v)
		return
	}
	*v = f.r.TextMax(release.MaxText)
	if err := release.CheckID(*v); err != nil {
		f.r.Fail(err)
	}
}

func (f *fields) keys(key string, v *[][32]byte) {
	if !f.on(key, needed, false) {
		return
	}
	if f.r != nil {
		*v = nil
		for n := f.r.Array(); f.r.Next(&n); {
			var k [32]byte
			f.r.Fill(k[:])
			*v = append(*v, k)
			f.most(len(*v), MaxKeys)
		}
		return
	}
	f.w.Array(len(*v))
	for i := range *v {
		f.w.Bytes((*v)[i][:])
	}
}

// runs is a pair with an array of sizes and counts in turn.
func (f *fields) runs(key string, v *[]flash.Run) {
	if !f.on(key, needed, false) {
		return
	}
	if f.r != nil {
		*v = nil
		for n := f.r.Array(); f.r.Next(&n); {
			size := f.r.Uint32()
			if !f.r.Next(&n) {
				f.r.Fail(ErrMissing)
			}
			*v = append(*v, flash.Run{Size: size, Count: f.r.Uint32()})
			f.most(len(*v), flash.MaxRuns)
		}
		return
	}
	f.w.Array(2 * len(*v))
	for _, run := range *v {
		f.w.Uint(uint64(run.Size))
		f.w.Uint(uint64(run.Count))
	}
}

func (f *fields) blocks(key string, v *[]uint32) {
	if !f.on(key, usual, false) {
		return
	}
	if f.r != nil {
		*v = nil
		for n := f.r.Array(); f.r.Next(&n); {
			*v = append(*v, f.r.Uint32())
			f.most(len(*v), flash.MaxBlocks)
		}
		return
	}
	f.w.Array(len(*v))
	for _, b := range *v {
		f.w.Uint(uint64(b))
	}
}

// staging is a pair with an area without a name.
func (f *fields) staging(key string, v *flash.Area) {
	if !f.on(key, rare, v.Size == 0) {
		return
	}
	if f.r != nil {
		if *v = f.area(2); v.Size == 0 {
			f.r.Fail(ErrLimit)
		}
		return
	}
	f.w.Array(2)
	f.w.Uint(uint64(v.Addr))
	f.w.Uint(uint64(v.Size))
}

func (f *fields) settings(key string, v *[]flash.Area) {
	if !f.on(key, usual, false) {
		return
	}
	if f.r != nil {
		*v = nil
		for n := f.r.Array(); f.r.Next(&n); {
			*v = append(*v, f.area(3))
			f.most(len(*v), flash.MaxSettings)
		}
		return
	}
	f.w.Array(len(*v))
	for _, a := range *v {
		f.w.Array(3)
		f.w.Text(a.Name)
		f.w.Uint(uint64(a.Addr))
		f.w.Uint(uint64(a.Size))
	}
}

// area reads an array of two items, or of three with a name first.
func (f *fields) area(items int) flash.Area {
	var a flash.Area
	k := f.r.Array()
	if k != items && k != -1 {
		f.r.Fail(ErrMissing)
	}
	if items == 3 {
		a.Name = f.r.TextMax(flash.MaxAreaName)
		if err := release.CheckText(a.Name, flash.MaxAreaName); err != nil {
			f.r.Fail(err)
		}
	}
	a.Addr, a.Size = f.r.Uint32(), f.r.Uint32()
	if k == -1 && !f.r.Break() {
		f.r.Fail(ErrLimit)
	}
	return a
}
