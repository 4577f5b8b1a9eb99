package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/storage"
)

// What becomes of bytes that are in doubt. Nobody proves who says that an update file is wrong, so what a device says keeps
// the file from that device only. It makes the server prove the file again, and its own proof alone takes a file from all.
// A damaged update file is made anew; a damaged image cannot be made anew and is reported.

const (
	proveAgain = time.Hour // between two proofs of one file that devices found wrong
	maxDoubts  = 64        // files that wait for their proof, or had one in the last hour; further ones wait for another refusal
)

// prover proves update files again, one after the other.
type prover struct {
	s     *Server
	queue chan doubt

	mu   sync.Mutex
	last map[storage.Digest]time.Time // when a file was proven last
}

type doubt struct {
	file storage.Digest
	done chan struct{}
}

func newProver(s *Server) *prover {
	p := &prover{s: s, queue: make(chan doubt, maxDoubts), last: make(map[storage.Digest]time.Time)}
	s.watching.Add(1)
	go p.work()
	return p
}

// doubt counts a device that says that it found a file wrong, and has the file proven again if that is due. done is
// closed when that is over, nil if there is nothing to wait for.
func (p *prover) doubt(file storage.Digest) (done <-chan struct{}) {
	if err := p.s.store.RefuseFile(p.s.ctx, file); errors.Is(err, storage.ErrNotFound) {
		return nil // not one of ours
	} else if err != nil {
		p.s.log.Error("count refusal", "file", release.ShortHex(file), "error", err)
	}
	now := p.s.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for f, at := range p.last {
		if d := now.Sub(at); d >= proveAgain || d < 0 {
			delete(p.last, f)
		}
	}
	if _, recent := p.last[file]; recent || len(p.last) >= maxDoubts {
		return nil
	}
	d := doubt{file, make(chan struct{})}
	select {
	case p.queue <- d:
		p.last[file] = now
		return d.done
	default: // last forgets by the time of day, and those before may not be proven yet
		return nil
	}
}

func (p *prover) work() {
	defer p.s.watching.Done()
	for {
		select {
		case d := <-p.queue:
			p.prove(d.file)
			close(d.done)
		case <-p.s.ctx.Done():
			return
		}
	}
}

// prove applies a file once more, and takes it from all if that fails.
func (p *prover) prove(file storage.Digest) {
	s := p.s
	f, err := s.reprove(file)
	switch {
	case errors.Is(err, storage.ErrDamaged), errors.Is(err, storage.ErrNotFound):
		if f.ID != 0 {
			err = s.remake(s.ctx, file, err)
		} else {
			err = nil // made anew meanwhile
		}
	case errors.Is(err, errProof):
		s.log.Error("update file withdrawn", "file", release.ShortHex(file), "error", err)
		s.metrics.withdrawn.Add(1)
		err = s.store.FailFile(s.ctx, file, clip(err.Error(), 500), s.now().Add(storage.MaxBackoff))
		s.live.look(f.Key.Model)
	}
	if err != nil && s.ctx.Err() == nil {
		s.log.Error("doubtful update file", "file", release.ShortHex(file), "error", err)
	}
}

var errProof = errors.New("the server's own proof failed")

// reprove proves a stored file. An error that is ErrDamaged or ErrNotFound is about the file's own bytes.
func (s *Server) reprove(file storage.Digest) (f storage.File, err error) {
	if f, err = s.store.FileByBlob(s.ctx, file); err != nil {
		return f, err
	}
	in, err := s.ingredients(s.ctx, &f.Key)
	if err != nil {
		return f, fmt.Errorf("prove again: %v", err) // not the file's fault: the image is reported where it is read
	}
	b, err := s.blob(s.ctx, file)
	if err != nil {
		return f, err
	}
	if _, err := in.prove(b); err != nil {
		return f, fmt.Errorf("%w: %w", errProof, err)
	}
	return f, nil
}

// remake has a damaged or lost update file made anew: at once, and with growing pauses when that happens again.
func (s *Server) remake(ctx context.Context, file storage.Digest, why error) error {
	f, err := s.store.FileByBlob(ctx, file)
	if err == nil {
		s.log.Error("update file is damaged and made anew", "file", release.ShortHex(file), "error", why)
		s.metrics.withdrawn.Add(1)
		if f.Attempts == 0 {
			err = s.store.WithdrawFile(ctx, file)
		} else {
			err = s.store.FailFile(ctx, file, clip(why.Error(), 500), s.now().Add(backoffAfter(f.Attempts)))
		}
		s.live.look(f.Key.Model)
		s.maker.nudge()
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil // another session was faster
	}
	return err
}

// image reads the image of a release.
func (s *Server) image(ctx context.Context, model string, image storage.Digest) ([]byte, error) {
	b, err := s.openImage(ctx, model, image)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	p, err := readBlob(b, image)
	return p, s.spoiltBy(ctx, model, image, err)
}

// openImage opens the image of a release. One that is damaged or lost is remembered until its release file comes again.
func (s *Server) openImage(ctx context.Context, model string, image storage.Digest) (storage.Blob, error) {
	b, err := s.store.OpenBlob(ctx, image)
	if err != nil {
		return nil, s.spoiltBy(ctx, model, image, err)
	}
	return b, nil
}

