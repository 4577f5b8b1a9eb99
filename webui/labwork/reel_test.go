package labwork

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"unbrick/flash"
	"unbrick/model"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

// reel is a small run with an entry of each kind.
func reel() *Reel {
	r := &Reel{RAM: 4096, Apps: []model.App{{Name: "logger", Size: 512, Importance: 2}}, Start: []state.Sector{state.SectorBoot,
		state.SectorRecord, state.SectorRecord, state.SectorOld}}
	r.Flash = Flash{Runs: []flash.Run{{Size: 4096, Count: 4}}, ProgramUnit: 8, Page: 256, Erased: 0xFF, Boot: 4096}
	for k := EntryEvent; k <= EntryOff; k++ {
		r.Entries = append(r.Entries, Entry{Kind: k, At: time.Second})
	}
	r.Entries[EntryOperation].Sector, r.Entries[EntryOperation].Cut, r.Entries[EntryOperation].Tear = 3, true, state.TearWeak
	return r
}

func TestAnswerRoundTrip(t *testing.T) {
	for _, want := range []*Answer{{Refused: "not the id of a run"}, {Needs: [2][4]byte{{1}, {2}}}, {Reel: reel()}} {
		b, err := EncodeAnswer(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeAnswer(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		if _, err := DecodeAnswer(append(b, 0)); err == nil {
			t.Error("an answer with a byte behind it was accepted")
		}
	}
	for name, spoil := range map[string]func(r *Reel){
		"another number of sectors": func(r *Reel) { r.Start = r.Start[1:] },
		"no geometry":               func(r *Reel) { r.Flash.Runs = nil },
		"sector behind the part":    func(r *Reel) { r.Entries[EntryCell].Sector = 4 },
	} {
		r := reel()
		spoil(r)
		b, err := EncodeAnswer(&Answer{Reel: r})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeAnswer(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	long := reel()
	long.Entries = make([]Entry, MaxEntries+1)
	if _, err := EncodeAnswer(&Answer{Reel: long}); err == nil {
		t.Error("a run that is too long was encoded")
	}
}

func FuzzAnswer(f *testing.F) {
	b, err := EncodeAnswer(&Answer{Reel: reel()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := DecodeAnswer(b)
		if err != nil {
			return
		}
		again, err := EncodeAnswer(a)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("decoded %x, encoded %x, %v", b, again, err)
		}
		if a.Reel != nil { // and what was accepted can be shown
			x := filmOf(a.Reel, nil)
			x.develop(&bench{e: engine.New(&engine.World{})})
			for k := range x.stops {
				var l state.Lab
				x.pose(nil, k).fill(&l)
			}
		}
	})
}
