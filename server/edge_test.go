package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/flash"
	"unbrick/protocol/wsconn"
	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/storage"
)

// serveOn serves h on a bounded listener of its own, as the command does.
func serveOn(t *testing.T, h http.Handler, bound func(net.Listener) net.Listener) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := access.NewHTTP(h, slog.New(slog.DiscardHandler))
	go web.Serve(bound(l))
	t.Cleanup(func() { web.Close() })
	return l.Addr().String()
}

// from is a client at a loopback address of its own.
func from(t *testing.T, ip string) *net.Dialer {
	t.Helper()
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("this system has no second loopback address: %v", err)
	}
	l.Close()
	return d
}

func ask(t *testing.T, d *net.Dialer, addr, path string) int {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
	a, err := c.Get("http://" + addr + path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	a.Body.Close()
	return a.StatusCode
}

// TestFlood fills the server with connections of one address, each of them a request that never ends: those within the bound are held,
// all others are closed, and everybody else is served meanwhile.
func TestFlood(t *testing.T) {
	const allowed, flood = 40, 1500
	r := newRig(t, func(c *Config) { c.Limits.PerAddress, c.Limits.Connections, c.Split = allowed, 100, true })
	addr := serveOn(t, r.s.Handler(), r.s.Listen)
	operators := serveOn(t, r.s.Operators(), r.s.ListenOperators)
	other := from(t, "127.0.0.2")
	conns := make([]net.Conn, flood)
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
		fmt.Fprintf(c, "POST /api/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{") // may be closed already
	}
	r.until("all but the allowed were refused", func() bool { return counted(r.s.metrics.RefusedConns, "public", "address") == flood-allowed })
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/whoami"} {
		if got := ask(t, other, operators, path); got != 200 {
			t.Errorf("%s at the operators' listener: %d", path, got)
		}
	}
	for _, path := range []string{"/api/models", "/api/whoami"} {
		if got := ask(t, other, addr, path); got != 200 {
			t.Errorf("%s for an honest client: %d", path, got)
		}
	}
	for _, c := range conns[allowed:] {
		if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
			t.Fatalf("a refused connection is open: %v", err)
		}
	}
	for _, c := range conns[:allowed] {
		c.Close()
	}
	here := from(t, "127.0.0.1")
	r.until("the places are free again", func() bool {
		c, err := here.Dial("tcp", addr)
		if err != nil {
			return false
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /api/openapi.json HTTP/1.0\r\n\r\n")
		b, _ := io.ReadAll(c)
		return bytes.Contains(b, []byte("HTTP/1.0 200 OK"))
	})
}

// TestTotal: connections of many addresses are bounded together.
func TestTotal(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.PerAddress, c.Limits.Connections = 3, 5 })
	addr := serveOn(t, r.s.Handler(), r.s.Listen)
	for i := range 4 {
		d := from(t, fmt.Sprintf("127.0.0.%d", i+2))
		for range 3 {
			c, err := d.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
	}
	r.until("seven of twelve were refused", func() bool { return counted(r.s.metrics.RefusedConns, "public", "total") == 7 })
}

// TestLinksCount: an open link is a connection of its address like any other, and behind a proxy one of its client.
func TestLinksCount(t *testing.T) {
	for _, proxied := range []bool{false, true} {
		t.Run(fmt.Sprintf("proxied %t", proxied), func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Limits.PerAddress, c.Proxied = 2, proxied })
			addr := serveOn(t, r.s.Handler(), r.s.Listen)
			dial := func(client string) error {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				c, err := wsconn.Dial(ctx, "ws://"+addr+"/link", &wsconn.Options{Client: &http.Client{Transport: forwarding(client)}})
				if err == nil {
					t.Cleanup(func() { c.Close() })
				}
				return err
			}
			for range 2 {
				if err := dial("192.0.2.1"); err != nil {
					t.Fatal(err)
				}
			}
			if err := dial("192.0.2.1"); err == nil {
				t.Error("a third link of one address is taken")
			}
			err := dial("192.0.2.2")
			if proxied && err != nil || !proxied && err == nil {
				t.Errorf("a link of another client of the proxy: %v", err)
			}
		})
	}
}

