package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/release"
)

// Kind is how a restoration brings the sectors that must change.
type Kind uint8

// The kinds.
const (
	KindStart  Kind = iota // nothing is wrong: the device only has to start
	KindRecord             // the image is right; the device refreshes, judges and records
	KindDelta              // one update file made from the flash as it is
	KindParts              // a series of files, each within the workspace
	KindUpload             // the whole release, sectors written as they come: no file fits the workspace
)

func (k Kind) String() string {
	switch k {
	case KindStart:
		return "start"
	case KindRecord:
		return "record"
	case KindDelta:
		return "delta"
	case KindParts:
		return "parts"
	case KindUpload:
		return "upload"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Plan is what Run will do, known before anything is written.
type Plan struct {
	Device  *Device
	Release release.Manifest
	Signers release.Signers // that signed it; the device trusts them
	Reason  Reason          // why this release
	Kind    Kind

	States   []SectorState // by sector of the software area
	Doubtful []bool        // by sector: the device does not believe it
	Sectors  int           // to be written, refreshed ones not counted
	Good     int           // of the image's, already right
	Refresh  int           // doubtful ones with right or known content, which the device refreshes from itself

	BytesSend uint64        // on the wire to the device, framing included
	BytesFull uint64        // what the upload of the whole release file would take
	Line      time.Duration // estimate of the time on the line
	Flash     time.Duration // estimate of erasing, programming and verifying

	// EraseSettings may be set before Run: after the verdict and before the device starts, its settings areas
	// (Device.Layout.Settings) are erased. What is in them is lost.
	EraseSettings bool

	// Nonce may be set before Run: behind the verdict the device is asked for its receipt over it.
	Nonce *[16]byte

	speed   uint32 // of the line that pays, 0: the base speed
	want    *chosen
	picture *picture
	need    []int // sectors to be written
	jobs    []job
}

// job is one update file with what its transfer needs.
type job struct {
	file      []byte
	workspace uint32
	sectors   int
}

// Plan selects a release (nil choice: by the rules), looks at the flash, and makes the update files.
// Nothing is written. Making files takes time in which the cable is silent.
func (s *Session) Plan(ctx context.Context, d *Device, src Source, c *Choice) (*Plan, error) {
	w, err := choose(ctx, d, src, c)
	if err != nil {
		return nil, fmt.Errorf("choose release: %w", err)
	}
	p := &Plan{Device: d, Release: w.manifest, Signers: w.signers, Reason: w.reason, want: w}
	p.BytesFull = s.uploadBytes(len(uploadFile(w)))
	images, err := bases(ctx, d, src, w)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if p.picture, err = s.survey(ctx, d, images); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	// What the device refreshes keeps its content; Run looks again before it relies on that.
	if err := p.make(ctx, s, nil); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return p, nil
}

// make fills in the plan from the picture. distrust, which may be nil, names sectors of known content
// that must be written all the same.
func (p *Plan) make(ctx context.Context, s *Session, distrust []bool) error {
	pic, d, image := p.picture, p.Device, p.want.image
	var was []byte
	if k := d.Installed(); k != nil {
		for _, i := range pic.images {
			if k.Manifest.CheckImage(i) == nil {
				was = i
			}
		}
	}
	p.States, p.Doubtful = pic.states(image, was), append([]bool(nil), pic.doubtful...)
	p.Good, p.Refresh, p.need, p.jobs = 0, 0, nil, nil
	end := sectorsOf(pic.area, uint32(len(image)))
	bad := make([]bool, pic.area.Sectors())
	for i := range pic.count {
		// The device refreshes no sector behind the image.
		bad[i] = !pic.known[i] || distrust != nil && distrust[i] || i >= end && pic.doubtful[i]
	}
	for i := range end {
		if !bad[i] && pic.doubtful[i] {
			p.Refresh++
		}
		if bad[i] || !pic.right(image, i) {
			p.need = append(p.need, i)
		} else {
			p.Good++
		}
	}
	p.Sectors = len(p.need)
	switch {
	case len(p.need) > 0:
		if err := p.makeFiles(ctx, s, bad); err != nil {
			return err
		}
	case d.Intact() && d.To.Manifest.Digest == p.Release.Digest && (p.Reason != ReasonChosen || d.To.Manifest == p.Release):
		p.Kind = KindStart
	default:
		p.Kind = KindRecord
	}
	if p.Kind == KindUpload {
		p.becomeUpload(s)
		return nil
	}
	p.estimate(s)
	return nil
}

// options are those of a file for this device.
func (p *Plan) options(bad []bool) *diff.Options {
	return &diff.Options{Geometry: p.picture.area, Doubtful: bad, Workspace: p.Device.Workspace, Resident: p.Device.Resident,
		LeafSize: p.Release.LeafSize}
}

// makeFiles makes one delta if it fits the workspace, else a series of parts.
func (p *Plan) makeFiles(ctx context.Context, s *Session, bad []bool) error {
	need := p.need
	if s.canFrame(p.Device) && !p.hasBase(bad) {
		if done, err := p.makeStream(ctx, s); done || err != nil {
			return err
		}
	}
	file, err := diff.Create(ctx, p.picture.base(), p.want.image, p.options(bad))
	var no *diff.ErrDoesNotFit
	switch {
	case err == nil:
		p.Kind = KindDelta
		p.jobs = []job{p.job(file, len(need))}
		return nil
	case errors.As(err, &no):
		return p.makeParts(ctx, need, bad, no.Needs)
	}
	return err
}

func (p *Plan) job(file []byte, sectors int) job {
	h, err := delta.ParseHeader(file)
	if err != nil {
		panic("restore: own update file: " + err.Error())
	}
	return job{file, delta.NeedsOf(&h, uint32(len(file)), p.Release.Leaves(), p.Device.Resident).Workspace(), sectors}
}

// makeParts makes files for as many sectors at a time as fit, each against the flash as the files before
// leave it. whole is the workspace that one file for all would need.
func (p *Plan) makeParts(ctx context.Context, need []int, bad []bool, whole uint32) error {
	p.Kind = KindParts
	image, area := p.want.image, p.picture.area
	now := append([]byte(nil), p.picture.base()...)
	bad = append([]bool(nil), bad...)
	// As a first guess files grow evenly with sectors beyond what every file needs.
	group := max(1, int(uint64(len(need))*uint64(p.Device.Workspace)/uint64(max(whole, 1))/2))
	for len(need) > 0 {
		group = min(group, len(need))
		only := make([]bool, area.Sectors())
		for _, i := range need[:group] {
			only[i] = true
		}
		o := p.options(bad)
		o.Only = only
		file, err := diff.Create(ctx, now, image, o)
		var no *diff.ErrDoesNotFit
		if errors.As(err, &no) {
			if group == 1 && p.streams() {
				p.Kind = KindUpload
				return nil
			}
			if group == 1 {
				return &Error{Code: CodeNoRoom, Needs: no.Needs, Has: p.Device.Workspace, Version: p.Release.Version}
			}
			group /= 2
			continue
		}
		if err != nil {
			return err
		}
		j := p.job(file, group)
		p.jobs = append(p.jobs, j)
		for _, i := range need[:group] {
			addr, _ := area.Sector(i)
			copy(now[addr:], content(area, image, i))
			bad[i] = false
		}
		need = need[group:]
		if j.workspace < p.Device.Workspace-p.Device.Workspace/4 {
			group += max(1, group/4)
		}
	}
	return nil
}

// streams reports whether the device can take the release as an upload, which needs one sector and no file.
func (p *Plan) streams() bool {
	n := delta.Needs{Buffer: p.picture.area.Largest(), Leaves: p.Release.Leaves(), Resident: p.Device.Resident}
	return n.Workspace() <= p.Device.Workspace
}

// leafRuns returns the leaves of the sectors to be written as runs of neighbours: first and number.
func (p *Plan) leafRuns() [][2]uint32 {
	var runs [][2]uint32
	m, area := &p.Release, p.picture.area
	for _, i := range p.need {
		addr, size := area.Sector(i)
		first := addr / m.LeafSize
		n := min(size/m.LeafSize, m.Leaves()-first)
		if k := len(runs) - 1; k >= 0 && runs[k][0]+runs[k][1] == first {
			runs[k][1] += n
		} else {
			runs = append(runs, [2]uint32{first, n})
		}
	}
	return runs
}

// leafDigests returns the digests of all leaves of the wanted image.
func (p *Plan) leafDigests() release.Leaves {
	return release.AppendLeaves(nil, p.want.image, p.Release.LeafSize)
}
