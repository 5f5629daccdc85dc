// SPDX-License-Identifier: GPL-2.0-only
/*
 * The init of a Linux guest that has the perf tool: has it count and sample a
 * program, and writes what it said to the VMM's port, as linux_init.c does:
 *
 *   counted N M    perf stat, of a program that executes WORK, and twice WORK
 *   sampled S L    perf record, and perf script of that: samples, and losses
 *   perf: TEXT     what else the tool says
 *   midway         while one of these counts
 *   failed WHERE ERRNO
 *   end
 *
 * That program is this one, with the number of instructions.
 */
#include "linux_program.h"

#define SAMPLED_WORK \
	(LINUX_INIT_SAMPLES * LINUX_INIT_PERIOD + LINUX_INIT_PERIOD / 2)
/* Bytes of a line and of a number. */
#define LINE 128
#define NUMBER 24

static char *environment[] = { "PATH=/usr/bin:/bin", "HOME=/", "TERM=dumb", 0 };

static void put_word(char word[NUMBER], unsigned long value)
{
	char *at = word, digits[NUMBER], *digit = digits;

	/* Without the blank before it. */
	put_number(&digit, value);
	*digit = 0;
	put_text(&at, digits + 1);
	*at = 0;
}

struct running {
	pid_t pid;
	int fd;
};

/* Run perf; what it writes to its descriptor @output comes from @fd. */
static void begin(struct running *perf, char **words, int output)
{
	int ends[2];

	*perf = (struct running){ 0 };
	if (pipe(ends))
		fail("failed pipe", errno);
	perf->pid = fork();
	if (!perf->pid) {
		dup2(ends[1], output);
		execve(LINUX_PERF, words, environment);
		fail("failed execve", errno);
	}
	if (perf->pid < 0)
		fail("failed fork", errno);
	close(ends[1]);
	perf->fd = ends[0];
}

/* Its next line, without its end and cut at LINE. Returns false at the last. */
static int next_line(struct running *perf, char line[LINE])
{
	int length = 0;
	char c;

	while (read(perf->fd, &c, 1) == 1) {
		if (c == '\n') {
			line[length] = 0;
			return 1;
		}
		if (length < LINE - 1)
			line[length++] = c;
	}
	return 0;
}

static void end_of(struct running *perf)
{
	int status;

	kill(perf->pid, SIGKILL);
	waitpid(perf->pid, &status, 0);
	close(perf->fd);
}

static void pass_on(const char *line)
{
	if (!*line || *line == '#')
		return;
	out("perf: ", 6);
	out(line, strlen(line));
	out("\n", 1);
}

/* The first field of a line of "perf stat -x,"; 0 if it is another line. */
static unsigned long counted_in(const char *line)
{
	unsigned long value = 0;

	while (*line >= '0' && *line <= '9')
		value = value * 10 + *line++ - '0';
	return *line == ',' ? value : 0;
}

/* It repeats the program for ever, with a line each time. */
static unsigned long count(unsigned long instructions)
{
	char number[NUMBER], line[LINE];
	char *words[] = { "perf", "stat",	    "-r", "0",	   "-x,",
			  "-e",	  "instructions:u", "--", "/init", number,
			  0 };
	struct seen seen[ATTEMPTS] = { 0 };
	struct running perf;

	put_word(number, instructions);
	begin(&perf, words, 2);
	for (int i = 0; i < ATTEMPTS && next_line(&perf, line);) {
		unsigned long value = counted_in(line);

		if (value) {
			note(seen, value);
			i++;
		} else {
			pass_on(line);
		}
	}
	end_of(&perf);
	return least_certain(seen);
}

static void record(void)
{
	char instructions[NUMBER], period[NUMBER], line[LINE];
	char *words[] = { "perf",  "record",	 "-q",
			  "-B",	   "-N",	 "-c",
			  period,  "-e",	 "instructions:u",
			  "-o",	   "/data",	 "--",
			  "/init", instructions, 0 };
	struct running perf;
	int status;

	put_word(instructions, SAMPLED_WORK);
	put_word(period, LINUX_INIT_PERIOD);
	begin(&perf, words, 2);
	while (next_line(&perf, line))
		pass_on(line);
	if (waitpid(perf.pid, &status, 0) != perf.pid || status)
		fail("failed perf", status);
	close(perf.fd);
}

static void say_samples(void)
{
	char *words[] = { "perf",
			  "script",
			  "-i",
			  "/data",
			  "-F",
			  "ip",
			  "--show-lost-events",
			  0 };
	unsigned long seen[2] = { 0 };
	struct running perf;
	char line[LINE];
	int status;

	begin(&perf, words, 1);
	while (next_line(&perf, line)) {
		if (strstr(line, "LOST"))
			seen[1]++;
		else if (*line)
			seen[0]++;
	}
	if (waitpid(perf.pid, &status, 0) != perf.pid || status)
		fail("failed perf", status);
	close(perf.fd);
	say("sampled", seen, 2);
}

static void run_perf(void)
{
	unsigned long counted[2];

	allow_samples();
	if (mount("sysfs", "/sys", "sysfs", 0, 0))
		fail("failed mount", errno);
	/* Where the tool wants a terminal or nothing. */
	if (open_device("/dev/null", 3, O_RDWR) < 0)
		fail("failed /dev/null", errno);
	counted[0] = count(LINUX_INIT_WORK);
	counted[1] = count(2 * LINUX_INIT_WORK);
	say("counted", counted, 2);
	record();
	say_samples();
	end();
}

int main(int argc, char **argv)
{
	if (open_ports())
		return 1;
	/* The kernel may have words of its own for init. */
	if (getpid() == 1)
		run_perf();
	else if (argc == 2)
		work(strtoul(argv[1], 0, 10));
	return 0;
}
