package server

import (
	"fmt"
	"sync/atomic"
	"testing"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/identity"
)

// BenchmarkSession is the commonest session: a device asks and nothing is newer. It includes a durable write. What a signature costs
// stands beside: both ends of it are here, and a stranger's session is written down 20 times a second at most.
func BenchmarkSession(b *testing.B) {
	for _, kind := range []string{"signed", "unsigned"} {
		b.Run(kind, func(b *testing.B) {
			r := newRig(b)
			one := r.publish("1", 1, image(1, 100_000))
			const devices = 20
			for i := range devices { // they are known
				r.session(r.hello(fmt.Sprint("A-", i), one))
			}
			b.ResetTimer()
			for i := range b.N {
				c := r.dial()
				h := r.hello(fmt.Sprint("A-", i%devices), one)
				if kind == "unsigned" {
					h = unsigned(h)
				}
				c.say(h)
				hears[*protocol.Info](c)
				c.bye()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
		})
	}
}

// BenchmarkSignature is what a signed hello costs the server besides, and what it costs its sender.
func BenchmarkSignature(b *testing.B) {
	h := newRig(b).hello("A-1", release.Manifest{Version: "1"})
	var nonce protocol.Nonce
	key := deviceKey("A-1")
	said := encoded(sign(b, h, key, &nonce, "updates.example"))
	public := publicOf(key)
	b.Run("verified", func(b *testing.B) {
		for range b.N {
			if protocol.VerifyHello(said, &nonce, "updates.example") != nil || identity.CheckKey((*[32]byte)(&public)) != nil {
				b.Fatal("not verified")
			}
		}
	})
	b.Run("made", func(b *testing.B) {
		for range b.N {
			sign(b, h, key, &nonce, "updates.example")
		}
	})
}

// BenchmarkSessionsAtOnce is the same from many devices at a time.
func BenchmarkSessionsAtOnce(b *testing.B) {
	r := newRig(b)
	one := r.publish("1", 1, image(1, 100_000))
	var n atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			c := r.dial()
			c.say(r.hello(fmt.Sprint("A-", n.Add(1)), one))
			hears[*protocol.Info](c)
			c.bye()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
}

// BenchmarkTransfer sends a delta that is cached already to one device after the other.
func BenchmarkTransfer(b *testing.B) {
	r := newRig(b)
	a := image(1, 100_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, image(2, 100_000))
	info, _ := r.update(r.hello("warm", one))
	b.SetBytes(int64(info.Size))
	b.ResetTimer()
	for i := range b.N {
		r.update(r.hello(fmt.Sprint("B-", i), one))
	}
}

// BenchmarkWaitingSession tells what a session costs that is open and silent.
func BenchmarkWaitingSession(b *testing.B) {
	r := newRig(b, func(c *Config) { c.Limits.Sessions, c.Limits.PerAddress = 100_000, 100_000 })
	one := r.publish("1", 1, image(1, 20_000))
	b.ReportAllocs()
	for i := range b.N {
		c := r.dial()
		c.say(r.hello(fmt.Sprint("A-", i), one))
		hears[*protocol.Info](c)
	}
}
