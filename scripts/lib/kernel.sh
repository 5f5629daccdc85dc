# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The kernel under test: the newest 7.x the distribution offers, unmodified; or
# the user's tree (KSRC=) or image (KERNEL=).

OLDEST_KERNEL=7.0

# The newest linux-source-7.x of the newer suite, asked for once and remembered
# so that a filled cache needs no network. "scripts/lab build --update" asks
# again.
default_source_package() {
	local file=$CACHE/kernel/default-source
	if [[ ! -s $file || -n ${UPDATE:-} ]]; then
		private_apt_ready
		mkdir -p "$CACHE/kernel"
		private_apt apt-cache search --names-only '^linux-source-7\.[0-9]+$' |
			cut -d ' ' -f 1 | sort -V | tail -n 1 >"$file.part"
		[[ -s $file.part ]] || die "$SOURCE_SUITE offers no linux-source-7.x: give a tree with KSRC="
		mv "$file.part" "$file"
	fi
	cat "$file"
}

# Print the folder of the source tree, unpacking it first if it is not there.
kernel_source() {
	local package dir
	if [[ -n ${KSRC:-} ]]; then
		[[ -e $KSRC/Kbuild && -d $KSRC/tools/testing/selftests/kvm ]] ||
			die "KSRC=$KSRC is no kernel source tree"
		realpath "$KSRC"
		return
	fi
	package=$(default_source_package)
	dir=$CACHE/src/$package
	[[ ! -e $dir/Kbuild ]] || {
		printf '%s\n' "$dir"
		return
	}
	lock_cache
	if [[ ! -e $dir/Kbuild ]]; then
		need_space 4000 "the kernel's source"
		rm -rf "$dir" "$dir.part"
		debian_download "$dir.part/deb" "$package"
		say "unpacking $package"
		dpkg-deb -x "$dir.part"/deb/linux-source-*.deb "$dir.part/deb"
		tar -xf "$dir.part/deb/usr/src/$package.tar.xz" -C "$dir.part" \
			--strip-components 1
		rm -rf "$dir.part/deb"
		mv "$dir.part" "$dir"
	fi
	unlock_cache
	printf '%s\n' "$dir"
}

source_version() {
	make -s --no-print-directory -C "$1" kernelversion 2>/dev/null
}

check_version() {
	local version=$1 what=$2
	[[ $(printf '%s\n' "$OLDEST_KERNEL" "$version" | sort -V | head -n 1) == "$OLDEST_KERNEL" ]] ||
		die "$what is Linux $version, too old: mediated PMUs came with $OLDEST_KERNEL"
}

