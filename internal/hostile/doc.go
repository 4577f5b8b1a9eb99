// Package hostile sets strangers with everything but keys on a real server, while a fleet of emulated devices updates through it
// (make test-hostile).
package hostile
