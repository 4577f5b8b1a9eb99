package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"unbrick/protocol"
	"unbrick/server/access"
	"unbrick/server/account"
	"unbrick/server/api"
	"unbrick/server/fleet"
	"unbrick/server/form"
	"unbrick/server/metrics"
	"unbrick/server/offer"
	"unbrick/server/provider"
	"unbrick/server/rollout"
	"unbrick/server/session"
	"unbrick/server/storage"
)

// Config is what a server is made of.
type Config struct {
	Store   storage.Store        // required; the caller closes it after Server.Close
	Page    http.Handler         // everything that is not the API; nil: 404
	Log     *slog.Logger         // nil: silence
	Version string               // of the program, for whoami
	Limits  Limits               // zero fields mean the defaults
	Workers int                  // makers of update files; 0: GOMAXPROCS less one, at least 1
	Now     func() time.Time     // what is recorded; nil: time.Now
	Passed  func() time.Duration // since any moment, never falling: for rates; nil: the monotonic clock
	OIDC    *provider.Config     // nil: nobody signs in by an identity provider; its clocks and log are set here
	Demo    *form.Demo           // package demo makes it; nil: not a demo
	Split   bool                 // operators have a listener of their own: see Operators
	Names   []string             // under which devices dial this server; none: as it is found on its own network (api.Config)
	Proxied bool                 // a reverse proxy of ours is in front: the last X-Forwarded-For is the client
}

// Limits bound what strangers can cause. Zero means the default in the comment.
type Limits struct {
	Sessions    int           // at the same time: 10000
	Connections int           // of all, at the same time: Sessions and 1000 more
	PerAddress  int           // connections of one client address, and requests behind a proxy: 256
	SessionTime time.Duration // of a whole session: 1 h
	Hello       time.Duration // from the connection to a terminal's hello: 10 s
	Answer      time.Duration // waiting for a terminal's next message: 2 min
	Prepare     time.Duration // a session waits for an update file being made: 2 min
	Queue       int           // update files waiting to be made: 256
	Make        time.Duration // making one update file: 10 min
	Drain       time.Duration // transfers may go on so long after Close began: 30 s
	Devices     int           // ever recorded: 1,000,000
	Rate        float64       // requests and sessions per second and client address: 50
	Burst       int           // of those at once: 200
	Reports     float64       // restoration reports per second and client address: 1, twenty at once
	Uploads     int           // release files being received at once: 4
	Failures    uint32        // failed rewrites of a release that hold a device back from it for a while: 3
	Silent      time.Duration // without a word until a device counts as silent: 24 h
	Overdue     time.Duration // between transfer and the next word until a device counts as overdue: 1 h
}

func (l *Limits) defaults() {
	or(&l.Sessions, 10_000)
	or(&l.Connections, l.Sessions+1000)
	or(&l.PerAddress, 256)
	or(&l.SessionTime, time.Hour)
	or(&l.Hello, 10*time.Second)
	or(&l.Answer, 2*time.Minute)
	or(&l.Prepare, 2*time.Minute)
	or(&l.Queue, 256)
	or(&l.Make, 10*time.Minute)
	or(&l.Drain, 30*time.Second)
	or(&l.Devices, 1_000_000)
	or(&l.Rate, 50)
	or(&l.Burst, 200)
	or(&l.Reports, 1)
	or(&l.Uploads, 4)
	or(&l.Failures, 3)
	or(&l.Silent, 24*time.Hour)
	or(&l.Overdue, time.Hour)
}

func or[T comparable](v *T, otherwise T) { *v = cmp.Or(*v, otherwise) }

// Server is the running server. Its methods may be used concurrently.
type Server struct {
	cfg      Config
	clock    *rollout.Clock
	rollouts *rollout.Watch
	offers   *offer.Offers
	fleet    *fleet.Fleet
	live     *session.Live
	sessions *session.Sessions
	metrics  *metrics.Metrics
	provider *provider.Provider // nil: none
	api      *api.Server

	watching sync.WaitGroup // the goroutine that looks after rollouts

	ctx      context.Context // of everything that outlives a request
	cancel   context.CancelFunc
	draining chan struct{} // closed when Close begins
	drain    sync.Once
}

// New starts a server: its workers run until Close. It serves nothing by itself; see Handler.
func New(cfg *Config) (*Server, error) {
	if cfg.Store == nil {
		return nil, errors.New("server: no store")
	}
	s := &Server{cfg: *cfg, draining: make(chan struct{})}
	s.cfg.Limits.defaults()
	s.cfg.Log = cmp.Or(s.cfg.Log, slog.New(slog.DiscardHandler))
	if s.cfg.Now == nil {
		s.cfg.Now = func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) } // as precise as what is stored
	}
	if s.cfg.Passed == nil {
		start := time.Now()
		s.cfg.Passed = func() time.Duration { return time.Since(start) }
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.live, s.metrics = session.NewLive(), metrics.New(cfg.Version)
	s.cfg.Log = access.Quieten(s.cfg.Log, func() { s.metrics.Lines.Add(1) })
	if cfg.OIDC != nil {
		o := *cfg.OIDC
		o.Now, o.Passed, o.Log = s.cfg.Now, s.cfg.Passed, s.cfg.Log
		var err error
		if s.provider, err = provider.New(&o); err != nil {
			return nil, err
		}
	}
	if err := s.remember(); err != nil {
		s.cancel()
		return nil, err
	}
	s.open()
	s.watching.Go(func() { s.rollouts.Run(s.ctx) })
	return s, nil
}

