// Package model describes a kind of device: its flash and what lives where, its RAM and the
// applications in it, and how a person gets it into restoration mode. The record is what
// `unbrick model put` makes, the server keeps and the emulator builds a device from.
//
// A record has one encoding (deterministic CBOR, at most MaxEncoded bytes). Decode accepts valid
// models only, and what it accepts Append writes again byte for byte.
package model

import (
	"fmt"

	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
)

// Limits of a model. Validate names the one that is exceeded.
const (
	MaxEncoded    = limits.Model
	MaxID         = limits.Text
	MaxName       = limits.Name
	MaxISA        = limits.ISA
	MaxApps       = limits.Apps
	MaxAppName    = limits.AppName
	MaxHints      = limits.Hints
	MaxHint       = limits.Hint
	MaxRAM        = limits.RAM
	MinLine       = limits.SlowLine
	MaxLine       = limits.FastLine
	DefaultLine   = 115200 // baud, for tools that are not told one
	MaxImportance = limits.Importance
)

// App is an application in the device's RAM.
type App struct {
	Name       string
	Size       uint32 // bytes of RAM it owns
	Importance uint8  // the least important is stopped first
	Fixed      bool   // cannot be stopped to secure workspace
}

// Model is one kind of device. Apps lie in RAM in list order from the bottom; what they leave is
// free and on top.
type Model struct {
	ID, Name  string
	Layout    flash.Layout
	RAM       uint32 // bytes
	Resident  uint32 // bytes of code copied into RAM before the first erase
	Apps      []App
	ISA       string   // instruction set of the image, a hint for making deltas; may be empty
	Line      uint32   // base speed of the cable in baud
	Hints     []string // how to enter restoration mode, in words for people
	MaxUpdate uint32   // largest update file in bytes; 0 means no limit of its own
	Readout   bool     // its software may be read out over the cable: for a backup
}

// Validate reports the first rule that m breaks.
func (m *Model) Validate() error {
	if err := release.CheckID(m.ID); err != nil {
		return fmt.Errorf("model: id: %w", err)
	}
	if err := release.CheckText(m.Name, MaxName); err != nil {
		return fmt.Errorf("model %s: name: %w", m.ID, err)
	}
	if err := m.Layout.Validate(); err != nil {
		return fmt.Errorf("model %s: %w", m.ID, err)
	}
	for _, a := range m.Layout.Settings {
		if err := release.CheckText(a.Name, flash.MaxAreaName); err != nil {
			return fmt.Errorf("model %s: settings area name: %w", m.ID, err)
		}
	}
	if m.RAM == 0 || m.RAM > MaxRAM {
		return fmt.Errorf("model %s: RAM of %d bytes is not 1 to %d", m.ID, m.RAM, MaxRAM)
	}
	if m.Resident > m.RAM {
		return fmt.Errorf("model %s: resident code of %d bytes in RAM of %d", m.ID, m.Resident, m.RAM)
	}
	if err := m.validateApps(); err != nil {
		return fmt.Errorf("model %s: %w", m.ID, err)
	}
	if len(m.ISA) > MaxISA {
		return fmt.Errorf("model %s: instruction set of %d bytes, at most %d", m.ID, len(m.ISA), MaxISA)
	}
	for i := 0; i < len(m.ISA); i++ {
		if c := m.ISA[i]; !alphanumeric(c) && c != '-' && c != '_' {
			return fmt.Errorf("model %s: instruction set %q: byte %d is not a letter, digit, dash or underscore", m.ID, m.ISA, i)
		}
	}
	if m.Line < MinLine || m.Line > MaxLine {
		return fmt.Errorf("model %s: line of %d baud is not %d to %d", m.ID, m.Line, MinLine, MaxLine)
	}
	if len(m.Hints) > MaxHints {
		return fmt.Errorf("model %s: %d hints, at most %d", m.ID, len(m.Hints), MaxHints)
	}
	for i, h := range m.Hints {
		if err := release.CheckText(h, MaxHint); err != nil {
			return fmt.Errorf("model %s: hint %d: %w", m.ID, i+1, err)
		}
	}
	return nil
}

func (m *Model) validateApps() error {
	if len(m.Apps) > MaxApps {
		return fmt.Errorf("%d applications, at most %d", len(m.Apps), MaxApps)
	}
	left := m.RAM
	for i, a := range m.Apps {
		if a.Name == "" {
			return fmt.Errorf("application %d: no name", i+1)
		}
		if err := release.CheckText(a.Name, MaxAppName); err != nil {
			return fmt.Errorf("application %d: name: %w", i+1, err)
		}
		for _, b := range m.Apps[:i] {
			if a.Name == b.Name {
				return fmt.Errorf("application %d: name %q is taken", i+1, a.Name)
			}
		}
		if a.Size == 0 || a.Size > left {
			return fmt.Errorf("application %q: %d bytes where %d are left of RAM", a.Name, a.Size, left)
		}
		left -= a.Size
	}
	return nil
}

// MaxWorkspace returns the bytes of the largest contiguous RAM when every application that is not
// fixed is stopped.
func (m *Model) MaxWorkspace() uint32 {
	var largest, open, used uint32
	for _, a := range m.Apps {
		used += a.Size
		open += a.Size
		if a.Fixed {
			open = 0
		}
		largest = max(largest, open)
	}
	return max(largest, open+m.RAM-used)
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
