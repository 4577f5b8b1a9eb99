// Package stk500 is the family of AVR boards: boot loaders that speak STK500 version 1 (Optiboot, ATmegaBOOT) and version 2 (stk500boot of
// the Mega 2560). docs/families/avr.md has what is sent, with its sources.
//
// Version 1 has no checks of its own: a byte that the line turns over is taken as it comes. What was written is therefore read back as a
// whole, and a run that finds a difference is repeated from Enter; then only what differs is written. Version 2 has a checksum over each
// message, but its one loader erases by a counter of its own: see writeInOrder.
//
// These loaders start the program by themselves when nobody talks to them, Optiboot after a second. Each work therefore begins by asking
// whether the loader is still there, and brings it back the way it came.
package stk500
