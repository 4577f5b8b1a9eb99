package restore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/lab"
	"unbrick/protocol/smp"
	"unbrick/restore"
)

// furnished makes a rig whose model has two settings areas, and a device of it that holds in, with both full.
func furnished(t *testing.T) (r *rig, v1, v2 *made, d *lab.Device) {
	t.Helper()
	r = newRig(t, even)
	g := r.model.Layout.Geometry
	at, _ := g.Sector(g.Sectors() - 4)
	r.model.Layout.Settings = []flash.Area{{Name: "calibration", Addr: at, Size: 4096}, {Name: "user", Addr: at + 4096, Size: 3 * 4096}}
	if err := r.model.Validate(); err != nil {
		t.Fatal(err)
	}
	r.area = r.model.Layout.Software()
	v1 = r.release("1", 1, 1, code(1, 120_000))
	v2 = r.release("2", 2, 1, edit(v1.image, 2))
	d = r.device(v1, nil)
	d.PowerOff(emulator.NotBegun)
	raw, _ := d.Board().Save()
	for i := at; i < at+4*4096; i++ {
		raw[i] = byte(i%253) ^ 0x35
	}
	if err := d.Board().Load(raw, nil); err != nil {
		t.Fatal(err)
	}
	r.on(d)
	return r, v1, v2, d
}

// settings returns the bytes of all settings areas.
func (r *rig) settings(d *lab.Device) []byte {
	return d.Raw()[r.model.Layout.Settings[0].Addr:]
}

// erasing restores over a port, and erases the settings areas if wanted.
func erasing(t testing.TB, port restore.Port, src restore.Source, o *restore.Options, wanted bool, change func(*restore.Device, *restore.Session, *restore.Plan)) (*restore.Result, error) {
	t.Helper()
	s, d, p, err := planned(port, src, o, nil)
	if err != nil {
		return nil, err
	}
	p.EraseSettings = wanted
	if change != nil {
		change(d, s, p)
	}
	last := restore.Progress{}
	res, err := s.Run(context.Background(), p, func(now restore.Progress) {
		if now.Stage < last.Stage || now.Stage > restore.StageVerify && now.Work < last.Work || now.Work > now.WorkOf || now.Flash > now.FlashOf {
			t.Errorf("progress goes from %+v to %+v", last, now)
		}
		last = now
	})
	if err == nil && last.Stage != restore.StageStart {
		t.Errorf("the last progress is %+v", last)
	}
	return res, err
}

// TestSettings keeps the settings areas by default and erases them on request: of a device that must be
// written, of one that takes a plain upload, and of one in which nothing is wrong with the software.
func TestSettings(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		for _, way := range []string{"broken", "upload", "right", "plain"} {
			t.Run(fmt.Sprintf("%s, erase %v", way, wanted), func(t *testing.T) {
				r, v1, v2, d := furnished(t)
				want := v2
				if way == "right" {
					want = v1
				} else if s := r.brick(d, v1, v2, 90, emulator.Half); s != lab.Restoration {
					t.Fatalf("device is %v", s)
				}
				was := bytes.Clone(r.settings(d))
				port := d.Port()
				defer port.Close()
				ctx := context.Background()
				var res *restore.Result
				var err error
				if way == "upload" {
					s, dev := greet(t, port)
					p, perr := s.Plan(ctx, dev, source(t, v1, v2), nil)
					if perr != nil {
						t.Fatal(perr)
					}
					p.EraseSettings = wanted
					res, err = s.Upload(ctx, p, nil)
				} else {
					res, err = erasing(t, port, source(t, v1, v2), &restore.Options{Plain: way == "plain"}, wanted, nil)
				}
				if err != nil {
					t.Fatal(err)
				}
				port.Close()
				r.restored(d, want)
				state, areas := restore.SettingsKept, 0
				if wanted {
					was = bytes.Repeat([]byte{0xff}, len(was))
					state, areas = restore.SettingsErased, 2
				}
				if res.Settings != state || len(res.Erased) != areas || res.SettingsFault != 0 {
					t.Errorf("settings %v, erased %v, fault %v", res.Settings, res.Erased, res.SettingsFault)
				}
				if !bytes.Equal(r.settings(d), was) {
					t.Error("the settings areas are not what they should be")
				}
				if f := d.Board().Faults(); len(f) > 0 {
					t.Errorf("hardware faults: %v", f)
				}
			})
		}
	}
}

