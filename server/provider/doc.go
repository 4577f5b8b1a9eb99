// Package provider signs persons in by an identity provider, with OpenID Connect: authorization code flow with PKCE, state and nonce.
//
// The provider says who somebody is, by issuer and subject, and in which groups; a table of ours says what a group may. Of a sign-in
// that has begun the server keeps nothing: state, nonce and verifier follow from a cookie of the browser and a key of this process, so
// that strangers who begin fill no memory. What the provider says of itself is asked for when somebody signs in, and kept for a while:
// a provider that is down keeps nobody from starting a server, and no account with a token from signing in.
//
// Everything that a provider answers is bounded in time and size. What is wrong with it is one Refusal each.
package provider
