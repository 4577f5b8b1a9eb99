// Package coding is what the maker and the reader of a delta share: adaptive counters, the binary
// range coder, numbers, the contexts of copied and literal bytes, and the models that predict the
// relocated fields of copied instructions.
//
// Everything the decoder uses works in memory that the caller hands in: integer arithmetic only, no
// division, no multiplication wider than 32 bits, no allocation. Equal bits in equal order leave equal
// state on both sides; docs/delta.md is normative for the arithmetic.
package coding