// forwarding says like a proxy who the client is.
type forwarding string

func (f forwarding) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Forwarded-For", string(f))
	return http.DefaultTransport.RoundTrip(r)
}

// wide makes the rig's model one of 32 MiB and publishes an image of size bytes.
func (r *rig) wide(size int) release.Manifest {
	r.Helper()
	r.model.ID, r.model.Layout = "0009", flash.Layout{Boot: 64 << 10, Geometry: flash.Geometry{Runs: []flash.Run{{Size: 64 << 10, Count: 512}}, ProgramUnit: 8, Page: 256, Erased: 0xff}}
	r.must(200, "PUT", "/api/models/0009", r.model.Append(nil), "Content-Type", cborType)
	return r.publish(fmt.Sprint(size), uint64(size), image(uint64(size), size))
}

// TestSlowReaders: what a reader of a release file costs does not depend on the file's size, however slowly it reads.
func TestSlowReaders(t *testing.T) {
	const readers, size, each = 48, 16<<20 - 1, 256 << 10
	r := newRig(t)
	m := r.wide(size)
	heap := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	before := heap()
	for range readers {
		c, err := net.Dial("tcp", r.web.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(c, "GET /api/releases/%s/file?model=0009 HTTP/1.1\r\nHost: x\r\n\r\n", release.Hex(m.Digest))
		a, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil)
		if err != nil || a.StatusCode != 200 || a.ContentLength < size {
			t.Fatalf("%v, %v", a, err)
		}
	}
	if grown := heap() - before; grown > readers*each {
		t.Errorf("%d readers of a file of %d bytes cost %d bytes of memory, %d for each", readers, size, grown, grown/readers)
	}
}

// countedStore counts what is read of blobs.
type countedStore struct {
	storage.Store
	opened, read atomic.Int64
}

func (c *countedStore) OpenBlob(ctx context.Context, d storage.Digest) (storage.Blob, error) {
	c.opened.Add(1)
	b, err := c.Store.OpenBlob(ctx, d)
	if err != nil {
		return nil, err
	}
	return &countedBlob{b, c}, nil
}

type countedBlob struct {
	storage.Blob
	c *countedStore
}

func (b *countedBlob) ReadAt(p []byte, at int64) (int, error) {
	n, err := b.Blob.ReadAt(p, at)
	b.c.read.Add(int64(n))
	return n, err
}

// TestPartsOfAFile: a client that has the file, or wants a part of it, is answered without more than that.
func TestPartsOfAFile(t *testing.T) {
	var store countedStore
	r := newRig(t, func(c *Config) { store.Store, c.Store = c.Store, &store })
	m := r.wide(1 << 20)
	store.read.Store(0)
	path := "/api/releases/" + release.Hex(m.Digest) + "/file?model=0009"
	a, whole := r.do("GET", path, nil)
	tag := a.Header.Get("ETag")
	if a.StatusCode != 200 || len(whole) < 1<<20 || store.read.Load() != 1<<20 {
		t.Fatalf("%s, %d bytes, %d read", a.Status, len(whole), store.read.Load())
	}
	end := len(whole)
	for _, test := range []struct {
		name          string
		header        []string
		status        int
		want          []byte
		opened, limit int64
	}{
		{"has it", []string{"If-None-Match", tag}, 304, nil, 0, 0},
		{"has several", []string{"If-None-Match", `"other", ` + tag}, 304, nil, 0, 0},
		{"has it, weakly", []string{"If-None-Match", "W/" + tag}, 304, nil, 0, 0},
		{"has any", []string{"If-None-Match", "*"}, 304, nil, 0, 0},
		{"has another", []string{"If-None-Match", `"other"`, "Range", "bytes=0-0"}, 206, whole[:1], 1, 0},
		{"first byte", []string{"Range", "bytes=0-0"}, 206, whole[:1], 1, 0},
		{"across the head", []string{"Range", "bytes=100-999"}, 206, whole[100:1000], 1, 1000},
		{"last bytes", []string{"Range", "bytes=-10"}, 206, whole[end-10:], 1, 10},
		{"the rest", []string{"Range", fmt.Sprintf("bytes=%d-", end-7)}, 206, whole[end-7:], 1, 7},
		{"the rest of this file", []string{"Range", fmt.Sprintf("bytes=%d-", end-7), "If-Range", tag}, 206, whole[end-7:], 1, 7},
		{"the rest of another file", []string{"Range", fmt.Sprintf("bytes=%d-", end-7), "If-Range", `"other"`}, 200, whole, 1, 1 << 20},
		{"behind the end", []string{"Range", fmt.Sprintf("bytes=%d-", end)}, 416, nil, 0, 0},
	} {
		store.opened.Store(0)
		store.read.Store(0)
		a, b := r.do("GET", path, nil, test.header...)
		if a.StatusCode != test.status || test.want != nil && !bytes.Equal(b, test.want) {
			t.Errorf("%s: %s with %d bytes", test.name, a.Status, len(b))
		}
		if store.opened.Load() > test.opened || store.read.Load() > test.limit {
			t.Errorf("%s: opened %d times, %d bytes read", test.name, store.opened.Load(), store.read.Load())
		}
	}
	if a, b := r.do("HEAD", path, nil); a.StatusCode != 200 || len(b) != 0 || a.ContentLength != int64(end) {
		t.Errorf("HEAD: %s, length %d", a.Status, a.ContentLength)
	}
}

