// Package certificate is where a TLS listener has its certificates from: two files, which are read again when they changed, or a
// certificate authority that speaks ACME (RFC 8555), asked over the listener itself (tls-alpn-01, RFC 8737).
//
// It knows nothing of what is served. Nothing that a stranger says in a handshake makes it ask for a certificate of another host than
// those that it was given, nor write a line for each handshake.
package certificate
