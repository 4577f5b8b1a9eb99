// A device's program with nothing in it but the terminal: what a linker keeps of it is what a device carries. It is only measured.
package main

import (
	"unbrick/protocol"
	"unbrick/terminal"
)

// T is all the memory that the terminal has for good.
var T terminal.Terminal

// What a device supplies; nobody does here.
var (
	hw   terminal.Hardware
	conn protocol.Conn
)

func main() {
	if terminal.New(&T, &hw) != nil {
		return
	}
	if T.Boot() != terminal.Running {
		T.Serve()
		return
	}
	T.Alive()
	if _, err := T.Session(conn); err != nil {
	}
}
