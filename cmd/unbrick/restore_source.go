package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/server/form"
)

// releaseSource is releases from files and, if api is set, from the server.
type releaseSource struct {
	files   restore.Files
	api     *api
	reached bool            // the server has answered
	missed  error           // why it did not
	remote  []remoteRelease // on the server, of the model that was listed last
	fetched restore.Files   // for their images
}

type remoteRelease struct {
	restore.Listing
	signed []byte
}

// maxListed bounds how many releases of a server's list are looked at.
const maxListed = 1000

// List implements restore.Source. A server that does not answer is no error while there are files.
func (s *releaseSource) List(ctx context.Context, model string) ([]restore.Listing, error) {
	list, err := s.files.List(ctx, model)
	if err != nil || s.api == nil {
		return list, err
	}
	remote, err := s.listRemote(ctx, model)
	if err != nil {
		s.missed = err
		if len(list) > 0 {
			return list, nil
		}
		return nil, err
	}
	s.reached, s.remote = true, remote
	for i := range remote {
		list = append(list, remote[i].Listing)
	}
	return list, nil
}

// held are the states in which a server does not offer a release. Who sees update files sees the withdrawn ones, too.
var held = map[string]restore.Hold{"withheld": restore.Withheld, "withdrawn": restore.Withdrawn}

func (s *releaseSource) listRemote(ctx context.Context, model string) ([]remoteRelease, error) {
	var list []remoteRelease
	for page, err := range s.api.releases(ctx, model) {
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			m, signers, err := release.Parse(r.Manifest)
			if err != nil {
				return nil, fmt.Errorf("the server's list of releases: %w", err)
			}
			list = append(list, remoteRelease{restore.Listing{Manifest: m, Signers: signers, Hold: held[r.State]}, r.Manifest})
		}
		if len(list) >= maxListed {
			break
		}
	}
	return list, nil
}

// Get implements restore.Source. The server's list has the manifests; for an image a file of any release of it does.
func (s *releaseSource) Get(ctx context.Context, want *restore.Listing) (signed, image []byte, err error) {
	if signed, image, err = s.files.Get(ctx, want); err == nil {
		return signed, image, nil
	}
	for i := range s.remote {
		if r := &s.remote[i]; r.Manifest == want.Manifest && r.Signers == want.Signers {
			image, err = s.image(ctx, want.Manifest.Model, want.Manifest.Digest)
			return r.signed, image, err
		}
	}
	return nil, nil, err
}

// image returns an image that a file has, or the server.
func (s *releaseSource) image(ctx context.Context, model string, d release.Digest) ([]byte, error) {
	for _, f := range []*restore.Files{&s.files, &s.fetched} {
		if image := f.Image(d); image != nil {
			return image, nil
		}
	}
	b, status, err := fetch(ctx, s.api, form.GetReleaseFile, &form.Image{Image: release.Hex(d), Model: model}, nil)
	if status == http.StatusNotFound || status == http.StatusGone {
		return nil, restore.ErrNotThere
	}
	if err != nil {
		s.missed = err
		return nil, err
	}
	m, err := s.fetched.Add(b)
	if err != nil {
		return nil, err
	}
	if m.Digest != d {
		return nil, fmt.Errorf("the server sent release %q: %w", m.Version, restore.ErrNotThere)
	}
	return s.fetched.Image(d), nil
}

// reportTime bounds how long the command waits for the server to take the report.
const reportTime = 10 * time.Second

// nonce asks the server for a number for the device's receipt. A receipt over zeros does where none answers.
func (r *restoration) nonce(ctx context.Context) *[16]byte {
	var nonce [16]byte
	if r.source.api == nil || !r.source.reached {
		return &nonce
	}
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	if b, _, err := fetch(ctx, r.source.api, form.DrawNonce, &form.Nothing{}, nil); err == nil && len(b) == len(nonce) {
		copy(nonce[:], b)
	}
	return &nonce
}

// tell reports the outcome to the server, if there is one. A server that does not take it changes nothing
// about the device.
func (r *restoration) tell(ctx context.Context, result *restore.Result, failed error, took time.Duration) {
	if r.source.api == nil || !r.source.reached {
		return
	}
	d := r.device
	v := form.Report{Model: d.Model, Serial: d.Serial, Outcome: "restored", Why: uint32(d.Why), Milliseconds: uint32(took.Milliseconds()),
		Baud: uint32(r.baud), Via: "command"}
	if k := d.Installed(); k != nil {
		v.From = k.Manifest.Version
	}
	switch {
	case result != nil:
		m := result.Plan.Release
		v.Version, v.Image = m.Version, release.Hex(m.Digest)
		v.Sectors, v.Sent, v.Received, v.Full = uint32(result.SectorsWritten), uint32(result.BytesSent), uint32(result.BytesReceived),
			uint32(result.BytesFull)
	case settingsOnly(failed):
		m := r.plan.Release
		v.Version, v.Image, v.Sectors, v.Full = m.Version, release.Hex(m.Digest), uint32(r.plan.Sectors), uint32(r.plan.BytesFull)
		v.Words = "restored, settings not all erased"
	default:
		v.Outcome = "not-restored"
		if e, known := errors.AsType[*restore.Error](failed); known {
			v.Words = e.Code.String()
		}
	}
	word := r.word
	if result != nil {
		word = result.Receipt
	}
	if word != nil {
		v.Receipt, v.Signature = word.Bytes, word.Signature[:]
	}
	var id [16]byte
	rand.Read(id[:])
	v.ID = hex.EncodeToString(id[:])
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	if _, err := ask(ctx, r.source.api, form.Tell, &form.Told{Body: v}); err != nil {
		fmt.Fprintf(r.errOut, "The server was not told: %v\n", err)
	}
}
