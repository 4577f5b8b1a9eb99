package protocol

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"strings"

	"unbrick/internal/cbor"
	"unbrick/limits"
)

// Lengths of key and nonce in a hello, and of what stands before the message in what is signed.
const (
	deviceSize = ed25519.PublicKeySize
	freshSize  = 16
	signedHead = len(helloContext) + NonceSize + sha256.Size

	helloContext = "unbrick hello v2\x00" // so that the signature means nothing elsewhere
	// signatureItem is the signature as an item of the message, which it ends: a head of two bytes, and 64.
	signatureItem = 2 + ed25519.SignatureSize
)

// Why a hello may be anybody's.
var (
	ErrUnsigned = errors.New("hello names no device key")
	ErrForged   = errors.New("hello is not signed by its device key for this connection")
	ErrHost     = errors.New("not the name of a host in lower case, without port")
)

// signatureSize returns how long the signature of a hello is that names this device key.
func signatureSize(device []byte) int {
	if len(device) == 0 {
		return 0
	}
	return ed25519.SignatureSize
}

// AppendSigned appends to dst what the device key signs: the context, the server's nonce, the SHA-256 of the name under which
// the server was dialled (see HostOf), and the message without its signature, which need not be there yet. It allocates
// only when dst is too small; MaxHello bytes are enough. The host keeps a false server from passing on the true one's
// nonce; the nonce keeps anybody from saying the hello again.
func (m *Hello) AppendSigned(dst []byte, nonce *Nonce, host string) ([]byte, error) {
	if err := m.valid(); err != nil {
		return refuse(CodeHello, err)
	}
	b, err := appendHead(dst, nonce, host)
	if err != nil {
		return refuse(CodeHello, err)
	}
	w := cbor.Appending(b)
	m.write(w)
	return done(w, CodeHello, len(dst))
}

// appendHead appends what stands before the message.
func appendHead(dst []byte, nonce *Nonce, host string) ([]byte, error) {
	if !isHost(host) {
		return nil, ErrHost
	}
	start := len(dst)
	dst = append(dst, host...) // the name lies where its digest will for as long as that is computed
	sum := sha256.Sum256(dst[start:])
	dst = append(dst[:start], helloContext...)
	dst = append(dst, nonce[:]...)
	return append(dst, sum[:]...), nil
}

// VerifyHello judges an encoded hello by its own device key: nil means that the holder of that key made it, for the
// connection on which the server sent nonce, having dialled host. The host is one of the server's own names: never what the
// peer says that it is. Whose key it is, is another question.
func VerifyHello(msg []byte, nonce *Nonce, host string) error {
	var m Hello
	if err := m.Decode(msg); err != nil {
		return err
	}
	if len(m.Device) == 0 {
		return ErrUnsigned
	}
	signed, err := appendHead(make([]byte, 0, signedHead+len(msg)), nonce, host)
	if err != nil {
		return err
	}
	signed = append(signed, msg[:len(msg)-signatureItem]...)
	if !ed25519.Verify(m.Device, signed, m.Signature) {
		return ErrForged
	}
	return nil
}

// HostOf returns the name that a hello is signed for from the authority of a URL or the Host of a request: in lower case,
// without port, without the brackets of an address and the dot behind a whole name.
func HostOf(authority string) string {
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		authority = authority[:i]
	}
	host := strings.TrimSuffix(strings.TrimPrefix(authority, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isHost tells whether a name is as HostOf returns it: ASCII that can be seen, in lower case. A colon is part of an
// address, where there are two at least; with one, it would be a port.
func isHost(host string) bool {
	if host == "" || len(host) > limits.Host || strings.Count(host, ":") == 1 || host[len(host)-1] == '.' {
		return false
	}
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c > '~' || c >= 'A' && c <= 'Z' || c == '[' || c == ']' || c == '/' || c == '@' {
			return false
		}
	}
	return true
}