func greet(t *testing.T, port restore.Port) (*restore.Session, *restore.Device) {
	t.Helper()
	s, err := restore.Connect(context.Background(), port, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Identify(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

// oldPort is the cable of a device that does not know the erase command, although it says so.
type oldPort struct {
	restore.Port
	in    smp.Deframer
	ready []byte // answers
	asked int
}

func (p *oldPort) Write(b []byte) error {
	for rest := b; len(rest) > 0; {
		packet, used := p.in.Next(rest)
		rest = rest[used:]
		h, _, err := smp.ParsePacket(packet)
		if packet == nil || err != nil || h.Group != smp.GroupUser || h.ID != smp.UserErase {
			continue
		}
		p.asked++
		answer, err := smp.AppendRC(nil, &h, smp.RCNotSupported)
		if err != nil {
			return err
		}
		p.ready = smp.AppendFrames(p.ready, answer)
		return nil
	}
	return p.Port.Write(b)
}

// TestSettingsOfAnOldDevice wants the settings of a device erased that does not know how: it is restored, its
// settings are kept, and the result says so. One that does not announce the command is not asked.
func TestSettingsOfAnOldDevice(t *testing.T) {
	for _, announced := range []bool{false, true} {
		r, v1, v2, d := furnished(t)
		if s := r.brick(d, v1, v2, 90, emulator.Half); s != lab.Restoration {
			t.Fatalf("device is %v", s)
		}
		was := bytes.Clone(r.settings(d))
		inner := d.Port()
		if err := inner.Open(); err != nil {
			t.Fatal(err)
		}
		port := &oldPort{Port: inner}
		port.in.Reset(make([]byte, smp.DeframerSize(4096)))
		res, err := erasing(t, port, source(t, v1, v2), &restore.Options{Plain: true}, true, func(dev *restore.Device, _ *restore.Session, _ *restore.Plan) {
			dev.Erases = announced
		})
		inner.Close()
		if err != nil {
			t.Fatal(err)
		}
		r.restored(d, v2)
		if res.Settings != restore.SettingsUnable || len(res.Erased) > 0 || (port.asked > 0) != announced {
			t.Errorf("settings %v, erased %v, asked %d times", res.Settings, res.Erased, port.asked)
		}
		if !bytes.Equal(r.settings(d), was) {
			t.Error("the settings areas have changed")
		}
	}
}

func (p *oldPort) Read(b []byte, wait time.Duration) (int, error) {
	if len(p.ready) > 0 {
		n := copy(b, p.ready)
		p.ready = p.ready[n:]
		return n, nil
	}
	return p.Port.Read(b, wait)
}

// TestSettingsInterrupted cuts power at every erase of a settings area, with every tear: the device runs the
// release that was just restored, the attempt says what there is, and the next one erases the rest.
func TestSettingsInterrupted(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for _, tear := range emulator.Tears() {
			r, v1, _, d := furnished(t)
			d.Board().ResetCounter()
			d.Board().CutAt(uint64(n), tear)
			port := d.Port()
			_, err := erasing(t, port, source(t, v1), nil, true, nil)
			port.Close()
			var e *restore.Error
			what := fmt.Sprintf("cut in erase %d, %v", n, tear)
			if !errors.As(err, &e) || e.Touched != restore.TouchedSettings || !e.Retry() {
				t.Fatalf("%s: %v, touched %v", what, err, e)
			}
			<-d.Ended()
			if s := r.on(d); s != lab.Running {
				t.Fatalf("%s: the device is %v", what, s)
			}
			r.restored(d, v1)
			port = d.Port()
			res, err := erasing(t, port, source(t, v1), nil, true, nil)
			port.Close()
			if err != nil || res.Plan.Kind != restore.KindStart || res.Settings != restore.SettingsErased {
				t.Fatalf("%s: again: %v, %+v", what, err, res)
			}
			r.restored(d, v1)
			if got := r.settings(d); !bytes.Equal(got, bytes.Repeat([]byte{0xff}, len(got))) {
				t.Errorf("%s: the settings areas are not erased", what)
			}
		}
	}
}

// TestSettingsWornOut has a settings area that does not erase any more: the device is restored and starts,
// and the result names the sector.
func TestSettingsWornOut(t *testing.T) {
	r, v1, v2, d := furnished(t)
	if s := r.brick(d, v1, v2, 90, emulator.Half); s != lab.Restoration {
		t.Fatalf("device is %v", s)
	}
	bad := r.model.Layout.Settings[1].Addr + 4096
	if err := d.Board().Inject(emulator.Defect{Kind: emulator.DefectErase, Addr: bad}); err != nil {
		t.Fatal(err)
	}
	port := d.Port()
	res, err := erasing(t, port, source(t, v1, v2), nil, true, nil)
	port.Close()
	if err != nil {
		t.Fatal(err)
	}
	r.restored(d, v2)
	if res.Settings != restore.SettingsFailed || res.SettingsFault != smp.FaultErase || res.SettingsAddr != bad || len(res.Erased) != 1 {
		t.Errorf("settings %v, fault %v at %#x, erased %v", res.Settings, res.SettingsFault, res.SettingsAddr, res.Erased)
	}
}
