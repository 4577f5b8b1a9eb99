package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"unbrick/delta"
	"unbrick/flash"
)

// Options says what to measure. Self is required.
type Options struct {
	Self     []string   // words that run this program's `delta create`; OLD NEW -o D and flags are added
	Peers    []Tool     // to compare with
	Sector   string     // size of the sectors; "": 4KiB
	Quick    bool       // only sizes at the two profiles
	Finished func(*Row) // called after each pair; may be nil
}

// The two sizes of decoder that are measured, as most bytes of state.
const (
	SmallState = "16KiB"
	LargeState = "64KiB"
)

// Row is what was measured of one pair. Sizes are bytes.
type Row struct {
	Name   string          `json:"pair"`
	From   int             `json:"from_size"`
	To     int             `json:"to_size"`
	Peers  map[string]Cost `json:"peers,omitempty"`
	Best   int             `json:"smallest_peer,omitempty"` // of the three that count
	Large  Made            `json:"large"`                   // state of at most 64 KiB
	Small  Made            `json:"small"`                   // of at most 16 KiB
	Fast   *Made           `json:"fast,omitempty"`          // like Large, made in less time
	Decode float64         `json:"decode_mb_s"`             // of Large's file, new image
	// In one sector as large as the image, where all old bytes can be read until the end, and with less stash: what
	// building in place costs is the ratio of the latter, and of Large, to the former.
	Whole      *Made `json:"whole,omitempty"`
	NoStash    *Made `json:"stash_0,omitempty"`
	SmallStash *Made `json:"stash_4k,omitempty"`
}

// Made is a delta, what making it took, and what it asks of a device.
type Made struct {
	Cost
	ISA     string `json:"isa"`
	State   uint32 `json:"state"`
	Stash   uint32 `json:"stash"`
	History uint32 `json:"history"`
	Erases  uint32 `json:"erases"` // exactly the sectors that change
}

// Measure measures all pairs, one after the other.
func Measure(ctx context.Context, pairs []Pair, o *Options) ([]Row, error) {
	dir, err := os.MkdirTemp("", "unbrick-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	rows := make([]Row, 0, len(pairs))
	for i := range pairs {
		r, err := o.measure(ctx, &pairs[i], dir)
		if err != nil {
			return rows, err
		}
		rows = append(rows, *r)
		if o.Finished != nil {
			o.Finished(r)
		}
	}
	return rows, nil
}

// counted are the peers that the project's goals are measured against.
var counted = map[string]bool{"bsdiff": true, "xdelta3": true, "zstd": true}

func (o *Options) measure(ctx context.Context, p *Pair, dir string) (*Row, error) {
	old, err := os.ReadFile(p.Old)
	if err != nil {
		return nil, err
	}
	new, err := os.ReadFile(p.New)
	if err != nil {
		return nil, err
	}
	r := &Row{Name: p.Name, From: len(old), To: len(new), Peers: map[string]Cost{}}
	for i := range o.Peers {
		c, _, _, err := o.Peers[i].run(ctx, p, dir)
		if err != nil {
			return nil, err
		}
		r.Peers[o.Peers[i].Name] = c
		if counted[o.Peers[i].Name] && (r.Best == 0 || c.Bytes < r.Best) {
			r.Best = c.Bytes
		}
	}
	sector := o.Sector
	if sector == "" {
		sector = "4KiB"
	}
	file := []byte(nil)
	made := func(flags ...string) *Made {
		if err != nil {
			return nil
		}
		var m *Made
		m, file, err = o.make(ctx, p, dir, flags...)
		return m
	}
	large, small := "--state-max="+LargeState, "--state-max="+SmallState
	geometry := "--geometry=" + sector
	if m := made(geometry, small); m != nil {
		r.Small = *m
	}
	if !o.Quick {
		whole := fmt.Sprintf("--geometry=%d", (max(len(old), len(new))+4095)&^4095)
		r.Fast = made(geometry, large, "--effort=fast")
		r.Whole = made(whole, large)
		r.NoStash = made(geometry, large, "--stash-max=0")
		r.SmallStash = made(geometry, large, "--stash-max=4KiB")
	}
	if m := made(geometry, large); m != nil {
		r.Large = *m
		r.Decode, err = speed(file, old, len(new))
	}
	return r, err
}

// make runs this program on a pair and reads the header of what it made.
func (o *Options) make(ctx context.Context, p *Pair, dir string, flags ...string) (*Made, []byte, error) {
	t := Tool{Name: "unbrick", Words: append(append([]string{}, o.Self...), append([]string{"{old}", "{new}", "-o", "{patch}"}, flags...)...)}
	c, patch, _, err := t.run(ctx, p, dir)
	if err != nil {
		return nil, nil, err
	}
	file, err := os.ReadFile(filepath.Clean(patch))
	if err != nil {
		return nil, nil, err
	}
	h, err := delta.ParseHeader(file)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return &Made{c, h.Setup.ISA.String(), h.State, h.Stash, h.History, h.Changed}, file, nil
}

// Decoding is tried at least leastTries times and, up to mostTries, until all together took leastTried.
const (
	leastTries = 3
	mostTries  = 1000
	leastTried = 400 * time.Millisecond
)

// speed returns how many millions of bytes of the new image a decoder builds in a second of processor, the scan of
// the plan included: the best of some tries.
func speed(file, old []byte, size int) (float64, error) {
	h, err := delta.ParseHeader(file)
	if err != nil {
		return 0, err
	}
	area := h.Geometry()
	mem := make([]byte, h.Memory())
	flat := flash.Bytes(old)
	least := time.Duration(1<<63 - 1)
	first := processor()
	for tries := 0; tries < leastTries || tries < mostTries && processor()-first < leastTried; tries++ {
		begin := processor()
		var d delta.Decoder
		err := d.Open(file, &area, flat, mem)
		for err == nil {
			_, _, err = d.Next()
		}
		if err != io.EOF {
			return 0, err
		}
		least = min(least, max(processor()-begin, time.Microsecond))
	}
	return float64(size) / 1e6 / least.Seconds(), nil
}
