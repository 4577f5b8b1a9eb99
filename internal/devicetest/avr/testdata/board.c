/*
 * A board with an AVR and its genuine boot loader, in simavr; its UART is a pseudo-terminal.
 *
 *   board MCU HERTZ BOOT LINK FLASH
 *
 * BOOT is where the fuses start it, in hexadecimal. LINK becomes a symbolic link to the pseudo-terminal. FLASH is a file that holds all of
 * the flash, boot loader included: it is read at the start, and written at the end and on demand. What a cable does beside bytes comes as letters on the standard input, and its end ends the board:
 *
 *   r  an edge on RESET        h  RESET is held until the first byte comes
 *   d  FLASH is written, and "d" answered
 *
 * It is stricter than simavr's own UART: a byte takes its time on the line, at another speed than the board's it is garbage with a frame
 * error, and where the loader leaves two bytes unread a third is kept and the next are lost, as on the chip.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_io.h>

enum { MCUSR = 0x54, EXTRF = 1 << 1, UNREAD = 4, SLICES = 4000, LOOKS = 50000, WAIT_MS = 20 };

static int master, held;
static avr_t *avr;
static avr_uart_t *uart;
static const char *file;
static unsigned long overruns;
static volatile sig_atomic_t over;

static void end(int s) { (void)s; over = 1; }

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint32_t baud(void)
{
	static const struct { speed_t code; uint32_t baud; } speeds[] = {
		{ B9600, 9600 }, { B19200, 19200 }, { B38400, 38400 }, { B57600, 57600 }, { B115200, 115200 }, { B230400, 230400 } };
	struct termios t;
	if (tcgetattr(master, &t) < 0)
		return 0;
	for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++)
		if (speeds[i].code == cfgetospeed(&t))
			return speeds[i].baud;
	return 0;
}

/* whether host and board have the same speed, as far as a UART bears it */
static int same(uint64_t byte)
{
	uint32_t ubrr = avr_regbit_get(avr, uart->ubrrl) | avr_regbit_get(avr, uart->ubrrh) << 8;
	uint64_t mine = (ubrr + 1ull) * (avr_regbit_get(avr, uart->u2x) ? 8 : 16) * 10;
	return byte * 24 < mine * 25 && mine * 24 < byte * 25;
}

static uint64_t byte_time(void)
{
	uint32_t b = baud();
	return b ? (uint64_t)avr->frequency * 10 / b : 0;
}

/* what is understood of a byte at another speed: something, and not always a byte */
static int garbage(unsigned char *c)
{
	static uint32_t r = 1;
	r = r * 1664525 + 1013904223;
	*c = r >> 24;
	return r >> 16 & 3;
}

/* the board says something; nobody waits for a host that does not listen */
static void say(avr_irq_t *irq, uint32_t value, void *p)
{
	(void)irq, (void)p;
	unsigned char c = value;
	if (!same(byte_time()) && !garbage(&c))
		return;
	if (write(master, &c, 1) < 0 && errno != EAGAIN)
		die("line");
}

static void reset(void)
{
	avr_reset(avr);
	avr->data[MCUSR] = EXTRF;
	avr->pc = avr->reset_pc;
}

static void hear(avr_irq_t *in)
{
	static uint64_t next; /* the line is looked at again then: it is free, or a little time is over */
	struct pollfd p = { master, POLLIN, 0 };
	unsigned char c;
	if (avr->cycle < next && next - avr->cycle < avr->frequency / 10 && !held)
		return;
	next = avr->cycle + avr->frequency / LOOKS;
	if (poll(&p, 1, 0) <= 0 || read(master, &c, 1) != 1)
		return;
	if (held) {
		held = 0;
		reset();
		for (uint64_t on = avr->cycle + avr->frequency * 45 / 100; avr->cycle < on;) /* a host waits while the loader blinks */
			avr_run(avr);
	}
	uint64_t t = byte_time();
	next = avr->cycle + t;
	if (!avr_regbit_get(avr, uart->rxen))
		return;
	if (((uart->input.write - uart->input.read) & (uart_fifo_fifo_size - 1)) >= UNREAD) {
		overruns++;
		return;
	}
	if (same(t))
		avr_raise_irq(in, c);
	else if (garbage(&c))
		avr_raise_irq(in, UART_INPUT_FE | c);
}

