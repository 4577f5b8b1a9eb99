//go:build linux

package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/internal/webserial"
	"unbrick/lab"
	"unbrick/model"
	"unbrick/terminal"
)

// The adapters that the technician's browser has been allowed.
var (
	cableAdapter = webserial.Adapter{Name: "ttyUSB0", Vendor: 0x0403, Product: 0x6001, Serial: "CABLE1", Words: "Serial Cable"}
	otherAdapter = webserial.Adapter{Name: "ttyUSB1", Vendor: 0x10c4, Product: 0xea60, Serial: "CABLE2", Words: "Other Cable"}
)

// patient is an emulated device that does not start, with its end of a cable.
type patient struct {
	t      *testing.T
	bench  *webserial.Bench
	device *lab.Device
	image  []byte // what it is to run in the end

	events atomic.Int64 // that the device told

	mu       sync.Mutex
	port     *webserial.Port
	line     *emulator.Attachment
	next     *accident     // armed; nil: nothing happens
	pulled   chan struct{} // one for each cable that came out
	held     chan struct{} // the device stands still
	goOn     chan struct{} // let it go on
	breaking time.Time     // the break began; zero: there is none
	breaks   int           // heard
	chatter  []byte        // said each time the page opens the port, before anything is asked
	speed    uint32        // that the page has set last; 0: none
	speeds   int           // how often it has set one
}

// accident is what happens to a device that is being restored.
type accident struct {
	at    terminal.EventCode // at the count-th such event from now on
	count int
	kind  mishap
}

type mishap uint8

const (
	cableOut  mishap = iota // the cable comes out; the device has power of its own and goes on
	powerOut                // the cable comes out, and the device lived on its power
	hangUp                  // the emulator dies: the line is dead, but nothing was unplugged; no power
	holdStill               // the device stands still until meanwhile lets it go on
)

// brick makes a device with release 1, and cuts its power inside a flash operation of the update to
// release 2, so that neither is whole.
func brick(t *testing.T, sh *shell, bench *webserial.Bench, serial string, operation int, image []byte) *patient {
	t.Helper()
	o := sh.run(t, append(factory(serial, serial+".flash"), "--update", "--cut-at", strconv.Itoa(operation), "--tear", "half")...)
	if o.code != exitBricked {
		t.Fatalf("a cut in operation %d ends with code %d, want %d\n%s", operation, o.code, exitBricked, o.stderr)
	}
	d := admit(t, sh, bench, serial, image)
	d.settles(lab.Restoration)
	return d
}

// signs gives a device what its receipts are signed with.
func signs(hw *terminal.Hardware) { hw.SignSeed = terminal.SignSeed }

// admit takes a device that was made before and powers it.
func admit(t *testing.T, sh *shell, bench *webserial.Bench, serial string, image []byte) *patient {
	t.Helper()
	d := &patient{t: t, bench: bench, image: image, pulled: make(chan struct{}, 1), held: make(chan struct{}), goOn: make(chan struct{})}
	var err error
	if d.device, err = lab.New(modelOf(t, sh.url, "0001"), &lab.Options{Event: d.event, Hardware: signs}); err != nil {
		t.Fatal(err)
	}
	if err := d.device.LoadFile(filepath.Join(sh.dir, serial+".flash")); err != nil {
		t.Fatal(err)
	}
	if err := d.device.PowerOn(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.device.PowerOff(emulator.NotBegun) })
	return d
}

func modelOf(t *testing.T, url, id string) *model.Model {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/models/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept", "application/cbor")
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	record, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Decode(record)
	if err != nil {
		t.Fatalf("model %s: %v", id, err)
	}
	return &m
}

// plug puts the cable in, and gives power to a device without.
func (d *patient) plug(a webserial.Adapter) {
	d.t.Helper()
	if d.device.State() == lab.Off {
		if err := d.device.PowerOn(context.Background()); err != nil {
			d.t.Fatal(err)
		}
		d.settles(lab.Restoration)
	}
	d.mu.Lock()
	d.line, d.speed = nil, 0
	d.mu.Unlock()
	port, err := d.bench.Plug(a, d.signal)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { port.Unplug() })
	line, err := d.device.Attach(port)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.port, d.line = port, line
	d.hears()
}