// TestDamagedReleaseFile: a damaged image is told as trouble, not begun.
func TestDamagedReleaseFile(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Store = &damagedStore{c.Store} })
	m := r.publish("1", 1, image(1, 20_000))
	a, b := r.do("GET", "/api/releases/"+release.Hex(m.Digest)+"/file", nil)
	if e := decode[map[string]string](r, b); a.StatusCode != 500 || e["code"] != "internal" || a.Header.Get("ETag") != "" {
		t.Errorf("%s %s, ETag %q", a.Status, b, a.Header.Get("ETag"))
	}
	a, _ = r.do("GET", "/api/releases/"+release.Hex(m.Digest)+"/file", nil, "Range", "bytes=0-5,1000-1005")
	if a.StatusCode != 500 {
		t.Errorf("parts: %s", a.Status)
	}
}

type damagedStore struct{ storage.Store }

func (*damagedStore) OpenBlob(context.Context, storage.Digest) (storage.Blob, error) {
	return nil, storage.ErrDamaged
}

// TestClockSetBack: what a client may do depends on the time that passes, not on the time of day.
func TestClockSetBack(t *testing.T) {
	for _, set := range []time.Duration{-time.Hour, -50 * 365 * 24 * time.Hour, time.Hour} {
		r := newRig(t, func(c *Config) { c.Limits.Rate, c.Limits.Burst = 1.0/60, 2 })
		allowed := func() bool { a, _ := r.do("GET", "/api/whoami", nil); return a.StatusCode == 200 }
		for allowed() {
		}
		r.set.Add(int64(set))
		if allowed() {
			t.Errorf("a clock set by %s filled the bucket", set)
		}
		r.later(time.Minute)
		if !allowed() {
			t.Errorf("a clock set by %s locks the client out", set)
		}
	}
}

// TestSeveralTokens: a proxy's own word beside the client's changes nothing, and of two tokens both must be right.
func TestSeveralTokens(t *testing.T) {
	r := newRig(t)
	for _, test := range []struct {
		headers []string
		want    int
	}{
		{[]string{"Basic dXNlcjpzZWNyZXQ=", "Bearer " + testToken}, 200}, {[]string{"Bearer " + testToken, "Basic dXNlcjpzZWNyZXQ="}, 200},
		{[]string{"Bearer", "bearer " + testToken}, 200}, {[]string{"Bearer " + testToken, "Bearer " + testToken}, 200},
		{[]string{"Bearer x", "Bearer " + testToken}, 401}, {[]string{"Bearer " + testToken, "Bearer x"}, 401}, {[]string{"Basic x", "Negotiate y"}, 401},
	} {
		q, err := http.NewRequest("GET", r.web.URL+"/api/devices", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header["Authorization"] = test.headers
		a, err := http.DefaultTransport.RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != test.want {
			t.Errorf("%q: %s, want %d", test.headers, a.Status, test.want)
		}
	}
}
