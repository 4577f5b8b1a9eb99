package server

import (
	"fmt"
	"sync/atomic"
	"testing"

	"unbrick/protocol"
)

// BenchmarkSession is the commonest session: a device asks and nothing is newer. It includes a durable write.
func BenchmarkSession(b *testing.B) {
	r := newRig(b)
	one := r.publish("1", 1, image(1, 100_000))
	b.ResetTimer()
	for i := range b.N {
		c := r.dial()
		c.say(r.hello(fmt.Sprint("A-", i%1000), one))
		hears[*protocol.Info](c)
		c.bye()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
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
