package access

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// told is what a logger wrote. Lines about lines come from timers.
type told struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *told) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *told) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *told) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Reset()
}

// TestQuieten: many lines of one kind are told as one, none of another kind is lost for them, and afterwards all is told again.
func TestQuieten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out told
		omitted := 0
		log := Quieten(slog.New(slog.NewTextHandler(&out, nil)), func() { omitted++ })
		for i := range 10_000 {
			log.With("peer", i).WithGroup("g").Info("session over", "n", i)
		}
		log.Error("rollout halted")
		if n := strings.Count(out.String(), "session over"); n != linesAtOnce || omitted != 10_000-linesAtOnce {
			t.Errorf("%d lines were told, %d left out", n, omitted)
		}
		if !strings.Contains(out.String(), "rollout halted") {
			t.Error("a line of another kind is lost")
		}
		time.Sleep(tellOmitted)
		synctest.Wait()
		if want := fmt.Sprintf("line=\"session over\" number=%d", 10_000-linesAtOnce); strings.Count(out.String(), want) != 1 {
			t.Errorf("%q is not told once", want)
		}
		out.Reset()
		log.Info("session over")
		if !strings.Contains(out.String(), "session over") {
			t.Error("when it is quiet again, nothing is told")
		}
		out.Reset()
		for i := range 100_000 { // a mistake of ours: what differs each time is no kind
			log.Info(fmt.Sprint("peer ", i))
		}
		if n := strings.Count(out.String(), "\n"); n > maxKinds+linesAtOnce {
			t.Errorf("%d lines of as many kinds", n)
		}
		time.Sleep(tellOmitted)
		synctest.Wait()
	})
}
