# SPDX-License-Identifier: GPL-2.0-only
# The doorway. Everything is done by scripts/lab and scripts/test.

.DEFAULT_GOAL := help
.PHONY: help man run test quick check mutants soak ksft-install ksft-remove format build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## both machines and both contracts in the lab (sets up what is missing)
	@scripts/lab doctor --install $(if $(KERNEL)$(MACHINE)$(LAB_OPTIONS),,--machine all)
	@scripts/lab run $(if $(KERNEL)$(CONTRACT)$(LAB_OPTIONS),,--contract all) $(if $(KERNEL)$(MACHINE)$(LAB_OPTIONS),,--machine all) $(LAB_OPTIONS)

test: ## everything that proves the suite itself, the run in the lab included
	@scripts/lab doctor --install --test
	@scripts/test

quick: ## the part of "test" that needs no lab: style, scripts, unit tests
	@scripts/test style unit bats

check: ## the suite on this machine itself, bare metal (as root; see CHECK_OPTIONS)
	@scripts/lab doctor --install
	@scripts/host run $(CHECK_OPTIONS)

mutants: ## break the reference kernel in every known way: does the suite notice?
	@scripts/lab doctor --install
	@scripts/mutants $(MUTANTS_OPTIONS)

soak: ## run the suite again and again under changing conditions: do verdicts?
	@scripts/lab doctor --install
	@scripts/soak $(SOAK_OPTIONS)

build: ## build emulator, kernel and suite without running them
	@scripts/lab doctor --install
	@scripts/lab build

ksft-install: ## put the suite into the kernel tree KSRC= as a target of kselftest
	@scripts/ksft install '$(KSRC)'

ksft-remove: ## take it away again
	@scripts/ksft remove '$(KSRC)'

man: ## the manual pages, into build/man
	@scripts/man

format: ## put the C into the project's style
	@git ls-files '*.c' '*.h' | grep -vE '^lab/(qemu|bochs)/' | xargs clang-format-14 -i

clean: ## remove the build folder (the cache stays)
	@scripts/lab clean
