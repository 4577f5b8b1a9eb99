package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

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

// greet says where the server is. A token that was made just now is shown.
func (f *serveFlags) greet(l *listeners, token string) string {
	var b strings.Builder
	if l.own != nil {
		fmt.Fprintf(&b, "Operators come to %s\n", l.shown(l.own.Addr()))
	}
	fmt.Fprintf(&b, "Unbrick serves %s\n", l.shown(l.web.Addr()))
	for _, at := range []net.Listener{l.web, l.own} {
		if at != nil && !isLocal(at.Addr()) && !f.proxied && l.tls == nil {
			fmt.Fprintf(&b, "Warning: others can reach %s, and it has no TLS: tokens cross the network in the clear. Say --tls-cert and "+
				"--tls-key, or --acme, or put a reverse proxy with TLS in front and say --proxied, or listen at 127.0.0.1.\n", at.Addr())
		}
	}
	if len(f.names)+len(f.tls.hosts) == 0 && (f.proxied || !isLocal(l.web.Addr())) {
		fmt.Fprintln(&b, "Warning: no --name says under which name devices dial this server: what they sign for one proves nothing here.")
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
