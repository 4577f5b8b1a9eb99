// Package webtools reads the manifests of ESP Web Tools (esphome/esp-web-tools, README and const.ts): which files go where in the flash of
// which chip. There is no digest in one and no signature: what it names is judged by what it holds (package firmware).
//
// It needs encoding/json, and so never comes into the page.
package webtools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"unbrick/firmware/espimage"
	"unbrick/limits"
	"unbrick/release"
)

// ErrManifest is the class of every refusal of a manifest.
var ErrManifest = errors.New("malformed ESP Web Tools manifest")

// Serial is over which kind of port a build is meant to be written.
type Serial string

// The kinds.
const (
	Any  Serial = ""
	UART Serial = "uart" // an adapter between USB and the chip
	CDC  Serial = "cdc"  // the chip's own USB
)

// Part is a file and where in the flash it goes.
type Part struct {
	Path   string // in the folder of the manifest
	Offset uint32
}

// Build is what a kind of chip gets.
type Build struct {
	Chip   string // as manifests of releases have it: "esp32c3"
	Serial Serial
	Parts  []Part
}

// Manifest is what one says that matters here.
type Manifest struct {
	Name, Version string
	Builds        []Build
}

// Is reports whether a file may be a manifest: an object of JSON with builds.
func Is(b []byte) bool {
	var v struct {
		Builds json.RawMessage `json:"builds"`
	}
	return len(b) <= limits.WebTools && json.Unmarshal(b, &v) == nil && v.Builds != nil
}

// form is the manifest as it is written. What else it has is for the page that shows it.
type form struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Builds  []struct {
		Chip   string `json:"chipFamily"`
		Serial string `json:"serialType"`
		Parts  []struct {
			Path   *string  `json:"path"`
			Offset *float64 `json:"offset"`
		} `json:"parts"`
	} `json:"builds"`
}

// Parse reads a manifest. Names of chips are the ones that ESP Web Tools knows, paths stay in the folder, and no two builds are for the
// same chip and port. Offsets may come in any order. It fails with ErrManifest.
func Parse(b []byte) (*Manifest, error) {
	if len(b) > limits.WebTools {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrManifest, len(b), limits.WebTools)
	}
	var v form
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something is behind it", ErrManifest)
	}
	if n := len(v.Builds); n == 0 || n > limits.WebToolBuilds {
		return nil, fmt.Errorf("%w: %d builds, 1 to %d", ErrManifest, n, limits.WebToolBuilds)
	}
	m := &Manifest{Name: v.Name, Version: v.Version}
	for i := range v.Builds {
		in := &v.Builds[i]
		chip := espimage.ByTitle(in.Chip)
		if chip == nil {
			return nil, fmt.Errorf("%w: build %d is for %.40q, which is no chip that is known", ErrManifest, i+1, in.Chip)
		}
		build := Build{Chip: chip.Name, Serial: Serial(in.Serial)}
		if build.Serial != Any && build.Serial != UART && build.Serial != CDC {
			return nil, fmt.Errorf("%w: build %d is for serialType %.40q, not uart or cdc", ErrManifest, i+1, in.Serial)
		}
		for _, o := range m.Builds {
			if o.Chip == build.Chip && o.Serial == build.Serial {
				return nil, fmt.Errorf("%w: two builds for %s", ErrManifest, in.Chip)
			}
		}
		if n := len(in.Parts); n == 0 || n > release.MaxParts {
			return nil, fmt.Errorf("%w: build for %s has %d parts, 1 to %d", ErrManifest, in.Chip, n, release.MaxParts)
		}
		for _, p := range in.Parts {
			if p.Path == nil || !local(*p.Path) {
				return nil, fmt.Errorf("%w: build for %s: a part has no path, or one that leaves the manifest's folder", ErrManifest, in.Chip)
			}
			if p.Offset == nil || *p.Offset < 0 || *p.Offset >= limits.ESPFlash || *p.Offset != float64(uint32(*p.Offset)) {
				return nil, fmt.Errorf("%w: %.80s: no offset, or none from 0 to %d", ErrManifest, *p.Path, limits.ESPFlash-1)
			}
			build.Parts = append(build.Parts, Part{*p.Path, uint32(*p.Offset)})
		}
		m.Builds = append(m.Builds, build)
	}
	return m, nil
}

// local reports whether a path is one of a file in the folder, or in one below it, on every system.
func local(p string) bool {
	if p == "" || len(p) > 512 || strings.ContainsAny(p, "\\:\x00") || path.IsAbs(p) || p == "." {
		return false
	}
	for _, step := range strings.Split(p, "/") {
		if step == ".." || step == "" {
			return false
		}
	}
	return true
}

// For returns the build for a chip at a port, as ESP Web Tools chooses it: the one for that kind of port, else the one for any. It returns
// nil if there is none.
func (m *Manifest) For(chip string, serial Serial) *Build {
	var found *Build
	for i := range m.Builds {
		if b := &m.Builds[i]; b.Chip == chip && (b.Serial == serial || b.Serial == Any && found == nil) {
			found = b
			if b.Serial == serial {
				return b
			}
		}
	}
	return found
}
