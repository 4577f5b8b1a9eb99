package storage

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rollout is the rule that offers a release to devices over time: in phases, each to a larger share of the model's
// devices, until too many of them failed. The zero value is no rollout: the release is for all.
type Rollout struct {
	Phases []Phase   `json:"phases,omitempty"` // in order of time, shares rising; at most MaxPhases
	Begun  time.Time `json:"begun,omitzero"`   // by the clock of then, which may have been wrong
	// Ran is how long it went on, by time that a server saw pass: not while it was halted, nor while no server ran. A little
	// of it may be negative, so that what passed before it began is not counted when a server adds up.
	Ran    time.Duration `json:"ran,omitempty"`
	Limit  uint32        `json:"limit,omitempty"`  // devices that may fail; one more is an alarm
	Halts  bool          `json:"halts,omitempty"`  // the alarm halts it
	Failed uint32        `json:"failed,omitempty"` // serials under which somebody told of a failure
	Alarm  time.Time     `json:"alarm,omitzero"`   // since when more than the limit failed or are lost
	Halted time.Time     `json:"halted,omitzero"`  // since when it is offered to nobody; zero: it goes on
	Why    string        `json:"why,omitempty"`    // it halted
}

// Phase offers a release to a share of the devices from a time on.
type Phase struct {
	Share uint32        `json:"share"` // in hundredths of a percent, 1 to Everyone
	After time.Duration `json:"after"` // the rollout began
}

// Everyone is the share of all devices.
const Everyone = 10_000

// Limits of a rollout.
const (
	MaxPhases = 16
	maxAfter  = 366 * 24 * time.Hour
)

// ErrPhases is wrapped by what ParsePhases refuses.
var ErrPhases = errors.New("not the phases of a rollout")

// ParsePhases reads phases as people write them: "1%,10%@24h,100%@72h". A phase without a time begins at once; shares
// and times rise, and a share has at most two decimals.
func ParsePhases(s string) ([]Phase, error) {
	var phases []Phase
	for i, text := range strings.Split(s, ",") {
		if i == MaxPhases {
			return nil, fmt.Errorf("%w: more than %d", ErrPhases, MaxPhases)
		}
		share, after, timed := strings.Cut(strings.TrimSpace(text), "@")
		p := Phase{}
		var err error
		if p.Share, err = parseShare(share); err != nil {
			return nil, fmt.Errorf("%w: share %q is not 0.01%% to 100%%", ErrPhases, share)
		}
		if timed {
			if p.After, err = time.ParseDuration(after); err != nil || p.After < 0 || p.After > maxAfter {
				return nil, fmt.Errorf("%w: %q is no time like 24h, at most a year", ErrPhases, after)
			}
		}
		if i > 0 && (p.Share <= phases[i-1].Share || p.After <= phases[i-1].After) {
			return nil, fmt.Errorf("%w: %q does not come after %q with a larger share", ErrPhases, text, FormatPhases(phases[i-1:]))
		}
		phases = append(phases, p)
	}
	return phases, nil
}

func parseShare(s string) (uint32, error) {
	whole, part, _ := strings.Cut(strings.TrimSuffix(s, "%"), ".")
	if !strings.HasSuffix(s, "%") || len(part) > 2 || len(whole) > 3 {
		return 0, ErrPhases
	}
	n, err := strconv.ParseUint(whole+(part + "00")[:2], 10, 32)
	if err != nil || n == 0 || n > Everyone {
		return 0, ErrPhases
	}
	return uint32(n), nil
}

// FormatPhases is the reverse of ParsePhases.
func FormatPhases(phases []Phase) string {
	var b strings.Builder
	for i, p := range phases {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(FormatShare(p.Share))
		if p.After > 0 {
			b.WriteString("@" + p.After.String())
		}
	}
	return b.String()
}

// FormatShare writes a share in percent.
func FormatShare(share uint32) string {
	s := fmt.Sprintf("%d.%02d", share/100, share%100)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + "%"
}

// Active says whether there is a rollout at all.
func (r *Rollout) Active() bool { return len(r.Phases) > 0 }

// Goes says whether time counts for it.
func (r *Rollout) Goes() bool { return r.Active() && r.Halted.IsZero() }

// Share returns the share that the release is offered to, and when the next phase begins, zero if none does. now is when it
// began and how long it ran since. While it is halted the share is 0.
func (r *Rollout) Share(now time.Time) (share uint32, next time.Time) {
	switch {
	case !r.Active():
		return Everyone, time.Time{}
	case !r.Halted.IsZero():
		return 0, time.Time{}
	}
	for _, p := range r.Phases {
		at := r.Begun.Add(p.After)
		if at.After(now) {
			return share, at
		}
		share = p.Share
	}
	return share, time.Time{}
}

// Reaches says whether the release is offered to a device at a time. A device that was reached stays so in later phases;
// which ones come first is another choice for each release, the same at every server.
func (r *Rollout) Reaches(model, serial string, image Digest, now time.Time) bool {
	share, _ := r.Share(now)
	if share == 0 || share >= Everyone {
		return share != 0
	}
	h := sha256.New()
	fmt.Fprintf(h, "unbrick rollout\n%s\n%s\n%x", model, serial, image)
	return binary.BigEndian.Uint64(h.Sum(nil))%Everyone < uint64(share)
}

// Exceeded says whether failed devices are more than the limit.
func (r *Rollout) Exceeded(failed uint32) bool { return r.Active() && failed > r.Limit }
