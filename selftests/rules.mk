# SPDX-License-Identifier: GPL-2.0-only
# How the test programs are made, in the suite's own folder and in a kernel tree.
#
# Needs TOP, HERE (the folder of the tests), KSRC, OUTPUT and KHDR_INCLUDES.
# Gives PROGS, without a folder, and a rule for each in OUTPUT.

include $(HERE)/libkvm.mk

PROGS := $(notdir $(basename $(wildcard $(HERE)/*_test.c)))
GUEST_PROGS := $(notdir $(basename $(shell grep -lE '"(vm/guest|guest_case|guest_reach|beside_guest|cgroup_guest)\.h"' $(HERE)/*_test.c)))

WARNINGS := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow \
	-Wvla $(WERROR)
CFLAGS_LIB := -std=gnu11 -O2 -g -D_GNU_SOURCE $(WARNINGS) $(KHDR_INCLUDES) \
	-I$(TOP)/lib -DLIB_DIR='"$(TOP)/lib"' $(EXTRA_CFLAGS)
# KVM's headers put struct kvm_msrs and the like into others, as its ABI wants.
OF_KVM := -Wno-gnu-variable-sized-type-not-at-end
# The harness is not clean under all of this, and takes unused arguments.
CFLAGS_TEST := $(CFLAGS_LIB) -I$(KSRC)/tools/testing/selftests -I$(TOP) \
	-Wno-unused-parameter -Wno-missing-field-initializers \
	-Wno-missing-prototypes -Wno-strict-prototypes -Wno-sign-compare \
	-Wno-unused-variable -Wno-override-init -Wno-unused-function \
	-Wno-unknown-warning-option -Wno-clobbered $(OF_KVM)
CFLAGS_GUEST := $(LIBKVM_CFLAGS) -std=gnu11 -I$(TOP)/lib -I$(TOP) \
	-Wall $(WERROR) -Wno-unused-function -Wno-unused-variable $(OF_KVM)

# Only these lead to the KVM selftests library.
GUEST_LIB := $(wildcard $(TOP)/lib/vm/guest*.c) $(TOP)/lib/vm/script.c \
	$(TOP)/lib/vm/counting.c $(TOP)/lib/vm/pattern.c
# libpfm4 encodes the events where there is one to link; y insists, n does without. A guest
# maps the whole program, and the memory that the KVM selftests library gives it has no
# room for libpfm4's tables: they stay in their shared library.
IS_STATIC := $(filter -static% --static,$(CC) $(LDFLAGS))
FIND_LIBPFM4 = $(shell echo 'int main(void) { return pfm_initialize(); }' | \
	$(CC) $(EXTRA_CFLAGS) $(LDFLAGS) -include perfmon/pfmlib_perf_event.h -x c -o /dev/null - \
	-lpfm 2>/dev/null && echo y || echo n)
ifeq ($(strip $(WITH_LIBPFM4)),)
# Once, for all that ask.
override WITH_LIBPFM4 := $(if $(IS_STATIC),n,$(FIND_LIBPFM4))
endif
ifneq ($(filter-out y n,$(WITH_LIBPFM4))$(word 2,$(WITH_LIBPFM4)),)
$(error WITH_LIBPFM4 is y or n, not "$(WITH_LIBPFM4)")
endif
ifneq ($(and $(IS_STATIC),$(filter y,$(WITH_LIBPFM4))),)
$(error WITH_LIBPFM4=y is for programs that are not linked statically)
endif
# What is linked anew if it changes.
LINKED_WITH := $(CC) $(LDFLAGS) $(WITH_LIBPFM4)
LINKED := $(OUTPUT)/obj/linked-with
$(shell mkdir -p $(OUTPUT)/obj && echo '$(LINKED_WITH)' | cmp -s - $(LINKED) || echo '$(LINKED_WITH)' >$(LINKED))
LIBPFM4 := $(if $(filter y,$(WITH_LIBPFM4)),-lpfm)
NOT_BUILT := $(TOP)/lib/perf/$(if $(LIBPFM4),without_libpfm4,encode).c
ROOMS := base contract explore host perf report vm
LIB_SRC := $(filter-out $(GUEST_LIB) $(NOT_BUILT),$(foreach room,$(ROOMS),$(wildcard $(TOP)/lib/$(room)/*.c)))
# Programs of their own: the init of a Linux guest.
LINUX_INITS := $(wildcard $(TOP)/guest_code/linux_*.c)
GUEST_SRC := $(GUEST_LIB) $(filter-out $(LINUX_INITS),$(wildcard $(TOP)/guest_code/*.c))
LINUX_INITS_BUILT := $(patsubst $(TOP)/guest_code/%.c,$(OUTPUT)/obj/%,$(LINUX_INITS))
LIB_OBJ := $(patsubst $(TOP)/%.c,$(OUTPUT)/obj/%.o,$(LIB_SRC))
GUEST_OBJ := $(patsubst $(TOP)/%.c,$(OUTPUT)/obj/%.o,$(GUEST_SRC))

$(LIB_OBJ): $(OUTPUT)/obj/%.o: $(TOP)/%.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_LIB) -fno-PIE -MD -MP -c -o $@ $<

# It has the text of these in it.
$(OUTPUT)/obj/lib/explore/write.o: $(wildcard $(TOP)/lib/explore/acts*) \
		$(TOP)/lib/contract/act_list.h

$(GUEST_OBJ): $(OUTPUT)/obj/%.o: $(TOP)/%.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_GUEST) -MD -MP -c -o $@ $<

# There is no C library in the guest.
$(LINUX_INITS_BUILT): $(OUTPUT)/obj/%: $(TOP)/guest_code/%.c \
		$(wildcard $(TOP)/guest_code/linux_*.h)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -static -nostdlib -fno-pie -O2 -Wall $(WERROR) \
		-fno-asynchronous-unwind-tables -fno-stack-protector -fcf-protection=none \
		$(KHDR_INCLUDES) -include $(KSRC)/tools/include/nolibc/nolibc.h \
		-o $@ $< -lgcc

# It has those programs in it.
$(OUTPUT)/obj/linux_test.o: $(LINUX_INITS_BUILT)
$(OUTPUT)/obj/linux_test.o: CFLAGS_TEST += -DLINUX_INIT='"$(OUTPUT)/obj/linux_init"' \
	-DLINUX_PERF_INIT='"$(OUTPUT)/obj/linux_perf"'

$(OUTPUT)/obj/%_test.o: $(HERE)/%_test.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -fno-PIE -MD -MP -c -o $@ $<

LINK = $(CC) -no-pie -pthread $(LDFLAGS) -o $@ $(filter %.o,$^) \
	$(filter %.a,$^) $(LIBPFM4) -ldl

$(addprefix $(OUTPUT)/,$(filter-out $(GUEST_PROGS),$(PROGS))): $(OUTPUT)/%: \
		$(OUTPUT)/obj/%.o $(LIB_OBJ) $(LINKED)
	$(Q)$(LINK)

$(addprefix $(OUTPUT)/,$(GUEST_PROGS)): $(OUTPUT)/%: $(OUTPUT)/obj/%.o \
		$(LIB_OBJ) $(GUEST_OBJ) $(LIBKVM) $(LINKED)
	$(Q)$(LINK)

# What this machine offers; without KVM as well, so without its library.
$(OUTPUT)/obj/probe.o: $(HERE)/probe.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_LIB) -fno-PIE -MD -MP -c -o $@ $<

$(OUTPUT)/probe: $(OUTPUT)/obj/probe.o $(LIB_OBJ) $(LINKED)
	$(Q)$(LINK)

# What its processor counts, which takes a guest to know.
$(OUTPUT)/obj/calibrate.o: $(HERE)/calibrate.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_LIB) -fno-PIE -MD -MP -c -o $@ $<

$(OUTPUT)/calibrate: $(OUTPUT)/obj/calibrate.o $(LIB_OBJ) $(GUEST_OBJ) $(LIBKVM) $(LINKED)
	$(Q)$(LINK)

-include $(shell find $(OUTPUT)/obj $(OUTPUT)/libkvm -name '*.d' 2>/dev/null)
