// What both halves of the shim know. ../doc.go says what the shim is for.
#ifndef BENCH_H
#define BENCH_H

#include <stdlib.h>

// The folder where adapters are plugged in; without it the shim shows no device at all.
//
//   NAME.dev    an adapter: udev properties, one KEY=VALUE a line. DEVNAME is a PTY slave.
//               It appears by rename and goes by unlink.
//   ptsN.line   a SOCK_SEQPACKET listener of the adapter behind /dev/pts/N: one connection,
//               one struct notice, one answer for each thing the browser does to the port.
static inline const char *bench(void) { return getenv("UNBRICK_BENCH"); }

// A notice, in the byte order of the machine. The answer is one uint32_t: the input lines as
// TIOCM_CTS | TIOCM_CAR | TIOCM_RNG | TIOCM_DSR.
struct notice {
	unsigned kind;  // enum notice_kind
	unsigned value; // output lines (TIOCM_DTR | TIOCM_RTS | LINE_BREAK), or the speed
	unsigned flags; // NOTICE_SETTINGS: c_cflag as asked for
};

enum notice_kind {
	NOTICE_OPENED = 1,   // the port was opened; DTR and RTS rise, as on a UART
	NOTICE_LINES = 2,    // output lines were set
	NOTICE_ASKED = 3,    // the input lines were asked for
	NOTICE_SETTINGS = 4, // speed and framing were set
};

enum { LINE_BREAK = 1 }; // TIOCM_LE, which means nothing on a port of a host

#endif
