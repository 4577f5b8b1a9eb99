// Package local is the embedded default of storage.Store: one SQLite database (WAL, synchronous=FULL, foreign
// keys) and a folder of content-addressed blobs, both below one data directory that one process owns at a time.
//
// A blob is written to a temporary name, synced and renamed, and its folder is synced, before any row names it.
// Whatever a crash interrupts is therefore either whole or unreachable; what is unreachable is swept at Open.
//
// SQLite does not run in a browser, so under js the package is empty.
package local