# The fragments of configs/kernel that make up a variant of the kernel.
kernel_fragments() {
	local variant=$1
	printf '%s\n' "$TOP"/configs/kernel/*.config
	[[ $variant != debug ]] || printf '%s\n' "$TOP"/configs/kernel/debug/*.config
}

kernel_configure() {
	local tree=$1 out=$2 variant=$3 fragments
	mapfile -t fragments < <(kernel_fragments "$variant")
	make -s -C "$tree" O="$out" tinyconfig &&
		(cd "$out" && "$tree/scripts/kconfig/merge_config.sh" -m -O . .config \
			"${fragments[@]}") &&
		make -s -C "$tree" O="$out" olddefconfig
}

# Every line of the fragments must have made it into the configuration.
check_config() {
	local config=$1 variant=$2 line option fragments
	mapfile -t fragments < <(kernel_fragments "$variant")
	while IFS= read -r line; do
		option=${line%%=*}
		if [[ ${line#*=} == n ]]; then
			! grep -q "^$option=" "$config" ||
				die "this kernel insists on $option, which configs/kernel switches off"
		else
			grep -qx "$line" "$config" ||
				die "this kernel has no $line, which configs/kernel asks for"
		fi
	done < <(cat "${fragments[@]}" | grep '^CONFIG_')
}

# headers_build: print the folder that has usr/include of the kernel source.
headers_build() {
	local src out
	need_tool gcc "building everything"
	need_tool rsync "the kernel's user-space headers"
	src=$(kernel_source)
	out=$CACHE/headers/$(key_of "name $src" "$(source_version "$src")")
	if [[ ! -e $out/whole || -n ${KSRC:-} ]]; then
		lock_cache
		rm -rf "$out.part" "$out/whole"
		mkdir -p "$out.part"
		make -s -C "$src" O="$out.part" -j "$JOBS" headers >"$out.log" 2>&1 ||
			die "making the headers of $src failed; see $out.log"
		mkdir -p "$out"
		rsync -rc --delete "$out.part/usr/" "$out/usr/"
		touch "$out/whole"
		rm -rf "$out.part"
		unlock_cache
	fi
	printf '%s\n' "$out"
}

# The tree that kernels are built in: the source's files, linked, with the
# objects in a folder below. So the kernel's make uses relative paths, and a
# patched kernel rebuilds only what the patch touches.
tree_of() {
	local src=$1 tree
	tree=$CACHE/work/linux-$(key_of "name $src" "$(source_version "$src")")
	# One that was left half patched is made again.
	if [[ ! -e $tree/.whole || -e $tree/.applying ]]; then
		rm -rf "$tree"
		mkdir -p "$CACHE/work"
		cp -al "$src" "$tree" 2>/dev/null || {
			rm -rf "$tree"
			cp -a "$src" "$tree" || die "cannot copy $src to $tree"
		}
		touch "$tree/.whole"
	elif [[ -n ${KSRC:-} ]]; then
		# Whatever the user edited is newer than what was linked.
		tree_unpatch "$tree"
		rsync -a --update --delete --exclude /.git --exclude '/obj*' \
			--exclude /.whole --link-dest="$src" "$src/" "$tree/"
		tree_take_patched_files "$src" "$tree"
	fi
	printf '%s\n' "$tree"
}

# Files that were patched and unpatched look newer than the user's, whatever the
# user did to them: take those that differ, as new ones, so that make sees them.
tree_take_patched_files() {
	local src=$1 tree=$2 file
	while IFS= read -r file; do
		cmp -s "$src/$file" "$tree/$file" && continue
		rm -f "$tree/$file"
		cp "$src/$file" "$tree/$file"
	done < <(sed -n 's|^+++ b/||p' "$TOP/lab/kernel/hooks.patch")
}

# What was applied is kept beside, so that it can be taken back as it was.
tree_unpatch() {
	local tree=$1 file
	[[ -e $tree/.applied ]] || return 0
	(cd "$tree" && patch -s -R -p1 -i .applied/hooks.patch) ||
		die "cannot take the reference patch back; remove $tree"
	while IFS= read -r file; do
		rm -f "$tree/$file"
	done < <(cd "$tree/.applied/files" && find . -type f)
	rm -rf "$tree/.applied"
}

tree_patch() {
	local tree=$1 log=$2
	(cd "$tree" && patch -p1 --dry-run -i "$TOP/lab/kernel/hooks.patch") >"$log" 2>&1 ||
		die "the reference patch does not fit this kernel (it is made for 7.2 and 7.3); see $log"
	cp -r "$TOP/lab/kernel" "$tree/.applying"
	(cd "$tree" && patch -s --no-backup-if-mismatch -p1 -i .applying/hooks.patch) ||
		die "the reference patch stopped half-way; remove $tree"
	cp -r "$tree/.applying/files/." "$tree/"
	mv "$tree/.applying" "$tree/.applied"
}

# tree_become TREE VARIANT LOG: plain is the source as it is; reference and
# debug have the RFC's interface.
tree_become() {
	local tree=$1 variant=$2 log=$3
	if [[ $variant == plain ]]; then
		tree_unpatch "$tree"
	elif ! diff -rq "$TOP/lab/kernel" "$tree/.applied" >/dev/null 2>&1; then
		tree_unpatch "$tree"
		tree_patch "$tree" "$log"
	fi
}

kernel_make() {
	local tree=$1 out=$2
	# make does not see that a header has come or gone.
	rm -rf "$out/test_modules"
	make -C "$tree" O="$out" -j "$JOBS" bzImage modules &&
		make -C "$tree" O="$out" M="$TOP/selftests/test_modules" \
			MO="$out/test_modules" modules
}

# A distribution's tree is told by its name, because it does not change; a
# user's is handed to make each time, which knows what did.
kernel_key() {
	local src=$1 variant=$2 fragments patch=
	mapfile -t fragments < <(kernel_fragments "$variant")
	[[ $variant == plain ]] || patch=$TOP/lab/kernel
	key_of "name $src" "$(source_version "$src")" "$(gcc --version | head -n 1)" \
		"$TOP"/selftests/test_modules/{Makefile,*.c} "$patch" "${fragments[@]}"
}

kernel_make_variant() {
	local src=$1 variant=$2 out=$3 version=$4 tree obj log
	tree=$(tree_of "$src")
	log=$tree.$variant.log
	tree_become "$tree" "$variant" "$log"
	obj=$tree/obj
	[[ $variant != debug ]] || obj=$tree/obj-debug
	mkdir -p "$obj"
	kernel_configure "$tree" "$obj" "$variant" >"$log" 2>&1 ||
		die "configuring Linux $version failed; see $log"
	check_config "$obj/.config" "$variant"
	build_step "building Linux $version ($variant)" 2000 "$log" kernel_make "$tree" "$obj"
	rm -rf "$out.part"
	mkdir -p "$out.part"
	cp "$obj/arch/x86/boot/bzImage" "$obj"/test_modules/*.ko "$out.part/"
	cp "$obj/.config" "$out.part/config"
	rm -rf "$out"
	mv "$out.part" "$out"
}

# kernel_build VARIANT: print the output folder, with bzImage, config and the
# test module.
kernel_build() {
	local variant=$1 src out version
	need_tool gcc "building the kernel"
	src=$(kernel_source)
	out=$CACHE/kernel/$(kernel_key "$src" "$variant")
	if [[ ! -e $out/bzImage || -n ${KSRC:-} ]]; then
		need_tool lz4 "compressing the kernel"
		need_tool patch "the reference kernel"
		version=$(source_version "$src")
		check_version "$version" "$src"
		lock_cache
		need_space 2500 "building the kernel"
		# Whoever held the lock may have built it.
		[[ -e $out/bzImage && -z ${KSRC:-} ]] ||
			kernel_make_variant "$src" "$variant" "$out" "$version"
		unlock_cache
	fi
	printf '%s\n' "$out"
}

word_at() {
	od -An -tu"$3" -j"$2" -N"$3" "$1" 2>/dev/null | tr -d ' '
}

# The version string of a bzImage; Documentation/arch/x86/boot.rst,
# kernel_version.
image_version() {
	local image=$1 at
	at=$(($(word_at "$image" 526 2) + 512))
	dd if="$image" bs=1 skip="$at" count=128 status=none | tr '\0' '\n' |
		head -n 1 | cut -d ' ' -f 1
}

# A kernel image of the user's: is it one, is it new enough, has it the options?
check_image() {
	local image=$1 src=$2 config option
	[[ -f $image ]] || die "KERNEL=$image does not exist"
	[[ $(dd if="$image" bs=1 skip=514 count=4 status=none | tr -d '\0') == HdrS ]] ||
		die "KERNEL=$image is no x86 bzImage"
	check_version "$(image_version "$image")" "KERNEL=$image"
	config=$("$src/scripts/extract-ikconfig" "$image" 2>/dev/null) || return 0
	while IFS= read -r option; do
		grep -qx "$option=y" <<<"$config" ||
			die "KERNEL=$image lacks $option=y"
	done < <(sed '/^#/d' "$TOP/configs/kernel/required.list")
}
