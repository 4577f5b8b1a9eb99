package api

import (
	_ "embed"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"unbrick/protocol/wsconn"
	"unbrick/server/access"
	"unbrick/server/form"
	"unbrick/server/session"
	"unbrick/server/storage"
)

// routes is the whole HTTP surface.
func (s *Server) routes() http.Handler {
	on(s, form.WhoAmI, s.whoami)
	on(s, form.ListModels, s.listModels)
	on(s, form.GetModel, s.getModel)
	on(s, form.ListKeys, s.listKeys)
	on(s, form.PutModel, s.putModel)
	on(s, form.PreferKind, s.putPrefer)
	on(s, form.ListReleases, s.listReleases)
	on(s, form.Publish, s.publish)
	on(s, form.GetReleaseFile, s.releaseFile)
	on(s, form.SetReleaseState, s.setReleaseState)
	on(s, form.ChangeRollout, s.putRollout)
	on(s, form.Summarize, s.summary)
	on(s, form.ListDevices, s.listDevices)
	on(s, form.GetDevice, s.getDevice)
	on(s, form.GetHistory, s.getHistory)
	on(s, form.HoldDevice, s.setHold(true))
	on(s, form.FreeDevice, s.setHold(false))
	on(s, form.ForgetDevice, s.forget)
	on(s, form.ListFiles, s.listFiles)
	on(s, form.SetFileState, s.setFile)
	on(s, form.Tell, s.report, s.mayReport)
	on(s, form.GetDemo, s.demo)
	on(s, form.Describe, s.describe)
	s.mux.Handle("/api/", s.api(func(w http.ResponseWriter, r *http.Request) error { return s.unhandled(w, r) }, false))
	s.open(door{Route: form.Link}, http.HandlerFunc(s.link))
	s.health(s.open)
	if page := s.cfg.Page; page != nil {
		s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			if err := s.unhandled(w, r); err.status == http.StatusMethodNotAllowed {
				writeProblem(w, err)
				return
			}
			page.ServeHTTP(access.Sending(w), r)
		})
	}
	return s.bounded(s.mux)
}

func (s *Server) health(open func(door, http.Handler)) {
	open(door{Route: form.Metrics}, http.HandlerFunc(s.serveMetrics))
	open(door{Route: form.Health}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }))
	open(door{Route: form.Ready}, http.HandlerFunc(s.ready))
}

// Health answers a supervisor: /healthz, /readyz and /metrics, for a listener of their own that no flood of strangers reaches.
func (s *Server) Health() http.Handler {
	mux := http.NewServeMux()
	s.health(func(d door, h http.Handler) { mux.Handle(d.Method+" "+d.Path, h) })
	return mux
}

// client is the address that a request is counted for.
func (s *Server) client(r *http.Request) string { return access.Client(r, s.cfg.Proxied) }

// bounded applies the limits of a client to everything but the checks of a supervisor.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != form.Health.Path && r.URL.Path != form.Ready.Path {
			owner := s.client(r)
			if wait, ok := s.rate.Allow(owner); !ok {
				writeProblem(w, s.tooMany(wait))
				return
			}
			leave, bound := s.inside.Enter(owner, false)
			if bound != "" {
				writeProblem(w, s.tooMany(time.Second))
				return
			}
			defer leave()
		}
		next.ServeHTTP(w, r)
	})
}

// api is what every API request goes through: headers, the token, and errors as JSON.
func (s *Server) api(f handlerFunc, operatorOnly bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		apiHeaders(w.Header())
		said, right := s.cfg.Token.In(r.Header)
		var err error
		switch {
		case said && !right:
			err = problem(http.StatusUnauthorized, "wrong-token", "this token is not known here")
		case operatorOnly && !right:
			err = problem(http.StatusUnauthorized, "no-token", "this needs the operator's token")
		default:
			if err = checkNames(r); err == nil {
				err = f(w, access.WithOperator(r, right))
			}
		}
		status := http.StatusOK
		if err != nil {
			p := s.explain(r, err)
			status = p.status
			writeProblem(w, p)
		}
		s.cfg.Metrics.Requests.Add(strconv.Itoa(status/100) + "xx")
	})
}

// apiHeaders are the headers of every answer that is not the page.
func apiHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

//go:embed openapi.json
var description []byte

// describe tells what this package does, for programs: OpenAPI 3.1. A test makes the document from the doors that are open.
func (s *Server) describe(w http.ResponseWriter, _ *http.Request, _ *form.Nothing) (*form.Nothing, error) {
	write(w, http.StatusOK, form.JSON, description)
	return nil, nil
}

func (s *Server) whoami(_ http.ResponseWriter, r *http.Request, _ *form.Nothing) (*form.Who, error) {
	return &form.Who{Operator: access.IsOperator(r), Version: s.cfg.Version, Demo: s.cfg.Demo != nil}, nil
}

// link is where terminals come in.
func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.cfg.Ending:
		writeProblem(w, comeAgain(session.WaitShutdown, http.StatusServiceUnavailable, "stopping", "the server stops, come again"))
		return
	default:
	}
	if s.cfg.Live.Number() >= s.cfg.Limits.Sessions {
		s.cfg.Metrics.Sessions.Add("busy")
		writeProblem(w, comeAgain(session.WaitBusy, http.StatusServiceUnavailable, "busy", "too many sessions, come again later"))
		return
	}
	conn, err := wsconn.Accept(w, r, nil)
	if err != nil {
		s.cfg.Log.Info("link refused", "peer", s.client(r), "error", err)
		return
	}
	s.cfg.Converse(conn, s.client(r))
}

// ready says whether this server should be sent sessions.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.cfg.Ending:
		plain(w, http.StatusServiceUnavailable, "stopping\n")
		return
	default:
	}
	switch err := s.pulse.feel(); {
	case err == nil:
		plain(w, http.StatusOK, "ready\n")
	case errors.Is(err, storage.ErrFull):
		plain(w, http.StatusServiceUnavailable, "storage is full\n")
	default:
		plain(w, http.StatusServiceUnavailable, "storage does not answer\n")
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	apiHeaders(w.Header())
	w.Header().Set("Content-Type", form.Text+"; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}
