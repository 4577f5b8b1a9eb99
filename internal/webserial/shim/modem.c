// The modem lines that a pseudo-terminal lacks. ioctl() is wrapped for PTY slaves: setting DTR, RTS
// and break, and reading the input lines, become notices to the adapter. Each call returns after the
// adapter's answer, so that a pulse on a line comes before the bytes written after it.
#define _GNU_SOURCE
#include <asm/termios.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

enum {
	FIRST_SLAVE = 136, LAST_SLAVE = 143, // majors of PTY slaves: Documentation/admin-guide/devices.txt
	MAX_PTS = 1 << 20,                   // numbers a kernel gives to PTYs
	PATIENCE = 2,                        // seconds an adapter may take to answer
};

static const unsigned outputs = TIOCM_DTR | TIOCM_RTS;
static const unsigned silent = TIOCM_CTS | TIOCM_CAR | TIOCM_DSR; // inputs of an adapter that does not answer

static _Atomic unsigned char lines[MAX_PTS]; // output lines by PTY number

// notify tells the adapter behind the PTY and returns its input lines.
static unsigned notify(unsigned pts, enum notice_kind kind, unsigned value, unsigned flags) {
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	if (snprintf(at.sun_path, sizeof at.sun_path, "%s/pts%u.line", bench(), pts) >= (int)sizeof at.sun_path)
		return silent;
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0)
		return silent;
	struct timeval patience = {.tv_sec = PATIENCE};
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	struct notice n = {kind, value, flags};
	unsigned inputs;
	if (connect(s, (struct sockaddr *)&at, sizeof at) || send(s, &n, sizeof n, MSG_NOSIGNAL) != sizeof n ||
	    recv(s, &inputs, sizeof inputs, 0) != sizeof inputs)
		inputs = silent;
	close(s);
	return inputs;
}

// slave tells whether fd is a PTY slave, and which.
static int slave(int fd, unsigned *pts) {
	struct stat st;
	if (!bench() || fstat(fd, &st) || !S_ISCHR(st.st_mode))
		return 0;
	unsigned m = major(st.st_rdev);
	*pts = minor(st.st_rdev);
	return m >= FIRST_SLAVE && m <= LAST_SLAVE && *pts < MAX_PTS;
}

typedef int ioctl_fn(int, unsigned long, ...);

int ioctl(int fd, unsigned long request, ...) {
	static _Atomic(ioctl_fn *) kernel;
	if (!kernel)
		kernel = (ioctl_fn *)dlsym(RTLD_NEXT, "ioctl");
	va_list ap;
	va_start(ap, request);
	void *arg = va_arg(ap, void *);
	va_end(ap);

	unsigned pts, word = 0;
	struct termios2 now;
	switch (request) {
	case TIOCEXCL:
	case TCSETS2:
	case TIOCMGET:
	case TIOCMSET:
	case TIOCMBIS:
	case TIOCMBIC:
	case TIOCSBRK:
	case TIOCCBRK:
		if (slave(fd, &pts))
			break;
		// fall through
	default:
		return kernel(fd, request, arg);
	}
	if (kernel(fd, TCGETS2, &now) < 0)
		return -1; // hung up: the adapter was pulled out
	if (request == TIOCMSET || request == TIOCMBIS || request == TIOCMBIC)
		word = *(unsigned *)arg & outputs;
	switch (request) {
	case TIOCEXCL:
		// Chromium opens. Bytes from before are dropped, as a driver does. The flag itself is not
		// passed on: it stays on a PTY for ever and would lock out the next opening.
		if (kernel(fd, TCFLSH, (void *)TCIFLUSH) < 0)
			return -1;
		lines[pts] = outputs;
		notify(pts, NOTICE_OPENED, outputs, 0);
		return 0;
	case TCSETS2: {
		unsigned asked = ((struct termios2 *)arg)->c_cflag; // a PTY drops CSIZE and PARENB
		int r = kernel(fd, request, arg);
		if (!r && !kernel(fd, TCGETS2, &now)) // has the speed as a number
			notify(pts, NOTICE_SETTINGS, now.c_ospeed, asked);
		return r;
	}
	case TIOCMGET:
		*(unsigned *)arg = (lines[pts] & outputs) | notify(pts, NOTICE_ASKED, lines[pts], 0);
		return 0;
	case TIOCMSET:
		lines[pts] = (lines[pts] & LINE_BREAK) | word;
		break;
	case TIOCMBIS:
		lines[pts] |= word;
		break;
	case TIOCMBIC:
		lines[pts] &= ~word;
		break;
	case TIOCSBRK:
		lines[pts] |= LINE_BREAK;
		break;
	case TIOCCBRK:
		lines[pts] &= ~LINE_BREAK;
		break;
	}
	notify(pts, NOTICE_LINES, lines[pts], 0);
	return 0;
}
