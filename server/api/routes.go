package api

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"unbrick/protocol/wsconn"
	"unbrick/server/access"
	"unbrick/server/session"
	"unbrick/server/storage"
)

// Limits of a request, in bytes.
const (
	maxJSON    = 16 << 10
	cborType   = "application/cbor"
	jsonType   = "application/json"
	binaryType = "application/octet-stream"
)

// routes is the whole HTTP surface.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	public := func(pattern string, f handlerFunc) { mux.Handle(pattern, s.api(f, false)) }
	operator := func(pattern string, f handlerFunc) { mux.Handle(pattern, s.api(f, true)) }

	public("GET /api/whoami", s.whoami)
	public("GET /api/models", s.listModels)
	public("GET /api/models/{id}", s.getModel)
	public("GET /api/models/{id}/keys", s.listKeys)
	operator("PUT /api/models/{id}", s.putModel)
	operator("PUT /api/models/{id}/prefer", s.putPrefer)
	public("GET /api/releases", s.listReleases)
	operator("POST /api/releases", s.publish)
	public("GET /api/releases/{image}/file", s.releaseFile)
	operator("PUT /api/releases/{image}/state", s.setReleaseState)
	operator("PUT /api/releases/{image}/rollout", s.putRollout)
	operator("GET /api/summary", s.summary)
	operator("GET /api/devices", s.listDevices)
	operator("GET /api/devices/{model}/{serial}", s.getDevice)
	operator("GET /api/devices/{model}/{serial}/history", s.getHistory)
	operator("POST /api/devices/{model}/{serial}/hold", s.hold)
	operator("POST /api/devices/{model}/{serial}/free", s.free)
	operator("DELETE /api/devices/{model}/{serial}", s.forget)
	operator("GET /api/files", s.listFiles)
	operator("PUT /api/files/{id}/state", s.setFile)
	public("POST /api/reports", s.report)
	public("GET /api/demo", s.demo)
	public("/api/", func(w http.ResponseWriter, r *http.Request) error { return unhandled(mux, w, r) })
	mux.HandleFunc("GET /link", s.link)
	s.health(mux)
	if page := s.cfg.Page; page != nil {
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			if err := unhandled(mux, w, r); err.status == http.StatusMethodNotAllowed {
				writeProblem(w, err)
				return
			}
			page.ServeHTTP(access.Sending(w), r)
		})
	}
	return s.bounded(mux)
}

func (s *Server) health(mux *http.ServeMux) {
	mux.HandleFunc("GET /metrics", s.serveMetrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
}

// Health answers a supervisor: /healthz, /readyz and /metrics, for a listener of their own that no flood of strangers reaches.
func (s *Server) Health() http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	return mux
}

// client is the address that a request is counted for.
func (s *Server) client(r *http.Request) string { return access.Client(r, s.cfg.Proxied) }

// bounded applies the limits of a client to everything but the checks of a supervisor.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			owner := s.client(r)
			if wait, ok := s.rate.Allow(owner); !ok {
				s.cfg.Metrics.Limited.Add(1)
				writeProblem(w, tooMany(w, wait))
				return
			}
			leave, bound := s.inside.Enter(owner, false)
			if bound != "" {
				s.cfg.Metrics.Limited.Add(1)
				writeProblem(w, tooMany(w, time.Second))
				return
			}
			defer leave()
		}
		next.ServeHTTP(w, r)
	})
}

// handlerFunc answers a request or returns why it cannot.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

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
			if status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="unbrick"`)
			}
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

func (s *Server) whoami(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]any{"operator": access.IsOperator(r), "version": s.cfg.Version, "demo": s.cfg.Demo != nil})
}

// link is where terminals come in.
func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.cfg.Ending:
		comeAgain(w, session.WaitShutdown)
		writeProblem(w, problem(http.StatusServiceUnavailable, "stopping", "the server stops, come again"))
		return
	default:
	}
	if s.cfg.Live.Number() >= s.cfg.Limits.Sessions {
		s.cfg.Metrics.Sessions.Add("busy")
		comeAgain(w, session.WaitBusy)
		writeProblem(w, problem(http.StatusServiceUnavailable, "busy", "too many sessions, come again later"))
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
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}
