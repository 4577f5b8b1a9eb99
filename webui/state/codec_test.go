package state

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// fill sets every field of a value, however deep, to something that is not zero.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(r, v.Field(i))
			}
		}
	case reflect.Interface:
		var forms []any
		switch v.Type() {
		case reflect.TypeFor[Restore]():
			forms = anys(Restores())
		case reflect.TypeFor[Replay]():
			forms = anys(Replays())
		}
		held := reflect.New(reflect.TypeOf(forms[r.IntN(len(forms))])).Elem()
		fill(r, held)
		v.Set(held)
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.String:
		v.SetString(string(rune('a' + r.IntN(26))))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1 + r.Int64N(1<<20))
	case reflect.Uint8:
		v.SetUint(1 + r.Uint64N(4)) // every enum has as many values
		if v.Type() == reflect.TypeFor[byte]() {
			v.SetUint(1 + r.Uint64N(255))
		}
	default:
		v.SetUint(1 + r.Uint64N(1<<15))
	}
}

func anys[T any](list []T) (all []any) {
	for _, v := range list {
		all = append(all, v)
	}
	return all
}

func TestStateRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 100 { // each phase of Restore is among them
		testRoundTrip(t, r)
	}
}

func testRoundTrip(t *testing.T, r *rand.Rand) {
	var s State
	fill(r, reflect.ValueOf(&s).Elem())
	b, err := AppendChanges(nil, &State{}, &s)
	if err != nil {
		t.Fatal(err)
	}
	var got State
	if err := Change(b, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v\nwant %+v", got, s)
	}
	if err := Change(b[:len(b)-1], &State{}); err == nil {
		t.Error("a state that was cut short was accepted")
	}
	if b, err := AppendChanges(nil, &s, &s); err != nil || len(b) != 1 {
		t.Errorf("nothing has changed: %d bytes, %v", len(b), err)
	}
}

// TestPhasesFollow goes from phase to phase, as the page does: what it holds is what was sent, and nothing of the phase before.
func TestPhasesFollow(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var sent, held State
	for range 200 {
		next := sent
		fill(r, reflect.ValueOf(&next.Restore).Elem())
		b, err := AppendChanges(nil, &sent, &next)
		if err != nil {
			t.Fatal(err)
		}
		if err := Change(b, &held); err != nil {
			t.Fatal(err)
		}
		if sent = next; !reflect.DeepEqual(held, sent) {
			t.Fatalf("got %+v\nwant %+v", held.Restore, sent.Restore)
		}
	}
}

// TestProgressIsSmall: a step of a restoration costs its numbers and the map, and nothing else of its screen.
func TestProgressIsSmall(t *testing.T) {
	w := RestoreWriting{Device: Device{Serial: "A"}, Map: Map{Cells: make([]Sector, 512)}, Plan: Plan{Release: Release{Note: string(make([]byte, 200))}}}
	was, is := State{Restore: w}, State{}
	w.Progress.Sectors, w.Progress.Elapsed = 3, time.Second
	w.Map.Cells = append([]Sector{SectorNew}, w.Map.Cells[1:]...)
	is.Restore = w
	b, err := AppendChanges(nil, &was, &is)
	if err != nil || len(b) > 560 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	w.Progress.Elapsed++
	later := State{Restore: w}
	if b, err := AppendChanges(nil, &is, &later); err != nil || len(b) > 40 {
		t.Errorf("time alone: %d bytes, %v", len(b), err)
	}
}

func TestStateKeepsItsLimits(t *testing.T) {
	s := State{}
	s.Lab.Log = make([]LogRow, MaxLogRows)
	s.Lab.Map.Cells = make([]Sector, MaxSectors)
	for i := range s.Lab.Log {
		s.Lab.Log[i] = LogRow{Time: time.Hour, Code: 60000, Sector: 1 << 31, A: 1 << 31, B: 1 << 31, Text: string(bytes.Repeat([]byte("ä"), MaxText))}
	}
	b, err := AppendChanges(nil, &State{}, &s)
	if err != nil {
		t.Fatal(err)
	}
	var got State
	if err := Change(b, &got); err != nil {
		t.Fatalf("%d bytes: %v", len(b), err)
	}
	if n := len(got.Lab.Log[0].Text); n != MaxText {
		t.Errorf("got a text of %d bytes, want %d", n, MaxText)
	}
	s.Lab.Log = append(s.Lab.Log, LogRow{})
	if _, err := AppendChanges(nil, &State{}, &s); err == nil {
		t.Error("a row too many was written")
	}
}

