# `make` alone prints what there is. Every target installs what it misses, printing each step; none calls sudo.

.DEFAULT_GOAL := help
.PHONY: help demo run test test-programs test-matrix check lint lint-wasm wasm bench fuzz prepare images compose-test dist reproducible supply-chain policy

help:
	@echo 'make demo    walk through the policy in a real Envoy; fails unless every answer is the documented one'
	@echo 'make run     the same issuer, upstream and Envoy, kept up, with curl lines to paste'
	@echo 'make test    every test, those in a real Envoy included'
	@echo 'make test-matrix   the tests in a real Envoy, against every Envoy that is pinned'
	@echo 'make fuzz    looks for input of which a property does not hold (libFuzzer), SECONDS_EACH=60 for each target'
	@echo 'make check   what CI runs: formatting, lints for both targets, the policy on crates, every test'
	@echo 'make wasm    the deployable module: target/jwt_guard.wasm'
	@echo 'make dist    what a release consists of, in target/dist: module, checksum, bill of materials, image'
	@echo 'make bench   the CPU time of a request, beside native jwt_authn in one Envoy; ARGS=--quick for a minute of it'
	@echo
	@echo 'make images         container images of the module and of jwtguard'
	@echo 'make compose-test   the requests of make demo, against the containers of envoy/compose.yaml'
	@echo 'make reproducible   builds the module in two folders and compares'
	@echo 'make supply-chain   licences, versions and sources of the crates in the module, and how much is unsafe'
	@echo
	@echo 'ENVOY=/path/to/envoy uses that Envoy; ENVOY_VERSION=1.36.4 the pinned one of that version.'

prepare:
	@scripts/prepare

wasm: prepare
	@scripts/build-wasm

# Envoy is looked for before anything is built, so that what is missing is told first.
demo: prepare
	@envoy=$$(scripts/envoy) && scripts/build-wasm && \
		cargo run --locked --bin jwt-guard-demo -- demo --envoy "$$envoy"

run: prepare
	@envoy=$$(scripts/envoy) && scripts/build-wasm && \
		cargo run --locked --bin jwt-guard-demo -- demo --stay --envoy "$$envoy"

# The link of the module takes one core for most of its time: the tests are built beside it.
test: prepare
	@scripts/envoy >/dev/null
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target wasm test-programs
	cargo test --locked --workspace

test-programs: prepare
	cargo test --quiet --locked --workspace --no-run

# With an Envoy of its own choice ($$ENVOY) there would be one version only.
test-matrix: wasm
	@set -e; unset ENVOY; for version in $$(scripts/envoy --versions); do \
		echo "Envoy $$version"; ENVOY_VERSION=$$version scripts/envoy >/dev/null; \
		ENVOY_VERSION=$$version cargo test --locked --test envoy; done

# The first steps share nothing but the processor: the link of the module takes one core for most of its time. The
# replay of the fuzz properties runs once, with its minute for each.
check: prepare
	cargo fmt --check
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint lint-wasm policy
	@JWT_GUARD_FUZZ_SECONDS=60 $(MAKE) --no-print-directory test compose-test
	for entries in 0 1; do JWT_GUARD_TOKEN_CACHE_ENTRIES=$$entries cargo test --locked --test envoy tokens:: || exit 1; done

# The client is not in the figure, so the profile whose dependencies the tests have built already will do.
bench: wasm
	@scripts/envoy >/dev/null
	cargo bench --quiet --locked --profile dev --bench envoy -- $(ARGS)

lint: prepare
	cargo clippy --locked --workspace --all-targets -- -D warnings

# After the module, whose build adds the target where that is missing.
lint-wasm: wasm
	scripts/build-wasm --clippy

fuzz: prepare
	@scripts/fuzz all $${SECONDS_EACH:-60}

# What may be in the module, which files may import from which, and the scripts of a release.
policy: prepare
	@scripts/licences
	@scripts/import-cycles
	python3 -m unittest discover tests/release

supply-chain: prepare
	@scripts/licences
	@scripts/licences --unsafe

images: wasm
	@version=$$(cargo pkgid | sed 's/.*[#@]//') && \
		scripts/image module "jwt-guard:$$version" && scripts/image jwtguard "jwtguard:$$version"

# Builds nothing where no docker engine answers.
compose-test: prepare
	@scripts/compose-test

dist: prepare
	@scripts/dist

reproducible: prepare
	@scripts/dist-reproducible
