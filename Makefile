# SPDX-License-Identifier: GPL-2.0
#
# Dominoes: TCP that runs one connection on several CPUs by replication.
#
# `make help` lists what can be made; each target installs what it needs (scripts/setup), `make check` runs every test.
# Kernel modules are built out of tree, in build/ko/<release>, so one tree serves many kernels:
#   make KDIR=/path/to/kernel/build

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

.ONESHELL:
MAKEFLAGS += --no-print-directory

BUILD := build
for-kernel := $(if $(KDIR),--kdir "$(KDIR)")

.PHONY: all
all: ko tools ## build the module for the running kernel (or KDIR=...), and the tools

.PHONY: setup
setup: ## install the Debian packages needed to build and test
	scripts/setup

.PHONY: ko
ko: ## build dominoes.ko alone; KDIR=... chooses the kernel
	scripts/setup build
	scripts/build-module $(for-kernel) $(if $(V),--verbose)

.PHONY: kernels-build
kernels-build: ## build dominoes.ko against every supported kernel
	scripts/setup build
	scripts/build-module --all

.PHONY: tools
tools: ## build the command, the client library and the userspace rig in build/host
	scripts/setup build
	scripts/build-host plain

.PHONY: lint
lint: ## check formatting, scripts, and what the C++ objects contain
	scripts/setup build check
	scripts/lint

TESTS ?= host host-address host-thread

.PHONY: test
test: ## run the unit tests on this machine: plain, with ASan and UBSan, with TSan (TESTS=host: plain alone)
	scripts/setup build check
	scripts/check $(TESTS)

.PHONY: t
t: ## build and run the unit tests that match T=pattern (of suite.test, with * and ?), in seconds
	scripts/setup build check
	scripts/unit-test "$(T)"

.PHONY: fuzz
fuzz: ## run the fuzzers; FUZZ_SECONDS=60 for each, FUZZ=name runs one
	scripts/setup build check
	scripts/fuzz --seconds $(or $(FUZZ_SECONDS),60) $(FUZZ)

.PHONY: kunit
kunit: ## run the unit tests in a debug kernel, in a VM
	scripts/setup build demo
	scripts/check kunit

.PHONY: e2e
e2e: ## run the end-to-end tests in a VM, on the debug and on the stock kernel
	scripts/setup build demo
	scripts/check e2e-debug e2e-stock

.PHONY: check
check: setup ## everything: lint, all tests, all kernels; ends with "N passed, N failed"
	scripts/check

.PHONY: demo
demo: ## show what it does
	scripts/setup build demo
	scripts/demo

SEEDS ?= 20000
SEED_BASE ?= 1

.PHONY: sim
sim: ## simulate SEEDS=20000 worlds from SEED_BASE=1 on, in virtual time
	scripts/setup build
	scripts/build-host --target dominoes-sim
	$(BUILD)/host/sim/dominoes-sim --seeds $(SEEDS) --seed-base $(SEED_BASE)

.PHONY: packetdrill
packetdrill: ## play packetdrill's scripts: PACKETDRILL=/path/to/packetdrill SCRIPTS=folder
	@[[ -n "$(PACKETDRILL)" && -n "$(SCRIPTS)" ]] || { scripts/packetdrill >&2; exit 2; }
	scripts/setup build
	scripts/build-host --target dominoes-packetdrill
	scripts/packetdrill "$(PACKETDRILL)" "$(SCRIPTS)"

PEERS ?= linux,linux@6.12,linux@next,lwip,slirp,gvisor

.PHONY: interop
interop: ## move files through many kinds of networks, to and from PEERS=..., and compare with Linux (hours)
	scripts/setup build demo interop
	scripts/interop --peers $(PEERS)

.PHONY: bench
bench: ## measure, RUNS=5 times; results go to build/results (AGAINST=revision: compare with it instead)
	scripts/setup build bench
	scripts/build-host --target dominoes-rig --target channel_bench --target step_bench
	scripts/bench $(RUNS) $(if $(AGAINST),--against "$(AGAINST)")

PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: install
install: all ## install module and tools (DESTDIR=, PREFIX=/usr/local, KDIR=)
	release=$$(scripts/build-module --release $(for-kernel))
	install -D -m 644 "$$(scripts/build-module --path $(for-kernel))" \
		"$(DESTDIR)/lib/modules/$$release/extra/dominoes.ko"
	DESTDIR="$(DESTDIR)" cmake --install $(BUILD)/host --prefix "$(PREFIX)"
	[[ -n "$(DESTDIR)" ]] || depmod "$$release"

.PHONY: dkms
dkms: ## register the module with DKMS, so that it is rebuilt for each new kernel
	scripts/setup build dkms
	scripts/dkms

.PHONY: clean
clean: ## remove build/; downloaded and compiled kernels stay in the user's cache
	rm -rf $(BUILD)

.PHONY: help
help: ## print this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
