#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The series for the emulators' projects, on the source that the lab builds from.

bats_require_minimum_version 1.5.0

# written NAME COUNT: so many mails that apply to each other, whose last leaves nothing
# of what is only the lab's.
written() {
	local out=$BATS_TEST_TMPDIR/$1
	export GIT_AUTHOR_NAME="A Sender" GIT_AUTHOR_EMAIL=sender@example.org
	export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
	run -0 --separate-stderr "$BATS_TEST_DIRNAME/../../series" "$1" --out "$out"
	[ "${#lines[@]}" -eq "$(($2 + 1))" ]
	cat "${lines[@]:1}" >"$BATS_TEST_TMPDIR/all"
	grep -q '^+.*pmu' "$BATS_TEST_TMPDIR/all"
	run -1 grep -Ei '^\+.*(\brough[ _.(]|rough_|svm_tlb|smp_turn|wait_hint|getenv)' "$BATS_TEST_TMPDIR/all"
}

@test "the series for QEMU is written, without what is the lab's own" {
	written qemu 4
}

@test "the series for Bochs is written, without what is the lab's own" {
	written bochs 7
}

# tcg_test NAME OPTIONS...: a test of the series, built as QEMU's tests/tcg does, on the
# lab's QEMU.
tcg_test() {
	local tests=$SOURCE/tests/tcg own=$BATS_TEST_DIRNAME/../../../upstream/qemu/files/tests/tcg/x86_64/system
	local program=$BATS_TEST_TMPDIR/$1 said=$BATS_TEST_TMPDIR/said name=$1
	shift
	gcc -Wall -Wextra -Werror -O0 -ggdb -ffreestanding -fno-stack-protector -nostdlib -static -no-pie \
		-isystem "$tests/minilib" "$own/$name.c" -x assembler-with-cpp "$tests/x86_64/system/boot.S" \
		-x c "$tests/minilib/printf.c" -Wl,--build-id=none -Wl,-z,noexecstack \
		-Wl,-T"$tests/x86_64/system/kernel.ld" -Wl,-melf_x86_64 -lgcc -o "$program"
	run -0 timeout 120 "$QEMU" -L /usr/share/seabios -L /usr/share/qemu -nodefaults -monitor none \
		-display none "$@" -chardev "file,path=$said,id=output" -device isa-debugcon,chardev=output \
		-device isa-debug-exit,iobase=0xf4,iosize=0x4 -kernel "$program"
	grep -q '^PASS' "$said"
	run ! grep -q '^FAIL' "$said"
}

@test "the tests that go with the series for QEMU pass on the lab's" {
	local tool='from pmu_passthrough.lab.qemu import Qemu; q = Qemu(); print(q.build(), q.source())'
	run -0 --separate-stderr env PYTHONPATH="$BATS_TEST_DIRNAME/../.." /usr/bin/python3 -c "$tool"
	read -r QEMU SOURCE <<<"$output"
	tcg_test svm-inject -cpu max,svm=on -smp 2 -accel tcg,thread=single
	tcg_test amd-pmu -cpu EPYC-Genoa,svm=on,perfmon-v2=on,perfctr-core=on,pmu=on,monitor=off
}
