package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/limits"
	"unbrick/protocol"
	"unbrick/protocol/wsconn"
	"unbrick/release"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

// The hostile link: at every point of a session every message, flood, silence, half message, drop and frame of another
// kind, and after each the server is as it was before. The whole stack runs, HTTP and WebSocket included, over wires in
// virtual time, so that each time limit is waited for and costs nothing. The peer speaks WebSocket by hand: it owes the
// rules nothing.

// peer is the other end of a connection.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	said sync.Mutex // writes

	nonce protocol.Nonce // of its challenge

	mu     sync.Mutex
	heard  []protocol.Message
	data   int // bytes of update file received
	deaf   chan struct{}
	silent bool // does not even answer a ping
	closed chan struct{}
	gone   chan struct{}
}

// hostileRig is a server in a bubble.
type hostileRig struct {
	*rig
	listener wires
	one      release.Manifest
	info     *protocol.Info // what a device without a known image is offered
	gate     chan struct{}  // making of the delta from one waits for it
	serial   int
}

// wires is a listener of connections within this process, whose time a test can move.
type wires chan net.Conn

func (p wires) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p wires) Close() error   { close(p); return nil }
func (p wires) Addr() net.Addr { return &net.TCPAddr{} }

func newHostileRig(t *testing.T) *hostileRig {
	h := &hostileRig{rig: newServer(t, func(c *Config) { c.Limits, c.Names = Limits{Rate: 1e9, Burst: 1e9}, []string{"rig"} }), listener: make(wires)}
	h.describe()
	web := &http.Server{Handler: h.s.Handler()}
	go web.Serve(h.listener)
	t.Cleanup(func() { web.Close() })
	random := rand.New(rand.NewPCG(1, 2))
	img := make([]byte, 150_000) // does not compress: several messages
	for i := range img {
		img[i] = byte(random.Uint32())
	}
	h.one = h.publish("1", 1, image(1, 20_000))
	h.publish("2", 2, img)
	var create offer.Maker
	create = h.creates(func(ctx context.Context, k *storage.FileKey) (*offer.Product, error) {
		if k.From != h.one.Digest {
			return create(ctx, k)
		}
		select {
		case <-h.gate:
			return &offer.Product{File: []byte("a delta"), Needs: 100}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	p := h.dial(t)
	p.say(h.greet())
	h.info = hearsNow[*protocol.Info](p)
	p.end()
	synctest.Wait()
	return h
}

// greet is the hello of a fresh serial that runs an unknown image, so that it is offered the full image.
func (h *hostileRig) greet() *protocol.Hello {
	h.serial++
	return h.hello(fmt.Sprint("H-", h.serial), release.Manifest{Version: "0", Digest: release.Digest{42}})
}

func (h *hostileRig) dial(t *testing.T) *peer {
	t.Helper()
	p := h.connect(t)
	go p.read(p.in)
	p.nonce = hearsNow[*protocol.Challenge](p).Nonce
	return p
}

// connect opens a link from which nothing has been read.
func (h *hostileRig) connect(t *testing.T) *peer {
	t.Helper()
	client, server := net.Pipe()
	h.listener <- server
	p := &peer{t: t, conn: client, deaf: make(chan struct{}), closed: make(chan struct{}), gone: make(chan struct{})}
	fmt.Fprintf(client, "GET /link HTTP/1.1\r\nHost: rig\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", protocol.Subprotocol)
	p.in = bufio.NewReader(client)
	a, err := http.ReadResponse(p.in, nil)
	if err != nil || a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v %v", a, err)
	}
	return p
}

const (
	opMore, opText, opBinary, opClose, opPing = 0, 1, 2, 8, 9
	final                                     = 0x80
)

// frame sends one WebSocket frame, masked with zeros. It reports whether the server took it.
func (p *peer) frame(head byte, payload []byte) bool {
	b := []byte{head, 0x80}
	switch n := len(payload); {
	case n < 126:
		b[1] |= byte(n)
	case n < 1<<16:
		b[1] |= 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] |= 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return p.raw(append(append(b, 0, 0, 0, 0), payload...))
}

func (p *peer) raw(b []byte) bool {
	p.said.Lock()
	defer p.said.Unlock()
	_, err := p.conn.Write(b)
	return err == nil
}

func encoded(m protocol.Message) []byte {
	b, err := m.Append(nil)
	if err != nil {
		panic(err)
	}
	return b
}

func (p *peer) say(m protocol.Message) bool {
	if h, ok := m.(*protocol.Hello); ok && h.Device != nil && h.Signature == nil {
		m = sign(p.t, h, deviceKey(h.Serial), &p.nonce, "rig")
	}
	return p.frame(final|opBinary, encoded(m))
}

// read takes what the server sends until the end, and answers its pings unless the peer is silent.
func (p *peer) read(in *bufio.Reader) {
	defer close(p.gone)
	for {
		var head [2]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		n := uint64(head[1] & 0x7f)
		var long [8]byte
		switch n {
		case 126:
			io.ReadFull(in, long[:2])
			n = uint64(binary.BigEndian.Uint16(long[:]))
		case 127:
			io.ReadFull(in, long[:])
			n = binary.BigEndian.Uint64(long[:])
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return
		}
		select {
		case <-p.deaf:
			<-p.closed // reads nothing any more
			return
		default:
		}
		if head[0] != final|opBinary {
			continue
		}
		m, err := protocol.Decode(b)
		if err != nil {
			p.t.Errorf("the server sent %x: %v", b, err)
			return
		}
		p.mu.Lock()
		p.heard = append(p.heard, m)
		if d, ok := m.(*protocol.Data); ok {
			p.data += len(d.Bytes)
		}
		silent := p.silent
		p.mu.Unlock()
		if ping, ok := m.(*protocol.Ping); ok && !silent {
			go p.say(&protocol.Pong{Number: ping.Number})
		}
	}
}

func (p *peer) stopReading() {
	select {
	case <-p.deaf:
	default:
		close(p.deaf)
	}
}

func (p *peer) end() {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	p.conn.Close()
	<-p.gone
}

// hearsNow is the next message but ping that the server has sent, which must be a T.
func hearsNow[T protocol.Message](p *peer) T {
	p.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.heard) > 0 {
		m := p.heard[0]
		p.heard = p.heard[1:]
		if _, ping := m.(*protocol.Ping); ping {
			continue
		}
		v, ok := m.(T)
		if !ok {
			p.t.Fatalf("heard %s %+v, want %T", m.Code(), m, v)
		}
		return v
	}
	var none T
	p.t.Fatalf("heard nothing, want %T", none)
	return none
}

// point is a point of a session, and which messages belong there. Ping and pong belong everywhere.
type point struct {
	name    string
	belongs []protocol.Code
	deaf    bool // the peer reads nothing any more
	quiet   bool // the server has said its last word, or is not to be heard now: no fault comes
	reach   func(h *hostileRig, p *peer)
}

func points() []point {
	info := func(h *hostileRig, p *peer) {
		p.say(h.greet())
		hearsNow[*protocol.Info](p)
	}
	transfer := func(h *hostileRig, p *peer) {
		info(h, p)
		p.say(&protocol.Request{Digest: h.info.Digest, Credit: 10})
		hearsNow[*protocol.Data](p)
	}
	end := func(h *hostileRig, p *peer) {
		info(h, p)
		p.say(&protocol.Request{Digest: h.info.Digest, Offset: h.info.Size - 10, Credit: 10})
		hearsNow[*protocol.Data](p)
		hearsNow[*protocol.End](p)
	}
	return []point{
		{"before hello", []protocol.Code{protocol.CodeHello}, false, false, func(*hostileRig, *peer) {}},
		{"while the file is made", nil, false, true, func(h *hostileRig, p *peer) {
			for _, f := range h.files() {
				if f.Key.From == h.one.Digest && f.State != storage.FileWanted {
					h.must(http.StatusOK, "PUT", fmt.Sprintf("/api/files/%d/state", f.ID), []byte(`{"state":"wanted"}`))
				}
			}
			hello := h.greet()
			hello.Digest, hello.Order = h.one.Digest, 1
			p.say(hello)
			synctest.Wait()
		}},
		{"after info", []protocol.Code{protocol.CodeRequest, protocol.CodeError, protocol.CodeBye}, false, false, info},
		{"in a transfer, credit due", []protocol.Code{protocol.CodeCredit, protocol.CodeError, protocol.CodeBye}, false, false, transfer},
		{"in a transfer, nobody reads", nil, true, true, func(h *hostileRig, p *peer) {
			info(h, p)
			p.stopReading()
			p.say(&protocol.Request{Digest: h.info.Digest, Credit: h.info.Size})
			synctest.Wait()
		}},
		{"after end", []protocol.Code{protocol.CodeCredit, protocol.CodeDone, protocol.CodeError, protocol.CodeBye}, false, false, end},
		{"after done", []protocol.Code{protocol.CodeRequest, protocol.CodeError, protocol.CodeBye}, false, false, func(h *hostileRig, p *peer) {
			end(h, p)
			p.say(&protocol.Done{Digest: h.info.Digest})
			synctest.Wait()
		}},
		{"after error", []protocol.Code{protocol.CodeBye}, false, false, func(h *hostileRig, p *peer) {
			info(h, p)
			p.say(&protocol.Error{Fault: protocol.FaultSignature, Text: []byte("no")})
			synctest.Wait()
		}},
		{"after gone", []protocol.Code{protocol.CodeRequest, protocol.CodeCredit, protocol.CodeError, protocol.CodeBye}, false, false, func(h *hostileRig, p *peer) {
			transfer(h, p)
			to, _, err := release.Parse(h.info.Manifest)
			if err != nil {
				p.t.Fatal(err)
			}
			h.must(http.StatusOK, "POST", fmt.Sprintf("/api/devices/0001/H-%d/hold", h.serial), []byte(`{"image":"`+release.Hex(to.Digest)+`"}`))
			hearsNow[*protocol.Gone](p)
		}},
		{"after bye", nil, false, true, func(h *hostileRig, p *peer) {
			info(h, p)
			p.say(&protocol.Bye{})
			hearsNow[*protocol.Bye](p)
		}},
	}
}

// kind is something that a peer may do to a server.
type kind struct {
	name string
	code protocol.Code // of a single message, else 0
	do   func(h *hostileRig, p *peer)
	deaf bool // the peer reads nothing any more
}

const flood = 60 // messages: more than every queue on the way holds

// kinds are every message there is, once and as a flood, and what is no message at all.
func kinds() []kind {
	var all []kind
	for code := protocol.CodeHello; ; code++ {
		m := sample(code)
		if m == nil {
			break
		}
		once := func(h *hostileRig, p *peer) { p.say(m(h)) }
		all = append(all, kind{code.String(), code, once, false}, kind{"flood of " + code.String(), 0, func(h *hostileRig, p *peer) {
			for range flood {
				if !p.say(m(h)) {
					return
				}
			}
		}, false})
	}
	say := func(head byte, payload []byte, times int) func(*hostileRig, *peer) {
		return func(_ *hostileRig, p *peer) {
			for range times {
				if !p.frame(head, payload) {
					return
				}
			}
		}
	}
	bye := encoded(&protocol.Bye{})
	return append(all,
		kind{"nothing", 0, func(*hostileRig, *peer) {}, false},
		kind{"half a message", 0, func(_ *hostileRig, p *peer) { p.raw([]byte{final | opBinary, 0x80 | 100, 0, 0, 0, 0, 1, 2}) }, false},
		kind{"half a head", 0, func(_ *hostileRig, p *peer) { p.raw([]byte{final | opBinary}) }, false},
		kind{"an empty message", 0, say(final|opBinary, nil, 1), false},
		kind{"no message", 0, say(final|opBinary, []byte{0xff}, 1), false},
		kind{"a message with something behind", 0, say(final|opBinary, append(bye, 0), 1), false},
		kind{"a message cut short", 0, say(final|opBinary, encoded(&protocol.Credit{Bytes: 1 << 20})[:2], 1), false},
		kind{"a text", 0, say(final|opText, []byte("hello"), 1), false},
		kind{"too large", 0, say(final|opBinary, make([]byte, protocol.MaxMessage+1), 1), false},
		kind{"a message without end", 0, func(h *hostileRig, p *peer) {
			p.frame(opBinary, make([]byte, 1000))
			say(opMore, make([]byte, 1000), 100)(h, p)
		}, false},
		kind{"credit of nothing", 0, say(final|opBinary, []byte{0x82, 5, 0}, flood), false},
		kind{"more credit than may be", 0, say(final|opBinary, []byte{0x82, 5, 0x1a, 0xff, 0xff, 0xff, 0xff}, 3), false},
		kind{"pings of the transport", 0, say(final|opPing, []byte("x"), flood), false},
		kind{"close", 0, say(final|opClose, []byte{3, 232}, 1), false},
		kind{"what is no frame", 0, func(_ *hostileRig, p *peer) { p.raw([]byte{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff}) }, false},
		kind{"a flood that nobody reads the answers of", 0, func(h *hostileRig, p *peer) {
			p.stopReading()
			for range flood {
				if !p.say(&protocol.Ping{Number: 1}) || !p.say(&protocol.Credit{Bytes: 1}) {
					return
				}
			}
		}, true},
	)
}

// sample makes a message of a code, nil behind the last one.
func sample(code protocol.Code) func(h *hostileRig) protocol.Message {
	switch code {
	case protocol.CodeHello:
		return func(h *hostileRig) protocol.Message { return h.greet() }
	case protocol.CodeInfo:
		return func(h *hostileRig) protocol.Message { return h.info }
	case protocol.CodeGone:
		return func(h *hostileRig) protocol.Message { return &protocol.Gone{Info: *h.info} }
	case protocol.CodeRequest:
		return func(h *hostileRig) protocol.Message { return &protocol.Request{Digest: h.info.Digest, Credit: 1} }
	case protocol.CodeData:
		return func(*hostileRig) protocol.Message { return &protocol.Data{Bytes: make([]byte, protocol.MaxData)} }
	case protocol.CodeCredit:
		return func(*hostileRig) protocol.Message { return &protocol.Credit{Bytes: 1} }
	case protocol.CodeEnd:
		return func(h *hostileRig) protocol.Message { return &protocol.End{Size: 1, Digest: h.info.Digest} }
	case protocol.CodeDone:
		return func(h *hostileRig) protocol.Message { return &protocol.Done{Digest: h.info.Digest} }
	case protocol.CodeError:
		return func(*hostileRig) protocol.Message { return &protocol.Error{Fault: protocol.FaultInternal} }
	case protocol.CodePing:
		return func(*hostileRig) protocol.Message { return &protocol.Ping{Number: 7} }
	case protocol.CodePong:
		return func(*hostileRig) protocol.Message { return &protocol.Pong{Number: 7} }
	case protocol.CodeBye:
		return func(*hostileRig) protocol.Message { return &protocol.Bye{} }
	case protocol.CodeChallenge:
		return func(*hostileRig) protocol.Message { return &protocol.Challenge{} }
	case protocol.CodeNews:
		return func(*hostileRig) protocol.Message { return &protocol.News{Wait: 1} }
	case protocol.CodeTrust:
		return func(*hostileRig) protocol.Message { return &protocol.Trust{Statement: make([]byte, limits.Statement)} }
	case protocol.CodeFresh:
		return func(*hostileRig) protocol.Message { return &protocol.Fresh{Signed: make([]byte, limits.Fresh)} }
	}
	return nil
}

// ending is what the peer does afterwards, and how long its place may be taken then.
type ending struct {
	name string
	do   func(p *peer)
	free func(h *hostileRig, at *point, k *kind) time.Duration
}

// How much longer than its limits a session may take: the peer's part of a close is waited for, and what it does not read
// is given up when the transport's time for writing is over.
const (
	slack   = 10 * time.Second
	silence = slack + 2*wsconn.WriteTimeout
)

const maxRequests = 4 // in one session, as package session has it

func endings() []ending {
	limits := func(h *hostileRig, at *point, k *kind, slack time.Duration) time.Duration {
		l := &h.s.cfg.Limits
		switch {
		case at.name == "before hello" && k.code != protocol.CodeHello:
			return l.Hello + slack
		case at.name == "while the file is made": // each request may wait for it once more
			return (1+maxRequests)*l.Prepare + l.Answer + slack
		}
		return l.Answer + slack
	}
	return []ending{
		{"and hangs up", func(p *peer) { p.end() }, func(*hostileRig, *point, *kind) time.Duration { return 2 * time.Second }},
		{"and lives on", func(*peer) {}, func(h *hostileRig, at *point, k *kind) time.Duration {
			if at.deaf || k.deaf {
				return limits(h, at, k, silence)
			}
			return limits(h, at, k, slack)
		}},
		{"and falls silent", func(p *peer) {
			p.mu.Lock()
			p.silent = true
			p.mu.Unlock()
			p.stopReading()
		}, func(h *hostileRig, at *point, k *kind) time.Duration { return limits(h, at, k, silence) }},
	}
}

func (h *hostileRig) files() []storage.File {
	files, err := h.store.Files(context.Background(), "0001", 0, storage.MaxPage)
	if err != nil {
		h.Fatal(err)
	}
	return files
}

func TestHostileLink(t *testing.T) {
	for n, at := range points() {
		t.Run(at.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { hostile(t, newHostileRig(t), n, &at) })
		})
	}
}

