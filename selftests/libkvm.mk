# SPDX-License-Identifier: GPL-2.0-only
# The KVM selftests library of the kernel tree, as an archive of ours. Upstream
# compiles its sources into each test folder and moves them about, so take the
# list from whichever of its makefiles there is.
#
# Needs KSRC, OUTPUT and KHDR_INCLUDES. Gives LIBKVM and LIBKVM_CFLAGS.

KVM_DIR := $(KSRC)/tools/testing/selftests/kvm
KVM_MK := $(firstword $(wildcard $(KVM_DIR)/Makefile.kvm $(KVM_DIR)/Makefile))
KVM_ARCH := $(notdir $(firstword $(wildcard $(KVM_DIR)/lib/x86 $(KVM_DIR)/lib/x86_64)))

kvm_list = $(shell sed -n 's/^$(1) *+= *\(lib\/.*\)/\1/p' $(KVM_MK))
LIBKVM_SRC := $(call kvm_list,LIBKVM) $(call kvm_list,LIBKVM_$(KVM_ARCH))
LIBKVM_STRING_SRC := $(call kvm_list,LIBKVM_STRING)
LIBKVM_OBJ := $(addprefix $(OUTPUT)/libkvm/,$(addsuffix .o,$(LIBKVM_SRC) $(LIBKVM_STRING_SRC)))
LIBKVM := $(OUTPUT)/libkvm.a

# QUIET: the library's constructor would print ahead of the KTAP header.
# The no-builtin flags keep guest code from calling libc.
LIBKVM_CFLAGS := -std=gnu99 -O2 -g -DQUIET -DCONFIG_64BIT -D_GNU_SOURCE \
	-fno-stack-protector -fno-PIE -fno-strict-aliasing -U_FORTIFY_SOURCE \
	-fno-builtin-memcmp -fno-builtin-memcpy -fno-builtin-memset \
	-fno-builtin-strnlen -march=x86-64-v2 \
	-I$(KSRC)/tools/include -I$(KSRC)/tools/arch/x86/include \
	$(KHDR_INCLUDES) -I$(KVM_DIR)/include -I$(KVM_DIR)/include/$(KVM_ARCH) \
	-I$(KSRC)/tools/testing/selftests \
	-I$(KSRC)/tools/testing/selftests/rseq
LIBKVM_CFLAGS += $(shell grep -qw vm_vaddr_t $(KVM_DIR)/include/kvm_util.h && \
	echo -DPMU_KVM_OLD_TYPES)
LIBKVM_CFLAGS += $(shell grep -qw vm_alloc_pages $(KVM_DIR)/include/kvm_util.h || \
	echo -DPMU_KVM_OLD_ALLOC)
LIBKVM_CFLAGS += $(shell grep -qw vcpu_get_stat $(KVM_DIR)/include/kvm_util.h || \
	echo -DPMU_KVM_NO_VCPU_STATS)
LIBKVM_CFLAGS += $(shell grep -qs 'generic_svm_setup.*guest_rsp' \
	$(KVM_DIR)/include/$(KVM_ARCH)/svm_util.h && echo -DPMU_KVM_NESTED_SVM_RSP)
LIBKVM_CFLAGS += $(shell grep -qs 'prepare_vmcs.*guest_rsp' \
	$(KVM_DIR)/include/$(KVM_ARCH)/vmx.h && echo -DPMU_KVM_NESTED_VMX_RSP)

$(LIBKVM): $(LIBKVM_OBJ)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

# Half of what a VM takes in user space to begin was memset(), a byte at a time.
$(OUTPUT)/libkvm/lib/string_override.c.o: KVM_EXTRA = -ffreestanding -O3

$(OUTPUT)/libkvm/%.o: $(KVM_DIR)/%
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LIBKVM_CFLAGS) -w -MD -MP -I$(<D) $(KVM_EXTRA) -c -o $@ $<