// unplug pulls the cable out of the computer.
func (d *patient) unplug() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line.Detach()
	if err := d.port.Unplug(); err != nil {
		d.t.Error(err)
	}
}

// arm lets an accident happen.
func (d *patient) arm(a accident) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = &a
}

// event waits for the armed accident, in the device's goroutine.
func (d *patient) event(e lab.Event) {
	d.events.Add(1)
	d.mu.Lock()
	a := d.next
	if a == nil || e.Code != a.at {
		d.mu.Unlock()
		return
	}
	if a.count--; a.count > 0 {
		d.mu.Unlock()
		return
	}
	d.next = nil
	line, port := d.line, d.port
	d.mu.Unlock()
	switch a.kind {
	case holdStill:
		over := d.t.Context().Done() // a test that failed meanwhile
		select {
		case d.held <- struct{}{}:
		case <-over:
			return
		}
		select {
		case <-d.goOn:
		case <-over:
		}
		return
	case cableOut, powerOut:
		line.Detach()
		if err := port.Unplug(); err != nil {
			d.t.Error(err)
		}
	case hangUp:
		line.Detach()
		port.HangUp()
	}
	if a.kind != cableOut {
		d.device.Board().Cut(emulator.Half)
	}
	d.pulled <- struct{}{}
}

// comesOut waits until the armed accident has happened, and a device without power is off. p is asked
// what the page shows when it never does.
func (d *patient) comesOut(p *technician, kind mishap) {
	d.t.Helper()
	d.waits(p, d.pulled, "the cable never came out")
	if kind != cableOut {
		d.waits(p, d.device.Ended(), "without power the device never ended")
	}
}

// meanwhile waits for the device to stand still, does f, and lets it go on. p is asked what the page
// shows when it never does.
func (d *patient) meanwhile(p *technician, f func()) {
	d.t.Helper()
	d.waits(p, d.held, "the device never came to the sector at which it stands still")
	defer func() {
		select {
		case d.goOn <- struct{}{}:
		case <-d.t.Context().Done():
		}
	}()
	f()
}

// signal passes a break on to the device when it ends, before the page goes on, and chatters.
func (d *patient) signal(e webserial.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case e.Kind == webserial.Opened && len(d.chatter) > 0:
		if _, err := d.port.Write(d.chatter); err != nil {
			d.t.Error(err)
		}
	case e.Kind == webserial.Settings:
		d.speed, d.speeds = e.Speed, d.speeds+1
		d.hears()
	case e.Kind != webserial.Signals:
	case e.Break && d.breaking.IsZero():
		d.breaking = time.Now()
	case !e.Break && !d.breaking.IsZero():
		d.line.Break(time.Since(d.breaking))
		d.breaking = time.Time{}
		d.breaks++
	}
}

// hears passes the speed of the page's end on to the line: at another than the device's neither
// understands the other. With mu held.
func (d *patient) hears() {
	if d.line == nil || d.speed == 0 {
		return
	}
	if err := d.line.SetSpeed(d.speed); err != nil {
		d.t.Error(err)
	}
}

// heard is how many breaks the device has heard.
func (d *patient) heard() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.breaks
}

func (d *patient) settles(want lab.State) {
	d.t.Helper()
	if s, err := d.settled(); err != nil || s != want {
		d.t.Fatalf("the device is %v, %v, want %v", s, err, want)
	}
}

// runs checks that the device runs exactly the wanted image, by its own word and by its flash, and that
// its software broke no rule of the hardware.
func (d *patient) runs() {
	d.t.Helper()
	d.settles(lab.Running)
	if v := d.device.About().Installed.Version; v != "2" {
		d.t.Errorf("the device runs release %q, want 2", v)
	}
	if at := d.device.Raw()[softwareBase:]; !bytes.Equal(at[:len(d.image)], d.image) {
		d.t.Error("the flash does not hold release 2")
	}
	if f := d.device.Board().Faults(); len(f) > 0 {
		d.t.Errorf("hardware faults: %v", f)
	}
	if !d.t.Failed() {
		throughSerial.Add(1)
	}
}
