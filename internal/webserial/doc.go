// Package webserial lets tests drive Chromium's own Web Serial stack against emulated devices: no
// chooser to click, no kernel module, no root.
//
// Enumeration, hot-plug, permission, opening, termios, reading, writing and errors are the browser's
// unmodified code on the slave of a pseudo-terminal, whose master is the device's end. What a PTY
// lacks comes from a small C library that is loaded before the system's (shim/): it answers libudev's
// calls from a folder, the bench, and turns DTR, RTS, break and line settings into Events.
//
// A Bench is such a folder and the browser that watches it. Plug puts an Adapter in and returns its
// Port; Unplug pulls it out, as a hand does. Allow writes into a fresh profile what a click in the
// port chooser would have stored, so that navigator.serial.getPorts lists the adapter.
//
// Guarantees: an Event is handled before the page's promise resolves, so a pulse on a line comes
// before bytes written after it; bytes arrive whole and in order, 0x00 and 0xff included; what a
// device sends while the page does not have the port open is lost, as on a wire.
//
// Limits. A PTY has no line rate: pace in the emulator. There is no parity, framing, overrun or break
// from the device, and no real flow control. "Held by another program" is not emulated. The chooser
// is real but cannot be accepted: headless, a click elsewhere in the page cancels it. Linux only, with
// a C compiler, a driver of type serial in /proc/tty/drivers, and a Chromium that links libudev
// dynamically, as those of distributions do; New says what is missing. Windows' and macOS' driver
// behaviour is not covered.
package webserial
