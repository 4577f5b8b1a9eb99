package server

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

// Lies under an honest serial hold nothing back, and a hold that the server makes itself ends by itself.
func TestClaimedFailuresHoldNobodyForEver(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	h := r.hello("A-1", one)
	r.session(h)
	for i := range 4 { // who never took the file
		lie := failure(r.hello("A-1", one), one, two)
		lie.Report.Erases = uint32(i)
		r.session(lie)
	}
	if info := r.session(h); info.Kind != protocol.KindDelta {
		t.Fatalf("after four lies: %s %s", info.Kind, info.Reason)
	}
	for range 3 {
		r.rewriteInVain(h)
	}
	const day = 24 * time.Hour
	for i, want := range []time.Duration{day, 2 * day, 4 * day, storage.LongestHold, storage.LongestHold} {
		if info := r.session(h); info.Reason != protocol.ReasonHeld {
			t.Fatalf("failure %d: %s, want held", 3+i, info.Reason)
		}
		v := decode[struct{ Attempts []form.Attempt }](r, r.must(http.StatusOK, "GET", "/api/devices/0001/A-1", nil))
		if a := v.Attempts[0]; !a.Held || a.By != "server" || a.Until == nil || a.Until.Sub(a.Last) != want {
			t.Fatalf("failure %d: %+v, want the server's hold of %v", 3+i, a, want)
		}
		h.Report = nil
		r.later(want - time.Minute)
		if info := r.session(h); info.Reason != protocol.ReasonHeld {
			t.Fatalf("failure %d, before the hold's end: %s", 3+i, info.Reason)
		}
		r.later(2 * time.Minute)
		r.rewriteInVain(h)
	}
}

// Operator's and server's holds are two things: each ends by its own rules.
func TestHoldsAreTwoThings(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	body := []byte(`{"image":"` + release.Hex(two.Digest) + `"}`)
	for _, operator := range []bool{false, true} {
		serial := map[bool]string{false: "A-1", true: "A-2"}[operator]
		h := r.hello(serial, one)
		for range 3 {
			r.rewriteInVain(h)
		}
		if info := r.session(h); info.Reason != protocol.ReasonHeld {
			t.Fatalf("reason %s, want the server's hold", info.Reason)
		}
		if operator {
			r.must(http.StatusOK, "POST", "/api/devices/0001/"+serial+"/hold", body)
		}
		r.session(r.hello(serial, two)) // says that it runs the release: the server's hold ends
		h.Report = nil
		info := r.session(h)
		if held := info.Reason == protocol.ReasonHeld; held != operator {
			t.Fatalf("operator's hold %v, and the device is offered %s, %s", operator, info.Kind, info.Reason)
		}
		r.later(2 * storage.LongestHold)
		if held := r.session(h).Reason == protocol.ReasonHeld; held != operator {
			t.Fatalf("operator's hold %v, and after the server's time held: %v", operator, held)
		}
	}
}

// What people claim pushes no hold of the operator's out of the memory.
func TestClaimsDoNotPushOutHolds(t *testing.T) {
	var d storage.Device
	d.Tried(storage.Digest{1}).Held = true
	for i := range 2 * storage.MaxAttempts {
		d.Tried(storage.Digest{2, byte(i)})
	}
	if a := d.Attempt(storage.Digest{1}); a == nil || !a.Held || len(d.Attempts) != storage.MaxAttempts {
		t.Fatalf("%d attempts, the operator's hold: %+v", len(d.Attempts), a)
	}
	for i := range d.Attempts {
		d.Attempts[i].Held = true
	}
	if d.Tried(storage.Digest{3}) != nil {
		t.Fatal("an operator's hold gave way")
	}
}

// stored is the file on disk of a stored blob.
func (r *rig) stored(d storage.Digest) string { return filepath.Join(r.dir, "blobs", release.Hex(d)) }

func (r *rig) flip(d storage.Digest, at int64) {
	r.Helper()
	f, err := os.OpenFile(r.stored(d), os.O_RDWR, 0)
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		r.Fatal(err)
	}
	b[0] ^= 1
	before, err := f.Stat()
	if err != nil {
		r.Fatal(err)
	}
	if _, err := f.WriteAt(b[:], at); err != nil {
		r.Fatal(err)
	}
	if err := os.Chtimes(r.stored(d), time.Time{}, before.ModTime()); err != nil { // a disk that loses bytes does not say so
		r.Fatal(err)
	}
}

