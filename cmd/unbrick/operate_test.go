package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"unbrick/protocol"
	"unbrick/protocol/wsconn"
	"unbrick/release"
	"unbrick/server"
	"unbrick/server/account"
	"unbrick/server/form"
	"unbrick/server/storage/local"
	"unbrick/server/storage/storagetest"
)

// states walks the manual's table of states: it brings a server into each.
type states struct {
	*testing.T
	data    string
	store   *local.Store
	url     string
	one     release.Manifest
	two     release.Manifest
	signers release.Signers
	serial  string // of the device that the state is about; a fresh one for each
	count   int
	file    int64 // the update file that it is about
	again   func()
	nonce   protocol.Nonce // of the connection that was made last
}

func newStates(t *testing.T) *states {
	w := &states{T: t, data: t.TempDir()}
	t.Setenv("UNBRICK_TOKEN", "secret of the test")
	store, err := local.Open(context.Background(), w.data, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if _, _, err := account.Start(context.Background(), store, "secret of the test", time.Now()); err != nil {
		t.Fatal(err)
	}
	w.store = store
	s, err := server.New(&server.Config{Store: store, Workers: 1, Limits: server.Limits{Rate: 1e6, Burst: 1e6, Reports: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	w.url = web.URL
	t.Setenv("UNBRICK_SERVER", w.url)
	t.Chdir(t.TempDir())
	must(t, exitOK, "key", "new", "-o", "release.key")
	must(t, exitOK, "model", "put", "0001", "--flash", "256KiB", "--geometry", "4KiB", "--program-unit", "8", "--ram", "256KiB", "--enrol", "open")
	image := make([]byte, 30_000)
	for i := range image {
		image[i] = byte(i*i>>7 ^ i*31)
	}
	for _, v := range []string{"1", "2"} {
		image[5000] = v[0]
		if err := os.WriteFile(v, image, 0o600); err != nil {
			t.Fatal(err)
		}
		must(t, exitOK, "publish", "--key", "release.key", "--model", "0001", "--version", v, v)
	}
	var list struct{ Releases []struct{ Manifest []byte } }
	w.get("/api/releases", &list)
	for i, m := range []*release.Manifest{&w.two, &w.one} {
		var err error
		if *m, w.signers, err = release.Parse(list.Releases[i].Manifest); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *states) ask(status int, method, path, body string) []byte {
	w.Helper()
	client, err := newAPI(w.url, "secret of the test")
	if err != nil {
		w.Fatal(err)
	}
	path, text, _ := strings.Cut(path, "?")
	query, err := url.ParseQuery(text)
	if err != nil {
		w.Fatal(err)
	}
	b, got, err := client.do(context.Background(), method, path, query, []byte(body), http.Header{"Content-Type": {form.JSON}})
	if got != status {
		w.Fatalf("%s %s: %d, %v, want %d", method, path, got, err, status)
	}
	return b
}

func (w *states) get(path string, v any) {
	w.Helper()
	path, query, _ := strings.Cut(path, "?")
	client, err := newAPI(w.url, "secret of the test")
	if err != nil {
		w.Fatal(err)
	}
	values := map[string][]string{}
	if name, value, ok := strings.Cut(query, "="); ok {
		values[name] = []string{value}
	}
	b, _, err := client.do(context.Background(), http.MethodGet, path, values, nil, nil)
	if err != nil {
		w.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		w.Fatal(err)
	}
}

func (w *states) hello() *protocol.Hello {
	return &protocol.Hello{Threshold: 1, Model: "0001", Serial: w.serial, Release: "1", Order: w.one.Order, Digest: w.one.Digest, Keys: w.signers.IDs(),
		Workspace: 120 << 10, Kinds: protocol.KindsOf(protocol.KindDelta, protocol.KindFull), Confirmed: true}
}

func (w *states) dial() protocol.Conn {
	w.Helper()
	c, err := wsconn.Dial(context.Background(), w.url+"/link", nil)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	m, ok := w.hear(c).(*protocol.Challenge)
	if !ok {
		w.Fatal("the server speaks no challenge first")
	}
	w.nonce = m.Nonce
	return c
}

func (w *states) say(c protocol.Conn, m protocol.Message) {
	w.Helper()
	if h, ok := m.(*protocol.Hello); ok { // each serial has a key of its own
		seed := sha256.Sum256([]byte(h.Serial))
		device := ed25519.NewKeyFromSeed(seed[:])
		h.Device = device.Public().(ed25519.PublicKey)
		signed, err := h.AppendSigned(nil, &w.nonce, c.Host())
		if err != nil {
			w.Fatal(err)
		}
		h.Signature = ed25519.Sign(device, signed)
	}
	if _, err := protocol.Send(c, m, nil); err != nil {
		w.Fatal(err)
	}
}

// hear reads up to the next message that is no data.
func (w *states) hear(c protocol.Conn) protocol.Message {
	w.Helper()
	for {
		b, err := c.Recv()
		if err != nil {
			w.Fatal(err)
		}
		m, err := protocol.Decode(append([]byte(nil), b...))
		if err != nil {
			w.Fatal(err)
		}
		if m.Code() != protocol.CodeData {
			return m
		}
	}
}

// session says hello, takes the update file if asked to, and returns what was offered.
func (w *states) session(h *protocol.Hello, take bool) *protocol.Info {
	w.Helper()
	c := w.dial()
	w.say(c, h)
	info, ok := w.hear(c).(*protocol.Info)
	if !ok {
		w.Fatal("no info")
	}
	if take {
		w.say(c, &protocol.Request{Digest: info.Digest, Credit: info.Size})
		if end := w.hear(c); end.Code() != protocol.CodeEnd {
			w.Fatalf("heard %s, want end", end.Code())
		}
		w.say(c, &protocol.Done{Digest: info.Digest})
	}
	w.say(c, &protocol.Bye{})
	w.hear(c)
	c.Close()
	return info
}

// record records devices as if they had spoken.
func (w *states) record(serials []string) {
	w.Helper()
	for _, serial := range serials {
		d := storagetest.NewDevice("0001", serial)
		if err := w.store.SaveDevice(w.Context(), &d); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *states) device() (d form.Device) {
	w.Helper()
	w.get("/api/devices/0001/"+w.serial, &d)
	return d
}

func (w *states) rollout() *form.Release {
	w.Helper()
	var list struct{ Releases []form.Release }
	w.get("/api/releases?model=0001", &list)
	return &list.Releases[0]
}

// fail lets devices say that their rewrite to release 2 failed.
func (w *states) fail(devices int) {
	for i := range devices {
		h := w.hello()
		h.Serial = fmt.Sprint(w.serial, "-", i)
		h.Report = &protocol.Report{From: w.one.Digest, To: w.two.Digest, Verdict: protocol.VerdictFailed}
		w.session(h, false)
	}
}

func (w *states) files() []form.File {
	w.Helper()
	var list struct{ Files []form.File }
	w.get("/api/files?model=0001", &list)
	return list.Files
}

// state says whether the device's file is in a state.
func (w *states) state(want string) func() bool {
	return func() bool {
		for _, f := range w.files() {
			if f.ID == w.file {
				return f.State == want
			}
		}
		return false
	}
}

func (w *states) group(want string) func() bool {
	return func() bool { return w.device().Group == want }
}

// enter brings the server into the states of the table; each returns what says that it is in it.
func (w *states) enter() map[string]func() func() bool {
	release2 := "/api/releases/" + release.Hex(w.two.Digest)
	held := func() bool {
		d := w.device()
		return len(d.Attempts) > 0 && d.Attempts[0].Held
	}
	withdrawn := func(state string) func() func() bool {
		return func() func() bool {
			w.ask(200, "PUT", release2+"/state", `{"model":"0001","state":"`+state+`"}`)
			return func() bool { return w.rollout().State == state }
		}
	}
	rollout := func(body string) {
		w.ask(200, "PUT", release2+"/rollout", `{"model":"0001","phases":"100%"}`)
		w.ask(200, "PUT", release2+"/rollout", body)
	}
	halted := func() bool { return w.rollout().Rollout.Halted != nil }
	return map[string]func() func() bool{
		"release held back by you": func() func() bool {
			w.session(w.hello(), false)
			must(w.T, exitOK, "device", "hold", "0001", w.serial, "2")
			return held
		},
		"release held back by the server": func() func() bool {
			for range 3 {
				h := w.hello()
				w.session(h, true)
				h.Report = &protocol.Report{From: w.one.Digest, To: w.two.Digest, Verdict: protocol.VerdictFailed}
				w.session(h, false)
			}
			return held
		},
		"update file refused": func() func() bool {
			h := w.hello()
			h.Refused = []release.Digest{w.session(h, false).Digest}
			w.session(h, false)
			return func() bool { return len(w.device().Refusals) > 0 }
		},
		"sector takes no data": func() func() bool {
			h := w.hello()
			h.Report = &protocol.Report{Verdict: protocol.VerdictRefused, Dead: []uint32{0x12000}}
			w.session(h, false)
			return func() bool { d := w.device(); return len(d.Dead) > 0 && !d.Dead[0].Freed }
		},
		"waits to be restored": func() func() bool {
			w.session(w.hello(), false)
			w.ask(202, "POST", "/api/reports", fmt.Sprintf(`{"id":"%032x","model":"0001","serial":%q,"outcome":"found","via":"command"}`, w.count, w.serial))
			return w.group("restoration")
		},
		"needs the cable": func() func() bool {
			h := w.hello()
			h.Digest, h.Order, h.Workspace = release.Digest{42}, 0, 9<<10
			w.session(h, false)
			return w.group("needs-cable")
		},
		"no word since its rewrite": func() func() bool {
			w.session(w.hello(), true)
			return w.group("rewriting")
		},
		"two seem to have one key": func() func() bool {
			c := w.dial()
			w.say(c, w.hello())
			w.hear(c)
			w.session(w.hello(), false)
			w.say(c, &protocol.Bye{})
			w.hear(c)
			return func() bool { return w.device().Conflict != nil }
		},
		"device that is no more": func() func() bool {
			w.session(w.hello(), false)
			return func() bool {
				var list struct{ Devices []form.Device }
				w.get("/api/devices?search="+w.serial, &list)
				return len(list.Devices) == 1
			}
		},
		"stranger who speaks under a serial": func() func() bool {
			c := w.dial()
			if _, err := protocol.Send(c, w.hello(), nil); err != nil { // unsigned
				w.Fatal(err)
			}
			w.hear(c)
			w.say(c, &protocol.Bye{})
			w.hear(c)
			return func() bool {
				var list form.Strangers
				w.get("/api/strangers?search="+w.serial, &list)
				return len(list.Strangers) == 1
			}
		},
		"release withheld":  withdrawn("withheld"),
		"release withdrawn": withdrawn("withdrawn"),
		"rollout alarm": func() func() bool {
			rollout(`{"model":"0001","limit":1,"halts":false}`)
			w.fail(2)
			return func() bool { return w.rollout().Rollout.Alarm }
		},
		"rollout halted by you": func() func() bool {
			rollout(`{"model":"0001","halt":true}`)
			return halted
		},
		"rollout halted by its alarm": func() func() bool {
			rollout(`{"model":"0001","limit":1,"halts":true}`)
			w.fail(2)
			return halted
		},
		"update file barred": func() func() bool {
			w.session(w.hello(), false)
			w.file = w.files()[len(w.files())-1].ID
			eventually(w.T, "the file is made", w.state("ready"))
			must(w.T, exitOK, "file", "bar", fmt.Sprint(w.file))
			return w.state("barred")
		},
		"update file could not be made; after three times its devices are held back": func() func() bool {
			// The image of release 1 is gone when its delta is to be made for a workspace that nobody had before.
			blob := filepath.Join(w.data, "blobs", release.Hex(w.one.Digest))
			if err := os.Rename(blob, blob+".away"); err != nil {
				w.Fatal(err)
			}
			w.session(w.hello(), false)
			w.file = w.files()[len(w.files())-1].ID
			w.ask(200, "PUT", fmt.Sprintf("/api/files/%d/state", w.file), `{"state":"wanted"}`)
			w.session(w.hello(), false)
			if err := os.Rename(blob+".away", blob); err != nil {
				w.Fatal(err)
			}
			w.again = func() { w.session(w.hello(), false) } // it is made
			return w.state("failed")
		},
		"classic patches preferred": func() func() bool {
			must(w.T, exitOK, "model", "prefer", "0001", "bsdiff")
			return func() bool {
				var m struct{ Prefer string }
				w.get("/api/models/0001", &m)
				return m.Prefer == "bsdiff"
			}
		},
	}
}

// TestEveryStateCanBeUndone walks the table in docs/operating.md: each state is entered, seen, undone as the table says, by
// command and by API, and gone. A state that is in the table and not here, or the reverse, fails.
func TestEveryStateCanBeUndone(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(manual), "## States and how they end\n")
	if !ok {
		t.Fatal("the manual has no table of states")
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	w := newStates(t)
	enter := w.enter()
	for line := range strings.Lines(rest) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 || strings.HasPrefix(cells[0], "---") || strings.TrimSpace(cells[0]) == "State" {
			continue
		}
		name := strings.TrimSpace(cells[0])
		do := enter[name]
		delete(enter, name)
		if do == nil {
			t.Errorf("nothing enters the state %q", name)
			continue
		}
		for _, way := range cells[3:] {
			way = strings.Trim(way, " `")
			t.Run(name+"/"+way, func(t *testing.T) {
				outer := w.T
				w.T = t
				defer func() { w.T = outer }()
				w.count++
				w.serial, w.again = fmt.Sprintf("S-%03d", w.count), func() {}
				holds := do()
				eventually(t, "the state is there", holds)
				way := strings.NewReplacer("MODEL", "0001", "SERIAL", w.serial, "VERSION", "2", "SHA256", release.Hex(w.two.Digest), "ID", fmt.Sprint(w.file)).Replace(way)
				if command, ok := strings.CutPrefix(way, "unbrick "); ok {
					must(t, exitOK, strings.Fields(command)...)
				} else {
					words := strings.SplitN(way, " ", 3)
					status, body := 200, ""
					if len(words) == 3 {
						body = words[2]
					}
					if words[0] == "DELETE" && !strings.HasPrefix(words[1], form.StrangersPath) {
						status = 204
					}
					w.ask(status, words[0], words[1], body)
				}
				w.again()
				eventually(t, "the state is gone", func() bool { return !holds() })
				w.ask(200, "PUT", "/api/releases/"+release.Hex(w.two.Digest)+"/rollout", `{"model":"0001","phases":""}`)
			})
		}
	}
	for name := range enter {
		t.Errorf("the manual does not tell how the state %q ends", name)
	}
}

// eventually polls a condition that another goroutine of the server brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(time.Minute); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestOperateCommands(t *testing.T) {
	w := newStates(t)
	w.serial = "A-1"
	h := w.hello()
	h.Refused = []release.Digest{w.session(h, false).Digest}
	h.Report = &protocol.Report{Verdict: protocol.VerdictRefused, Dead: []uint32{0x12000}}
	w.session(h, false)
	must(t, exitOK, "device", "hold", "0001", "A-1", "2")
	for _, want := range []string{"device A-1 of model 0001 is", "says that it runs 1, confirmed", "release 2 is held back by the operator", "update file ", "0x012000"} {
		if out := must(t, exitOK, "device", "show", "0001", "A-1"); !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out := must(t, exitOK, "release", "list"); !tableHas(out, "0001 2 offered all") || !tableHas(out, "0001 1 offered all") {
		t.Errorf("%s", out)
	}
	if out := must(t, exitOK, "release", "withdraw", "1", "--model", "0001"); out != "release 1 of model 0001 is withdrawn\n" {
		t.Errorf("%s", out)
	}
	if out := must(t, exitOK, "release", "list"); !tableHas(out, "0001 1 withdrawn none") {
		t.Errorf("to all, although it is withdrawn:\n%s", out)
	}
	if out := must(t, exitOK, "file", "list", "--model", "0001"); !tableHas(out, "ID MODEL KIND FROM TO STATE") || !regexp.MustCompile(`\d+ +0001 +delta +1 +2 +ready +\d+ +\d+ +1\b`).MatchString(out) {
		t.Errorf("%s", out)
	}
	must(t, exitOK, "publish", "--key", "release.key", "--model", "0001", "--version", "3", "1") // the image of 1
	if code, out, errOut := execute(t, "release", "withdraw", "1", "--model", "0001"); code != exitFailed || !strings.Contains(errOut, "superseded") {
		t.Errorf("another release than was named: %d %s%s", code, out, errOut)
	}
	if out := must(t, exitOK, "release", "list"); !tableHas(out, "0001 3 offered all") || !tableHas(out, "0001 1 superseded none") {
		t.Errorf("%s", out)
	}
	for _, bad := range [][]string{
		{"device"}, {"device", "show", "0001"}, {"device", "hold", "0001", "A-1"}, {"device", "free", "0001", "A-1", "2", "3"}, {"device", "show", "0001", ".."}, {"device", "lose", "0001", "A-1"},
		{"release"}, {"release", "offer", "1"}, {"release", "list", "1"}, {"release", "burn", "1", "--model", "0001"}, {"file"}, {"file", "make"}, {"file", "make", "x"}, {"file", "bar", "-1"},
	} {
		must(t, exitUsage, bad...)
	}
	for _, bad := range [][]string{{"device", "show", "0001", "B-1"}, {"device", "remove", "0001", "B-1"}, {"device", "hold", "0001", "A-1", "9"}, {"release", "offer", "9", "--model", "0001"}, {"file", "make", "999"}} {
		must(t, exitFailed, bad...)
	}
	for _, command := range []string{"device", "release", "file"} {
		if out := must(t, exitOK, command, "--help"); !strings.Contains(out, "usage: unbrick "+command) {
			t.Errorf("%s", out)
		}
	}
}
