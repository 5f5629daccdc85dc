// SPDX-License-Identifier: GPL-2.0-only
/* What a program changed is put back, whoever is killed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../perf/cpu.h"
#include "../sync/deadline.h"
#include "../sync/guardian.h"

#define PATIENCE_MS 10000

static char dir[64], setting[128], list[128];

static void set(const char *text)
{
	int fd = open(setting, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/guardian-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	setenv("PMU_GUARDIAN_DIR", dir, 1);
	snprintf(setting, sizeof(setting), "%s/setting", dir);
	snprintf(list, sizeof(list), "%s/pmu_passthrough-cases", dir);
	set("1\n");
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(setting);
	unlink(list);
	return rmdir(dir);
}

static bool comes_to_read(const char *text)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	char now[64] = "";

	while (!file_read(setting, now, sizeof(now)) && strcmp(now, text) &&
	       !deadline_passed(&deadline))
		;
	return !strcmp(now, text);
}

static bool comes_to_go(const char *path)
{
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);

	while (!access(path, F_OK) && !deadline_passed(&deadline))
		;
	return access(path, F_OK) != 0;
}

/* A program that changed the setting, and says so before it waits. */
static pid_t changing_program(void)
{
	int ends[2];
	pid_t program;
	char byte;

	assert_int_equal(pipe(ends), 0);
	program = fork();
	if (!program) {
		if (!guardian_start(GUARDIAN_CASES) &&
		    !guardian_keep(setting) && !file_write(setting, "0"))
			byte = (char)write(ends[1], "y", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	return program;
}

static void end(pid_t process)
{
	kill(process, SIGKILL);
	waitpid(process, NULL, 0);
}

static void a_killed_program_leaves_nothing(void **state)
{
	pid_t program = changing_program();

	(void)state;
	assert_true(comes_to_read("0"));
	end(program);
	assert_true(comes_to_read("1"));
	assert_true(comes_to_go(list));
}

/* The guardian is the program's only child. */
static pid_t guardian_of(pid_t program)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)program,
		 (int)program);
	return file_read(path, text, sizeof(text)) ? 0 : atoi(text);
}

static int told;

static void tell(const char *line)
{
	char words[256];

	snprintf(words, sizeof(words), "%s=1", setting);
	assert_string_equal(line, words);
	told++;
}

static void the_next_one_finishes_a_killed_guardians_work(void **state)
{
	pid_t program = changing_program();
	pid_t guardian = guardian_of(program);
	struct deadline deadline = deadline_after_ms(PATIENCE_MS);
	int err;

	(void)state;
	if (!guardian) {
		end(program);
		skip();
	}
	assert_int_equal(guardian_restore(GUARDIAN_CASES, tell), EBUSY);
	kill(guardian, SIGKILL);
	end(program);
	do {
		err = guardian_restore(GUARDIAN_CASES, tell);
	} while (err == EBUSY && !deadline_passed(&deadline));
	assert_int_equal(err, 0);
	assert_int_equal(told, 1);
	assert_true(comes_to_read("1"));
	assert_true(access(list, F_OK));
	assert_int_equal(guardian_restore(GUARDIAN_CASES, NULL), 0);
}

static void what_is_as_it_was_is_left_alone(void **state)
{
	pid_t program = changing_program();

	(void)state;
	set("1\n");
	end(program);
	assert_true(comes_to_go(list));
	assert_true(comes_to_read("1"));
}

/* In place of modprobe(8): writes its arguments into the setting. */
static void use_false_modprobe(char *path, size_t size)
{
	static const char script[] =
		"#!/bin/sh\n"
		"[ \"$1\" = -r ] || echo \"$@\" |\n"
		"tr ' ' , >\"$PMU_GUARDIAN_DIR/setting\"\n";
	int fd;

	snprintf(path, size, "%s/modprobe", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0700);
	assert_true(fd >= 0 && write(fd, script, strlen(script)) > 0);
	close(fd);
}

static void a_module_is_loaded_as_it_was(void **state)
{
	const char *search = getenv("PATH");
	char path[128], with[4096], *before = strdup(search);
	pid_t program;
	int status;

	(void)state;
	use_false_modprobe(path, sizeof(path));
	snprintf(with, sizeof(with), "%s:%s", dir, search);
	setenv("PATH", with, 1);
	program = fork();
	if (!program)
		_exit(guardian_start(GUARDIAN_CASES) ||
		      guardian_keep_module("kvm_amd",
					   "enable_mediated_pmu=0 avic=1"));
	waitpid(program, &status, 0);
	assert_int_equal(status, 0);
	assert_true(comes_to_read("kvm_amd,enable_mediated_pmu=0,avic=1"));
	assert_true(comes_to_go(list));
	setenv("PATH", before, 1);
	free(before);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_killed_program_leaves_nothing,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			the_next_one_finishes_a_killed_guardians_work, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(what_is_as_it_was_is_left_alone,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_module_is_loaded_as_it_was,
						make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
