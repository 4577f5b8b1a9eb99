// Package api is the server's HTTP surface: what publishers, operators, the page and supervisors ask, and where terminals come
// in. It takes requests apart, has the other rooms do what is asked, and puts answers together.
//
// What there is to ask, and the types that travel, are described in package form; every address is opened in one place (routes).
// A request passes the bounds of its client, then the check of its token, is decoded as its endpoint says, and comes to its
// handler, which returns what goes out, or an error; what a client is told of an error is decided in one place (explain). The
// published description, openapi.json, is made from the doors that are open, and a test holds it to what is really answered.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"unbrick/protocol"
	"unbrick/server/access"
	"unbrick/server/account"
	"unbrick/server/fleet"
	"unbrick/server/form"
	"unbrick/server/metrics"
	"unbrick/server/offer"
	"unbrick/server/provider"
	"unbrick/server/rollout"
	"unbrick/server/session"
	"unbrick/server/storage"
)

// Store is what the API reads and writes itself: what is there, and what an operator puts there.
type Store interface {
	storage.Models
	storage.Releases
	Device(ctx context.Context, model, serial string) (storage.Device, error)
	Devices(ctx context.Context, q storage.Query) (storage.Page, error)
	DeleteDevice(ctx context.Context, model, serial string) error
	ForgetDevices(ctx context.Context, model string, told func(storage.Forgotten)) (left storage.Forgotten, err error)
	History(ctx context.Context, model, serial string, before int64, limit int) ([]storage.Event, error)
	Summary(ctx context.Context, cut storage.Cutoffs) (storage.Summary, error)
	Installed(ctx context.Context, model string) ([]storage.ReleaseCount, error)
	Files(ctx context.Context, model string, before int64, limit int) ([]storage.File, error)
	storage.Identities
	storage.Strangers
	storage.Accounts
	storage.Audit
	Ping(ctx context.Context) error
}

// Config is what a Server is made of. What may be nil or zero says so.
type Config struct {
	Store    Store
	Log      *slog.Logger
	Now      func() time.Time
	Passed   func() time.Duration // since any moment, never falling
	Accounts *account.Keeper
	Provider *provider.Provider // by which persons sign in, too; nil: none
	Page     http.Handler       // everything that is not the API; nil: 404
	Version  string             // of the program, for whoami
	Demo     *form.Demo         // nil: not a demo
	Proxied  bool               // the last X-Forwarded-For is the client
	Split    bool               // operators have a listener of their own: Handler serves everybody else
	Limits   Limits
	Fleet    *fleet.Fleet
	Offers   *offer.Offers
	Rollouts *rollout.Watch
	Clock    *rollout.Clock
	Live     *session.Live
	Metrics  *metrics.Metrics
	Converse func(protocol.Conn, session.Peer) // leads a session
	// Names are those under which devices dial this server; none: localhost, and the address that the connection came to.
	Names  []string
	Ending <-chan struct{} // closed when the server is about to stop
}

// Limits bound what clients can cause.
type Limits struct {
	Sessions    int     // at the same time
	Connections int     // requests of all, links among them, at the same time
	PerAddress  int     // of one client address
	Rate        float64 // requests per second and client address
	Burst       int     // of those at once
	Reports     float64 // restoration reports per second and client address, twenty at once
	Uploads     int     // release files being received at once
}

// Server answers requests. Its methods may be used concurrently.
type Server struct {
	cfg     Config
	mux     *http.ServeMux // of all that there is
	public  *http.ServeMux // of what everybody may come to, where operators have a listener of their own
	doors   []door         // of mux
	pulse   *pulse
	rate    *access.Limiter
	inside  *access.Crowd // requests, links among them
	reports *access.Limiter
	draws   *access.Limiter // of numbers for receipts
	noted   *access.Limiter // acts of an account that changed nothing, in the audit log
	uploads chan struct{}
	handler http.Handler // for everybody
	own     http.Handler // for operators

	origins http.CrossOriginProtection // of pages

	publishing sync.Mutex // from looking at a release's neighbours until it is stored
}

// New returns the API of the rooms in cfg.
func New(cfg Config) *Server {
	l := &cfg.Limits
	s := &Server{
		cfg: cfg, mux: http.NewServeMux(), public: http.NewServeMux(), pulse: &pulse{ping: cfg.Store.Ping, passed: cfg.Passed, log: cfg.Log},
		rate: access.NewLimiter(l.Rate, l.Burst, cfg.Passed), inside: access.NewCrowd(l.PerAddress, l.Connections),
		reports: access.NewLimiter(l.Reports, 20, cfg.Passed), draws: access.NewLimiter(l.Reports, 20, cfg.Passed),
		noted:   access.NewLimiter(1./6, 60, cfg.Passed),
		uploads: make(chan struct{}, l.Uploads),
	}
	s.routes()
	s.handler = s.bounded(s.mux, s.rate, s.inside)
	if cfg.Split {
		s.handler = s.bounded(withoutCookie(s.public), s.rate, s.inside)
	}
	s.own = s.bounded(s.mux, access.NewLimiter(l.Rate, l.Burst, cfg.Passed), access.NewCrowd(l.PerAddress, l.Connections))
	return s
}

// Handler answers everybody. If operators have a listener of their own, it has the page, the link, reports and what strangers may
// read; all else it leaves to Operators.
func (s *Server) Handler() http.Handler { return s.handler }

// Operators answers all that there is, for a listener that strangers do not reach. Its bounds are its own.
func (s *Server) Operators() http.Handler { return s.own }
