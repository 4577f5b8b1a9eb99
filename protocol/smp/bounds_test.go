package smp

import (
	"strings"
	"testing"

	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
)

// TestLargestIdentityFits: whatever a device is, its identity fits the announced buffer.
func TestLargestIdentityFits(t *testing.T) {
	text := strings.Repeat("x", release.MaxText)
	m := &Identity{Version: 1, Model: text, Serial: text, Keys: make([][32]byte, MaxKeys), Threshold: 4, Statement: limits.Statement, Trust: 1<<32 - 1, DeviceKey: [32]byte{1},
		Reads: 1<<16 - 1, Completes: true, Stages: 255, Staging: flash.Area{Addr: 1 << 31, Size: 1 << 31},
		Workspace: 1<<32 - 1, Resident: 1<<32 - 1, Floor: release.Floor{Era: 1<<16 - 1, Counter: release.MaxNumber}, From: 1024, To: 1024, Doubtful: 1 << 16, Buffer: 1<<32 - 1, Erases: true}
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