// hostile does everything at the n-th point of a session.
func hostile(t *testing.T, h *hostileRig, n int, at *point) {
	baseline, _ := goroutines()
	for i, k := range kinds() {
		for j, e := range endings() {
			if testing.Short() && (i+j+n)%3 != 0 { // each kind with one ending, another at each point
				continue
			}
			name := k.name + " " + e.name
			h.gate = make(chan struct{})
			p := h.dial(t)
			at.reach(h, p)
			k.do(h, p)
			synctest.Wait()
			began := time.Now()
			e.do(p)
			bound := e.free(h, at, &k)
			for step := time.Second; h.s.live.Number() > 0 && time.Since(began) < bound; step = 15 * time.Second {
				time.Sleep(min(step, bound)) // in virtual time
				synctest.Wait()
			}
			if n := h.s.live.Number(); n > 0 {
				t.Fatalf("%s: %d places are taken %v later", name, n, bound)
			}
			if e.name == "and lives on" && k.code != 0 {
				p.law(at, k.code, name)
			}
			p.end()
			close(h.gate)
			time.Sleep(2 * time.Second) // the transport's goodbye
			synctest.Wait()
			h.asBefore(name, p, baseline)
			if t.Failed() {
				return
			}
		}
	}
}

// law checks that a message which does not belong is told so: a fault, then bye, then nothing.
func (p *peer) law(at *point, code protocol.Code, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	belongs := at.quiet || code == protocol.CodePing || code == protocol.CodePong
	for _, c := range at.belongs {
		belongs = belongs || c == code
	}
	var faults []protocol.Fault
	last := protocol.Code(0)
	for _, m := range p.heard {
		if m.Code() == protocol.CodePing || m.Code() == protocol.CodePong {
			continue // not seen above the connection
		}
		if last == protocol.CodeBye {
			p.t.Errorf("%s: %s after bye", name, m.Code())
		}
		if e, ok := m.(*protocol.Error); ok {
			faults = append(faults, e.Fault)
		}
		last = m.Code()
	}
	if !belongs && (len(faults) != 1 || faults[0] != protocol.FaultUnexpected || last != protocol.CodeBye) {
		p.t.Errorf("%s: faults %v, last %s: want unexpected, and bye", name, faults, last)
	}
}

