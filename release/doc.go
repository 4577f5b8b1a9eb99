// Package release says what a release is and who says so: the manifest that its maker signs, the hash
// tree over the image, the release file that holds both, and the rules by which a device takes a
// release or refuses it.
//
// A manifest is one COSE_Sign object (RFC 9052) of exactly one shape, signed with Ed25519 by one key or several;
// docs/release.md is its normative description. Beside it stand what decides who may sign (Statement), how new a word on
// that is (Fresh), and what a device says of itself (Receipt); nothing adopts these yet. Every machine of the system (server, terminal, page
// and command) reads it with the same strict reader: there is one encoding of one statement, at most
// MaxManifest bytes, and everything else is refused before the signature is looked at.
//
// The package is fit for a device: it starts nothing, keeps nothing, and Verify needs less than 4 KiB of
// stack and allocates a KiB and a quarter at most (the texts of a manifest, and what is hashed for a
// signature). Leaf, Node, Root and Tree allocate nothing. Functions for the maker and the
// host (Sign, Describe, key files, release files) allocate what they return. All functions may be
// called concurrently.
package release
