package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// hangUpPause is how often a pseudo-terminal that no program has open is looked at again. Its master
// can be waited on only while somebody holds the other side.
const hangUpPause = 10 * time.Millisecond

// ptyCable is the cable of an emulated device as a pseudo-terminal: the master is the device's end,
// and a link at a path of the person's choice leads to the other end.
type ptyCable struct {
	master *os.File
	link   string
	name   string // what link points to
	closed atomic.Bool
	last   uint32 // speed of the other end when it was read last
	heard  atomic.Pointer[func(baud uint32) error]
}

// openPTY makes a pseudo-terminal, raw before anybody can see it, and puts a link to it at path. A
// stale link is replaced; anything else at path is left alone and refused.
func openPTY(path string) (*ptyCable, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink == 0 {
		return nil, fmt.Errorf("link to the cable: %s is there already and is no link", path)
	}
	master, tty, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open pseudo-terminal: %w", err)
	}
	defer tty.Close()
	if _, err := term.MakeRaw(int(tty.Fd())); err != nil {
		master.Close()
		return nil, fmt.Errorf("make pseudo-terminal raw: %w", err)
	}
	if master, err = pollable(master); err != nil {
		return nil, err
	}
	c := &ptyCable{master: master, link: path, name: tty.Name(), last: speedOf(master)}
	if err := c.publish(); err != nil {
		master.Close()
		return nil, fmt.Errorf("link to the cable: %w", err)
	}
	return c, nil
}

// publish puts the link in place in one step, so that nobody meets half of it.
func (c *ptyCable) publish() error {
	dir, err := os.MkdirTemp(filepath.Dir(c.link), ".unbrick-pty-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	next := filepath.Join(dir, "link")
	if err := os.Symlink(c.name, next); err != nil {
		return err
	}
	return os.Rename(next, c.link)
}

// Read returns bytes from the host. It waits while no program has the other end open.
func (c *ptyCable) Read(p []byte) (int, error) {
	for {
		n, err := c.master.Read(p)
		if n > 0 {
			c.lookAtSpeed()
			return n, nil
		}
		if c.closed.Load() {
			return 0, io.EOF
		}
		if err != nil && err != io.EOF && !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.EAGAIN) {
			return 0, fmt.Errorf("read cable: %w", err)
		}
		time.Sleep(hangUpPause)
	}
}

// Write sends bytes to the host. What nobody listens to is lost, as on a cable.
func (c *ptyCable) Write(p []byte) (int, error) {
	n, err := c.master.Write(p)
	if errors.Is(err, syscall.EIO) {
		return len(p), nil
	}
	return n, err
}

// Close takes the link away, if it is still this cable's, and ends both ends and a Read or Write that waits.
func (c *ptyCable) Close() error {
	c.closed.Store(true)
	if to, err := os.Readlink(c.link); err == nil && to == c.name {
		if err := os.Remove(c.link); err != nil {
			return fmt.Errorf("remove link to the cable: %w", err)
		}
	}
	return c.master.Close()
}

// follow has heard told of every speed that a program sets at the other end, before the bytes that it
// wrote at that speed are read. A program that sets none is understood as it comes.
func (c *ptyCable) follow(heard func(baud uint32) error) { c.heard.Store(&heard) }

func (c *ptyCable) lookAtSpeed() {
	now := speedOf(c.master)
	heard := c.heard.Load()
	if now == 0 || now == c.last || heard == nil {
		return
	}
	c.last = now
	(*heard)(now) // a speed that no line has leaves the line as it is
}