// goroutines counts those of the bubble: the runtime has some of its own that come and go.
func goroutines() (n int, stacks []byte) {
	synctest.Wait()
	stacks = make([]byte, 256<<10)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte(", synctest bubble ")), stacks
}

// asBefore checks that nothing is left of a peer.
func (h *hostileRig) asBefore(name string, p *peer, baseline int) {
	h.Helper()
	n, stacks := goroutines()
	for tries := 0; n != baseline && tries < 1000; tries++ { // one that has returned counts until it is put away
		runtime.Gosched()
		n, stacks = goroutines()
	}
	if n != baseline {
		h.Errorf("%s: %d goroutines, %d before\n%s", name, n, baseline, stacks)
	}
	if h.s.live.Number() != 0 || h.s.offers.Waiting() != 0 {
		h.Errorf("%s: %d sessions, %d files waited for", name, h.s.live.Number(), h.s.offers.Waiting())
	}
	group := storage.GroupReceiving
	page, err := h.store.Devices(context.Background(), storage.Query{Group: &group, Cut: h.s.fleet.Cutoffs(), Limit: 1})
	if err != nil || page.Total != 0 {
		h.Errorf("%s: %d devices are receiving, %v", name, page.Total, err)
	}
	for _, f := range h.files() {
		if f.State == storage.FileMaking {
			h.Errorf("%s: a file is still leased", name)
		}
	}
	if most := int(h.info.Size) * maxRequests; p.data > most {
		h.Errorf("%s: %d bytes sent, at most %d", name, p.data, most)
	}
}
