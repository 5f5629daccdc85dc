/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs that run in a Linux guest have in common: lines to the VMM,
 * work, and a value that is certain. With the kernel's nolibc, for there is
 * nothing else in the guest.
 */
#ifndef PMU_GUEST_LINUX_PROGRAM_H
#define PMU_GUEST_LINUX_PROGRAM_H

#include "linux_init.h"

/* So often the same value makes it certain. */
#define CERTAIN 4
/* Of each piece of work in a round. */
#define ATTEMPTS 20
/* Where the first does not agree: so many rounds, and so many that do. */
#define ROUNDS 5
#define AGREEING 2
/* Of several values none came so often. */
#define NONE_CERTAIN (~0ul)

/* /dev/port, the I/O ports of the machine. */
static int ports;

static inline void out(const char *text, unsigned long length)
{
	while (length--)
		syscall(__NR_pwrite64, ports, text++, 1, LINUX_INIT_PORT);
}

/* One of drivers/char/mem.c. Returns a file descriptor, or -1 and errno. */
static int open_device(const char *name, unsigned int minor, int flags)
{
	if (syscall(__NR_mknod, name, S_IFCHR | 0600, 1 << 8 | minor) &&
	    errno != EEXIST)
		return -1;
	return open(name, flags);
}

/* Before all others. */
static int open_ports(void)
{
	ports = open_device("/ports", 4, O_RDWR);
	return ports < 0 ? -1 : 0;
}

static void put_text(char **at, const char *text)
{
	while (*text)
		*(*at)++ = *text++;
}

static void put_number(char **at, unsigned long value)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = '0' + value % 10;
		value /= 10;
	} while (value);
	*(*at)++ = ' ';
	while (n)
		*(*at)++ = digits[--n];
}

static void say(const char *what, const unsigned long *values, int count)
{
	char line[128], *at = line;

	put_text(&at, what);
	for (int i = 0; i < count; i++)
		put_number(&at, values[i]);
	*at++ = '\n';
	out(line, at - line);
}

static void end(void)
{
	say("end", 0, 0);
	for (;;)
		syscall(__NR_pause);
}

static void fail(const char *what, unsigned long error)
{
	say(what, &error, 1);
	end();
}

/*
 * A slow guest's kernel would allow fewer and fewer samples. Told not to, it
 * warns (perf_cpu_time_max_percent_handler()).
 */
static void allow_samples(void)
{
	int fd;

	if (mount("proc", "/proc", "proc", 0, 0))
		fail("failed mount", errno);
	fd = open("/proc/sys/kernel/perf_cpu_time_max_percent", O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		fail("failed sysctl", errno);
	close(fd);
}

/* Two instructions a turn. */
static inline void turn(unsigned long turns)
{
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(turns) : : "cc");
}

/* In two halves, and the VMM is told in between. */
static inline void work(unsigned long instructions)
{
	static const char midway[] = "midway\n";

	turn(instructions / 4);
	out(midway, sizeof(midway) - 1);
	turn(instructions / 4);
}

/*
 * An interrupt, an exit, a page that is not yet there add to what is counted,
 * and not each time.
 */
struct seen {
	unsigned long value;
	int times;
};

static void note(struct seen seen[ATTEMPTS], unsigned long value)
{
	int i = 0;

	while (seen[i].times && seen[i].value != value)
		i++;
	seen[i].value = value;
	seen[i].times++;
}

/* The least value that came CERTAIN times, or NONE_CERTAIN. */
static unsigned long least_certain(const struct seen seen[ATTEMPTS])
{
	unsigned long least = NONE_CERTAIN;

	for (int i = 0; i < ATTEMPTS && seen[i].times; i++) {
		if (seen[i].times >= CERTAIN && seen[i].value < least)
			least = seen[i].value;
	}
	return least;
}

/* Count a piece of work ATTEMPTS times, and note each. */
typedef void attempts_fn(unsigned long instructions,
			 struct seen seen[ATTEMPTS]);

/* Counts both pieces of work, and says by how much they differ. */
static unsigned long count_round(attempts_fn *attempts,
				 unsigned long counted[2])
{
	struct seen once[ATTEMPTS] = { 0 }, twice[ATTEMPTS] = { 0 };

	attempts(LINUX_INIT_WORK, once);
	attempts(2 * LINUX_INIT_WORK, twice);
	counted[0] = least_certain(once);
	counted[1] = least_certain(twice);
	return counted[1] - counted[0];
}

/*
 * Where interrupts are dense the least that came CERTAIN times of one piece may
 * have one of them and that of the other none. So if they differ by something
 * else than the work, two of further rounds must agree, each counted anew: what
 * is wrong with the counter each time is wrong in all of them.
 */
static void count_pieces(const char *what, attempts_fn *attempts)
{
	unsigned long counted[2];
	int agree = 0;

	if (count_round(attempts, counted) == LINUX_INIT_WORK)
		agree = AGREEING;
	for (int i = 1; agree < AGREEING && i < ROUNDS; i++)
		agree += count_round(attempts, counted) == LINUX_INIT_WORK;
	/* As good as none. */
	if (agree < AGREEING && counted[1] - counted[0] == LINUX_INIT_WORK)
		counted[0] = counted[1] = NONE_CERTAIN;
	say(what, counted, 2);
}

#endif
