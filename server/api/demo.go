package api

import (
	"net/http"

	"unbrick/internal/cbor"
	"unbrick/server/form"
)

// demo tells the Lab what its device is made of; it exists only on a demo server.
func (s *Server) demo(w http.ResponseWriter, r *http.Request, _ *form.Nothing) (*form.Demo, error) {
	if s.cfg.Demo == nil {
		return nil, problem(http.StatusNotFound, "not-found", "this server is no demo")
	}
	if wantsCBOR(r) {
		return nil, writeList(w, s.cfg.Demo.Models, func(c *cbor.Writer, m *form.DemoModel) {
			c.Array(3)
			c.Bytes(m.Record)
			c.Bytes(m.Public)
			c.Array(len(m.Releases))
			for _, v := range m.Releases {
				c.Bytes(v.Manifest)
			}
		})
	}
	return s.cfg.Demo, nil
}