// remember makes the rooms that read what a server before this one left.
func (s *Server) remember() (err error) {
	l := &s.cfg.Limits
	s.clock = rollout.NewClock(s.cfg.Now, s.cfg.Passed, s.cfg.Log)
	s.fleet = fleet.New(fleet.Config{
		Store: s.cfg.Store, Log: s.cfg.Log, Now: s.cfg.Now, Passed: s.cfg.Passed, Ago: s.clock.Ago,
		Devices: l.Devices, Failures: l.Failures, Silent: l.Silent, Overdue: l.Overdue,
	})
	s.rollouts, err = rollout.New(s.ctx, rollout.Config{Store: s.cfg.Store, Clock: s.clock, Log: s.cfg.Log, Cutoffs: s.fleet.Cutoffs,
		Alarm: s.alarmed})
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	if err := s.fleet.Recover(s.ctx); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	return nil
}

// open makes the rooms that terminals and clients come to, and what works for them.
func (s *Server) open() {
	l, workers, issuer := &s.cfg.Limits, s.cfg.Workers, ""
	if s.provider != nil {
		issuer = s.provider.Issuer()
	}
	if workers <= 0 {
		workers = max(1, runtime.GOMAXPROCS(0)-1)
	}
	s.offers = offer.New(s.ctx, offer.Config{
		Store: s.cfg.Store, Log: s.cfg.Log, Now: s.cfg.Now, At: s.clock.At, Workers: workers, Queue: l.Queue, Prepare: l.Prepare, Make: l.Make,
		Changed: s.live.Look, Withdrawn: func() { s.metrics.Withdrawn.Add(1) },
		Made: func(result string, took time.Duration) {
			s.metrics.Made.Add(result)
			s.metrics.Making.Observe(took.Seconds())
		},
	})
	s.sessions = session.New(s.ctx, session.Config{
		Store: s.cfg.Store, Log: s.cfg.Log, Now: s.cfg.Now, Passed: s.cfg.Passed, Ending: s.draining,
		Fleet: s.fleet, Offers: s.offers, Rollouts: s.rollouts, Live: s.live, Metrics: s.metrics,
		Limits: session.Limits{Sessions: l.Sessions, SessionTime: l.SessionTime, Hello: l.Hello, Answer: l.Answer, Prepare: l.Prepare},
	})
	s.api = api.New(api.Config{
		Store: s.cfg.Store, Log: s.cfg.Log, Now: s.cfg.Now, Passed: s.cfg.Passed, Ending: s.draining,
		Converse: s.sessions.Converse, Names: s.cfg.Names,
		Accounts: account.New(s.cfg.Store, issuer, s.cfg.Now, s.cfg.Passed), Provider: s.provider, Page: s.cfg.Page,
		Version: s.cfg.Version, Demo: s.cfg.Demo, Proxied: s.cfg.Proxied, Split: s.cfg.Split,
		Fleet: s.fleet, Offers: s.offers, Rollouts: s.rollouts, Clock: s.clock, Live: s.live, Metrics: s.metrics,
		Limits: api.Limits{
			Sessions: l.Sessions, Connections: l.Connections, PerAddress: l.PerAddress,
			Rate: l.Rate, Burst: l.Burst, Reports: l.Reports, Uploads: l.Uploads,
		},
	})
}

// Handler answers everybody: the page, the link, the API; with Config.Split only what strangers may come to.
func (s *Server) Handler() http.Handler { return s.api.Handler() }

// Operators answers all that there is, for a listener of their own that no flood of strangers reaches.
func (s *Server) Operators() http.Handler { return s.api.Operators() }

// Converse leads one session on conn, as a terminal's at /link that dialled a name of this server, and closes conn. from names the peer.
func (s *Server) Converse(conn protocol.Conn, from string) {
	s.sessions.Converse(conn, session.Peer{Address: from, Names: []string{conn.Host()}})
}

// Listen bounds a listener for Handler. Behind a proxy of ours only the total counts in it: every connection is the proxy's.
func (s *Server) Listen(l net.Listener) net.Listener {
	crowd := access.NewCrowd(s.cfg.Limits.PerAddress, s.cfg.Limits.Connections)
	return access.Listen(l, crowd, s.cfg.Proxied, s.counts(metrics.Public))
}

const operatorRoom = 256 // connections of the operators' listener

// ListenOperators bounds a listener for Operators.
func (s *Server) ListenOperators(l net.Listener) net.Listener {
	return access.Listen(l, access.NewCrowd(operatorRoom, operatorRoom), false, s.counts(metrics.Operators))
}

// counts counts what comes to a listener for nothing.
func (s *Server) counts(listener string) access.Told {
	return access.Told{
		Refused: func(bound string) { s.metrics.RefusedConns.Add(listener, bound) },
		Wasted:  func() { s.metrics.Wasted.Add(listener) },
	}
}

// Close ends the server. New sessions are turned away at once, those that only wait are told to come again, and
// transfers may end until ctx is done or Limits.Drain is over. An update file that is being made is left to the
// next start.
func (s *Server) Close(ctx context.Context) error {
	s.drain.Do(func() { close(s.draining) })
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Limits.Drain)
	defer cancel()
	err := s.live.Wait(ctx)
	s.cancel() // ends what is left
	s.live.CloseAll()
	s.offers.Wait()
	s.watching.Wait()
	if counted := s.rollouts.CountTime(context.WithoutCancel(ctx)); counted != nil {
		s.cfg.Log.Warn("the last minute of rollouts is not counted", "error", counted)
	}
	if err != nil {
		return fmt.Errorf("close server: transfers were broken off: %w", err)
	}
	return nil
}

// alarmed counts an alarm of a rollout, and has transfers of what was halted end.
func (s *Server) alarmed(model string, halted bool) {
	if !halted {
		s.metrics.Alarms.Add(1)
		return
	}
	s.metrics.Halted.Add(1)
	s.live.Look(model)
}
