package access

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// TestHandshakeEnds: who does not finish his TLS handshake loses his place when a header would be due, however he delays it.
func TestHandshakeEnds(t *testing.T) {
	made := httptest.NewUnstartedServer(nil)
	made.StartTLS()
	made.Close()
	for name, says := range map[string]string{"nothing": "", "a byte a second": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"} {
		synctest.Test(t, func(t *testing.T) {
			l, crowd, wasted := make(wires, 1), NewCrowd(1, 1), 0
			web := NewHTTP(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
			go web.Serve(tls.NewListener(Listen(l, crowd, false, Told{Refused: func(string) {}, Wasted: func() { wasted++ }}), &tls.Config{Certificates: made.TLS.Certificates}))
			ours, theirs := net.Pipe()
			l <- theirs
			began := time.Now()
			go func() {
				for i := range says {
					fmt.Fprint(ours, says[i:i+1])
					time.Sleep(time.Second)
				}
			}()
			io.Copy(io.Discard, ours)
			if took := time.Since(began); took > headerTime || wasted != 1 {
				t.Errorf("%s: a place was taken for %v, %d connections were wasted", name, took, wasted)
			}
			synctest.Wait()
			if leave, bound := crowd.Enter("next", false); leave == nil {
				t.Errorf("%s: the place is not free again: %s", name, bound)
			}
			ours.Close()
			web.Close()
			time.Sleep(time.Minute)
		})
	}
}