// spoiltBy names the release whose image is damaged or gone, if that is what err says.
func (s *Server) spoiltBy(ctx context.Context, model string, image storage.Digest, err error) error {
	if !errors.Is(err, storage.ErrDamaged) && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	s.spoil(image, err)
	name := release.ShortHex(image)
	if r, err := s.store.Release(ctx, model, image); err == nil {
		name = r.Manifest.Version
	}
	return fmt.Errorf("the stored image of release %s is damaged or gone, publish its release file again: %v", name, err)
}

// spoil remembers a damaged image.
func (s *Server) spoil(image storage.Digest, err error) {
	s.damage.Lock()
	defer s.damage.Unlock()
	if !s.spoilt[image] {
		s.log.Error("stored image is damaged or gone: publish its release file again", "image", release.ShortHex(image), "error", err)
	}
	s.spoilt[image] = true
}

// isSpoilt says whether an image was found damaged.
func (s *Server) isSpoilt(image storage.Digest) bool {
	s.damage.Lock()
	defer s.damage.Unlock()
	return s.spoilt[image]
}

// unspoil forgets that images were damaged: whoever reads them finds it anew.
func (s *Server) unspoil(images ...storage.Digest) {
	s.damage.Lock()
	defer s.damage.Unlock()
	for _, image := range images {
		delete(s.spoilt, image)
	}
}

// heal is called when an image was stored again: what could not be made without it is made now.
func (s *Server) heal(ctx context.Context, model string, image storage.Digest) error {
	s.heals.Add(1)
	s.unspoil(image)
	for before := int64(0); ; {
		files, err := s.store.Files(ctx, model, before, storage.MaxPage)
		if err != nil || len(files) == 0 {
			return err
		}
		for i := range files {
			f := &files[i]
			before = f.ID
			if f.State == storage.FileFailed && (f.Key.From == image || f.Key.To == image) {
				if _, err := s.store.SetFile(ctx, f.ID, storage.FileWanted); err != nil && !errors.Is(err, storage.ErrConflict) { // a worker has it again
					return err
				}
			}
		}
		s.maker.nudge()
	}
}

// fileJSON is an update file as operators see it.
type fileJSON struct {
	ID        int64      `json:"id"`
	Model     string     `json:"model"`
	Kind      string     `json:"kind"`
	From      string     `json:"from"` // image, empty for a full image
	FromName  string     `json:"from_version"`
	To        string     `json:"to"`
	ToName    string     `json:"to_version"`
	Step      uint32     `json:"step"` // workspace that it was made for, 0: any
	State     string     `json:"state"`
	File      string     `json:"file"`
	Size      uint32     `json:"size"`
	Workspace uint32     `json:"workspace"`
	Attempts  uint32     `json:"attempts"`
	Refusals  uint32     `json:"refusals"` // devices that say that they found it wrong
	Error     string     `json:"error"`
	Next      *time.Time `json:"next,omitempty"` // when it is tried again
}

func toFileJSON(f *storage.File, names versions) fileJSON {
	v := fileJSON{ID: f.ID, Model: f.Key.Model, Kind: kindOf(&f.Key).String(), To: release.Hex(f.Key.To), Step: f.Key.Step, State: f.State.String(), Size: f.Size,
		Workspace: f.Workspace, Attempts: f.Attempts, Refusals: f.Refusals, Error: f.Error}
	v.ToName = names[deviceImage{f.Key.Model, f.Key.To}]
	if kindOf(&f.Key) != protocol.KindFull {
		v.From = release.Hex(f.Key.From)
		v.FromName = names[deviceImage{f.Key.Model, f.Key.From}]
	}
	if f.Blob != (storage.Digest{}) {
		v.File = release.Hex(f.Blob)
	}
	if f.State == storage.FileFailed {
		v.Next = &f.Next
	}
	return v
}

const filesPage = 100

func (s *Server) listFiles(w http.ResponseWriter, r *http.Request) error {
	before, err := beforeOf(r, "an update file")
	if err != nil {
		return err
	}
	id := r.URL.Query().Get("model")
	files, err := s.store.Files(r.Context(), id, before, filesPage)
	if err != nil {
		return err
	}
	names, err := s.versions(r, id)
	if err != nil {
		return err
	}
	list := make([]fileJSON, len(files))
	for i := range files {
		list[i] = toFileJSON(&files[i], names)
	}
	next := int64(0)
	if len(files) == filesPage {
		next = files[filesPage-1].ID
	}
	return writeJSON(w, http.StatusOK, map[string]any{"files": list, "before": next})
}

// setFile keeps an update file from all, or has it made anew, whatever it was.
func (s *Server) setFile(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		State string `json:"state"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	state, ok := map[string]storage.FileState{"wanted": storage.FileWanted, "barred": storage.FileBarred}[in.State]
	if !ok {
		return problem(http.StatusBadRequest, "malformed", "state %q is none of wanted, barred", in.State)
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return problem(http.StatusBadRequest, "malformed", "the address needs the id of an update file")
	}
	f, err := s.store.SetFile(r.Context(), id, state)
	if errors.Is(err, storage.ErrConflict) {
		return problem(http.StatusConflict, "making", "the update file is being made: come again when it is done")
	} else if err != nil {
		return err
	}
	s.log.Info("update file set", "id", id, "model", f.Key.Model, "state", f.State.String())
	s.maker.unwatch(f.Key)
	s.maker.nudge()
	s.live.look(f.Key.Model)
	names, err := s.versions(r, f.Key.Model)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toFileJSON(&f, names))
}
