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

#include "../base/deadline.h"
#include "../base/file.h"
#include "../host/guardian.h"

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

static int remove_dir(void **state)
{
	char host[128];

	snprintf(host, sizeof(host), "%s/pmu_passthrough-host", dir);
	comes_to_go(host);
	(void)state;
	unlink(setting);
	unlink(list);
	return rmdir(dir);
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
		if (!guardian_start() && !guardian_keep(setting) &&
		    !file_write(setting, "0"))
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

/* In place of modprobe(8) and rmmod(8): write their arguments somewhere. */
static void false_tool(const char *name, const char *file)
{
	char path[128], script[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(script, sizeof(script),
		 "#!/bin/sh\necho \"$@\" | tr ' ' , >'%s/%s'\n", dir, file);
	fd = open(path, O_WRONLY | O_CREAT, 0700);
	assert_true(fd >= 0 && write(fd, script, strlen(script)) > 0);
	close(fd);
}

static void forget(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void a_module_is_loaded_as_it_was(void **state)
{
	const char *before = getenv("PATH");
	char with[4096];
	pid_t program;
	int status;

	(void)state;
	false_tool("rmmod", "removed");
	false_tool("modprobe", "setting");
	snprintf(with, sizeof(with), "%s:%s", dir, before);
	program = fork();
	if (!program) {
		setenv("PATH", with, 1);
		_exit(guardian_start() ||
		      guardian_keep_module("kvm_amd",
					   "enable_mediated_pmu=0 avic=1"));
	}
	waitpid(program, &status, 0);
	assert_int_equal(status, 0);
	assert_true(comes_to_read("kvm_amd,enable_mediated_pmu=0,avic=1"));
	assert_true(comes_to_go(list));
	forget("rmmod");
	forget("removed");
	forget("modprobe");
}

static void what_cannot_be_put_back_is_not_forgotten(void **state)
{
	struct deadline deadline = deadline_after_ms(3 * PATIENCE_MS);
	pid_t program = changing_program();
	int err;

	(void)state;
	unlink(setting);
	end(program);
	do {
		err = guardian_restore(GUARDIAN_CASES, NULL);
	} while (err == EBUSY && !deadline_passed(&deadline));
	assert_int_equal(err, EIO);
	set("0\n");
	assert_int_equal(guardian_restore(GUARDIAN_CASES, NULL), 0);
	assert_true(comes_to_read("1"));
}

static int change(void)
{
	int err = guardian_keep(setting);

	return err ? err : file_write(setting, "0");
}

static void a_command_runs_with_changes(void **state)
{
	char text[256], *argv[] = { "sh", "-c", text, NULL };
	int status = 0;

	(void)state;
	snprintf(text, sizeof(text), "read x <%s; exit $((3 + x))", setting);
	assert_int_equal(guardian_run(change, argv, tell, &status), 0);
	assert_int_equal(status, 3);
	assert_true(comes_to_read("1"));
}

/*
 * A program that runs a command that leaves something behind, in a session of
 * its own. What is left holds @end of a pipe.
 */
static pid_t running_program(int *left)
{
	char text[256], *argv[] = { "sh", "-c", text, NULL };
	int ends[2], status;
	pid_t program;
	char byte;

	assert_int_equal(pipe(ends), 0);
	snprintf(text, sizeof(text),
		 "echo >&%d; setsid sh -c 'sleep 1000; :' & wait", ends[1]);
	program = fork();
	if (!program) {
		close(ends[0]);
		guardian_run(change, argv, NULL, &status);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	*left = ends[0];
	return program;
}

static void a_killed_run_leaves_nothing(void **state)
{
	int left;
	pid_t program = running_program(&left);
	char byte;

	(void)state;
	assert_true(comes_to_read("0"));
	end(program);
	/* The end of the pipe is that of all who hold it. */
	assert_int_equal(read(left, &byte, 1), 0);
	close(left);
	assert_true(comes_to_read("1"));
}

static void a_second_run_leaves_the_first_alone(void **state)
{
	char *argv[] = { "true", NULL };
	int left, status;
	pid_t program = running_program(&left);

	(void)state;
	assert_true(comes_to_read("0"));
	assert_int_equal(guardian_run(change, argv, tell, &status), EBUSY);
	assert_true(comes_to_read("0"));
	end(program);
	close(left);
	assert_true(comes_to_read("1"));
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
		cmocka_unit_test_setup_teardown(
			what_cannot_be_put_back_is_not_forgotten, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(a_command_runs_with_changes,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_killed_run_leaves_nothing,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			a_second_run_leaves_the_first_alone, make_dir,
			remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
