package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"unbrick/server"
)

// listeners are the addresses that the server has taken.
type listeners struct {
	web, own net.Listener // own is the operators', and may be nil
	tls      *tls.Config  // of what others can reach; nil: in the clear
}

// listen takes the addresses. It comes before everything else, so that a start that fails for an address leaves nothing behind.
func (f *serveFlags) listen() (l listeners, err error) {
	if l.web, err = listenAt("--addr", f.addr); err == nil && f.admin != "" {
		if l.own, err = listenOwn(f.admin); err != nil {
			l.web.Close()
		}
	}
	return l, err
}

func (l *listeners) close() {
	l.web.Close()
	if l.own != nil {
		l.own.Close()
	}
}

// serve answers at the addresses, and tells ended when one of them does no more.
func (l *listeners) serve(s *server.Server, web, own *http.Server, ended chan<- error) {
	public := s.Listen(l.web)
	if l.tls != nil {
		public = tls.NewListener(public, l.tls) // the handshake of a stranger counts as his connection
	}
	go func() { ended <- web.Serve(public) }()
	if l.own == nil {
		return
	}
	operators := s.ListenOperators(l.own)
	if l.tls != nil && !isLocal(l.own.Addr()) {
		operators = tls.NewListener(operators, l.tls)
	}
	go func() { ended <- own.Serve(operators) }()
}

// socketPrefix begins the address of a socket in the file system.
const socketPrefix = "unix:"

// listenOwn takes the operators' address.
func listenOwn(addr string) (net.Listener, error) {
	path, is := strings.CutPrefix(addr, socketPrefix)
	if !is {
		return listenAt("--admin-addr", addr)
	}
	// A server that was killed leaves its socket there; nobody answers at that one.
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("cannot listen at %s: another program does. Nothing was changed; end it, or say another path with "+
			"--admin-addr", addr)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSocket {
			os.Remove(path)
		}
	}
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o660)
		if err == nil {
			return l, nil
		}
		l.Close()
	}
	return nil, fmt.Errorf("cannot listen at %s: %v. Nothing was changed; say a path in a folder that is there and can be written with "+
		"--admin-addr", addr, innermost(err))
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
	advice := "say another address with " + name
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "end the program that listens there, or say another address with " + name + " (port 0 takes a free one)"
	case errors.Is(err, syscall.EACCES):
		advice = "a port below 1024 may need a right of its own: say a higher one with " + name
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = "this computer does not have it: say one of its own with " + name + ", such as 127.0.0.1:8080"
	}
	return nil, fmt.Errorf("cannot listen at %s: %v. Nothing was changed; %s", addr, innermost(err), advice)
}

// innermost is the error at the end of the chain.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

// shown is the address of a listener as it can be given to a browser here, or to --server.
func (l *listeners) shown(addr net.Addr) string {
	scheme := "http://"
	if l.tls != nil && (addr == l.web.Addr() || !isLocal(addr)) {
		scheme = "https://"
	}
	at, ok := addr.(*net.TCPAddr)
	switch {
	case !ok:
		return socketPrefix + addr.String()
	case at.IP.IsUnspecified():
		return fmt.Sprintf("%slocalhost:%d", scheme, at.Port)
	}
	return scheme + addr.String()
}

// isLocal says whether an address can be reached from this computer alone.
func isLocal(addr net.Addr) bool {
	at, ok := addr.(*net.TCPAddr)
	return !ok || at.IP.IsLoopback()
}
