package restore

import (
	"context"
	"errors"
	"time"

	"unbrick/delta"
	"unbrick/delta/diff"
)

// Sizes of the files of a stream, in bytes of the image.
const (
	// headBytes is the first file: while it comes, the flash does nothing.
	headBytes = 8 << 10
	// tailBytes is the most in the last one: while it is applied, the line does nothing.
	tailBytes = 8 << 10
)

// hasBase reports whether anything is known of the flash that a file could copy from.
func (p *Plan) hasBase(bad []bool) bool {
	pic := p.picture
	for i := range pic.count {
		if b := pic.sector(i); b != nil && !bad[i] && digestOf(b) != pic.blank(i) {
			return true
		}
	}
	return false
}

// half returns the workspace that a file may need when the next one comes while it is applied: each of the
// two then has half of what the files share.
func (p *Plan) half() uint32 {
	fixed := delta.Needs{Leaves: p.Release.Leaves(), Resident: p.Device.Resident}.Workspace()
	return fixed + (p.Device.Workspace-min(fixed, p.Device.Workspace))/2
}

// makeStream makes the plan for a flash of which nothing is known: files one after the other, each from
// nothing but itself, of such sizes that line and flash both work nearly all the time. It reports false
// when two of them do not fit the workspace.
func (p *Plan) makeStream(ctx context.Context, s *Session) (bool, error) {
	area := p.picture.area
	all := make([]bool, area.Sectors())
	for i := range all {
		all[i] = true
	}
	speed := s.fast(p.Device, lineTime(len(p.want.image), s.opt.Baud))
	if speed == 0 {
		speed = s.opt.Baud
	}
	p.jobs = nil
	most := headBytes          // bytes of image in the next file
	limit := len(p.want.image) // that may fit
	for at := 0; at < len(p.need); {
		left := 0
		for _, i := range p.need[at:] {
			_, size := area.Sector(i)
			left += int(size)
		}
		want := min(most, limit)
		if left > tailBytes {
			// Each of the last ones has to be applied while the next one comes.
			want = min(want, left-left/4)
		}
		group, bytes := 0, 0
		var flash time.Duration
		only := make([]bool, area.Sectors())
		for _, i := range p.need[at:] {
			_, size := area.Sector(i)
			if group > 0 && bytes+int(size) > want {
				break
			}
			only[i] = true
			group++
			bytes += int(size)
			flash += sectorTime(size)
		}
		file, err := p.makeGroup(ctx, all, only)
		var no *diff.ErrDoesNotFit
		if errors.As(err, &no) {
			if group == 1 {
				p.jobs = nil
				return false, nil
			}
			limit = bytes / 2
			continue
		}
		if err != nil {
			return false, err
		}
		p.jobs = append(p.jobs, p.job(file, group))
		at += group
		// While this file is applied the next one comes. Where the line is the faster of the two, that one
		// may be larger by as much; else nothing waits for its end.
		most = 4 * bytes
		_, wire := blocks(len(file))
		if line := lineTime(wire, speed); line < flash {
			most = min(most, int(int64(bytes)*int64(flash*7/8)/int64(max(line, 1)))) // the part may be faster than the estimate
		}
		most = max(most, bytes+bytes/group)
	}
	p.Kind = KindParts
	return true, nil
}

// makeGroup makes the file of some sectors from nothing.
func (p *Plan) makeGroup(ctx context.Context, all, only []bool) ([]byte, error) {
	o := p.options(all)
	o.Only, o.Workspace = only, p.half()
	return diff.Create(ctx, nil, p.want.image, o)
}
