package access

import (
	"fmt"
	"net/http"
	"strings"
)

// Bounds of such a token, in bytes.
const (
	minToken = 16
	maxToken = 256
)

// ParseToken takes a token that somebody made for himself, as a person or a file gives it: what stands around it, such as the end of a
// line, does not belong to it. It must be able to travel in a header, and long enough that nobody finds it by trying.
func ParseToken(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) < minToken || len(s) > maxToken {
		return "", fmt.Errorf("a token of %d characters, %d to %d wanted; openssl rand -hex 20 makes one", len(s), minToken, maxToken)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return "", fmt.Errorf("character %d of the token is not ASCII that can be printed", i+1)
		}
	}
	return s, nil
}

// Bearer is the token that a request's header carries: said says whether there is one, and of several that differ none is it. What
// another scheme says is between the client and a proxy and no token.
func Bearer(h http.Header) (token string, said bool) {
	for _, header := range h.Values("Authorization") {
		scheme, is, _ := strings.Cut(strings.TrimSpace(header), " ")
		if is = strings.TrimSpace(is); is == "" || !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		if said && is != token {
			return "", true
		}
		token, said = is, true
	}
	return token, said
}
