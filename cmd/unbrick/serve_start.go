package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"unbrick/server"
	"unbrick/server/storage"
	"unbrick/server/storage/local"
	"unbrick/static"
)

// demoMark is the file that says that a data folder is a demo's. Its signing key lies in the folder, so nothing real may
// come into it, and it comes into no folder that has something of its own.
const demoMark = "demo"

// checkFolder refuses a folder that is not for this kind of server, before anything in it is touched.
func (f *serveFlags) checkFolder() error {
	_, err := os.Lstat(filepath.Join(f.data, demoMark))
	marked := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // opening the folder says what is wrong with it
	}
	switch {
	case marked && !f.demo:
		return fmt.Errorf("%s is the folder of a demo, whose signing key is no secret: nothing was changed. Say --demo to go on with the "+
			"demo, or name another folder with --data", f.data)
	case marked || !f.demo:
		return nil
	}
	found, err := os.ReadDir(f.data)
	if err != nil || len(found) == 0 {
		return nil // as above
	}
	return fmt.Errorf("%s is not empty, and the demo would mix its models, key and releases with what is there: nothing was changed. "+
		"Name an empty folder with --data, or leave --data out", f.data)
}

// openStore opens the data folder, and marks a new one of a demo.
func (f *serveFlags) openStore(ctx context.Context) (*local.Store, error) {
	if err := f.checkFolder(); err != nil {
		return nil, err
	}
	store, err := local.Open(ctx, f.data, nil)
	var unfit *storage.FolderError
	switch {
	case errors.Is(err, storage.ErrLocked):
		return nil, fmt.Errorf("another server uses the data directory %s", f.data)
	case errors.As(err, &unfit):
		return nil, fmt.Errorf("%w: %s", err, unfit.Remedy)
	case err != nil:
		return nil, err
	}
	if f.demo {
		if err := os.WriteFile(filepath.Join(f.data, demoMark), []byte("This folder was made by unbrick serve --demo.\n"), 0o600); err != nil {
			return nil, errors.Join(err, store.Close())
		}
	}
	return store, nil
}

// listeners are the addresses that the server has taken.
type listeners struct {
	web, health net.Listener // health may be nil
}

// listen takes the addresses. It comes before everything else, so that a start that fails for an address leaves nothing behind.
func (f *serveFlags) listen() (l listeners, err error) {
	if l.web, err = listenAt("--addr", f.addr); err == nil && f.health != "" {
		if l.health, err = listenAt("--health", f.health); err != nil {
			l.web.Close()
		}
	}
	return l, err
}

func (l *listeners) close() {
	l.web.Close()
	if l.health != nil {
		l.health.Close()
	}
}

// listenAt takes one address, or says what is wrong with it and what to do. Of Go's words only the last are for people.
func listenAt(name, addr string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return nil, usageError("%s %q is no address: say HOST:PORT, such as %s 127.0.0.1:8080; port 0 takes a free one", name, addr, name)
	}
	listener, err := net.Listen("tcp", addr)
	if err == nil {
		return listener, nil
	}
	why := err
	for inner := errors.Unwrap(why); inner != nil; inner = errors.Unwrap(why) {
		why = inner
	}
	advice := "say another address with " + name
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "end the program that listens there, or say another address with " + name + " (port 0 takes a free one)"
	case errors.Is(err, syscall.EACCES):
		advice = "a port below 1024 may need a right of its own: say a higher one with " + name
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = "this computer does not have it: say one of its own with " + name + ", such as 127.0.0.1:8080"
	}
	return nil, fmt.Errorf("cannot listen at %s: %v. Nothing was changed; %s", addr, why, advice)
}

// shown is the address of a listener as it can be typed into a browser here.
func shown(addr net.Addr) string {
	if at, ok := addr.(*net.TCPAddr); ok && at.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", at.Port)
	}
	return "http://" + addr.String()
}

// isLocal says whether an address can be reached from this computer alone.
func isLocal(addr net.Addr) bool {
	at, ok := addr.(*net.TCPAddr)
	return !ok || at.IP.IsLoopback()
}

// greet says where the server is. A token that was made just now is shown.
func (f *serveFlags) greet(l *listeners, token string) string {
	var b strings.Builder
	if l.health != nil {
		fmt.Fprintf(&b, "Health is told at %s\n", shown(l.health.Addr()))
	}
	fmt.Fprintf(&b, "Unbrick serves %s\n", shown(l.web.Addr()))
	if !isLocal(l.web.Addr()) && !f.proxied {
		fmt.Fprintf(&b, "Warning: others can reach %s, and it has no TLS: tokens cross the network in the clear. Put a "+
			"reverse proxy with TLS in front and say --proxied, or listen at 127.0.0.1.\n", f.addr)
	}
	if f.demo {
		fmt.Fprintln(&b, "This is a demo: its models, releases and devices are examples, its signing key is thrown away. Do not use it for "+
			"real devices.")
	}
	if token != "" {
		fmt.Fprintf(&b, "The token of account admin, shown this once: %s\n", token)
	}
	if !static.Built() {
		fmt.Fprintln(&b, "The page's program is not in this binary; make build puts it in.")
	}
	return b.String()
}

// serveHealth answers supervisors at the second address until close is called.
func serveHealth(s *server.Server, l net.Listener, web *http.Server, ended chan<- error) (close func()) {
	if l == nil {
		return func() {}
	}
	go func() { ended <- web.Serve(s.ListenHealth(l)) }()
	return func() { web.Close() }
}
