package lab_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"testing"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/internal/firmware"
	"unbrick/lab"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/protocol/conntest"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
)

// made is a device from the factory, with what it was made of.
type made struct {
	*lab.Device
	model *model.Model
	image []byte
}

func newDevice(t *testing.T, o *lab.Options) *made {
	t.Helper()
	geometry, err := flash.ParseGeometry("4KiB", 512<<10)
	if err != nil {
		t.Fatal(err)
	}
	m := &model.Model{ID: "0001", Name: "bench", RAM: 256 << 10, Resident: 16 << 10, Line: model.DefaultLine,
		Layout: flash.Layout{Geometry: geometry, Boot: 64 << 10},
		Apps:   []model.App{{Name: "system", Size: 48 << 10, Importance: 9, Fixed: true}, {Name: "maps", Size: 64 << 10, Importance: 1}}}
	d, err := lab.New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	image, _ := firmware.Mithermo()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	area := m.Layout.Software()
	manifest, err := release.Describe(m.ID, "57", 1, 1, image, &area)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := release.Sign(&manifest, key)
	if err != nil {
		t.Fatal(err)
	}
	id := &terminal.Identity{Model: m.ID, Serial: "L1", Threshold: 1, Resident: m.Resident, Keys: [][32]byte{[32]byte(key.Public().(ed25519.PublicKey))}}
	if err := d.Manufacture(id, nil, signed, image); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.PowerOff(emulator.NotBegun) })
	return &made{Device: d, model: m, image: image}
}

// settle powers the device on and requires what becomes of it.
func (d *made) settle(t *testing.T, want lab.State) {
	t.Helper()
	if err := d.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.require(t, want)
}

func (d *made) require(t *testing.T, want lab.State) {
	t.Helper()
	got, err := d.Settle(t.Context())
	if err != nil || got != want {
		t.Fatalf("the device is %v (%v), want %v; fault %v", got, err, want, d.Fault())
	}
}

func TestBootsAndKeepsItsFlash(t *testing.T) {
	d := newDevice(t, nil)
	d.settle(t, lab.Running)
	if about := d.About(); about.Installed.Version != "57" || about.Identity.Serial != "L1" {
		t.Errorf("about: %+v", about)
	}
	if err := d.PowerOn(t.Context()); !errors.Is(err, lab.ErrBusy) {
		t.Errorf("second power-on: %v, want ErrBusy", err)
	}
	for _, r := range d.Board().RAM().Regions() {
		if r.Name == "maps" && r.State != emulator.Running {
			t.Errorf("application maps is %v after boot", r.State)
		}
	}
	d.PowerOff(emulator.NotBegun)
	if got := d.State(); got != lab.Off {
		t.Errorf("after power-off the device is %v", got)
	}
	path := filepath.Join(t.TempDir(), "flash.bin")
	if err := d.SaveFile(path); err != nil {
		t.Fatal(err)
	}
	other := newDevice(t, nil)
	if err := other.LoadFile(path); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(other.Raw(), d.Raw()) {
		t.Error("the loaded flash differs from the saved one")
	}
	other.settle(t, lab.Running)
}

// A release that confirmed itself, as the factory's did, and hangs one day is reset for ever; the cable
// gets into restoration mode all the same.
func TestConfirmedReleaseThatHangs(t *testing.T) {
	d := newDevice(t, nil)
	d.Board().SetHealthy(false)
	d.settle(t, lab.Hanging)
	port := d.Port()
	for range 200 { // a watchdog period, and the time to boot
		if err := port.Break(20e6); err != nil {
			t.Fatal(err)
		}
	}
	port.Close()
	d.require(t, lab.Restoration)
	if why := d.About().Why; why != smp.WhyAsked {
		t.Errorf("restoration mode because of %v, want %v", why, smp.WhyAsked)
	}
}

func TestDamagedImageWaitsInRestorationMode(t *testing.T) {
	d := newDevice(t, nil)
	raw, state := d.Board().Save()
	raw[d.model.Layout.SoftwareBase()+1000] ^= 1
	if err := d.Board().Load(raw, state); err != nil {
		t.Fatal(err)
	}
	d.settle(t, lab.Restoration)
	client, server := conntest.Pair()
	defer server.Close()
	if _, err := d.Update(t.Context(), client); !errors.Is(err, lab.ErrNoUsual) {
		t.Errorf("update in restoration mode: %v, want ErrNoUsual", err)
	}
}

// Power that fails while the device waits for the server ends the session and the link.
func TestCutDuringSession(t *testing.T) {
	d := newDevice(t, nil)
	d.settle(t, lab.Running)
	client, server := conntest.Pair()
	go func() {
		protocol.Send(server, &protocol.Challenge{}, nil)
		server.Recv() // the hello: the device now waits for an answer
		d.Board().Cut(emulator.NotBegun)
	}()
	s, err := d.Update(t.Context(), client)
	if err != nil || s.State != lab.Off {
		t.Fatalf("session %+v, %v; want the device off", s, err)
	}
	if _, err := server.Recv(); err == nil {
		t.Error("the server's end of the link is still open")
	}
	d.settle(t, lab.Running)
}

func TestHostResetsARunningDevice(t *testing.T) {
	d := newDevice(t, nil)
	d.settle(t, lab.Running)
	port := d.Port()
	// The application resets at a break; boot listens to the cable and hears the next one.
	for n := 0; d.State() != lab.Restoration; n++ {
		if n == 10_000 {
			t.Fatalf("the device is %v after %d breaks; fault %v", d.State(), n, d.Fault())
		}
		if err := port.Break(20e6); err != nil {
			t.Fatal(err)
		}
	}
	port.Close()
}
