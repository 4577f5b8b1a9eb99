// Package protocol is the link between a terminal and the software management server: its messages,
// their limits and the rules of a transfer. docs/protocol.md is the text for people; this package is
// the same law for machines.
//
// One message is one CBOR array [code, field, field, ...] of a fixed length, in the deterministic
// encoding of RFC 8949, and travels as one binary WebSocket message of at most MaxMessage bytes.
// Decoders take nothing else: no unknown code, no missing or additional field, no other encoding of
// the same value. What they accept encodes again byte for byte. Codes are append-only; a message
// whose fields must change gets a new code, and a change of meaning a new Subprotocol.
//
// A session:
//
//	terminal                         server
//	                             <-  Challenge     what the hello is signed over
//	Hello                        ->
//	                             <-  Info          what there is, or why there is nothing
//	Request(digest, offset)      ->                with the first credit
//	                             <-  Data ...      never more than was granted
//	Credit                       ->                as bytes are stored
//	                             <-  End           all sent
//	Done                         ->                all there, digest right
//	Bye                          ->
//	                             <-  Bye           now the terminal closes
//
// Instead of Data the server may answer Gone, with new information, when it has no file of that
// digest any more. Error may be sent by either side at any time; Bye follows it. Ping and Pong belong
// to the Conn and are seen by nobody else.
//
// The package is fit for a device: decoding into a message that the caller owns does not allocate for
// messages that a terminal receives, and byte fields alias the input.
package protocol

import (
	"unbrick/limits"
	"unbrick/release"
)

// Subprotocol is what a WebSocket of this link is asked for and accepted with: its version. History: unbrick.1 had no
// challenge and a shorter hello; nobody speaks it any more.
const Subprotocol = "unbrick.2"

// Limits of the link. Everything a peer sends is checked against them before use.
const (
	MaxMessage = limits.Message // bytes of one message, encoded
	MaxData    = limits.Data    // bytes of update file in one Data
	MaxFile    = limits.File    // bytes of an update file
	MaxCredit  = limits.Credit  // bytes that may be granted and not yet sent
	MaxText    = limits.Text
	MaxReason  = limits.Reason     // bytes of text in an Error
	MaxKeys    = limits.DeviceKeys // keys that a terminal names
	MaxDead    = limits.Dead       // dead sectors in a report
	MaxRefused = limits.Refused    // refused update files in a Hello
	MaxSteps   = limits.Steps      // updates in a row that lead to the wanted release
	MaxWait    = limits.Wait       // seconds that a peer may be told to wait
	MaxNumber  = limits.MaxNumber  // an order or a counter
	// MaxHello is more than any Hello takes, encoded: a buffer of this size never grows.
	MaxHello = limits.Hello
)

// Digest is a SHA-256.
type Digest = release.Digest

// KeyID names a key by the first bytes of its digest.
type KeyID = release.KeyID

// Nonce is what a server draws for one connection.
type Nonce = [NonceSize]byte

// NonceSize is the length of a Nonce in bytes.
const NonceSize = 32
