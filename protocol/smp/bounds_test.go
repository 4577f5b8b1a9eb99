package smp

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
)

// TestLenient: what clients of others send is understood: other key order, keys we do not know,
// indefinite lengths, longer integers.
func TestLenient(t *testing.T) {
	plain := UploadRequest{Offset: 5, Data: []byte{0xaa}}
	for name, text := range map[string]string{
		"plain":          "a2" + "636f6666" + "05" + "6464617461" + "41aa",
		"other order":    "a2" + "6464617461" + "41aa" + "636f6666" + "05",
		"indefinite":     "bf" + "636f6666" + "05" + "6464617461" + "5f41aaff" + "ff",
		"longer integer": "a2" + "636f6666" + "1b0000000000000005" + "6464617461" + "41aa",
		"unknown keys":   "a4" + "636f6666" + "05" + "6775706772616465" + "f5" + "6464617461" + "41aa" + "6178" + "8201a16161f6",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		var m UploadRequest
		if err := m.DecodeBody(b); err != nil || !reflect.DeepEqual(m, plain) {
			t.Errorf("%s: got %+v, %v", name, m, err)
		}
	}
	for name, text := range map[string]string{
		"cut short":     "a2" + "636f6666" + "05" + "6464617461" + "42aa",
		"no data":       "a1" + "636f6666" + "05",
		"bytes after":   "a2" + "636f6666" + "05" + "6464617461" + "41aa" + "00",
		"negative":      "a2" + "636f6666" + "20" + "6464617461" + "41aa",
		"number as key": "a2" + "05" + "05" + "6464617461" + "41aa",
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&UploadRequest{}).DecodeBody(b); !errors.Is(err, ErrBody) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	for name, test := range map[string]struct {
		into Body
		body Body
	}{
		"echo":      {&EchoRequest{}, &EchoRequest{Text: fill(MaxEcho+1, 'x')}},
		"manifest":  {&BeginRequest{}, &BeginRequest{Manifest: make([]byte, release.MaxManifest+1)}},
		"leaves":    {&LeavesRequest{}, &LeavesRequest{Data: make([]byte, MaxLeafData+32)}},
		"half leaf": {&LeavesRequest{}, &LeavesRequest{Data: make([]byte, 33)}},
		"digests":   {&DigestsRequest{}, &DigestsRequest{Count: MaxDigests + 1}},
		"level":     {&DigestsRequest{}, &DigestsRequest{Level: MaxLevel + 1}},
		"bitmap":    {&Digests{}, &Digests{Digests: make([]byte, 80), Doubtful: []byte{1}}},
		"record":    {&Record{}, &Record{Length: 10, Offset: 5, Data: make([]byte, 6)}},
		"buf_size":  {&Parameters{}, &Parameters{BufSize: MinBufSize - 1, BufCount: 1}},
		"buf_count": {&Parameters{}, &Parameters{BufSize: 512}},
		"images":    {&State{}, &State{Images: make([]Image, MaxImages+1)}},
		"model":     {&Identity{}, func() Body { m := identity(); m.Model = strings.Repeat("x", 33); return m }()},
		"no serial": {&Identity{}, func() Body { m := identity(); m.Serial = ""; return m }()},
		"spaces":    {&Identity{}, func() Body { m := identity(); m.Serial = "S-17 "; return m }()},
		"dots":      {&Identity{}, func() Body { m := identity(); m.Serial = ".."; return m }()},
		"letters":   {&Identity{}, func() Body { m := identity(); m.Model = "h\u00fcb"; return m }()},
		"area":      {&Identity{}, func() Body { m := identity(); m.Layout.Settings[0].Name = "a\u202eb"; return m }()},
		"layout":    {&Identity{}, func() Body { m := identity(); m.Layout.Boot = 1; return m }()},
		"keys":      {&Identity{}, func() Body { m := identity(); m.Keys = make([][32]byte, MaxKeys+1); return m }()},
		"missing":   {&Identity{}, &Empty{}},
		"threshold": {&Identity{}, func() Body { m := identity(); m.Threshold = 3; return m }()},
		"none sign": {&Identity{}, func() Body { m := identity(); m.Threshold = 0; return m }()},
		"floor":     {&Identity{}, func() Body { m := identity(); m.Floor.Counter = release.MaxNumber + 1; return m }()},
		"part":      {&RecordRequest{}, &RecordRequest{Part: 3}},
		"statement": {&TrustRequest{}, &TrustRequest{Statement: fill(limits.Statement+1, 1)}},
		"receipt":   {&Receipt{}, &Receipt{Receipt: fill(limits.Receipt+1, 1)}},
		"data":      {&DataRequest{}, &DataRequest{Data: fill(MaxPart+1, 1)}},
		"no offset": {&Offset{}, &Empty{}},
		"erased":    {&Erased{}, &Erased{Size: 4096, Done: 4097}},
		"no size":   {&EraseRequest{}, &Empty{}},
	} {
		packet, err := AppendPacket(nil, Header{}, test.body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := test.into.DecodeBody(packet[HeaderSize:]); !errors.Is(err, ErrBody) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestLargestIdentityFits: whatever a device is, its identity fits the announced buffer.
func TestLargestIdentityFits(t *testing.T) {
	text := strings.Repeat("x", release.MaxText)
	m := &Identity{Version: 1, Model: text, Serial: text, Keys: make([][32]byte, MaxKeys), Threshold: 4, Statement: limits.Statement, Trust: 1<<32 - 1, DeviceKey: [32]byte{1},
		Reads: 1<<16 - 1, Completes: true, Stages: 255, Staging: flash.Area{Addr: 1 << 31, Size: 1 << 31},
		Workspace: 1<<32 - 1, Resident: 1<<32 - 1, Floor: release.Floor{Era: 1<<16 - 1, Counter: release.MaxNumber}, A: 1024, B: 1024, Doubtful: 1 << 16, Buffer: 1<<32 - 1, Erases: true}
	g := &m.Layout.Geometry
	for range flash.MaxRuns {
		g.Runs = append(g.Runs, flash.Run{Size: 1 << 22, Count: 1 << 12})
	}
	for range flash.MaxBlocks {
		g.Blocks = append(g.Blocks, 1<<31)
	}
	for range flash.MaxSettings {
		m.Layout.Settings = append(m.Layout.Settings, flash.Area{Name: text, Addr: 1 << 31, Size: 1 << 31})
	}
	packet, err := AppendPacket(nil, Header{}, m)
	if err != nil || len(packet) > BufSize {
		t.Errorf("got %d bytes, %v; want at most %d", len(packet), err, BufSize)
	}
	for name, b := range map[string]Body{
		"digests": &Digests{First: 1 << 16, Digests: make([]byte, MaxDigests*DigestSize), Doubtful: make([]byte, MaxDigests/8)},
		"leaves":  &LeavesRequest{First: 1 << 20, Data: make([]byte, MaxLeafData)},
		"data":    &DataRequest{Offset: 1<<32 - 1, Data: make([]byte, MaxPart)},
		"upload":  &UploadRequest{Offset: 1<<32 - 1, Length: 1<<32 - 1, HasLength: true, SHA: make([]byte, 32), Data: make([]byte, MaxPart)},
		"begin":   &BeginRequest{Manifest: make([]byte, release.MaxManifest)},
		"record":  &Record{Length: 1024, Data: make([]byte, release.MaxManifest)},
	} {
		if packet, err := AppendPacket(nil, Header{}, b); err != nil || len(packet) > BufSize {
			t.Errorf("%s: got %d bytes, %v; want at most %d", name, len(packet), err, BufSize)
		}
	}
}