// old makes a stored blob look as if it had been there for long, so that its digest is not checked each time.
func (r *rig) old(d storage.Digest) {
	r.Helper()
	if err := os.Chtimes(r.stored(d), time.Time{}, time.Now().Add(-24*time.Hour)); err != nil {
		r.Fatal(err)
	}
}

// A stored update file that is damaged or gone is made anew, whatever its kind and whenever that is found.
func TestDamagedFileIsMadeAnew(t *testing.T) {
	for _, when := range []string{"before the request", "in the middle of the transfer", "behind what was sent", "gone", "cut short while it is sent"} {
		for _, kind := range []protocol.Kind{protocol.KindDelta, protocol.KindFull} {
			t.Run(when+", "+kind.String(), func(t *testing.T) {
				r := newRig(t)
				a := image(1, 60_000)
				b := next(next(a, 2), 3)
				one, two := r.publish("1", 1, a), r.publish("2", 2, b)
				h := r.hello("A-1", one)
				base := a
				if kind == protocol.KindFull {
					h, base = r.hello("A-1", release.Manifest{Version: "0", Digest: release.Digest{42}}), nil
				}
				c := r.dial()
				c.say(h)
				info := hears[*protocol.Info](c)
				if info.Kind != kind {
					t.Fatalf("offered %s", info.Kind)
				}
				request := &protocol.Request{Digest: info.Digest, Credit: info.Size / 2}
				r.old(info.Digest)
				half := func() {
					c.say(request)
					for got := 0; got < int(info.Size/2); got += len(hears[*protocol.Data](c).Bytes) {
					}
				}
				rest := func() { c.say(&protocol.Credit{Bytes: info.Size - info.Size/2}) }
				switch when {
				case "before the request":
					r.flip(info.Digest, int64(info.Size)-1)
					c.say(request)
				case "gone":
					os.Remove(r.stored(info.Digest))
					c.say(request)
				case "in the middle of the transfer":
					half()
					r.flip(info.Digest, int64(info.Size)-1)
					rest()
				case "behind what was sent": // sent right or not, the file is whole no more
					half()
					r.flip(info.Digest, int64(info.Size/2))
					rest()
				case "cut short while it is sent":
					half()
					if err := os.Truncate(r.stored(info.Digest), int64(info.Size/2)); err != nil {
						t.Fatal(err)
					}
					rest()
				}
				m := c.hear()
				for ; m.Code() == protocol.CodeData; m = c.hear() {
				}
				gone, ok := m.(*protocol.Gone)
				if !ok {
					t.Fatalf("heard %s, want gone", m.Code())
				}
				if gone.Info.Kind != kind || gone.Info.Digest != info.Digest {
					t.Fatalf("gone with %s %x, want the same file made anew", gone.Info.Kind, gone.Info.Digest[:4])
				}
				file := c.fetch(&gone.Info, nil, 4096)
				c.say(&protocol.Done{Digest: info.Digest})
				c.bye()
				r.apply(file, base, b, two)
				if n := counted(r.s.metrics.Made, "ready"); n != 2 {
					t.Fatalf("%d files made, want it twice", n)
				}
			})
		}
	}
}

