# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The emulator that a machine's profile names (EMULATED_BY), by one set of names.

# shellcheck source=scripts/lib/qemu.sh
source "$TOP/scripts/lib/qemu.sh"
# shellcheck source=scripts/lib/bochs.sh
source "$TOP/scripts/lib/bochs.sh"

# emulator_build [plain]: print the path of the emulator, building it first if it
# is not there. "plain" is the same without the PMU, for comparison.
emulator_build() {
	"${EMULATED_BY}_build" "$@"
}

# emulator_command EMULATOR CPUS: the beginning of every command, in COMMAND.
emulator_command() {
	"${EMULATED_BY}_command" "$@"
}

# emulator_boots OUT KERNEL INITRD ARGUMENTS: what the machine boots, in COMMAND;
# OUT is for what has to be made for it.
emulator_boots() {
	"${EMULATED_BY}_boots" "$@"
}

emulator_name() {
	"${EMULATED_BY}_name" "$@"
}
