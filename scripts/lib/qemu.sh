# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# QEMU, the emulator of the AMD machine: built from source with the PMU model,
# cached by everything that went into it; and how it is started.

QEMU_OPTIONS=(
	--target-list=x86_64-softmmu --without-default-features --enable-tcg
	--enable-pixman --enable-fdt=system --enable-virtfs --enable-attr
	--enable-cap-ng --disable-download --disable-install-blobs
)
QEMU_PATCH=$TOP/lab/qemu/hooks.patch
QEMU_FILES=$TOP/lab/qemu/files

# QEMU asks for a newer meson than Debian 12 has. It is pure Python, so the
# newer suite's package serves without being installed.
meson_dir() {
	local dir=$CACHE/tools/meson
	if [[ ! -e $dir/usr/bin/meson ]]; then
		rm -rf "$dir.part"
		debian_download "$dir.part" meson
		dpkg-deb -x "$dir.part"/meson_*.deb "$dir.part"
		rm -f "$dir.part"/meson_*.deb
		mv "$dir.part" "$dir"
	fi
	printf '%s\n' "$dir/usr/lib/python3/dist-packages"
}

# Unpacked and untouched, or the user's own tree, copied.
qemu_source() {
	local dir=$1
	[[ -e $dir/configure ]] && return
	rm -rf "$dir" "$dir.part"
	if [[ -n ${QEMU_SRC:-} ]]; then
		cp -r "$QEMU_SRC" "$dir.part"
	else
		debian_download_source "$CACHE/src/qemu" qemu
		dpkg-source --no-check --no-copy -x "$CACHE"/src/qemu/qemu_*.dsc "$dir.part" \
			>"$CACHE/apt/log" 2>&1 ||
			die "cannot unpack QEMU's source; see $CACHE/apt/log"
		rm -rf "$CACHE/src/qemu"
	fi
	mv "$dir.part" "$dir"
}

# Lay our files over the source, so that only what changed is built again.
qemu_overlay() {
	local src=$1
	if [[ -e $src/pmu-applied.patch ]] && ! cmp -s "$QEMU_PATCH" "$src/pmu-applied.patch"; then
		patch -s -R -p0 -d "$src" <"$src/pmu-applied.patch" ||
			die "cannot take the old hooks out of $src; remove that folder"
		rm "$src/pmu-applied.patch"
	fi
	# Interrupted between the patch and its mark?
	if [[ ! -e $src/pmu-applied.patch ]] &&
		patch -s -R --dry-run -p0 -d "$src" <"$QEMU_PATCH" >/dev/null 2>&1; then
		cp "$QEMU_PATCH" "$src/pmu-applied.patch"
	fi
	if [[ ! -e $src/pmu-applied.patch ]]; then
		patch -s --dry-run -p0 -d "$src" <"$QEMU_PATCH" >"$src.patch.log" ||
			die "the hooks do not fit this QEMU ($(cat "$src/VERSION")); see $src.patch.log"
		patch -s -p0 -d "$src" <"$QEMU_PATCH"
		cp "$QEMU_PATCH" "$src/pmu-applied.patch"
	fi
	rsync -rc "$QEMU_FILES/" "$src/"
}

qemu_configure_and_build() {
	local src=$1 build=$2 meson=$3
	mkdir -p "$build"
	cd "$build" || return
	export PYTHONPATH=$meson
	if [[ ! -e build.ninja ]]; then
		"$src/configure" --python=/usr/bin/python3 "${QEMU_OPTIONS[@]}" || return
	fi
	ninja -j "$JOBS" qemu-system-x86_64
}

qemu_key() {
	local plain=$1
	if [[ $plain == plain ]]; then
		key_of "${QEMU_SRC:-$SOURCE_SUITE}" "${QEMU_OPTIONS[*]}" "$(gcc --version | head -n 1)"
	else
		key_of "${QEMU_SRC:-$SOURCE_SUITE}" "${QEMU_OPTIONS[*]}" \
			"$(gcc --version | head -n 1)" "$QEMU_PATCH" "$QEMU_FILES"
	fi
}

