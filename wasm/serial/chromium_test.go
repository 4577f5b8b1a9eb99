//go:build linux

package serial

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"unbrick/internal/browsertest"
	"unbrick/internal/webserial"
)

// far is the device's end of the cable, which the tests in the browser reach by HTTP. Each plugs a device of its
// own in.
type far struct {
	t     *testing.T
	bench *webserial.Bench

	mu   sync.Mutex
	port *webserial.Port
	in   []byte
	news chan struct{}
}

var adapter = webserial.Adapter{Name: "ttyUSB0", Vendor: 0x0403, Product: 0x6001, Serial: "CONTRACT", Words: "Adapter"}

func (f *far) unplug() {
	f.mu.Lock()
	p := f.port
	f.port = nil
	f.mu.Unlock()
	if p != nil {
		p.Unplug()
	}
}

func (f *far) plug() error {
	f.unplug()
	p, err := f.bench.Plug(adapter, nil)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.port, f.in = p, nil
	f.mu.Unlock()
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := p.Read(b)
			f.mu.Lock()
			if f.port == p {
				f.in = append(f.in, b[:n]...)
				close(f.news)
				f.news = make(chan struct{})
			}
			f.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return nil
}

// recv takes what has come, once that is n bytes or 20 s are over.
func (f *far) recv(n int) []byte {
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for over := false; ; {
		f.mu.Lock()
		in, news := f.in, f.news
		if len(in) >= n || over {
			f.in = nil
			f.mu.Unlock()
			return in
		}
		f.mu.Unlock()
		select {
		case <-news:
		case <-limit.C:
			over = true
		}
	}
}

// TestInChromium runs the contract of restore.Port on the browser's own Web Serial.
func TestInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	f := &far{t: t, bench: webserial.Need(t), news: make(chan struct{})}
	t.Cleanup(f.unplug)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /plug", func(w http.ResponseWriter, _ *http.Request) {
		if err := f.plug(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("POST /unplug", func(http.ResponseWriter, *http.Request) { f.unplug() })
	mux.HandleFunc("POST /send", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		f.mu.Lock()
		p := f.port
		f.mu.Unlock()
		if err == nil && p != nil {
			_, err = p.Write(b)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /recv", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		w.Write(f.recv(n))
	})
	tab := func(origin string) context.Context {
		profile := t.TempDir()
		if err := webserial.Allow(profile, origin, adapter); err != nil {
			t.Fatal(err)
		}
		return browsertest.Tab(t, f.bench.Options(profile)...)
	}
	browsertest.GoIn(t, tab, "unbrick/wasm/serial", mux, map[string]string{"UNBRICK_FAR": "http://{host}"}, "-test.v", "-test.run=TestContract$")
}
