// Package serialport is restore.Port over a serial port of this machine: USB adapters, built-in ports and
// pseudo-terminals, through go.bug.st/serial. In a browser it is empty; wasm/serial is its counterpart.
package serialport
