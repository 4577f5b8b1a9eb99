//go:build !linux

package webserial

import "testing"

func TestWebSerial(t *testing.T) {
	t.Skip("real Web Serial is driven on Linux only: the shim speaks for libudev and pseudo-terminals")
}
