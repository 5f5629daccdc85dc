# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# BUILD, the folder for what is made and found here: in the checkout, or, if a
# package installed TOP, in the user's cache. LAB_BUILD= overrides it.

if [[ $TOP == /usr/* ]]; then
	BUILD=${LAB_BUILD:-${XDG_CACHE_HOME:-$HOME/.cache}/pmu_passthrough/build}
else
	BUILD=${LAB_BUILD:-$TOP/build}
fi
