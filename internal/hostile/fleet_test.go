package hostile

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/internal/firmware"
	"unbrick/lab"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/protocol/wsconn"
	"unbrick/release"
	"unbrick/terminal"
)

// maker is who makes the devices and publishes for them.
type maker struct {
	*site
	model  model.Model
	key    ed25519.PrivateKey
	signed []byte // manifest of release 1
	first  []byte // its image
}

func newMaker(s *site) *maker {
	v := &maker{site: s, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32)), model: model.Model{ID: modelID, Name: "Sensor",
		RAM: 128 << 10, Resident: 8 << 10, Line: model.DefaultLine, Layout: flash.Layout{Boot: 16 << 10,
			Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4 << 10, Count: 128}}, ProgramUnit: 4, Page: 256, Erased: 0xff}}}}
	v.first, _ = firmware.Mithermo()
	v.ask(http.StatusOK, "PUT", "/api/models/"+modelID, "application/cbor", v.model.Append(nil))
	return v
}

// image is that of a release: as real firmware is built anew, with some of it changed.
func (v *maker) image(order int) []byte {
	old, newer := firmware.Mithermo()
	if order == 1 {
		return old
	}
	for i := range 40 {
		newer[(i*1013+order*97)%len(newer)] ^= byte(order)
	}
	return newer
}

// publish publishes the next release, whose rollout halts if one device fails.
func (v *maker) publish(order int) release.Manifest {
	v.Helper()
	area := v.model.Layout.Software()
	img := v.image(order)
	m, err := release.Describe(modelID, fmt.Sprint(order), uint64(order), 1, img, &area)
	if err != nil {
		v.Fatal(err)
	}
	signed, err := release.Sign(&m, v.key)
	if err != nil {
		v.Fatal(err)
	}
	if order == 1 {
		v.signed = signed
	}
	v.ask(http.StatusCreated, "POST", "/api/releases?phases=100%25&limit=1&halts=true", "application/octet-stream",
		release.AppendFile(nil, &release.File{Signed: signed, Image: img}),
		"Unbrick-Public-Key", base64.StdEncoding.EncodeToString(v.key.Public().(ed25519.PublicKey)))
	return m
}

// honest is a device that updates.
type honest struct {
	*maker
	*lab.Device
	serial string
	proxy  *proxy
	said   []byte // its last hello, as it went over the wire
}

// tapped is a link that somebody listens to.
type tapped struct {
	protocol.Conn
	h *honest
}

// Send implements protocol.Conn.
func (c tapped) Send(msg []byte) error {
	if code, err := protocol.CodeOf(msg); err == nil && code == protocol.CodeHello {
		c.h.said = bytes.Clone(msg)
	}
	return c.Conn.Send(msg)
}

// deviceKey is the key that a device was made with.
func deviceKey(serial string) *terminal.DeviceKey {
	seed := sha256.Sum256([]byte("device " + serial))
	return new(terminal.NewDeviceKey(&seed))
}

// device makes one with release 1.
func (v *maker) device(serial string, p *proxy) *honest {
	v.Helper()
	d, err := lab.New(&v.model, &lab.Options{Hardware: func(hw *terminal.Hardware) { hw.SignSeed = terminal.SignSeed }})
	if err != nil {
		v.Fatal(err)
	}
	id := &terminal.Identity{Model: modelID, Serial: serial, Threshold: 1, Resident: v.model.Resident,
		Keys: [][32]byte{[32]byte(v.key.Public().(ed25519.PublicKey))}}
	if err := d.Manufacture(id, deviceKey(serial), v.signed, v.first); err != nil {
		v.Fatal(err)
	}
	if err := d.PowerOn(context.Background()); err != nil {
		v.Fatal(err)
	}
	v.Cleanup(func() { d.PowerOff(emulator.NotBegun) })
	return &honest{maker: v, Device: d, serial: serial, proxy: p}
}

// dial connects as the device does: by the name of the server.
func (h *honest) dial(ctx context.Context) (protocol.Conn, error) {
	return wsconn.Dial(ctx, "http://"+serverName+"/link", &wsconn.Options{Client: h.proxy.client("10.200." + h.serial[2:])})
}

// update brings the device to a release, in as many sessions as that takes, and lets it tell that it runs it. All of them must be served.
func (h *honest) update(ctx context.Context, want release.Manifest, sessions *atomic.Int64) error {
	for range 10 {
		if h.About().Installed.Digest == want.Digest && h.About().Confirmed {
			return nil
		}
		c, err := h.dial(ctx)
		if err != nil {
			return fmt.Errorf("%s is not served: %w", h.serial, err)
		}
		s, err := h.Update(ctx, tapped{c, h})
		sessions.Add(1)
		if err != nil || s.Err != nil || s.Outcome != terminal.Rewritten && s.Outcome != terminal.Nothing {
			return fmt.Errorf("%s: %v, %w, %w: %s", h.serial, s.Outcome, err, s.Err, s.Summary.Fault)
		}
	}
	return fmt.Errorf("%s runs %s after ten sessions, and %s was published", h.serial, h.About().Installed.Version, want.Version)
}

// updateAll brings a fleet to a release, some devices at a time.
func updateAll(ctx context.Context, t *testing.T, fleet []*honest, want release.Manifest, sessions *atomic.Int64) {
	t.Helper()
	var work sync.WaitGroup
	next := make(chan *honest)
	for range 8 {
		work.Go(func() {
			for h := range next {
				if err := h.update(ctx, want, sessions); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, h := range fleet {
		next <- h
	}
	close(next)
	work.Wait()
}

// list is the list of devices that the factory made.
func list(fleet []*honest) []byte {
	b := []byte("model,serial,public\n")
	for _, h := range fleet {
		b = fmt.Appendf(b, "%s,%s,%x\n", modelID, h.serial, deviceKey(h.serial).Public)
	}
	return b
}

// ask asks the operators' API, and wants a status.
func (s *site) ask(status int, method, path, kind string, body []byte, header ...string) []byte {
	s.Helper()
	q, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	q.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		s.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != status {
		s.Fatalf("%s %s: %s %.300s, %v, want %d", method, path, a.Status, b, err, status)
	}
	return b
}
