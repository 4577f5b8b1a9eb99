package api

import (
	"crypto/ed25519"
	"net/http"

	"unbrick/internal/cbor"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"
)

// Demo is what a server shows that has nothing of its own: models with releases, signed by a throw-away key, and
// devices that are marked as demo. Package demo makes one.
type Demo struct {
	Models []DemoModel // the Lab takes the first
}

// DemoModel is one model of a demo.
type DemoModel struct {
	Model    model.Model
	Key      ed25519.PublicKey
	Prefer   protocol.Kind // of update file, unless the operator said something; 0: a delta
	Releases []DemoRelease // oldest first
	Devices  []DemoDevice
}

// DemoRelease is a signed manifest with its image.
type DemoRelease struct {
	Signed, Image []byte
}

// DemoDevice is a device that no session made, with its history.
type DemoDevice struct {
	Device  storage.Device
	History []storage.Event // oldest first
}

// demo tells the Lab what its device is made of; it exists only on a demo server.
func (s *Server) demo(w http.ResponseWriter, r *http.Request, _ *form.Nothing) (*form.Demo, error) {
	if s.cfg.Demo == nil {
		return nil, problem(http.StatusNotFound, "not-found", "this server is no demo")
	}
	if wantsCBOR(r) {
		return nil, writeList(w, s.cfg.Demo.Models, func(c *cbor.Writer, d *DemoModel) {
			c.Array(3)
			c.Bytes(d.Model.Append(nil))
			c.Bytes(d.Key)
			c.Array(len(d.Releases))
			for _, v := range d.Releases {
				c.Bytes(v.Signed)
			}
		})
	}
	list := []form.DemoModel{}
	for i := range s.cfg.Demo.Models {
		d := &s.cfg.Demo.Models[i]
		v := form.DemoModel{Record: d.Model.Append(nil), Public: d.Key, Releases: []form.Release{}}
		for _, x := range d.Releases {
			m, signers, err := release.Parse(x.Signed)
			if err != nil {
				return nil, err
			}
			v.Releases = append(v.Releases, toReleaseJSON(&storage.Release{Manifest: m, Signed: x.Signed, Signers: signers, State: storage.Offered}))
		}
		list = append(list, v)
	}
	return &form.Demo{Models: list}, nil
}
