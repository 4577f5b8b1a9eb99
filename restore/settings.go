package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/flash"
	"unbrick/protocol/smp"
)

// Settings says what became of the device's settings areas.
type Settings uint8

// What became of them.
const (
	SettingsNone   Settings = iota // the device names none
	SettingsKept                   // left alone
	SettingsErased                 // erased and read back, all of them, as the caller wanted
	SettingsUnable                 // kept, although the caller wanted them erased: the device does not know how
	SettingsFailed                 // wanted, and not all are erased: see Result.SettingsFault
)

func (s Settings) String() string {
	switch s {
	case SettingsNone:
		return "none"
	case SettingsKept:
		return "kept"
	case SettingsErased:
		return "erased"
	case SettingsUnable:
		return "unable"
	case SettingsFailed:
		return "failed"
	}
	return fmt.Sprintf("settings %d", uint8(s))
}

// settings is the erase of settings areas, in a run.
type settings struct {
	state  Settings
	fault  smp.Fault
	addr   uint32
	erased []flash.Area
	later  time.Duration // planned work in the flash that is still to come
}

// settingsTime estimates the erase of one area.
func settingsTime(g *flash.Geometry, a *flash.Area) time.Duration {
	var sum time.Duration
	for i := g.SectorAt(a.Addr); i < g.Sectors(); i++ {
		addr, size := g.Sector(i)
		if addr >= a.Addr+a.Size {
			break
		}
		sum += eraseBase + time.Duration(size/1024)*erasePerKiB
	}
	return sum
}

// plan says whether areas will be erased, and how long that takes.
func (e *settings) plan(p *Plan) {
	d := p.Device
	*e = settings{}
	switch {
	case len(d.Layout.Settings) == 0:
	case !p.EraseSettings:
		e.state = SettingsKept
	case !d.Erases:
		e.state = SettingsUnable
	default:
		e.state = SettingsFailed // until it is done
		for i := range d.Layout.Settings {
			e.later += settingsTime(&d.Layout.Geometry, &d.Layout.Settings[i])
		}
	}
}

// erase has the settings areas erased, if the caller wanted that. The device has verified and recorded its
// software by now, and nothing here touches that: what the device refuses, or its flash does not do, is an
// outcome and no error. An error is a conversation that ended.
func (r *runner) erase(ctx context.Context) error {
	e := &r.settings
	if e.state != SettingsFailed {
		return nil
	}
	r.stage(StageErase)
	r.touched = TouchedSettings
	d := r.p.Device
	for _, a := range d.Layout.Settings {
		err := r.eraseArea(ctx, &a)
		var said *smp.Error
		switch {
		case errors.As(err, &said) && said.RC && smp.RC(said.Code) == smp.RCNotSupported:
			e.state = SettingsUnable
		case errors.As(err, &said) && said.Fault() != smp.FaultPhase && said.Fault() != smp.FaultBusy:
			e.fault = said.Fault()
		case err != nil:
			return fmt.Errorf("erase settings %q: %w", a.Name, r.s.refused(err))
		}
		if err != nil || e.fault != smp.FaultNone {
			break
		}
		e.erased = append(e.erased, a)
		work := settingsTime(&d.Layout.Geometry, &a)
		e.later -= work
		r.did(0, work)
	}
	if len(e.erased) == len(d.Layout.Settings) {
		e.state = SettingsErased
	}
	r.touched = TouchedNothing
	e.later = 0
	r.near(0)
	return nil
}

// eraseArea has one area erased, and has the device say so. A sector that takes no erase leaves its fault
// and address in r.settings.
func (r *runner) eraseArea(ctx context.Context, a *flash.Area) error {
	q := smp.EraseRequest{Addr: a.Addr, Size: a.Size}
	var got smp.Erased
	if err := r.s.call(ctx, &q, &got, slow); err != nil {
		return err
	}
	work := settingsTime(&r.p.Device.Layout.Geometry, a)
	w := waiting{s: r.s}
	for {
		if err := r.s.call(ctx, &smp.StatusRequest{}, &r.status, slow); err != nil {
			return err
		}
		if !r.status.Phase.Busy() {
			break
		}
		if r.status.Total > 0 {
			r.tell(0, time.Duration(int64(work)*int64(min(r.status.Done, r.status.Total))/int64(r.status.Total)))
		}
		if err := w.next(ctx, &r.status); err != nil {
			return err
		}
	}
	if r.status.Fault != smp.FaultNone {
		r.settings.fault, r.settings.addr = r.status.Fault, r.status.Addr
		return nil
	}
	if err := r.s.call(ctx, &q, &got, slow); err != nil {
		return err
	}
	if got != (smp.Erased{Addr: a.Addr, Size: a.Size, Done: a.Size}) {
		err := fmt.Errorf("%d of %d bytes at %#x are erased, asked for %d at %#x", got.Done, got.Size, got.Addr, a.Size, a.Addr)
		return &Error{Code: CodeRestarted, Err: err}
	}
	return nil
}
