package sweep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"unbrick/delta/diff"
	"unbrick/protocol/smp"
)

// lie is one thing that a host says and that is not so.
type lie struct {
	name  string
	check Check
	tell  func(h *host)
}

// lies are what a hostile or broken host tries on a device in restoration mode. None may lead to an erase
// behind the refresh that every restoration begins with, and none may stop the device.
var lies = []lie{
	{"update file made from another flash", CheckProof, func(h *host) {
		h.prepare(false, func() {
			// Everything old is what the file takes the flash for, and nothing of it is so any more.
			h.wrong(bytes.Repeat([]byte{byte(1 - h.want)}, len(h.picture)))
		})
	}},
	{"update file to another release", CheckProof, func(h *host) {
		h.prepare(false, func() {
			h.want = 1 - h.want
			h.wrong(h.picture)
		})
	}},
	{"leaves of another release", CheckProof, func(h *host) {
		h.prepare(true, func() {
			needed := h.st.s.needs(h.want, h.picture)
			h.want = 1 - h.want
			h.leaves(needed, func() { h.wrong(h.picture) })
		})
	}},
	{"a verdict without a file", CheckRestored, func(h *host) {
		h.prepare(false, func() { h.bring(nil) })
	}},
	{"damaged update file", CheckProof, func(h *host) {
		h.prepare(false, func() {
			files, err := h.st.s.repairs(h.want, h.picture, false)
			if err != nil {
				h.fail(err)
				return
			}
			file := bytes.Clone(files[0])
			file[len(file)*2/3] ^= 1
			h.send(file)
		})
	}},
	{"upload of more than was announced", CheckRefused, func(h *host) {
		file := h.goods().upload
		h.lied(&smp.UploadRequest{HasLength: true, Length: 64, Data: file[:256]})
	}},
	{"upload longer than the flash", CheckRefused, func(h *host) {
		h.lied(&smp.UploadRequest{HasLength: true, Length: 1 << 31, Data: h.goods().upload[:256]})
	}},
	{"upload behind its place", CheckRefused, func(h *host) {
		h.lied(&smp.UploadRequest{Offset: 1 << 30, Data: h.goods().upload[:256]})
	}},
	{"upload whose manifest is longer than a manifest", CheckRefused, func(h *host) {
		file := bytes.Clone(h.goods().upload)
		file[12], file[13], file[14], file[15] = 0xFF, 0xFF, 0xFF, 0x7F
		h.lied(&smp.UploadRequest{HasLength: true, Length: uint32(len(file)), Data: file[:256]})
	}},
	{"upload whose length is not its image's", CheckRefused, func(h *host) {
		file := h.goods().upload
		n := uint32(len(file)) + 4096
		first := len(file) - len(h.goods().image)
		h.lied(&smp.UploadRequest{HasLength: true, Length: n, Data: file[:first+16]})
	}},
	{"file larger than the memory", CheckRefused, func(h *host) {
		h.prepare(false, func() { h.lied(&smp.FileRequest{Number: 1, Size: 1 << 25, Workspace: 1, Block: 1024}) })
	}},
	{"more bytes than the file has", CheckRefused, func(h *host) {
		h.prepare(false, func() {
			h.request(&smp.FileRequest{Number: 1, Size: 16, Workspace: 16, Block: hostBlock}, func([]byte) {
				h.lied(&smp.DataRequest{Number: 1, Data: make([]byte, 256)})
			})
		})
	}},
	{"more blocks than a file may have", CheckRefused, func(h *host) {
		h.prepare(false, func() { h.lied(&smp.FileRequest{Number: 1, Size: 1 << 30, Workspace: 1, Block: 64}) })
	}},
	{"bytes far behind the file", CheckRefused, func(h *host) {
		h.prepare(false, func() {
			h.request(&smp.FileRequest{Number: 1, Size: 1000, Workspace: 1000, Block: hostBlock}, func([]byte) {
				h.lied(&smp.DataRequest{Number: 1, Offset: 1<<32 - hostBlock, Data: make([]byte, hostBlock)})
			})
		})
	}},
	{"blocks of no size", CheckRefused, func(h *host) {
		h.prepare(false, func() { h.lied(&smp.FileRequest{Number: 1, Size: 1000, Workspace: 1000}) })
	}},
	{"leaves behind the image", CheckRefused, func(h *host) {
		h.prepare(true, func() {
			h.lied(&smp.LeavesRequest{First: uint32(h.goods().m.Leaves()), Data: make([]byte, 4*smp.LeafDigest)})
		})
	}},
	{"digests of sectors that are not there", CheckRefused, func(h *host) {
		h.lied(&smp.DigestsRequest{First: 1 << 20, Count: 8})
	}},
	{"record behind its end", CheckRefused, func(h *host) {
		h.lied(&smp.RecordRequest{Part: smp.PartTo, Offset: 1 << 20})
	}},
	{"another image under the name of the release", CheckProof, func(h *host) {
		h.prepare(false, func() { h.renamed() })
	}},
}

