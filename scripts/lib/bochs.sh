# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Bochs, the emulator of the Intel machines: built from source with the PMU model,
# cached by everything that went into it; and how it is started.

BOCHS_OPTIONS=(
	--enable-smp --enable-cpu-level=6 --enable-x86-64 --enable-vmx=2
	--enable-svm --enable-all-optimizations --enable-avx --enable-evex
	--with-nogui --disable-docbook
)
BOCHS_PATCH=$TOP/lab/bochs/hooks.patch
BOCHS_FILES=$TOP/lab/bochs/files
# Instructions a second of the machine's own time, and the frequency of its TSC:
# more, and what waits, waits long.
BOCHS_IPS=20000000

# Both archives of the source package, checked against the index: a mirror may lack
# its description.
bochs_archives() {
	local dir=$1 index sum name
	index=$(private_apt apt-cache showsrc bochs 2>/dev/null | awk '
		/^Checksums-Sha256:/ { on = 1; next } /^[^ ]/ { on = 0 } on && /tar/ { print $1, $3 }')
	[[ -n $index ]] || die "$SOURCE_SUITE has no source package of Bochs"
	(cd "$dir" && private_apt apt-get -q source --download-only bochs) >"$CACHE/apt/log" 2>&1 || true
	while read -r sum name; do
		printf '%s  %s\n' "$sum" "$dir/$name"
	done <<<"$index" | sha256sum --quiet --strict -c - >/dev/null 2>&1 ||
		die "cannot download the source of Bochs; see $CACHE/apt/log"
}

bochs_source() {
	local dir=$1
	[[ ! -e $dir/configure ]] || return 0
	rm -rf "$dir" "$dir.part" "$CACHE/src/bochs"
	mkdir -p "$dir.part" "$CACHE/src/bochs"
	if [[ -n ${BOCHS_SRC:-} ]]; then
		cp -r "$BOCHS_SRC/." "$dir.part"
	else
		private_apt_ready
		say "downloading the source of Bochs"
		bochs_archives "$CACHE/src/bochs"
		tar -xf "$CACHE"/src/bochs/bochs_*.orig.tar.* -C "$dir.part" --strip-components 1
	fi
	rm -rf "$CACHE/src/bochs"
	patch -s -p1 --fuzz=0 -d "$dir.part" <"$BOCHS_PATCH" >"$dir.log" ||
		die "the hooks do not fit this Bochs; see $dir.log"
	mv "$dir.part" "$dir"
}

bochs_configure_and_make() {
	local src=$1
	cd "$src" || return
	# Configured by us, not by whoever gave the tree.
	[[ -e configured ]] || ./configure "${BOCHS_OPTIONS[@]}" CFLAGS="-O2 -w" CXXFLAGS="-O2 -w" || return
	: >configured
	make -j "$JOBS"
}

# The firmware of a tree that has it, under the name of this release or another.
bochs_firmware_of_tree() {
	find "$BOCHS_SRC/bios" -name "$1" -a ! -name '*debug*' -a ! -name '*cirrus*' 2>/dev/null | sort | head -n 1
}

# The machine's firmware: from the user's tree, or from the packages that go with
# Bochs, as the distribution's source is without.
bochs_firmware() {
	local out=$1 name package from
	while read -r name package from <&3; do
		if [[ -n ${BOCHS_SRC:-} && -n $(bochs_firmware_of_tree "$from") ]]; then
			cp "$(bochs_firmware_of_tree "$from")" "$out/$name"
			continue
		fi
		debian_download "$out/deb" "$package"
		dpkg-deb -x "$out"/deb/"$package"_*.deb "$out/deb"
		from=$([[ $name == bios ]] && echo bochs/BIOS-bochs-latest || echo vgabios/vgabios.bin)
		cp "$out/deb/usr/share/$from" "$out/$name"
		rm -rf "$out/deb"
	done 3<<-'EOF'
		bios bochsbios BIOS-bochs-latest
		vgabios vgabios VGABIOS-lgpl-latest*
	EOF
}

bochs_build() {
	local key out work
	need_tool g++ "building Bochs"
	[[ -z ${BOCHS_SRC:-} || (-e $BOCHS_SRC/configure && -e $BOCHS_SRC/bochs.h) ]] ||
		die "BOCHS_SRC=$BOCHS_SRC is no Bochs source tree"
	[[ -z ${BOCHS_SRC:-} || (-n $(bochs_firmware_of_tree BIOS-bochs-latest) && -n $(bochs_firmware_of_tree 'VGABIOS-lgpl-latest*')) ]] ||
		is_debian || die "BOCHS_SRC=$BOCHS_SRC is without its firmware, bios/BIOS-bochs-latest and VGABIOS-lgpl-latest"
	key=$(key_of "${BOCHS_SRC:-$SOURCE_SUITE}" "${BOCHS_OPTIONS[*]}" "$(g++ --version | head -n 1)" \
		"$BOCHS_PATCH" "$BOCHS_FILES")
	out=$CACHE/bochs/$key
	if [[ ! -x $out/bochs ]]; then
		lock_cache
		need_space 1000 "building Bochs"
		# Another patch is another tree; other files are not.
		work=$CACHE/work/bochs-$(key_of "${BOCHS_SRC:-$SOURCE_SUITE}" "$BOCHS_PATCH")
		mkdir -p "$CACHE/work"
		bochs_source "$work"
		rsync -rc "$BOCHS_FILES/" "$work/"
		build_step "building Bochs" 900 "$work.log" bochs_configure_and_make "$work"
		rm -rf "$out.part"
		mkdir -p "$out.part"
		bochs_firmware "$out.part"
		cp "$work/bochs" "$out.part/"
		strip -g "$out.part/bochs"
		sed -n 's/^VERSION="\(.*\)"$/\1/p' "$work/configure" | head -n 1 >"$out.part/version"
		rm -rf "$out"
		mv "$out.part" "$out"
		unlock_cache
	fi
	printf '%s\n' "$out/bochs"
}

bochs_command() {
	local emulator=$1 cpus=$2 rough
	COMMAND=(env "BOCHS_PMU_VERSION=$PMU_VERSION" "BOCHS_PMU_GENERAL=$PMU_GENERAL" "BOCHS_PMU_FIXED=$PMU_FIXED"
		"BOCHS_TSC_HZ=$BOCHS_IPS")
	[[ -z ${PMU_FIXED_MASK:-} ]] || COMMAND+=("BOCHS_PMU_FIXED_MASK=$PMU_FIXED_MASK")
	rough=$(rough_environment)
	[[ -z $rough ]] || COMMAND+=("$rough")
	COMMAND+=("$emulator" -q -unlock)
	BOCHS=$emulator
	BOCHS_CPUS=$cpus
}

# Bochs boots disks: one with the kernel, its initial file system and a loader.
bochs_disk() {
	local disk=$1 kernel=$2 initrd=$3 arguments=$4 root=$1.root
	need_tool grub-mkrescue "the machine's disk"
	rm -rf "$root"
	mkdir -p "$root/boot/grub"
	ln "$kernel" "$root/boot/kernel" 2>/dev/null || cp "$kernel" "$root/boot/kernel"
	ln "$initrd" "$root/boot/initrd" 2>/dev/null || cp "$initrd" "$root/boot/initrd"
	printf 'linux /boot/kernel %s\ninitrd /boot/initrd\nboot\n' "$arguments" >"$root/boot/grub/grub.cfg"
	grub-mkrescue -o "$disk" "$root" >"$disk.log" 2>&1 ||
		die "cannot make the machine's disk; see $disk.log"
	rm -rf "$root" "$disk.log"
}

# In its configuration commas, quotes and blanks mean something.
bochs_can_name() {
	[[ $1 =~ ^[[:alnum:]/._@%+=:~-]+$ ]] || die "Bochs cannot read a folder called '$1'"
}

bochs_boots() {
	local out=$1
	bochs_can_name "$out"
	bochs_disk "$out/disk.iso" "$2" "$3" "$4"
	BOCHS_SETUP=$(
		cat <<EOF
config_interface: textconfig
display_library: nogui
cpu: model=$CPU_MODEL, count=$BOCHS_CPUS, ips=$BOCHS_IPS, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=${LAB_MEMORY_MIB:-$MEMORY_MIB}, host=${LAB_MEMORY_MIB:-$MEMORY_MIB}
romimage: file=$(dirname "$BOCHS")/bios
vgaromimage: file=$(dirname "$BOCHS")/vgabios
ata0: enabled=1
ata0-master: type=cdrom, path=$out/disk.iso, status=inserted
boot: cdrom
clock: sync=none, time0=1767225600, rtc_sync=0
vga: extension=vbe, update_freq=1, realtime=0
panic: action=fatal
error: action=ignore
info: action=ignore
EOF
	)
}

# bochs_ports OUT: where log and serial ports go; the rest of the setup goes there, too.
bochs_ports() {
	local port name=(console.log report.log)
	{
		printf '%s\nlog: %s\n' "$BOCHS_SETUP" "$1/bochs.log"
		for port in 1 2; do
			printf 'com%s: enabled=1, mode=file, dev=%s\n' "$port" "$1/${name[port - 1]}"
		done
	} >"$1/bochsrc"
	COMMAND+=(-f "$1/bochsrc")
}

# Kernel and programs are on the disk.
bochs_boot_files() {
	printf 'bochsrc disk.iso kernel.sum\n'
}

# bochs_recorded FROM: in COMMAND, what FROM was made with.
bochs_recorded() {
	local from=$1 named
	COMMAND=("${COMMAND[@]:0:${#COMMAND[@]}-2}")
	mapfile -t named < <(sed -n 's/^v*g*a*romimage: file=//p' "$from/bochsrc")
	still_there "$from" "${COMMAND[@]}" "${named[@]}"
	same_kernel "$from"
	bochs_can_name "$from"
	BOCHS_SETUP=$(sed -e '/^log:/d' -e '/^com[12]:/d' \
		-e "s|^\(ata0-master:.* path=\)[^,]*|\1$from/disk.iso|" "$from/bochsrc")
}

bochs_name() {
	printf 'Bochs %s\n' "$(cat "$(dirname "$1")/version")"
}
