package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol/smp"
	"unbrick/release"
)

// uploading is the patience for a piece of an upload. The device may erase and program a large sector, or
// judge the whole image, before it answers; a piece sent again meanwhile is answered with the offset that is
// wanted by then, and does no harm. maxUnheard pieces in a row without an answer end it.
var uploading = patience{wait: 4 * time.Second, tries: 1, answer: smp.HeaderSize + 64}

const maxUnheard = 10

// Upload writes a release in the plain way that any SMP client knows: the release file through the image
// group, piece by piece, sectors written as they come. It needs no workspace beyond one sector and knows no
// proof before the first erase; Run is better wherever it works. The answer to the last piece is the
// device's verdict. Then the device is told to start.
func (s *Session) Upload(ctx context.Context, p *Plan, report func(Progress)) (*Result, error) {
	p.becomeUpload(s)
	return s.Run(ctx, p, report)
}

// becomeUpload makes the plan one of KindUpload.
func (p *Plan) becomeUpload(s *Session) {
	p.Kind, p.jobs = KindUpload, nil
	p.Sectors, p.Good = sectorsOf(p.picture.area, p.Release.Size), 0
	_, wire := s.pieces(len(p.want.signed) + len(p.want.image))
	flash := time.Duration(0)
	for i := range p.Sectors {
		_, size := p.picture.area.Sector(i)
		flash += sectorTime(size)
	}
	p.BytesSend, p.Line, p.Flash = p.BytesFull, lineTime(wire, s.opt.Baud), flash
}

// uploadFile is the release file as it goes over the line: without what the device lets pass by.
func uploadFile(w *chosen) []byte {
	return release.AppendFile(nil, &release.File{Signed: w.signed, Image: w.image})
}

func (r *runner) upload(ctx context.Context) error {
	r.stage(StageWrite)
	file := uploadFile(r.p.want)
	line, flash := r.p.Line, r.p.Flash
	sum := sha256.Sum256(file)
	area := r.p.picture.area
	head := len(file) - int(r.p.Release.Size)
	for at, lost := 0, 0; at < len(file); {
		n := min(r.piece, len(file)-at)
		q := smp.UploadRequest{Offset: uint32(at)}
		if at == 0 {
			q.Length, q.HasLength, q.SHA = uint32(len(file)), true, sum[:]
			n = max(1, min(n, r.s.pieceSize()-47)) // room for length and digest
		}
		q.Data = file[at : at+n]
		if at+n > head {
			r.touched = TouchedPart // from here on the device may have erased
		}
		if at+n == len(file) {
			r.stage(StageVerify)
		}
		var next smp.Offset
		err := r.s.call(ctx, &q, &next, uploading)
		switch {
		case err == nil && int(next.Offset) > len(file):
			return &Error{Code: CodeProtocol, Err: fmt.Errorf("device wants offset %d of a file of %d", next.Offset, len(file))}
		case err == nil && int(next.Offset) > at:
			lost = 0
			r.grow()
			at = int(next.Offset)
		case err == nil:
			lost++
			at = int(next.Offset)
		case retryable(err):
			lost++
			r.shrink()
		default:
			return fmt.Errorf("upload at %d: %w", at, r.s.refused(err))
		}
		if lost > maxUnheard {
			if err == nil {
				err = &Error{Code: CodeProtocol, Err: errors.New("device takes no bytes")}
			}
			return fmt.Errorf("upload: %w", err)
		}
		if at > head {
			r.progress.Sectors = area.SectorAt(uint32(at - head - 1))
		}
		r.progress.Bytes = uint64(at)
		r.tell(time.Duration(int64(line)*int64(at)/int64(len(file))), time.Duration(int64(flash)*int64(at)/int64(len(file))))
	}
	r.written = r.progress.Of
	r.progress.Sectors = r.written
	r.touched = TouchedNothing
	return nil
}