static void save(void)
{
	FILE *f = fopen(file, "wb");
	if (!f || fwrite(avr->flash, 1, avr->flashend + 1, f) != avr->flashend + 1 || fclose(f))
		die(file);
}

/* what the standard input says; only its end, not an error, ends the board */
static void control(void)
{
	struct pollfd p = { 0, POLLIN, 0 };
	char c;
	while (poll(&p, 1, 0) > 0) {
		if (read(0, &c, 1) != 1) {
			over = 1;
			return;
		}
		switch (c) {
		case 'r':
			held = 0;
			reset();
			break;
		case 'h':
			held = 1;
			break;
		case 'd':
			save();
			if (write(1, "d", 1) != 1)
				die("answer");
		}
	}
}

static int64_t micros(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static void load(void)
{
	FILE *f = fopen(file, "rb");
	if (!f || fread(avr->flash, 1, avr->flashend + 1, f) != avr->flashend + 1 || fgetc(f) != EOF)
		die(file);
	fclose(f);
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return fprintf(stderr, "board MCU HERTZ BOOT LINK FLASH\n"), 2;
	file = argv[5];
	avr = avr_make_mcu_by_name(argv[1]);
	if (!avr)
		return 1;
	avr_init(avr);
	avr->frequency = atoi(argv[2]);
	avr->log = LOG_ERROR;
	avr->reset_pc = strtoul(argv[3], 0, 16);
	avr->codeend = avr->flashend;
	load();
	for (avr_io_t *io = avr->io_port; io; io = io->next)
		if (!strcmp(io->kind, "uart") && ((avr_uart_t *)io)->name == '0')
			uart = (avr_uart_t *)io;
	if (!uart)
		return fprintf(stderr, "no UART\n"), 1;
	uint32_t flags = 0;
	avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
	avr_irq_t *in = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
	avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), say, 0);

	master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		die("pseudo-terminal");
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY); /* kept open: the line outlives a host */
	struct termios t;
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	cfsetspeed(&t, B115200);
	tcsetattr(slave, TCSANOW, &t);
	unlink(argv[4]);
	if (symlink(ptsname(master), argv[4]) < 0)
		die(argv[4]);
	signal(SIGTERM, end);

	reset();
	int64_t real = micros();
	uint64_t begun = avr->cycle;
	while (!over) {
		uint64_t until = avr->cycle + avr->frequency / SLICES;
		while (!over && !held && avr->cycle < until) {
			int s = avr_run(avr);
			if (s == cpu_Done || s == cpu_Crashed) { /* a program that sleeps for ever, or went astray: it waits for a reset */
				while (!over && (s == cpu_Done || s == cpu_Crashed)) {
					avr_cycle_count_t was = avr->cycle;
					control();
					if (avr->state != s || avr->cycle != was)
						break;
					usleep(1000);
				}
				real = micros(), begun = avr->cycle;
				break;
			}
			hear(in);
		}
		control();
		if (held) {
			struct pollfd p[2] = { { master, POLLIN, 0 }, { 0, POLLIN, 0 } };
			poll(p, 2, WAIT_MS);
			if (p[0].revents & POLLIN)
				hear(in);
			real = micros(), begun = avr->cycle;
			continue;
		}
		int64_t sim = (avr->cycle - begun) * 1000000ll / avr->frequency, is = micros() - real;
		if (sim > is)
			usleep(sim - is);
		else if (is - sim > 100000) /* the machine was busy: that time is not made up for */
			real = micros(), begun = avr->cycle;
	}
	save();
	if (overruns)
		fprintf(stderr, "%lu bytes were lost because the boot loader did not read them in time\n", overruns);
	return 0;
}
