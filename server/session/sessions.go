// Package session leads the server's side of the conversation with one terminal, from the connection to its end: steps S01
// to S12 of the specification.
//
//	greet      challenge out, hello in (S01, S02)
//	inform     what the device is offered is chosen, recorded, and told (S03, S04)
//	transfer   a request in (S09), the update file out against credit (S10), done in
//	           or gone out, with new information, if what was offered may be had no more
//	           bye, both ways
//
// A terminal that keeps the rules of package protocol is waited for, within Limits; one that breaks them is told its fault and
// left. What a session brings about is recorded before it is begun, so that a server that crashes
// knows no less than its devices; what cannot be recorded is not begun.
//
// A hello that is signed with the key that is enrolled for its serial, over this connection's challenge and for a name of this
// server, is the device's word (greet). What anybody else says changes nothing that is known of the device or that others share;
// he is noted as a stranger, and is offered what there is. Any number of sessions may run under one serial: Live knows them all.
package session

import (
	"context"
	"log/slog"
	"time"

	"unbrick/protocol"
	"unbrick/server/fleet"
	"unbrick/server/metrics"
	"unbrick/server/offer"
	"unbrick/server/rollout"
	"unbrick/server/storage"
)

// Store is what a session needs of the server's storage, besides what the fleet and the offers keep there.
type Store interface {
	Model(ctx context.Context, id string) (storage.Model, error)
	Release(ctx context.Context, model string, image storage.Digest) (storage.Release, error)
	OpenBlob(ctx context.Context, d storage.Digest) (storage.Blob, error)
}

// Config is what Sessions are made of. All of it is required.
type Config struct {
	Store    Store
	Log      *slog.Logger
	Now      func() time.Time     // what is recorded
	Passed   func() time.Duration // since any moment, never falling
	Fleet    *fleet.Fleet
	Offers   *offer.Offers
	Rollouts *rollout.Watch
	Live     *Live
	Metrics  *metrics.Metrics
	Ending   <-chan struct{} // closed when the server is about to stop: who only waits is told to come again
	Limits   Limits
}

// Limits bound what a terminal can cause.
type Limits struct {
	Sessions    int           // at the same time
	SessionTime time.Duration // of a whole session
	Hello       time.Duration // from the connection to the hello
	Answer      time.Duration // waiting for the next message
	Prepare     time.Duration // waiting for the proof of a file that the device found wrong
}

// Sessions leads sessions. It may be used concurrently.
type Sessions struct {
	cfg Config
	ctx context.Context // of everything that outlives a connection
}

// New returns sessions that end at the latest with ctx.
func New(ctx context.Context, cfg Config) *Sessions { return &Sessions{cfg, ctx} }

// Peer is what is known of the other end of a connection.
type Peer struct {
	Address string // that it counts for
	// Names are the server's own: a device that dialled it has signed for one of them. What the peer says it dialled is none by itself.
	Names []string
}

// Converse leads one session on conn and closes conn. It returns when the session has ended; what went wrong
// is logged and counted.
func (s *Sessions) Converse(conn protocol.Conn, peer Peer) {
	defer conn.Close()
	v := &session{s: s, conn: conn, peer: peer, started: s.cfg.Passed(), in: newInbox(), changed: make(chan struct{}, 1),
		log: s.cfg.Log.With("peer", peer.Address)}
	if err := s.cfg.Live.enter(s.cfg.Limits.Sessions); err != nil {
		s.cfg.Metrics.Sessions.Add("busy")
		v.tell(fault(protocol.FaultBusy, "%v", err))
		return
	}
	defer s.cfg.Live.leave(v)
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Limits.SessionTime)
	defer cancel()
	go v.in.read(conn, v.heard)
	err := v.run(ctx)
	v.tell(err)
	conn.Close()
	<-v.in.over // the reader waits for nothing but the connection
	v.meet()
	v.finish(err)
}