# qemu_build [plain]: print the path of the emulator, building it first if
# it is not there. "plain" is the same QEMU without the PMU, for comparison.
qemu_build() {
	local plain=${1:-patched} key out work meson
	[[ -z ${QEMU_SRC:-} || -e $QEMU_SRC/configure ]] ||
		die "QEMU_SRC=$QEMU_SRC is no QEMU source tree"
	need_tool gcc "building QEMU"
	key=$(qemu_key "$plain")
	out=$CACHE/qemu/$key
	if [[ ! -x $out/qemu-system-x86_64 ]]; then
		lock_cache
		need_space 3000 "building QEMU"
		work=$CACHE/work/qemu-$plain-$(key_of "${QEMU_SRC:-$SOURCE_SUITE}")
		mkdir -p "$CACHE/work"
		qemu_source "$work"
		[[ $plain == plain ]] || qemu_overlay "$work"
		meson=$(meson_dir)
		build_step "building QEMU ($plain)" 2050 "$work.log" \
			qemu_configure_and_build "$work" "$work/build" "$meson"
		mkdir -p "$out.part"
		cp "$work/build/qemu-system-x86_64" "$out.part/"
		strip -g "$out.part/qemu-system-x86_64"
		cp "$work/VERSION" "$out.part/version"
		rm -rf "$out"
		mv "$out.part" "$out"
		unlock_cache
	fi
	printf '%s\n' "$out/qemu-system-x86_64"
}

# Firmware and boot code, wherever the distribution puts them.
ROM_DIRS=(/usr/share/qemu /usr/share/seabios)

# qemu_command EMULATOR CPUS: the part that every boot shares, in COMMAND.
qemu_command() {
	local emulator=$1 cpus=$2 dir rough
	COMMAND=()
	rough=$(rough_environment)
	[[ -z $rough ]] || COMMAND+=(env "$rough")
	COMMAND+=("$emulator")
	for dir in "${ROM_DIRS[@]}"; do
		[[ -d $dir ]] || die "$dir is missing (the emulated machine's firmware)"
		COMMAND+=(-L "$dir")
	done
	COMMAND+=(
		-M "$MACHINE_TYPE" -cpu "$CPU_MODEL"
		-smp "$cpus" -m "${LAB_MEMORY_MIB:-$MEMORY_MIB}" -display none
		-nodefaults -no-user-config -no-reboot -monitor none
	)
	if [[ -n $ICOUNT ]]; then
		COMMAND+=(-accel "tcg,thread=single" -icount "shift=0,sleep=off" -seed 1 -rtc "base=2026-01-01,clock=vm")
	else
		COMMAND+=(-accel "tcg,thread=multi")
	fi
}

# qemu_boots OUT KERNEL INITRD ARGUMENTS: what the machine boots.
qemu_boots() {
	COMMAND+=(-kernel "$2" -initrd "$3" -append "$4")
}

# qemu_ports OUT: where the two serial ports go.
qemu_ports() {
	COMMAND+=(
		-chardev "file,id=console,path=$1/console.log"
		-serial chardev:console
		-chardev "file,id=report,path=$1/report.log"
		-serial chardev:report
	)
}

qemu_boot_files() {
	printf 'initrd kernel.sum\n'
}

# qemu_recorded FROM: in COMMAND, what FROM was made with, without its ports.
qemu_recorded() {
	local from=$1 at
	COMMAND=("${COMMAND[@]:0:${#COMMAND[@]}-8}")
	[[ " ${COMMAND[*]} " == *" -icount "* ]] ||
		die "the run in $from was made without --icount and cannot be replayed"
	for at in "${!COMMAND[@]}"; do
		[[ ${COMMAND[at]} != -initrd ]] || COMMAND[at + 1]=$from/initrd
	done
	still_there "$from" "${COMMAND[@]}"
	same_kernel "$from"
}

qemu_name() {
	printf 'QEMU %s\n' "$(cat "$(dirname "$1")/version")"
}