// each is one of each command.
func each() []Command {
	return []Command{
		Connect{}, ChooserClosed{}, DoesNotAnswer{}, WayDone{}, Choose{Digest: [32]byte{1}}, AddFile{Name: "a.unb", Data: []byte("data")},
		Write{Erase: true}, Start{Erase: true}, GoOn{}, Home{}, Resume{}, Forget{}, SaveDiagnostic{}, SaveReport{}, SaveBackup{},
		LabMake{Model: "0001", Digest: [32]byte{2}}, LabUpdate{}, LabPower{Switch: SwitchOn}, LabCut{At: 928, Tear: TearUnstable},
		LabLine{Line: Line{Baud: 9600, TurnAround: time.Millisecond, Noise: NoiseTenK, Pace: PaceFull}}, LabHealth{Health: HealthHangs},
		LabRestore{Digest: [32]byte{3}}, LabReplay{ID: "04abc"}, LabSeek{At: 70000, Turn: -1}, LabReplayEnd{},
	}
}

func TestCommandRoundTrip(t *testing.T) {
	seen := make(map[byte]bool)
	for _, cmd := range each() {
		b, err := EncodeCommand(cmd)
		if err != nil {
			t.Errorf("%T: %v", cmd, err)
			continue
		}
		got, err := DecodeCommand(b)
		if err != nil || !reflect.DeepEqual(got, cmd) {
			t.Errorf("got %+v, %v, want %+v", got, err, cmd)
		}
		code := b[2]    // of [ [ number, command ] ]
		if code == 24 { // the number is in the byte behind
			code = b[3]
		}
		if seen[code] {
			t.Errorf("%T shares its code with another", cmd)
		}
		seen[code] = true
		if _, err := DecodeCommand(append(b, 0)); err == nil {
			t.Errorf("%T with a byte behind it was accepted", cmd)
		}
	}
	for next := range len(seen) {
		if !seen[byte(next)] {
			t.Errorf("no command has number %d", next)
		}
	}
	// [ [ number, no fields ] ]: the number behind the last is none.
	if len(seen) < 24 {
		t.Fatalf("saw %d commands", len(seen))
	}
	if cmd, err := DecodeCommand([]byte{0x81, 0x82, 0x18, byte(len(seen)), 0x80}); err == nil {
		t.Errorf("number %d is %T, which each does not have", len(seen), cmd)
	}
}

func FuzzCommand(f *testing.F) {
	for _, cmd := range each() {
		b, err := EncodeCommand(cmd)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		cmd, err := DecodeCommand(b)
		if err != nil {
			return
		}
		again, err := EncodeCommand(cmd)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, encodes as %x, %v", b, again, err)
		}
	})
}

func FuzzState(f *testing.F) {
	for _, s := range []State{{}, {Restore: RestoreWriting{Device: Device{Serial: "A"}}}, {Restore: RestoreNoAnswer{Ways: make([]Way, 2)}}, {Lab: Lab{Log: make([]LogRow, 2), Map: Map{Cells: make([]Sector, 4)}}}} {
		b, err := AppendChanges(nil, &State{}, &s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again State
		if Change(b, &s) != nil {
			return
		}
		made, err := AppendChanges(nil, &State{}, &s)
		if err != nil {
			t.Fatal(err)
		}
		if err := Change(made, &again); err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("accepted %x, then %+v, %v, want %+v", b, again, err, s)
		}
	})
}

// BenchmarkState carries the Lab's screen at its fullest: whole, and when a row and a sector have changed.
func BenchmarkState(b *testing.B) {
	full := State{}
	full.Lab.Log, full.Lab.Map.Cells = make([]LogRow, MaxLogRows-1), make([]Sector, 512)
	for i := range full.Lab.Log {
		full.Lab.Log[i] = LogRow{Time: time.Duration(i) * time.Second, Code: uint16(i % 40), Sector: uint32(i), A: uint32(i), Text: "a few words"}
	}
	next := full
	next.Lab.Log, next.Lab.Map.Cells = append(slices.Clone(full.Lab.Log), LogRow{Text: "another"}), append([]Sector{SectorNew}, full.Lab.Map.Cells[1:]...)
	for name, was := range map[string]*State{"whole": {}, "changes": &full} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p, err := AppendChanges(nil, was, &next)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(p)), "bytes")
				held := *was
				if err := Change(p, &held); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
