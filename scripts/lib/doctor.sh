# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What this machine lacks, and how to get it.

doctor_installs() {
	local missing=("$@")
	if [[ -n $INSTALL && $(id -u) == 0 ]]; then
		say "installing ${missing[*]}"
		apt-get -q update >&2 || die "apt-get update failed"
		DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
			"${missing[@]}" >&2 || die "installing the packages failed"
		return
	fi
	say "missing packages; get them with: apt-get install ${missing[*]}"
	return 1
}

verb_doctor() {
	local lists=("$TOP/configs/packages-debian.list") missing
	[[ -z $WITH_TESTS ]] || lists+=("$TOP/configs/packages-test-debian.list")
	if ! is_debian; then
		say "not a Debian: install what corresponds to these packages yourself:"
		sed -e '/^#/d' -e 's/^/  /' "${lists[@]}" >&2
		say "and give the sources: KSRC= (Linux 7.x tree), QEMU_SRC= (QEMU 10.0), BOCHS_SRC= (Bochs 3.0)"
		[[ -n ${KSRC:-} && (-n ${QEMU_SRC:-} || $EMULATED_BY == bochs) ]] || exit 2
		[[ -n ${BOCHS_SRC:-} || ($EMULATED_BY == qemu && -z $FOR_ALL) ]] || exit 2
		return
	fi
	mapfile -t missing < <(missing_packages "${lists[@]}")
	if ((${#missing[@]})); then
		doctor_installs "${missing[@]}" || exit 2
	fi
	say "nothing is missing"
}
