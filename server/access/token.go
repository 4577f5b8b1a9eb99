package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
)

// Bounds of the operator's token, in bytes.
const (
	minToken = 16
	maxToken = 256
)

// ParseToken takes the operator's token as a person or a file gives it: what stands around it, such as the end of a line, does not
// belong to it. It must be able to travel in a header, and long enough that nobody finds it by trying.
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

// Token is what is kept of the operator's token: its SHA-256. Nobody has the zero Token.
type Token [sha256.Size]byte

// HashToken is how a token is kept and compared.
func HashToken(token string) Token { return sha256.Sum256([]byte(token)) }

// In says whether a request's header carries a token, and whether it is this one: of several, all must be. What another scheme
// says is between the client and a proxy and no token. Hashes are compared, in constant time, so neither length nor content of the
// token shows in the time it takes.
func (t Token) In(h http.Header) (said, right bool) {
	right = t != Token{}
	for _, header := range h.Values("Authorization") {
		scheme, token, _ := strings.Cut(strings.TrimSpace(header), " ")
		if token = strings.TrimSpace(token); token == "" || !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		sum := HashToken(token)
		said, right = true, right && subtle.ConstantTimeCompare(sum[:], t[:]) == 1
	}
	return said, said && right
}

type operatorKey struct{}

// WithOperator notes on a request whether it carried the operator's token.
func WithOperator(r *http.Request, right bool) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), operatorKey{}, right))
}

// IsOperator says whether WithOperator noted that it did.
func IsOperator(r *http.Request) bool {
	right, _ := r.Context().Value(operatorKey{}).(bool)
	return right
}
