// SPDX-License-Identifier: GPL-2.0-only
/* A history as a program that needs nothing of the suite. */
#include <stdio.h>
#include <string.h>

#include "explore.h"

/* The text of the acts themselves comes first. */
#define INCLUDE_TEXT(symbol, file)                                \
	asm(".pushsection .rodata\n.global " #symbol "\n" #symbol \
	    ": .incbin \"" file "\"\n.byte 0\n.popsection\n");    \
	extern const char symbol[]

INCLUDE_TEXT(text_of_words, LIB_DIR "/contract/act_list.h");
INCLUDE_TEXT(text_of_header, LIB_DIR "/explore/acts.h");
INCLUDE_TEXT(text_of_own, LIB_DIR "/explore/acts_own.h");
INCLUDE_TEXT(text_of_guests, LIB_DIR "/explore/acts_guest.c");
INCLUDE_TEXT(text_of_acts, LIB_DIR "/explore/acts.c");

static void write_text(const char *text, const char *prefix)
{
	while (*text) {
		int length = (int)strcspn(text, "\n");

		if (strncmp(text, "#include \"", 10))
			printf("%s%.*s\n", prefix, length, text);
		text += length + (text[length] == '\n');
	}
}

static const char *target_name(enum act_target target)
{
	static const char *const names[ACT_TARGETS] = {
		[ON_SELF] = "ON_SELF",	     [ON_VCPU] = "ON_VCPU",
		[ON_CPU0] = "ON_CPU0",	     [ON_CPU1] = "ON_CPU1",
		[ON_CGROUP0] = "ON_CGROUP0", [ON_CGROUP1] = "ON_CGROUP1",
	};

	return names[target];
}

static void write_open(const struct act *act)
{
	static const char *const flags[ACT_FLAGS] = {
		"ACT_EXCLUDE_GUEST", "ACT_DISABLED",	   "ACT_PINNED",
		"ACT_INHERIT",	     "ACT_SOFTWARE",	   "ACT_SAMPLES",
		"ACT_THROTTLED",     "ACT_REMOVE_ON_EXEC",
	};

	printf("\tsay(\"open\", %d, act_open(%d, %s, ", act->slot, act->slot,
	       target_name(act->target));
	if (act->leader == NO_LEADER)
		printf("NO_LEADER, 0");
	else
		printf("%d, 0", act->leader);
	for (int i = 0; i < ACT_FLAGS; i++) {
		if (act->flags & 1u << i)
			printf(" | %s", flags[i]);
	}
	printf("));\n");
}

static void write_act(const struct act *act)
{
	static const char *const names[] = {
#define ACT_NAME(name, ...) #name,
		ACT_KINDS(ACT_NAME)
#undef ACT_NAME
	};

	switch (act->kind) {
	case ACT_open:
		write_open(act);
		break;
	case ACT_create:
		printf("\tsay(\"create\", %d, act_create(%d));\n", act->slot,
		       act->slot);
		break;
	case ACT_look:
		printf("\tlook();\n");
		break;
	case ACT_enter:
		printf("\tenter(%d);\n", act->slot);
		break;
	case ACT_work:
	case ACT_remake:
	case ACT_hotplug:
	case ACT_fork:
	case ACT_exec:
		printf("\tact_%s();\n", names[act->kind]);
		break;
	default:
		printf("\tact_%s(%d);\n", names[act->kind], act->slot);
	}
}

static const char helpers[] =
	"static void __attribute__((unused)) say(const char *what, int slot, int err)\n"
	"{\n"
	"	printf(\"%s %d: %s\\n\", what, slot, err ? strerror(err) : \"done\");\n"
	"}\n"
	"\n"
	"static void __attribute__((unused)) enter(int slot)\n"
	"{\n"
	"	struct guest_seen seen;\n"
	"\n"
	"	act_enter(slot, &seen);\n"
	"	printf(\"guest %d: counted %llu, found %llx where it left %llx\\n\", slot,\n"
	"	       (unsigned long long)seen.counted, (unsigned long long)seen.found,\n"
	"	       (unsigned long long)seen.left);\n"
	"}\n"
	"\n"
	"static void __attribute__((unused)) look(void)\n"
	"{\n"
	"	struct seen seen;\n"
	"\n"
	"	for (int i = 0; i < ACT_EVENTS; i++) {\n"
	"		if (events[i] < 0)\n"
	"			continue;\n"
	"		act_look(i, &seen);\n"
	"		printf(\"event %d: %s, count %llu, enabled %llu, running %llu\\n\", i,\n"
	"		       seen.eof ? \"ERROR\" : \"alive\", (unsigned long long)seen.count,\n"
	"		       (unsigned long long)seen.enabled, (unsigned long long)seen.running);\n"
	"	}\n"
	"}\n";

void history_write(const struct exploration *e, const char *prefix)
{
	printf("%s#define _GNU_SOURCE\n", prefix);
	write_text(text_of_words, prefix);
	write_text(text_of_header, prefix);
	write_text(text_of_own, prefix);
	write_text(text_of_guests, prefix);
	write_text(text_of_acts, prefix);
	write_text(helpers, prefix);
	printf("%s\n", prefix);
	if (e->end == EXPLORED_VIOLATION)
		printf("%s/* Asked at the end: %s, %s */\n", prefix,
		       e->question.id, contract_rule(e->question.id)->words);
	printf("%sint main(void)\n%s{\n%s\tacts_begin();\n", prefix, prefix,
	       prefix);
	for (int i = 0; i < e->history.length; i++) {
		printf("%s", prefix);
		write_act(&e->history.act[i]);
	}
	printf("%s\tacts_end();\n%s\treturn 0;\n%s}\n", prefix, prefix, prefix);
}
