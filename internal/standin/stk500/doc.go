// Package stk500 is AVR boards that are only a program: Optiboot (today's, and one that loses its first byte), ATmegaBOOT, stk500boot and
// urboot, with the chip below them and the program behind them. Each does what its sources do with every byte, right ones and others;
// avrdude works with it unchanged (a test). docs/families/avr.md has the sources.
//
// Where it had a choice it is stricter than hardware: three bytes that the loader has not read are kept and the next one is lost, a page
// must be whole and begin where a page begins, and what would fall upon the loader itself is refused and noted.
package stk500
