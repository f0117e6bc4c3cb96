# The single entry to everything that is done with this repository.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

JOBS ?= 2
# Exclusivity is checked in debug builds and by the tests; bounds checks stay on in release builds.
RELEASE_FLAGS := -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked
MICRO_FLAGS := -c release -Xswiftc -enforce-exclusivity=unchecked --package-path bench/micro
# What meets sockets, processes and clocks runs apart from what only computes and from what loads the whole machine.
LIVE_TESTS := UsherGatewayTests|UsherTransportTests|UsherStoresTests|UsherSupervisorTests|UsherConsoleTests
LIVE_TESTS := $(LIVE_TESTS)|UsherTelemetryTests|UsherLoadTests
FAULT_TESTS := FaultTests
# Hundreds of gateways at once would starve each other until their time-outs pass.
AT_ONCE := SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH
SCRIPTS := .ci/run $(wildcard scripts/*.sh)
PYTHON := $(wildcard bench examples scripts)
SWIFT := Package.swift $(wildcard Sources Tests) bench/micro/Package.swift bench/micro/Sources

.PHONY: help run build test bench micro format lint clean

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 14

run: ## build Usher and start the quickstart in the foreground
	@scripts/install-tools.sh run
	@swift build $(RELEASE_FLAGS) -j $(JOBS) --product usher
	@printf '%s\n' 'Starting the quickstart: three copies of a dictionary behind http://127.0.0.1:8080.' \
		'Once they are ready (three seconds), try in a second terminal:' \
		'  curl http://127.0.0.1:8080/dictionary/river' \
		'  curl http://127.0.0.1:9900/readyz' \
		'  curl http://127.0.0.1:9900/api/v1/services' \
		'Ctrl-C stops everything.' ''
	@exec .build/release/usher run examples/quickstart/usher.yaml

build: ## build the release binary, .build/release/usher
	@scripts/install-tools.sh run
	swift build $(RELEASE_FLAGS) -j $(JOBS) --product usher

test: ## run all tests
	@scripts/install-tools.sh test
	swift build --build-tests -j $(JOBS)
ifdef TEST_FLAGS
	swift test --skip-build $(TEST_FLAGS)
else
	swift test --skip-build --skip '$(LIVE_TESTS)|$(FAULT_TESTS)'
	$(AT_ONCE)=8 swift test --skip-build --filter '$(LIVE_TESTS)'
	$(AT_ONCE)=4 swift test --skip-build --filter '$(FAULT_TESTS)'
endif

bench: build ## measure beside nginx, HAProxy, Envoy and Varnish; BENCH_FLAGS="--quick" for a smoke run
	@scripts/install-tools.sh bench
	swift build $(MICRO_FLAGS) -j $(JOBS)
	python3 bench/run.py $(BENCH_FLAGS)

micro: ## time single decisions of a worker, and count what they allocate
	swift build $(MICRO_FLAGS) -j $(JOBS)
	@cc -O2 -shared -fPIC -o bench/micro/.build/allocations.so bench/allocations.c
	@rm -f bench/micro/.build/allocations && truncate -s 4096 bench/micro/.build/allocations
	@LD_PRELOAD=$(CURDIR)/bench/micro/.build/allocations.so BENCH_ALLOCATIONS=$(CURDIR)/bench/micro/.build/allocations \
		bench/micro/.build/release/micro

format: ## lay out the Swift code
	swift format format --in-place --recursive --parallel $(SWIFT)

lint: ## check layout, shell and Python syntax, and the page of published owners
	swift format lint --strict --recursive --parallel $(SWIFT)
	@for script in $(SCRIPTS); do bash -n "$$script"; done
	@python3 -c 'import ast, pathlib, sys; [ast.parse(p.read_text(), str(p)) for d in sys.argv[1:] for p in pathlib.Path(d).rglob("*.py")]' $(PYTHON)
	@scripts/sharding-vectors.py --check

clean: ## remove what was built
	rm -rf .build