// What cannot be made anew is reported, and comes back when its release file does.
func TestDamagedImageIsReported(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(r *rig, one, two release.Manifest)
	}{
		{"base", func(r *rig, one, _ release.Manifest) { r.flip(one.Digest, 100) }},
		{"target", func(r *rig, _, two release.Manifest) { r.flip(two.Digest, 100) }},
		{"base gone", func(r *rig, one, _ release.Manifest) { os.Remove(r.stored(one.Digest)) }},
		{"target gone", func(r *rig, _, two release.Manifest) { os.Remove(r.stored(two.Digest)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			a := image(1, 20_000)
			b := next(a, 2)
			one, two := r.publish("1", 1, a), r.publish("2", 2, b)
			for _, m := range []release.Manifest{one, two} { // read, and found right
				r.old(m.Digest)
				b, err := r.s.offers.OpenImage(context.Background(), "0001", m.Digest)
				if err != nil {
					t.Fatal(err)
				}
				b.Close()
			}
			test.damage(r, one, two)
			if info := r.session(r.hello("A-1", one)); info.Kind == protocol.KindDelta {
				t.Fatal("a delta without its images")
			}
			list := decode[struct{ Releases []form.Release }](r, r.must(http.StatusOK, "GET", "/api/releases", nil))
			for _, v := range list.Releases {
				want := v.Version == map[bool]string{true: "1", false: "2"}[strings.HasPrefix(test.name, "base")]
				if v.Damaged != want {
					t.Errorf("release %s damaged: %v, want %v", v.Version, v.Damaged, want)
				}
			}
			files := decode[struct{ Files []form.File }](r, r.must(http.StatusOK, "GET", "/api/files?model=0001", nil)).Files
			if f := files[len(files)-1]; f.State != "failed" || !strings.Contains(f.Error, "publish its release file again") {
				t.Fatalf("file %+v", f)
			}
			r.must(http.StatusOK, "POST", "/api/releases", r.file(r.key, "1", 1, a), "Unbrick-Public-Key", r.pub(r.key))
			r.must(http.StatusOK, "POST", "/api/releases", r.file(r.key, "2", 2, b), "Unbrick-Public-Key", r.pub(r.key))
			if info := r.session(r.hello("A-1", one)); info.Kind != protocol.KindDelta {
				t.Fatalf("after the images came again: %s %s", info.Kind, info.Reason)
			}
		})
	}
}

// busyFiles is a store in which every update file is being made when somebody wants to set it.
type busyFiles struct{ storage.Store }

func (busyFiles) SetFile(context.Context, int64, storage.FileState) (storage.File, error) {
	return storage.File{}, storage.ErrConflict
}

// An image that comes again while a worker has just begun with what failed without it is taken all the same.
func TestPublishingAgainWhileAFileIsMade(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Store = &busyFiles{c.Store} })
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, next(a, 2))
	r.creates(func(context.Context, *storage.FileKey) (*offer.Product, error) { return nil, errors.New("no base") })
	r.session(r.hello("A-1", one))
	r.must(http.StatusOK, "POST", "/api/releases", r.file(r.key, "1", 1, a))
}

// An image that comes again while a worker fails for the damaged one is not found damaged afterwards, and the file is made.
func TestImageComesAgainWhileAFileIsMade(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	r.flip(two.Digest, 100)
	first := true
	var build offer.Maker
	build = r.creates(func(ctx context.Context, k *storage.FileKey) (*offer.Product, error) {
		p, err := build(ctx, k)
		if first {
			first = false
			r.must(http.StatusOK, "POST", "/api/releases", r.file(r.key, "2", 2, next(a, 2)))
			r.flip(two.Digest, 100) // as if read before it came
			if _, found := r.s.offers.OpenImage(ctx, "0001", two.Digest); found == nil || !r.s.offers.Damaged(two.Digest) {
				t.Error("the damage is not found")
			}
			r.flip(two.Digest, 100)
			err = errors.New("read before it came")
		}
		return p, err
	})
	if info := r.session(r.hello("A-1", one)); info.Kind != protocol.KindDelta {
		t.Errorf("%s %s", info.Kind, info.Reason)
	}
	if r.s.offers.Damaged(two.Digest) {
		t.Error("the image that came again is told to be damaged")
	}
}

