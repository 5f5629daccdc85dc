# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian's packages: what is installed, and sources of a newer suite without
# touching the machine's own apt configuration.

SOURCE_SUITE=trixie

# The packages of the given lists, without those of other releases (name@N).
packages_in() {
	local release
	release=$(sed -n 's/^VERSION_ID="*\([0-9]*\).*/\1/p' /etc/os-release)
	sed -e '/^#/d' -e 's/ *|.*//' "$@" |
		awk -F @ -v release="$release" 'NF == 1 || $2 == release { print $1 }'
}

# The packages of the given lists that are not installed, one a line.
missing_packages() {
	local package
	for package in $(packages_in "$@"); do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null |
			grep -qx installed || printf '%s\n' "$package"
	done
}

# The mirror this machine uses for its own release.
debian_mirror() {
	local codename
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	apt-get indextargets --format '$(CREATED_BY) $(CODENAME) $(RELEASE) $(REPO_URI)' 2>/dev/null |
		awk -v want="$codename" '$1 == "Packages" && ($2 == want || $3 == want) { print $NF; exit }'
}

private_apt() {
	local dir=$CACHE/apt
	"$@" -o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" \
		-o APT::Sandbox::User="$(id -un)"
}

# Read the lists of the newer suite, unless that was done just now.
private_apt_ready() {
	local dir=$CACHE/apt mirror suite
	[[ -z $(find "$dir/ready" -mmin -60 2>/dev/null) ]] || return 0
	is_debian || die "this is not Debian: give the sources with KSRC=, QEMU_SRC= and BOCHS_SRC="
	need_tool apt-get "fetching sources"
	mirror=$(debian_mirror)
	[[ -n $mirror ]] || die "no Debian mirror in this machine's apt sources"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	for suite in "$SOURCE_SUITE" "$SOURCE_SUITE-backports"; do
		printf 'deb [signed-by=%s] %s %s main\n' \
			/usr/share/keyrings/debian-archive-keyring.gpg "$mirror" "$suite"
	done >"$dir/sources.list"
	printf 'deb-src [signed-by=%s] %s %s main\n' \
		/usr/share/keyrings/debian-archive-keyring.gpg "$mirror" \
		"$SOURCE_SUITE" >>"$dir/sources.list"
	say "reading the package lists of $SOURCE_SUITE"
	private_apt apt-get -q update >"$dir/log" 2>&1 ||
		die "cannot read the package lists of $SOURCE_SUITE (no network?); see $dir/log"
	touch "$dir/ready"
}

# debian_download DIR PACKAGE: the package's file, whole or not at all.
debian_download() {
	local dir=$1 package=$2
	private_apt_ready
	mkdir -p "$dir"
	say "downloading $package"
	(cd "$dir" && private_apt apt-get -q download "$package") >"$CACHE/apt/log" 2>&1 ||
		die "cannot download $package; see $CACHE/apt/log"
}

debian_download_source() {
	local dir=$1 package=$2
	private_apt_ready
	mkdir -p "$dir"
	say "downloading the source of $package"
	(cd "$dir" && private_apt apt-get -q source --download-only "$package") \
		>"$CACHE/apt/log" 2>&1 ||
		die "cannot download the source of $package; see $CACHE/apt/log"
}
