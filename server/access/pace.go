package access

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// A long body, either way, may take as long as it gets on: each paceBytes within paceTime, all of it within longestBody.
const (
	paceBytes   = 32 << 10
	paceTime    = 20 * time.Second
	longestBody = time.Hour
)

// pace moves a connection's deadline on as bytes pass.
type pace struct {
	set   func(time.Time) error
	end   time.Time // for all of it
	until int       // bytes before the deadline moves again
}

func newPace(set func(time.Time) error) *pace {
	return &pace{set: set, end: time.Now().Add(longestBody)}
}

// ready is called before bytes pass, who counts them down in until.
func (p *pace) ready() error {
	if p.until > 0 {
		return nil
	}
	p.until = paceBytes
	next := time.Now().Add(paceTime)
	if next.After(p.end) {
		next = p.end
	}
	if err := p.set(next); !errors.Is(err, http.ErrNotSupported) { // a writer without a connection behind it waits for nobody
		return err
	}
	return nil
}

// receiving returns the body of a request, read at its pace.
func receiving(w http.ResponseWriter, r *http.Request) io.Reader {
	return &pacedReader{r.Body, newPace(http.NewResponseController(w).SetReadDeadline)}
}

// ErrBrokenOff says that a body did not arrive whole.
var ErrBrokenOff = errors.New("the body did not arrive whole")

// Body reads a request's body of at most limit bytes, as long as it gets on. One that is longer is an *http.MaxBytesError.
func Body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, io.NopCloser(receiving(w, r)), limit))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, ErrBrokenOff
	}
	c := http.NewResponseController(w)
	c.SetReadDeadline(time.Time{}) // nothing more is due: work may take its time
	c.SetWriteDeadline(time.Now().Add(answerTime))
	return b, nil
}

type pacedReader struct {
	io.Reader
	pace *pace
}

// Read implements io.Reader.
func (p *pacedReader) Read(b []byte) (int, error) {
	if err := p.pace.ready(); err != nil {
		return 0, err
	}
	n, err := p.Reader.Read(b)
	p.pace.until -= n
	return n, err
}

// Sending returns a writer of an answer that is taken at its reader's pace. It hides the connection from io.Copy, which would hand all of a
// file to it under one deadline.
func Sending(w http.ResponseWriter) http.ResponseWriter {
	return &pacedWriter{w, newPace(http.NewResponseController(w).SetWriteDeadline)}
}

type pacedWriter struct {
	http.ResponseWriter
	pace *pace
}

// Unwrap is for http.ResponseController.
func (p *pacedWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Write implements http.ResponseWriter.
func (p *pacedWriter) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		var k int
		if err = p.pace.ready(); err == nil {
			k, err = p.ResponseWriter.Write(b[:min(len(b), paceBytes)])
		}
		p.pace.until -= k
		n, b = n+k, b[k:]
	}
	return n, err
}