// A transfer ends with a reason when what is transferred may be had no more; what merely is not the newest goes on.
func TestTransferOfWhatIsOfferedNoMore(t *testing.T) {
	state := func(s string) func(*rig, release.Manifest, []byte) {
		return func(r *rig, two release.Manifest, _ []byte) {
			r.must(http.StatusOK, "PUT", "/api/releases/"+release.Hex(two.Digest)+"/state", []byte(`{"model":"0001","state":"`+s+`"}`))
		}
	}
	file := func(r *rig, state string) {
		files := decode[struct{ Files []form.File }](r, r.must(http.StatusOK, "GET", "/api/files?model=0001", nil)).Files
		r.must(http.StatusOK, "PUT", "/api/files/"+strconv.FormatInt(files[0].ID, 10)+"/state", []byte(`{"state":"`+state+`"}`))
	}
	for _, test := range []struct {
		name string
		do   func(r *rig, two release.Manifest, img []byte)
		kind protocol.Kind // that the device is told instead; Delta if it goes on
		why  string
	}{
		{"withdrawn", state("withdrawn"), protocol.KindNone, "withdrawn"},
		{"withheld", state("withheld"), protocol.KindNone, "withheld"},
		{"rollout halted", func(r *rig, two release.Manifest, _ []byte) {
			r.setRollout(http.StatusOK, two, `{"model":"0001","halt":true}`)
		}, protocol.KindNone, "rollout"},
		{"device held", func(r *rig, two release.Manifest, _ []byte) {
			r.must(http.StatusOK, "POST", "/api/devices/0001/A-1/hold", []byte(`{"image":"`+release.Hex(two.Digest)+`"}`))
		}, protocol.KindNone, "operator"},
		{"update file barred", func(r *rig, _ release.Manifest, _ []byte) { file(r, "barred") }, protocol.KindFull, "update file"},
		{"model described anew", func(r *rig, _ release.Manifest, _ []byte) {
			r.model.Resident = 8 << 10
			r.must(http.StatusOK, "PUT", "/api/models/0001", r.model.Append(nil), "Content-Type", cborType)
		}, protocol.KindDelta, "model"},
		{"superseded", func(r *rig, _ release.Manifest, img []byte) { r.publish("3", 3, next(img, 9)) }, protocol.KindDelta, ""},
		{"somebody's lies", func(r *rig, two release.Manifest, _ []byte) {
			one, err := r.store.Releases(context.Background(), "0001")
			if err != nil {
				r.Fatal(err)
			}
			for range 4 {
				r.session(failure(r.hello("A-1", one[1].Manifest), one[1].Manifest, two))
			}
			r.s.live.Look("0001")
		}, protocol.KindDelta, ""},
	} {
		for _, when := range []string{"before the request", "while credit is awaited", "before the last byte"} {
			t.Run(test.name+", "+when, func(t *testing.T) {
				r := newRig(t)
				a := image(1, 60_000)
				b := next(next(a, 2), 3)
				one := r.publish("1", 1, a)
				two := r.staged("2", 2, b, "100%", "")
				c := r.dial()
				c.say(r.hello("A-1", one))
				info := hears[*protocol.Info](c)
				request := &protocol.Request{Digest: info.Digest, Credit: 1000}
				if when == "before the last byte" {
					request.Credit = info.Size - 1
				}
				if when == "before the request" {
					test.do(r, two, b)
					c.say(request)
				} else {
					c.say(request)
					for got := 0; got < int(request.Credit); got += len(hears[*protocol.Data](c).Bytes) {
					}
					test.do(r, two, b)
				}
				if test.why == "" {
					c.say(&protocol.Credit{Bytes: info.Size - request.Credit})
					m := c.hear()
					for ; m.Code() == protocol.CodeData; m = c.hear() {
					}
					if _, ok := m.(*protocol.End); !ok {
						t.Fatalf("heard %s, want the transfer to go on to its end", m.Code())
					}
					c.say(&protocol.Done{Digest: info.Digest})
					c.bye()
					return
				}
				if when != "before the request" {
					c.say(&protocol.Credit{Bytes: 10}) // under way when Gone is sent, or before
				}
				m := c.hear()
				for ; m.Code() == protocol.CodeData; m = c.hear() {
				}
				gone, ok := m.(*protocol.Gone)
				if !ok || gone.Info.Kind != test.kind || gone.Info.Kind == protocol.KindDelta && gone.Info.Workspace == info.Workspace {
					t.Fatalf("heard %s %+v, want gone with %s", m.Code(), m, test.kind)
				}
				c.bye()
				r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
				if when == "before the request" {
					return
				}
				h, err := r.store.History(context.Background(), "0001", "A-1", 0, 10)
				if err != nil {
					t.Fatal(err)
				}
				found := false
				for _, e := range h {
					found = found || e.Kind == storage.Broken && strings.Contains(e.Detail, test.why)
				}
				if d := r.device("A-1"); !found || d.State == storage.Receiving || d.State == storage.Rewriting {
					t.Fatalf("state %s, history %+v: want the end of the transfer with its reason", d.State, h)
				}
			})
		}
	}
}
