package hostile

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"unbrick/protocol"
	"unbrick/protocol/wsconn"
	"unbrick/release"
	"unbrick/server/fleet"
)

// adversary is a stranger at many addresses. He has all that is public, and all that went over the wire: serials, releases, hellos.
type adversary struct {
	proxy     *proxy
	addresses int
	serials   []string
	releases  []release.Manifest
	kid       release.KeyID
	tried     map[string]*atomic.Int64
	heard     sync.Map // hellos that he recorded, by serial
}

// ways are what he does, each as often as the others.
func (a *adversary) ways() map[string]func(ctx context.Context, r *mathrand.Rand) {
	return map[string]func(context.Context, *mathrand.Rand){
		"hello unsigned, takes the file, never comes back": func(ctx context.Context, r *mathrand.Rand) { a.speaks(ctx, r, unsigned, true) },
		"hello by a key of his own under a serial of ours": func(ctx context.Context, r *mathrand.Rand) { a.speaks(ctx, r, own, true) },
		"hello by a key of his own under an invented serial": func(ctx context.Context, r *mathrand.Rand) {
			a.speaks(ctx, r, func(c *wsconn.Conn, h *protocol.Hello, n *protocol.Nonce) []byte {
				h.Serial = fmt.Sprintf("X-%d", r.Uint32())
				return own(c, h, n)
			}, false)
		},
		"hello that a device said before":                        a.replays,
		"hello that a device signed for his server, handed on":   func(ctx context.Context, r *mathrand.Rand) { a.speaks(ctx, r, relayed, false) },
		"hello for his server, with that server's name in front": func(ctx context.Context, r *mathrand.Rand) { a.holds(ctx, r, "false.example", relayed, false) },
		"claim that a rewrite failed, and that files are wrong": func(ctx context.Context, r *mathrand.Rand) {
			a.speaks(ctx, r, func(c *wsconn.Conn, h *protocol.Hello, n *protocol.Nonce) []byte {
				last := a.releases[len(a.releases)-1]
				h.Report = &protocol.Report{Verdict: protocol.VerdictFailed, From: h.Digest, To: last.Digest, Dead: []uint32{0x5000}}
				h.Refused = []release.Digest{last.Digest}
				return own(c, h, n)
			}, false)
		},
		"link without a hello":                  a.silent,
		"link that asks for a file, and stalls": a.stalls,
		"messages that are none":                a.garbage,
		"report on a device":                    a.reports,
		"numbers for receipts":                  func(ctx context.Context, r *mathrand.Rand) { a.post(ctx, r, "POST", "/api/reports/nonce", nil) },
		"tokens by trying":                      a.tokens,
		"operators' addresses without a token":  a.operators,
		"large bodies": func(ctx context.Context, r *mathrand.Rand) {
			a.post(ctx, r, "POST", "/api/releases", make([]byte, 1<<20))
		},
		"downloads that are left": a.downloads,
		"bodies that never end":   a.endless,
	}
}

// from is one of his addresses.
func (a *adversary) from(r *mathrand.Rand) string {
	n := r.IntN(a.addresses)
	return fmt.Sprintf("10.%d.%d.%d", n>>16&0xff, n>>8&0xff, n&0xff)
}

func (a *adversary) link(ctx context.Context, r *mathrand.Rand, name string) (*wsconn.Conn, *protocol.Nonce) {
	c, err := wsconn.Dial(ctx, "http://"+name+"/link", &wsconn.Options{Client: a.proxy.client(a.from(r))})
	if err != nil {
		return nil, nil
	}
	context.AfterFunc(ctx, func() { c.Close() })
	b, err := c.Recv()
	var m protocol.Challenge
	if err != nil || m.Decode(b) != nil {
		c.Close()
		return nil, nil
	}
	return c, &m.Nonce
}

// hello is what one of the devices would say.
func (a *adversary) hello(r *mathrand.Rand) *protocol.Hello {
	runs := a.releases[r.IntN(len(a.releases))]
	return &protocol.Hello{Threshold: 1, Model: modelID, Serial: a.serials[r.IntN(len(a.serials))], Release: runs.Version, Order: runs.Order,
		Digest: runs.Digest, Keys: []release.KeyID{a.kid}, Workspace: 100 << 10, Confirmed: true, Sequence: r.Uint32(),
		Kinds: protocol.KindsOf(protocol.KindDelta, protocol.KindFull)}
}

