// Package recognise finds out who is at a port, without disturbing anybody else: an Unbrick terminal, another server of SMP's image group,
// the ROM of an Espressif chip, a boot loader of an AVR, or one that is only named. It begins with what disturbs least, and each probe comes
// before those that would make its own family deaf: 0x7F is the first byte of all, since an STM32 measures its speed by the first byte that
// it gets and is dead until its next reset if that is another.
//
// Nothing that it sends writes or erases in any family. Who answers has answered twice before it counts. docs/cable.md has the table of what
// every family does on every other's first bytes.
package recognise