// prepare begins a restoration and looks at the flash, as an honest host does.
func (h *host) prepare(parts bool, then func()) {
	h.request(&smp.BeginRequest{Manifest: h.goods().signed, Parts: parts}, func([]byte) {
		h.settle(smp.PhaseReady, func() {
			h.prepared = h.st.board.Operations()
			h.surveyed = then
			h.survey(0)
		})
	})
}

// wrong makes a file from what the flash does not hold and sends it.
func (h *host) wrong(picture []byte) {
	files, err := h.st.s.repairs(h.want, picture, false)
	if err != nil {
		h.fail(err)
		return
	}
	h.send(files[0])
}

// renamed sends a file without a fault in it: it builds another image and says that this is the release.
func (h *host) renamed() {
	g := h.goods()
	image := bytes.Clone(g.image)
	image[0] ^= 1
	file, err := diff.Full(context.Background(), image, &diff.Options{Geometry: &h.st.s.software, Resident: resident})
	if err != nil {
		h.fail(err)
		return
	}
	sum := sha256.Sum256(image)
	if bytes.Count(file, sum[:8]) != 1 {
		h.fail(errors.New("the file does not say once what it leads to"))
		return
	}
	h.send(bytes.Replace(file, sum[:8], g.m.Digest[:8], 1))
}

// send sends a file and has it applied; the device must refuse.
func (h *host) send(file []byte) {
	if h.st.units != nil {
		h.st.units.know([][]byte{file})
	}
	h.bring([][]byte{file})
}

// lied sends a request that must be refused, and then looks whether the device still answers.
func (h *host) lied(q smp.Request) {
	h.request(q, func([]byte) {
		// It took it. That is wrong only if more comes of it: ask on.
		h.accepted = true
		h.request(&smp.IdentifyRequest{}, func([]byte) { h.reset() })
	})
}

// said says whether err is the device's own no, not the end of a host that could not go on.
func said(err error) bool {
	var answer *smp.Error
	var status *StatusError
	return errors.As(err, &answer) || errors.As(err, &status)
}

// lie tells one lie to the device, which is off and will be in restoration mode, and checks that it was
// not believed.
func (j *judge) lie(l lie) Outcome {
	h := &host{st: &j.stand, want: New, road: RoadFile, script: l.tell, watch: j.packet}
	j.board.ResetCounter()
	j.serve(h)
	refused := said(h.err) && !h.accepted
	j.check(CheckRefused, j.crash == nil && j.fault == nil, func() string { return fmt.Sprintf("%s: %v %v", l.name, j.crash, j.fault) })
	if !j.check(l.check, refused && j.board.Operations() == h.prepared, func() string {
		return fmt.Sprintf("%s: error %v, %d flash operations behind the %d of the beginning", l.name, h.err, j.board.Operations()-h.prepared, h.prepared)
	}) {
		return OutcomeFailed
	}
	return OutcomeRestoration
}
