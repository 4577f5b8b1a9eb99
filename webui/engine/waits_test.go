package engine_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/protocol"
	"unbrick/protocol/conntest"
	"unbrick/server"
	"unbrick/server/demo"
	"unbrick/server/storage/local"
	"unbrick/webui/state"

	"github.com/hack-pad/hackpadfs/mem"
)

// within is a server in this process, without a network, so that time can be virtual. What it says on the link comes from a
// script as long as there is one.
type within struct {
	server *server.Server

	mu     sync.Mutex
	script []protocol.Message // instead of a session: an error before the hello, or an information
	asked  []time.Duration    // when it was dialled for an update, since began
	began  time.Time
}

func (w *within) Fetch(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	q := httptest.NewRequestWithContext(ctx, method, path, bytes.NewReader(body))
	q.Header.Set("Accept", "application/cbor, application/octet-stream;q=0.9")
	q.Header.Set("Content-Type", "application/cbor")
	a := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(a, q)
	return a.Code, a.Body.Bytes(), nil
}

func (w *within) Dial(context.Context) (protocol.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	near, far := conntest.Pair()
	if w.began.IsZero() || len(w.script) == 0 {
		w.asked = append(w.asked, time.Since(w.began))
		go w.server.Converse(far, "test")
		return near, nil
	}
	w.asked = append(w.asked, time.Since(w.began))
	says := w.script[0]
	w.script = w.script[1:]
	go func() {
		defer far.Close()
		if says.Code() == protocol.CodeInfo {
			protocol.Send(far, &protocol.Challenge{}, nil)
			far.Recv()
		}
		protocol.Send(far, says, nil)
		far.Recv() // bye, or the end
		protocol.Send(far, &protocol.Bye{}, nil)
	}()
	return near, nil
}

// begin is when the script begins.
func (w *within) begin(script ...protocol.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.script, w.asked, w.began = script, nil, time.Now()
}

// TestLabAsksWhenItIsTold: a server that is busy, stops or makes the update file is asked again by itself, exactly when it says; who
// would have to wait for too long is told so.
func TestLabAsksWhenItIsTold(t *testing.T) {
	busy := &protocol.Error{Fault: protocol.FaultBusy, Wait: 20}
	making := &protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonPreparing, Wait: 7}
	for _, tt := range []struct {
		name   string
		script []protocol.Message
		want   state.Outcome
		asked  []time.Duration // besides what follows an update
	}{
		{"busy, then making", []protocol.Message{busy, making}, state.OutcomeConfirmed, []time.Duration{0, 20 * time.Second, 27 * time.Second}},
		{"the server does not say", []protocol.Message{&protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonPreparing}}, state.OutcomeConfirmed, []time.Duration{0, 5 * time.Second}},
		{"too long", []protocol.Message{&protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonPreparing, Wait: 600}}, state.OutcomeLater, []time.Duration{0}},
		{"trouble of its own", []protocol.Message{&protocol.Error{Fault: protocol.FaultInternal, Wait: 60}}, state.OutcomeLinkLost, []time.Duration{0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &within{}
				s := newStandWithin(t, w)
				s.run()
				s.makeDevice()
				s.until("the first word", func(st *state.State) bool { return st.Lab.Phase == state.LabRunning })
				synctest.Wait()
				w.begin(tt.script...)
				s.engine.Do(state.LabUpdate{})
				s.until("the outcome", func(st *state.State) bool { return st.Lab.Outcome == tt.want })
				w.mu.Lock()
				defer w.mu.Unlock()
				if len(w.asked) < len(tt.asked) || tt.want != state.OutcomeConfirmed && len(w.asked) > len(tt.asked) {
					t.Fatalf("asked at %v, want %v", w.asked, tt.asked)
				}
				for i, at := range tt.asked {
					if late := w.asked[i] - at; late < 0 || late > 2*time.Second {
						t.Errorf("asked at %v, want %v", w.asked, tt.asked)
					}
				}
			})
		})
	}
}

// newStandWithin is newStand without a network.
func newStandWithin(t *testing.T, w *within) *stand {
	t.Helper()
	store, err := local.Open(context.Background(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d, err := demo.New(t.Context(), store, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if w.server, err = server.New(&server.Config{Store: store, Demo: d, Workers: 1, Limits: server.Limits{Rate: 1e6, Burst: 1e6, Reports: 1e6, Drain: time.Second}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.server.Close(context.Background()) })
	fs, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	return &stand{T: t, store: store, fs: fs, outlet: &outlet{}, serial: "CORD-1", backend: w, news: make(chan struct{}, 1)}
}
