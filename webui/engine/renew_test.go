package engine_test

import (
	"context"
	"testing"
	"testing/synctest"

	"unbrick/protocol"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

// slowServer answers that there is nothing, when it is let.
type slowServer struct{ answer chan struct{} }

func (s *slowServer) Fetch(ctx context.Context, _, _ string, _ []byte) (int, []byte, error) {
	select {
	case <-s.answer:
		return 200, []byte{0x80}, nil
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
}

func (s *slowServer) Dial(context.Context) (protocol.Conn, error) { return nil, protocol.ErrClosed }

// listener is a work that only hears that the server has said what it has.
type listener struct{ told int }

func (*listener) Start()                {}
func (*listener) Stop()                 {}
func (*listener) Recall() func()        { return func() {} }
func (*listener) Changed()              {}
func (l *listener) Told()               { l.told++ }
func (*listener) Do(state.Command) bool { return false }
func (*listener) Fill(*state.State)     {}
func (*listener) Moving() bool          { return false }
func (*listener) Rest()                 {}

// TestRenewKeepsTheWord: what the server has said is not forgotten because there is more of another kind before it was asked for.
func TestRenewKeepsTheWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, heard := &slowServer{make(chan struct{})}, &listener{}
		e := engine.New(&engine.World{Backend: server, Lent: true, Show: func(*state.State) {}}, func(*engine.Engine) engine.Work { return heard })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); e.Run(ctx) }()
		synctest.Wait() // it asks
		e.Renew(true)
		e.Renew(false)
		synctest.Wait()
		close(server.answer)
		synctest.Wait()
		stop()
		<-ended
		if heard.told != 2 { // by the first question, and by the one that followed
			t.Errorf("told %d times", heard.told)
		}
	})
}
