// SPDX-License-Identifier: GPL-2.0-only
/*
 * An unmodified Linux as a guest, and perf in it (docs/contract/guest.md, M76
 * to M78). guest_code/linux_init.c is what runs there, and linux_perf.c where
 * the perf tool is.
 */
#include <glob.h>
#include <limits.h>

#include "../guest_code/linux_init.h"
#include "harness/cases.h"
#include "vm/linux.h"

/* A guest's kernel boots as slowly as its host did, and slower. */
#define BOOTS 8
/* Bytes of its log. */
#define LOG_SHOWN 2000

/* The programs, as they are linked. */
__asm__(".pushsection .rodata\n"
	"linux_init: .incbin \"" LINUX_INIT "\"\n"
	"linux_init_end:\n"
	"linux_perf_init: .incbin \"" LINUX_PERF_INIT "\"\n"
	"linux_perf_init_end:\n"
	".popsection");
extern const char linux_init[], linux_init_end[];
extern const char linux_perf_init[], linux_perf_init_end[];

FIXTURE(linux_guest)
{
	struct scenario s;
	struct observation o;
	const char *image;
	struct linux_root root;
	struct linux_guest *guest;
};

FIXTURE_VARIANT(linux_guest)
{
	bool moves;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(linux_guest, that_stays) { .moves = false };
FIXTURE_VARIANT_ADD(linux_guest, saved_and_restored) { .moves = true };
/* clang-format on */

FIXTURE_SETUP(linux_guest)
{
	case_begin();
	self->s = scenario_unknown;
	self->o = observation_unknown;
	self->guest = NULL;
	self->root.files = 0;
	self->image = linux_image();
	NEEDS(self->image, "a kernel image (PMU_GUEST_KERNEL=)");
}

FIXTURE_TEARDOWN(linux_guest)
{
	if (self->guest)
		linux_end(self->guest);
	free(self->guest);
	case_end(_metadata);
}

/* Its end, a note a line. */
static void show_log(const struct linux_guest *guest)
{
	const char *line = guest->console;

	if (guest->console_length > LOG_SHOWN)
		line += guest->console_length - LOG_SHOWN;
	while (*line) {
		size_t length = strcspn(line, "\r\n");

		if (length)
			report_note("its log: %.*s", (int)length, line);
		line += length + (line[length] != 0);
	}
}

/*
 * The next line that is not "midway", where a guest that @moves is moved.
 * Returns NULL if there is none, and says why.
 */
static const char *next_line(struct linux_guest *guest, bool moves,
			     const struct deadline *deadline)
{
	for (;;) {
		enum linux_exit exit = linux_run(guest, deadline);
		int err;

		if (exit != LINUX_SAID) {
			report_note("the guest %s",
				    exit == LINUX_LATE ? "is not done in time"
						       : guest->why);
			show_log(guest);
			return NULL;
		}
		if (strcmp(guest->line, "midway"))
			return guest->line;
		err = moves ? linux_move(guest) : 0;
		if (err) {
			report_note("it cannot be moved: %s", strerror(err));
			return NULL;
		}
	}
}

/* Of a piece of work and of twice that. */
static bool take_counts(const char *line, const char *format,
			struct scenario *s, struct observation *o)
{
	unsigned long once, twice;

	if (sscanf(line, format, &once, &twice) != 2)
		return false;
	s->guest_work = once != ULONG_MAX && twice != ULONG_MAX
				? (int64_t)LINUX_INIT_WORK
				: NOT_KNOWN;
	o->guest_counted = (int64_t)(twice - once);
	return true;
}

static bool take_samples(const char *line, struct scenario *s,
			 struct observation *o)
{
	unsigned long samples, lost;

	if (sscanf(line, "sampled %lu %lu", &samples, &lost) != 2)
		return false;
	s->overflows = LINUX_INIT_SAMPLES;
	o->samples = (int64_t)samples;
	o->samples_lost = (int64_t)lost;
	return true;
}

/* Boot it with the files it has, and judge what it says. */
static void let_it_count(FIXTURE_DATA(linux_guest) * self,
			 const FIXTURE_VARIANT(linux_guest) * variant,
			 bool reads_by_rdpmc, struct __test_metadata *_metadata)
{
	struct deadline deadline = deadline_after_ms(BOOTS * patience_ms());
	bool counted = false, read_by_rdpmc = false;
	char complaint[256];
	const char *line;

	self->guest = calloc(1, sizeof(*self->guest));
	MUST_BE(self->guest);
	MUST(linux_begin(self->guest, self->image, &self->root));
	while ((line = next_line(self->guest, variant->moves, &deadline)) &&
	       strcmp(line, "end")) {
		if (take_counts(line, "counted %lu %lu", &self->s, &self->o)) {
			counted = true;
			JUDGE("M76", &self->s, &self->o);
		} else if (take_counts(line, "rdpmc %lu %lu", &self->s,
				       &self->o)) {
			read_by_rdpmc = true;
			JUDGE("M76.rdpmc", &self->s, &self->o);
		} else if (take_samples(line, &self->s, &self->o)) {
			JUDGE("M77", &self->s, &self->o);
		} else {
			report_note("the guest says: %s", line);
		}
	}
	MUST_BE(line);
	MUST_BE(counted && self->o.samples != NOT_KNOWN);
	MUST_BE(read_by_rdpmc || !reads_by_rdpmc);
	self->o.log_lines = linux_log_has(self->guest, LINUX_INIT_WARNING);
	self->o.complaints =
		linux_complaint(self->guest, complaint, sizeof(complaint));
	if (self->o.complaints)
		report_note("the guest's kernel: %s", complaint);
	/* A kernel that says more than there is room for complains. */
	if (self->guest->console_cut)
		self->o.complaints = 1;
	JUDGE("M78", &self->s, &self->o);
}

TEST_F(linux_guest, M76_M77_M78_perf_in_it)
{
	self->root.init = linux_init;
	self->root.init_size = (size_t)(linux_init_end - linux_init);
	let_it_count(self, variant, true, _metadata);
}

/* Where a distribution has a script for the tool, the tools are below. */
static int add_perf(struct linux_root *root)
{
	int err = linux_add_program(root, "perf", LINUX_PERF_PATH);
	glob_t found;

	if (err != ENOEXEC ||
	    glob("/usr/lib/linux-tools/*/perf", 0, NULL, &found))
		return err;
	err = linux_add_program(root, found.gl_pathv[found.gl_pathc - 1],
				LINUX_PERF_PATH);
	globfree(&found);
	return err;
}

TEST_F(linux_guest, M76_M77_M78_the_perf_tool_in_it)
{
	int err = add_perf(&self->root);

	NEEDS(err != ENOENT && err != ENOEXEC, "the perf tool");
	MUST(err);
	self->root.init = linux_perf_init;
	self->root.init_size = (size_t)(linux_perf_init_end - linux_perf_init);
	let_it_count(self, variant, false, _metadata);
}

int main(int argc, char **argv)
{
	return case_main(argc, argv, HOST_NEEDS_GUEST_PMU);
}
