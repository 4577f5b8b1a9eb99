// Package e2e holds the tests that use Unbrick as its users do: the built program from a shell, and the
// page in a real browser. It has no code of its own.
package e2e