func unsigned(_ *wsconn.Conn, h *protocol.Hello, _ *protocol.Nonce) []byte { return encoded(h) }

func own(c *wsconn.Conn, h *protocol.Hello, nonce *protocol.Nonce) []byte {
	return signed(h, nonce, c.Host())
}

// relayed is for another name than the one that the connection was made by.
func relayed(_ *wsconn.Conn, h *protocol.Hello, nonce *protocol.Nonce) []byte {
	return signed(h, nonce, "false.example")
}

func signed(h *protocol.Hello, nonce *protocol.Nonce, host string) []byte {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	h.Device = public
	b, err := h.AppendSigned(nil, nonce, host)
	if err != nil {
		panic(err)
	}
	h.Signature = ed25519.Sign(key, b)
	return encoded(h)
}

func encoded(m protocol.Message) []byte {
	b, err := m.Append(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// speaks holds a session; takes says whether he takes the file that he is offered, and says that he will install it.
func (a *adversary) speaks(ctx context.Context, r *mathrand.Rand, say func(*wsconn.Conn, *protocol.Hello, *protocol.Nonce) []byte, takes bool) {
	a.holds(ctx, r, serverName, say, takes)
}

// holds is speaks by another name of the server.
func (a *adversary) holds(ctx context.Context, r *mathrand.Rand, name string, say func(*wsconn.Conn, *protocol.Hello, *protocol.Nonce) []byte,
	takes bool) {
	c, nonce := a.link(ctx, r, name)
	if c == nil {
		return
	}
	defer c.Close()
	if c.Send(say(c, a.hello(r), nonce)) != nil {
		return
	}
	b, err := c.Recv()
	var info protocol.Info
	if err != nil || info.Decode(b) != nil || info.Kind == protocol.KindNone || !takes {
		return
	}
	in, err := protocol.NewReceiver(info.Size, 0, 1<<16)
	if err != nil {
		return
	}
	q := in.Request(info.Digest)
	protocol.Send(c, &q, nil)
	for !in.Finished() {
		b, err := c.Recv()
		var d protocol.Data
		if err != nil || d.Decode(b) != nil || in.Accept(&d) != nil {
			return
		}
		if n := in.Stored(uint32(len(d.Bytes))); n > 0 {
			protocol.Send(c, &protocol.Credit{Bytes: n}, nil)
		}
	}
	protocol.Send(c, &protocol.Done{Digest: info.Digest}, nil)
	c.Recv()
}

// replays says what a device said before.
func (a *adversary) replays(ctx context.Context, r *mathrand.Rand) {
	said, ok := a.heard.Load(a.serials[r.IntN(len(a.serials))])
	if !ok {
		return
	}
	if c, _ := a.link(ctx, r, serverName); c != nil {
		c.Send(said.([]byte))
		c.Recv()
		c.Close()
	}
}

// silent waits until he is told to leave.
func (a *adversary) silent(ctx context.Context, r *mathrand.Rand) {
	if c, _ := a.link(ctx, r, serverName); c != nil {
		c.Recv()
		c.Close()
	}
}

func (a *adversary) stalls(ctx context.Context, r *mathrand.Rand) {
	c, nonce := a.link(ctx, r, serverName)
	if c == nil {
		return
	}
	defer c.Close()
	c.Send(own(c, a.hello(r), nonce))
	b, err := c.Recv()
	var info protocol.Info
	if err != nil || info.Decode(b) != nil || info.Kind == protocol.KindNone {
		return
	}
	protocol.Send(c, &protocol.Request{Digest: info.Digest, Credit: 1 << 10}, nil)
	c.Recv()
	c.Recv() // nothing more is owed: the server waits for him
}

func (a *adversary) garbage(ctx context.Context, r *mathrand.Rand) {
	c, _ := a.link(ctx, r, serverName)
	if c == nil {
		return
	}
	b := make([]byte, r.IntN(2000))
	rand.Read(b)
	if r.IntN(2) == 0 {
		b = encoded(a.hello(r))
		b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
	}
	c.Send(b)
	c.Recv()
	c.Close()
}

func (a *adversary) reports(ctx context.Context, r *mathrand.Rand) {
	h := a.hello(r)
	p := fleet.Report{Model: modelID, Serial: h.Serial, Outcome: fleet.Outcome(1 + r.IntN(3)), From: h.Release, Version: h.Release, Image: h.Digest,
		Via: "page"}
	rand.Read(p.ID[:])
	if r.IntN(2) == 0 {
		receipt := release.Receipt{Model: modelID, Serial: h.Serial, Sequence: 1 << 30, To: h.Digest}
		if b, err := release.AppendReceipt(nil, &receipt); err == nil {
			p.Receipt, p.Signature = b, make([]byte, ed25519.SignatureSize)
		}
	}
	if b, err := p.Append(nil); err == nil {
		a.post(ctx, r, "POST", "/api/reports", b)
	}
}

// post sends a request as the client of an address.
func (a *adversary) post(ctx context.Context, r *mathrand.Rand, method, path string, body []byte, header ...string) {
	q, err := http.NewRequestWithContext(ctx, method, "http://"+serverName+path, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	q.Header.Set("Content-Type", "application/cbor")
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	if answer, err := a.proxy.client(a.from(r)).Do(q); err == nil {
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}

func (a *adversary) tokens(ctx context.Context, r *mathrand.Rand) {
	a.post(ctx, r, "GET", "/api/devices", nil, "Authorization", fmt.Sprintf("Bearer ubk_%08x%032x", r.Uint32(), r.Uint64()))
}

func (a *adversary) operators(ctx context.Context, r *mathrand.Rand) {
	method := []string{"GET", "POST", "PUT", "DELETE"}[r.IntN(4)]
	path := []string{"/metrics", "/api/devices", "/api/strangers?model=" + modelID, "/api/devices/" + modelID + "/" + a.serials[0], "/api/keys",
		"/api/models/" + modelID, "/api/accounts/admin", "/api/audit", "/api/models/" + modelID + "/enrolment"}[r.IntN(9)]
	a.post(ctx, r, method, path, []byte("{}"), "Cookie", "unbrick=AAAA")
}

func (a *adversary) downloads(ctx context.Context, r *mathrand.Rand) {
	m := a.releases[r.IntN(len(a.releases))]
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, "GET", "http://"+serverName+"/api/releases/"+release.Hex(m.Digest)+"/file?model="+modelID, nil)
	if err != nil {
		panic(err)
	}
	if answer, err := a.proxy.client(a.from(r)).Do(q); err == nil {
		io.CopyN(io.Discard, answer.Body, 1000)
	}
}

// endless sends a body a byte at a time, until he is told to leave.
func (a *adversary) endless(ctx context.Context, r *mathrand.Rand) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", strings.TrimPrefix(a.proxy.URL, "http://"))
	if err != nil {
		return
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	fmt.Fprintf(c, "POST /api/reports HTTP/1.1\r\nHost: %s\r\n%s: %s\r\nContent-Type: application/cbor\r\nContent-Length: 4000\r\n\r\n", serverName,
		fromHeader, a.from(r))
	go func() {
		slow := time.NewTicker(time.Second)
		defer slow.Stop()
		for range slow.C {
			if _, err := c.Write([]byte{0}); err != nil {
				return
			}
		}
	}()
	io.Copy(io.Discard, c)
}

// attack does all of it with some hands until ctx ends.
func (a *adversary) attack(ctx context.Context, hands int, seed uint64) *sync.WaitGroup {
	ways := a.ways()
	a.tried = map[string]*atomic.Int64{}
	var work sync.WaitGroup
	for name, way := range ways {
		counter := new(atomic.Int64)
		a.tried[name] = counter
		for hand := range hands {
			work.Go(func() {
				r := mathrand.New(mathrand.NewPCG(seed, uint64(hand)<<8|uint64(len(name))))
				for ctx.Err() == nil {
					way(ctx, r)
					counter.Add(1)
				}
			})
		}
	}
	return &work
}
