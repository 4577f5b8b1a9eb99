package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/form"
	"unbrick/server/storage"
)

// releaseFile hands out manifest and image in one file, for restoration. The image is read from storage as the client takes it: what a
// client costs does not depend on the file's size, and a client that has the file, or wants a part of it, is answered without all of it.
func (s *Server) releaseFile(w http.ResponseWriter, r *http.Request, in *form.Image) (*form.Nothing, error) {
	v, err := s.releaseAt(r, in.Model, in.Image)
	if err != nil {
		return nil, err
	}
	if v.State == storage.Withdrawn && !seesAll(r, v.Manifest.Model) {
		return nil, problem(http.StatusGone, "withdrawn", "this release was withdrawn")
	}
	h := w.Header()
	h.Set("Content-Type", form.Binary)
	h.Set("Content-Disposition", `attachment; filename="`+release.ShortHex(v.Manifest.Digest)+`.release"`)
	// it may be withdrawn, so ask; the bytes never change
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", fmt.Sprintf(`"%x-%s-%d"`, v.Manifest.Digest, v.Manifest.Model, v.Manifest.Order)) // an image may be released again
	d := &download{ResponseWriter: access.Sending(w), head: release.AppendFile(nil,
		&release.File{Statement: v.Statement, Signed: v.Signed, LongNote: v.LongNote}), open: sync.OnceValues(func() (storage.Blob, error) {
		return s.cfg.Offers.OpenImage(context.WithoutCancel(r.Context()), v.Manifest.Model, v.Manifest.Digest)
	})}
	http.ServeContent(d, r, "", time.Time{}, io.NewSectionReader(d, 0, int64(len(d.head))+int64(v.Manifest.Size)))
	return nil, d.end()
}

// download is the answer to one client and what it is read from: a head, and behind it a blob that is opened when the first of
// its bytes, or a
// header that promises them, is due.
type download struct {
	http.ResponseWriter
	head []byte
	open func() (storage.Blob, error)

	opened bool
	failed error // to open: nothing was answered yet
}

// WriteHeader implements http.ResponseWriter.
func (d *download) WriteHeader(status int) {
	if status == http.StatusOK || status == http.StatusPartialContent {
		d.opened = true
		if _, d.failed = d.open(); d.failed != nil {
			return
		}
	}
	d.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (d *download) Write(p []byte) (int, error) {
	if d.failed != nil {
		return 0, d.failed
	}
	return d.ResponseWriter.Write(p)
}

// ReadAt implements io.ReaderAt.
func (d *download) ReadAt(p []byte, at int64) (n int, err error) {
	if at < int64(len(d.head)) {
		if n = copy(p, d.head[at:]); n == len(p) {
			return n, nil
		}
	}
	blob, err := d.open()
	if err != nil {
		return n, err
	}
	k, err := blob.ReadAt(p[n:], at+int64(n)-int64(len(d.head)))
	return n + k, err
}

// end closes the blob and returns why nothing was answered.
func (d *download) end() error {
	if d.failed != nil {
		for _, name := range []string{"Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Content-Disposition"} {
			d.Header().Del(name)
		}
		return d.failed
	}
	if d.opened {
		if blob, err := d.open(); err == nil {
			return blob.Close()
		}
	}
	return nil
}
