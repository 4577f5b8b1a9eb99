//go:build !unix && !js

package serialport

// lock does nothing where the system itself gives a port to one program only.
func lock(string) (release func(), err error) { return func() {}, nil }
