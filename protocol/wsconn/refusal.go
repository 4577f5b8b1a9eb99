package wsconn

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"unbrick/protocol"
)

// Refusal is a server that answers a dial, but not with a link.
type Refusal struct {
	Status int    // of HTTP
	Text   string // what it says, at most protocol.MaxReason bytes; to be shown quoted
	Wait   uint32 // seconds after which it can be asked again, at most protocol.MaxWait; 0: it does not say
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("the server answers %d: %q", r.Status, r.Text) }

// refusalOf reads an answer that upgraded nothing; nil if there is none.
func refusalOf(a *http.Response) *Refusal {
	if a == nil || a.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(a.Body, protocol.MaxReason)) // what there is of it
	r := &Refusal{Status: a.StatusCode, Text: strings.TrimSpace(string(text))}
	if n, err := strconv.ParseUint(a.Header.Get("Retry-After"), 10, 32); err == nil {
		r.Wait = uint32(min(n, protocol.MaxWait))
	}
	return r
}

// speaks says whether a client offers our subprotocol, among others or alone.
func speaks(offers []string) bool {
	for _, line := range offers {
		for offer := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(offer) == protocol.Subprotocol {
				return true
			}
		}
	}
	return false
}
