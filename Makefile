# All targets install what they need by themselves, and only what is missing.
SHELL := /bin/bash
BIN := node_modules/.bin

.PHONY: help setup setup-demo setup-test build build-lab build-bench test test-unit test-pcap test-interop test-lab \
	lint fuzz demo-metallb lab-latency bench bench-quick bench-plot bench-startup bench-kernel clean

help: ## say what there is to make
	@echo "openpe-routerd: make ..."
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do \
	  printf '  %-14s %s\n' "$$name" "$$text"; done

setup: setup-test ## install Debian and npm packages for everything below

setup-demo:
	@test/setup/setup.sh demo

setup-test:
	@test/setup/setup.sh test

setup-bench:
	@test/setup/setup.sh bench

setup-node:
	@test/setup/install-node-packages.sh

build: setup-node ## bundle the two programs into dist/
	@node build/bundle.mjs
	@node build/code-cache.mjs

build-lab: build
	@$(BIN)/tsc -p test/lab/tsconfig.json

build-bench: build-lab
	@node bench/setup/bundle-large.mjs

test: setup-test ## lint, types and all tests; the last line is the count
	@test/run-all.sh

test-unit: setup-node build ## unit and property tests
	@$(BIN)/vitest run --project unit

test-pcap: setup-node build ## captures through the decoder
	@$(BIN)/vitest run --project pcap

test-interop: setup-test build ## sessions with FRR, BIRD and GoBGP
	@$(BIN)/vitest run --project interop --project interop-alone

test-lab: setup-test build-lab ## the whole topology on a real kernel
	@$(BIN)/vitest run --project lab

fuzz: setup-node build-lab ## a million changed messages through decoder, engine and session (MESSAGES=, SECONDS=240, SEED=)
	@node --expose-gc out/build/test/fuzz/main.js

lint: setup-node ## Biome and the type checker
	@$(BIN)/biome check --error-on-warnings .
	@$(BIN)/tsc -p tsconfig.json

demo-metallb: setup-demo build-lab ## MetalLB across an EVPN fabric (API=current|first-api, ROUTER=openpe|frr, KEEP=1 for a shell in it)
	@node out/build/test/lab/demo-metallb.js

lab-latency: setup-demo build-lab ## time from the host's UPDATE to the fabric, FRR beside openpe-routerd
	@node out/build/bench/lab-latency.js

bench: setup-bench build-bench ## beside BIRD, FRR, GoBGP, OpenBGPD (SCENARIOS=, DAEMONS=, ROUNDS=3, PEERS=trixie); tables also in out/bench
	@node out/build/bench/main.js

bench-quick: export DAEMONS ?= openpe,bird,frr
bench-quick: export SCENARIOS ?= startup,transit-200k,evpn5-100k,fanout-50
bench-quick: export ROUNDS ?= 1
bench-quick: export REPORT ?= quick
bench-quick: setup-bench build-bench ## one round of a few scenarios beside BIRD and FRR; out/bench/quick.md
	@node out/build/bench/main.js

bench-plot: setup-bench build-bench ## how cost grows with routes, peers and VNIs: docs/performance.svg, out/bench/growth.json
	@node out/build/bench/plot.js

bench-startup: build-lab ## time from process start to the first session Established
	@node out/build/bench/startup.js

bench-kernel: setup-demo build-lab ## Type 5 routes from a peer to a VRF's table: raw netlink, openpe-routerd, FRR
	@node out/build/bench/scenarios/kernel.js

clean: ## remove what was built
	rm -rf dist out
