package server

import (
	"crypto/sha256"
	"fmt"
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

// HashToken is how a token is kept and compared.
func HashToken(token string) [32]byte { return sha256.Sum256([]byte(token)) }
