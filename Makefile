# SPDX-License-Identifier: GPL-2.0-only
# The doorway. Everything is done by scripts/lab and scripts/test.

.DEFAULT_GOAL := help
.PHONY: help man run test quick check mutants soak ksft-install ksft-remove dist format build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Values of variables go to the scripts by the environment: make gives none to a shell.
SETUP = @scripts/python && scripts/lab doctor --install

run: ## both machines, mediated and RFC contract, in the lab (sets up what is missing)
	$(SETUP) --make
	@scripts/lab run --make

test: ## everything that proves the suite itself, the run in the lab included
	$(SETUP) --test
	@scripts/test

quick: ## the part of "test" that needs no lab: style, scripts, unit tests
	@scripts/test style unit python bats

check: ## the suite on this machine itself, bare metal (as root; see CHECK_OPTIONS)
	$(SETUP)
	@scripts/host run --make

mutants: ## break the reference kernel in every known way: does the suite notice?
	$(SETUP)
	@scripts/mutants --make

soak: ## run the suite again and again under changing conditions: do verdicts?
	$(SETUP)
	@scripts/soak --make

build: ## build emulator, kernel and suite without running them
	$(SETUP)
	@scripts/lab build

ksft-install: ## put the suite into the kernel tree KSRC= as a target of kselftest
	@scripts/ksft install

ksft-remove: ## take it away again
	@scripts/ksft remove

man: ## the manual pages, into build/man
	@scripts/man

DIST = pmu-passthrough-$(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)

dist: ## this commit as a tarball, build/pmu-passthrough-VERSION.tar.gz
	@mkdir -p build
	@git archive --prefix=$(DIST)/ --output=build/$(DIST).tar.gz HEAD
	@echo build/$(DIST).tar.gz

format: ## put C and Python into the project's style
	@git ls-files '*.c' '*.h' | grep -vE '^(lab|upstream)/(qemu|bochs)/' | xargs clang-format-14 -i
	@black -q -l 100 scripts

clean: ## remove the build folder (the cache stays)
	@scripts/lab clean
