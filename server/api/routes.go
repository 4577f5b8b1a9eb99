package api

import (
	_ "embed"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"unbrick/protocol/wsconn"
	"unbrick/server/access"
	"unbrick/server/form"
	"unbrick/server/session"
	"unbrick/server/storage"
)

// routes is the whole HTTP surface.
func (s *Server) routes() {
	on(s, form.WhoAmI, s.whoami)
	on(s, form.SignIn, s.signIn)
	on(s, form.SignOut, s.signOut)
	on(s, form.ListAccounts, s.listAccounts)
	on(s, form.PutAccount, s.putAccount)
	on(s, form.RemoveAccount, s.removeAccount)
	on(s, form.BarAccount, s.barAccount)
	on(s, form.ListTokens, s.listTokens)
	on(s, form.MakeToken, s.makeToken)
	on(s, form.RemoveToken, s.removeToken)
	on(s, form.ListActs, s.listActs)
	on(s, form.PruneActs, s.pruneActs)
	on(s, form.ListModels, s.listModels)
	on(s, form.GetModel, s.getModel)
	on(s, form.ListKeys, s.listKeys)
	on(s, form.PutModel, s.putModel)
	on(s, form.PreferKind, s.putPrefer)
	on(s, form.RemoveKey, s.removeKey)
	on(s, form.RemoveModel, s.removeModel)
	on(s, form.ListReleases, s.listReleases)
	on(s, form.Publish, s.publish)
	on(s, form.GetReleaseFile, s.releaseFile)
	on(s, form.SetReleaseState, s.setReleaseState)
	on(s, form.ChangeRollout, s.putRollout)
	on(s, form.RemoveRelease, s.removeRelease)
	on(s, form.Summarize, s.summary)
	on(s, form.ListDevices, s.listDevices)
	on(s, form.GetDevice, s.getDevice)
	on(s, form.GetHistory, s.getHistory)
	on(s, form.HoldDevice, s.setHold(true))
	on(s, form.FreeDevice, s.setHold(false))
	on(s, form.ForgetDevice, s.forget)
	on(s, form.ForgetDevices, s.forgetAll)
	on(s, form.ListDeviceKeys, s.listDeviceKeys)
	on(s, form.ApproveDevice, s.approveDevice)
	on(s, form.RekeyDevice, s.rekeyDevice)
	on(s, form.ImportKeys, s.importKeys)
	on(s, form.SetEnrolment, s.setEnrolment)
	on(s, form.ListStrangers, s.listStrangers)
	on(s, form.RemoveStrangers, s.removeStrangers)
	on(s, form.ListFiles, s.listFiles)
	on(s, form.SetFileState, s.setFile)
	on(s, form.RemoveFile, s.removeFile)
	on(s, form.Tell, s.report, s.within(s.reports))
	on(s, form.DrawNonce, s.drawNonce, s.within(s.draws))
	on(s, form.GetDemo, s.demo)
	on(s, form.Describe, s.describe)
	s.handle("/api/", s.api(&form.Route{Needs: form.Anyone}, func(w http.ResponseWriter, r *http.Request) error {
		return s.unhandled(w, r)
	}).ServeHTTP)
	s.open(door{Route: form.Link}, http.HandlerFunc(s.link))
	s.open(door{Route: form.Metrics}, s.api(&form.Metrics, s.metrics))
	s.open(door{Route: form.Health}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }))
	s.open(door{Route: form.Ready}, http.HandlerFunc(s.ready))
	if s.cfg.Provider != nil {
		s.signsIn(s.cfg.Provider)
	}
	if page := s.cfg.Page; page != nil {
		s.handle("/", func(w http.ResponseWriter, r *http.Request) {
			if err := s.unhandled(w, r); err.status == http.StatusMethodNotAllowed {
				writeProblem(w, err)
				return
			}
			page.ServeHTTP(access.Sending(w), r)
		})
	}
}

// client is the address that a request is counted for.
func (s *Server) client(r *http.Request) string { return access.Client(r, s.cfg.Proxied) }

// bounded applies the limits of a client to everything but the checks of a supervisor.
func (s *Server) bounded(next http.Handler, rate *access.Limiter, inside *access.Crowd) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != form.Health.Path && r.URL.Path != form.Ready.Path {
			owner := s.client(r)
			if wait, ok := rate.Allow(owner); !ok {
				writeProblem(w, s.tooMany(wait))
				return
			}
			leave, bound := inside.Enter(owner, false)
			if bound != "" {
				writeProblem(w, s.tooMany(time.Second))
				return
			}
			defer leave()
		}
		next.ServeHTTP(w, r)
	})
}

// api is what every API request goes through: headers, who asks and may it, and errors as JSON.
func (s *Server) api(route *form.Route, f handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		apiHeaders(w.Header())
		r, err := s.identify(r, route)
		if err == nil {
			err = f(w, r)
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
		s.cfg.Metrics.NoLinks.Add(1)
		s.cfg.Log.Info("link refused", "peer", s.client(r), "error", err)
		return
	}
	s.cfg.Converse(conn, session.Peer{Address: s.client(r), Names: s.names(r, conn.Host())})
}

// names are those of this server, for one of which a device that came by r has signed. What the request says it dialled is none by
// itself: a device that dialled a false server, which hands its hello on, has signed for the name of that one.
func (s *Server) names(r *http.Request, host string) []string {
	if len(s.cfg.Names) > 0 {
		return s.cfg.Names
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return nil
	}
	here, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return nil
	}
	at, err := netip.ParseAddr(host)
	it := err == nil && here.Addr().Unmap().WithZone("") == at.Unmap().WithZone("")
	if it || err != nil && host == "localhost" && here.Addr().IsLoopback() {
		return []string{host}
	}
	return nil
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
