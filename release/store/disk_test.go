package store_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hack-pad/hackpadfs"
)

var (
	errPower = errors.New("power is off")
	errFull  = syscall.ENOSPC
)

// disk is a file system that forgets what was not synced. Names live in folders, content in nodes;
// each has what the running system sees and what is on the platter. Every change is an operation,
// counted from 1; the one numbered cut does half of its work and ends the power, the one numbered
// fail does half of its work and returns an error.
type disk struct {
	files, kept map[string]*node // by path; kept is what is on the platter
	folders     map[string]bool
	operations  int
	cut, fail   int
	free        int // bytes that can still be written; negative: no limit
	off         bool
}

type node struct{ data, kept []byte }

func newDisk() *disk {
	return &disk{files: map[string]*node{}, kept: map[string]*node{}, folders: map[string]bool{".": true}, free: -1}
}

// loss is what a power failure leaves of things that were not synced.
type loss struct {
	name  string
	names bool // changes of names reach the platter although nobody synced the folder
	data  func(n *node) []byte
}

// losses are the ways a real file system can lose: nothing written back, everything, or a part; with
// names and contents in either order.
func losses() []loss {
	lost := func(n *node) []byte { return n.kept }
	torn := func(n *node) []byte {
		if bytes.Equal(n.data, n.kept) {
			return n.data
		}
		return append(slices.Clone(n.data[:len(n.data)/2]), make([]byte, len(n.data)-len(n.data)/2)...)
	}
	short := func(n *node) []byte {
		if bytes.Equal(n.data, n.kept) {
			return n.data
		}
		return n.data[:len(n.data)/2]
	}
	whole := func(n *node) []byte { return n.data }
	return []loss{
		{"nothing unsynced is kept", false, lost},
		{"names but no contents", true, lost},
		{"names and torn contents", true, torn},
		{"names and short contents", true, short},
		{"contents but no names", false, whole},
		{"everything", true, whole},
	}
}

// restart returns the disk after a power failure.
func (d *disk) restart(l loss) *disk {
	after := newDisk()
	maps.Copy(after.folders, d.folders)
	names := d.kept
	if l.names {
		names = d.files
	}
	for name, n := range names {
		data := slices.Clone(l.data(n))
		after.files[name] = &node{data, slices.Clone(data)}
	}
	maps.Copy(after.kept, after.files)
	return after
}

// step counts an operation. half tells that it is to be done in part and then err returned.
func (d *disk) step() (half bool, err error) {
	if d.off {
		return false, errPower
	}
	d.operations++
	switch d.operations {
	case d.cut:
		d.off = true
		return true, errPower
	case d.fail:
		return true, syscall.EIO
	}
	return false, nil
}

func (d *disk) Open(name string) (fs.File, error) {
	return d.OpenFile(name, hackpadfs.FlagReadOnly, 0)
}

func (d *disk) OpenFile(name string, flag int, _ fs.FileMode) (fs.File, error) {
	if d.off {
		return nil, errPower
	}
	if d.folders[name] {
		return &handle{disk: d, name: name}, nil
	}
	n := d.files[name]
	if n == nil && flag&hackpadfs.FlagCreate == 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if flag&hackpadfs.FlagTruncate != 0 {
		// An operation that is half done has made the name and not yet dropped the content, or less.
		_, err := d.step()
		if n == nil {
			n = &node{}
			d.files[name] = n
		}
		if err != nil {
			return nil, err
		}
		n.data = nil
	}
	return &handle{disk: d, name: name, node: n}, nil
}

func (d *disk) Mkdir(name string, _ fs.FileMode) error {
	if d.folders[name] {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	if _, err := d.step(); err != nil {
		return err
	}
	d.folders[name] = true
	return nil
}

func (d *disk) Remove(name string) error {
	if d.off {
		return errPower
	}
	if d.files[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	half, err := d.step()
	if err == nil || half && d.off { // a removal cut short may have happened; losses decide
		delete(d.files, name)
	}
	return err
}

func (d *disk) Rename(from, to string) error {
	if d.off {
		return errPower
	}
	half, err := d.step()
	if err == nil || half && d.off {
		d.files[to] = d.files[from]
		delete(d.files, from)
	}
	return err
}

type handle struct {
	disk *disk
	name string
	node *node // nil for a folder
	at   int
}

func (h *handle) Stat() (fs.FileInfo, error) { return h, nil }
func (h *handle) Close() error               { return nil }
func (h *handle) Name() string               { return path.Base(h.name) }
func (h *handle) Mode() fs.FileMode          { return 0o644 }
func (h *handle) ModTime() time.Time         { return time.Time{} }
func (h *handle) IsDir() bool                { return h.node == nil }
func (h *handle) Sys() any                   { return nil }
func (h *handle) Size() int64 {
	if h.node == nil {
		return 0
	}
	return int64(len(h.node.data))
}

func (h *handle) Read(p []byte) (int, error) {
	if h.disk.off {
		return 0, errPower
	}
	if h.at == len(h.node.data) {
		return 0, io.EOF
	}
	n := copy(p, h.node.data[h.at:])
	h.at += n
	return n, nil
}

func (h *handle) Write(p []byte) (int, error) {
	half, err := h.disk.step()
	n := len(p)
	if half {
		n /= 2
	}
	if d := h.disk; d.free >= 0 && n > d.free {
		n, err = d.free, errFull
	}
	if h.disk.free >= 0 {
		h.disk.free -= n
	}
	if half || err == nil || errors.Is(err, errFull) {
		h.node.data = append(slices.Clone(h.node.data), p[:n]...)
	}
	return n, err
}

func (h *handle) Sync() error {
	if _, err := h.disk.step(); err != nil {
		return err
	}
	if h.node != nil {
		h.node.kept = slices.Clone(h.node.data)
		return nil
	}
	inside := func(name string, _ *node) bool { return path.Dir(name) == h.name }
	maps.DeleteFunc(h.disk.kept, inside)
	for name, n := range h.disk.files {
		if inside(name, n) {
			h.disk.kept[name] = n
		}
	}
	return nil
}

func (h *handle) ReadDir(int) ([]fs.DirEntry, error) {
	var entries []fs.DirEntry
	for name, n := range h.disk.files {
		if path.Dir(name) == h.name {
			entries = append(entries, fs.FileInfoToDirEntry(&handle{disk: h.disk, name: name, node: n}))
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// TestDiskForgets: the double must be harsher than the real thing, else it proves nothing.
func TestDiskForgets(t *testing.T) {
	write := func(d *disk, sync bool) {
		f, err := d.OpenFile("a", hackpadfs.FlagWriteOnly|hackpadfs.FlagCreate|hackpadfs.FlagTruncate, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hackpadfs.WriteFile(f, []byte("whole")); err != nil {
			t.Fatal(err)
		}
		if sync {
			if err := f.(hackpadfs.SyncerFile).Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	wants := map[string]string{
		"nothing unsynced is kept": "", "names but no contents": "a=", "names and torn contents": "a=wh\x00\x00\x00",
		"names and short contents": "a=wh", "contents but no names": "", "everything": "a=whole",
	}
	for _, l := range losses() {
		d := newDisk()
		write(d, false)
		after, got := d.restart(l), ""
		for name, n := range after.files {
			got += name + "=" + string(n.data)
		}
		if got != wants[l.name] {
			t.Errorf("%s: %q", l.name, got)
		}
		d = newDisk()
		write(d, true)
		if n := d.restart(l).files["a"]; l.names && (n == nil || string(n.data) != "whole") || !l.names && n != nil {
			t.Errorf("%s: a synced file in an unsynced folder is %v", l.name, n)
		}
	}
}
