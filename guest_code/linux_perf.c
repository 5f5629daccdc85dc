// SPDX-License-Identifier: GPL-2.0-only
/*
 * The init of a Linux guest that has the perf tool: has it count and sample a
 * program, and writes what it said to the VMM's port, as linux_init.c does:
 *
 *   counted N M    perf stat, of a program that executes WORK, and twice WORK
 *   sampled S L    perf record, and perf script of that: samples, and losses
 *   perf: TEXT     what else the tool says
 *   midway         while one of these counts
 *   failed WHERE N an errno, or the wait status of the tool
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
/* Lines of "perf stat" that are no counts. */
#define OTHERS_MOST 100

static char *environment[] = { "PATH=/usr/bin:/bin", "HOME=/", "TERM=dumb", 0 };

/* No strstr(): 6.12's nolibc has none. */
static int has(const char *text, const char *part)
{
	unsigned long length = strlen(part);

	while (*text && strncmp(text, part, length))
		text++;
	return !strncmp(text, part, length);
}

static void put_word(char word[NUMBER], unsigned long value)
{
	char *at = word, digits[NUMBER], *digit = digits;

	/* Without the blank before it. */
	put_number(&digit, value);
	*digit = 0;
	put_text(&at, digits + 1);
	*at = 0;
}

struct perf {
	pid_t pid;
	int fd;
};

/* Run it; what it writes to its descriptor @output comes from @perf->fd. */
static void perf_begin(struct perf *perf, char **words, int output)
{
	int ends[2];

	if (pipe(ends))
		fail("failed pipe", errno);
	perf->pid = fork();
	if (!perf->pid) {
		dup2(ends[1], output);
		close(ends[0]);
		close(ends[1]);
		execve(LINUX_PERF_PATH, words, environment);
		exit(127);
	}
	if (perf->pid < 0)
		fail("failed fork", errno);
	close(ends[1]);
	perf->fd = ends[0];
}

/* Its next line, without its end and cut at LINE. Returns 0 if there is none.
 */
static int perf_line(struct perf *perf, char line[LINE])
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

/* Once it has said all. */
static void perf_wait(struct perf *perf)
{
	int status;

	close(perf->fd);
	if (waitpid(perf->pid, &status, 0) != perf->pid)
		fail("failed waitpid", errno);
	if (status)
		fail("failed perf", status);
}

/* With the program that it may have begun: what that says is said by then. */
static void perf_kill(struct perf *perf)
{
	int status;

	kill(perf->pid, SIGKILL);
	while (waitpid(-1, &status, 0) > 0)
		;
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

/* Is it a line of "perf stat -x,", which begins with the count? */
static int is_count(const char *line, unsigned long *value)
{
	const char *at = line;

	*value = 0;
	while (*at >= '0' && *at <= '9')
		*value = *value * 10 + *at++ - '0';
	return at != line && *at == ',';
}

/* It repeats the program for ever, with a line each time. */
static void perf_stat(unsigned long instructions, struct seen seen[ATTEMPTS])
{
	char number[NUMBER], line[LINE];
	char *words[] = { "perf", "stat",	    "-r", "0",	   "-x,",
			  "-e",	  "instructions:u", "--", "/init", number,
			  0 };
	int counts = 0, others = 0;
	unsigned long value;
	struct perf perf;

	put_word(number, instructions);
	perf_begin(&perf, words, 2);
	while (counts < ATTEMPTS) {
		if (others > OTHERS_MOST || !perf_line(&perf, line))
			fail("failed perf stat, lines", counts + others);
		if (is_count(line, &value)) {
			note(seen, value);
			counts++;
		} else {
			pass_on(line);
			others++;
		}
	}
	perf_kill(&perf);
}

static void perf_record(void)
{
	char instructions[NUMBER], period[NUMBER], line[LINE];
	char *words[] = { "perf",  "record",	 "-q",
			  "-B",	   "-N",	 "-c",
			  period,  "-e",	 "instructions:u",
			  "-o",	   "/data",	 "--",
			  "/init", instructions, 0 };
	struct perf perf;

	put_word(instructions, SAMPLED_WORK);
	put_word(period, LINUX_INIT_PERIOD);
	perf_begin(&perf, words, 2);
	while (perf_line(&perf, line))
		pass_on(line);
	perf_wait(&perf);
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
	struct perf perf;
	char line[LINE];

	perf_begin(&perf, words, 1);
	while (perf_line(&perf, line)) {
		if (has(line, "LOST"))
			seen[1]++;
		else if (*line)
			seen[0]++;
	}
	perf_wait(&perf);
	say("sampled", seen, 2);
}

/* Init has none where its kernel has no console. Before all other files. */
static int open_standard_descriptors(void)
{
	int fd = open_device("/dev/null", 3, O_RDWR);

	for (int i = 0; fd >= 0 && i <= 2; i++)
		dup2(fd, i);
	return fd < 0 ? -1 : 0;
}

static void run_perf(void)
{
	allow_samples();
	if (mount("sysfs", "/sys", "sysfs", 0, 0))
		fail("failed mount", errno);
	count_pieces("counted", perf_stat);
	perf_record();
	say_samples();
	end();
}

int main(int argc, char **argv)
{
	/* The kernel may have words of its own for init. */
	const int is_init = getpid() == 1;

	if ((is_init && open_standard_descriptors()) || open_ports())
		return 1;
	if (is_init)
		run_perf();
	else if (argc == 2)
		work(strtoul(argv[1], 0, 10));
	return 0;
}
