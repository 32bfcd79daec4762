# `make` alone prints the targets. Every target installs the tools that it needs and prints each step; none calls sudo.

.DEFAULT_GOAL := help
.PHONY: help demo run test test-programs test-matrix check lint lint-wasm wasm bench fuzz prepare images compose-test dist dist-jwtguard dist-verify reproducible supply-chain policy

help:
	@echo 'make demo    send the example requests through a real Envoy; fail if an answer is not the expected one'
	@echo 'make run     start the same issuer, upstream and Envoy, keep them running and print curl commands'
	@echo 'make test    run all tests, including those in a real Envoy'
	@echo 'make test-matrix   run the Envoy tests against every pinned Envoy version'
	@echo 'make fuzz    search for inputs that break a property (libFuzzer), SECONDS_EACH=60 per target'
	@echo 'make check   run what CI runs: formatting, lints for both targets, the dependency policy, all tests'
	@echo 'make wasm    build the deployable module: target/jwt_guard.wasm'
	@echo 'make dist    build the release files in target/dist: module, checksum, bill of materials, image'
	@echo 'make dist-jwtguard   build jwtguard for this machine in target/dist; make dist-verify compares the checksums there'
	@echo 'make bench   measure the CPU time per request, next to native jwt_authn in the same Envoy; ARGS=--quick: 1 to 2 minutes'
	@echo
	@echo 'make images         build container images of the module and of jwtguard'
	@echo 'make compose-test   send the requests of make demo to the containers of envoy/compose.yaml'
	@echo 'make reproducible   build the module in two folders and compare the files'
	@echo 'make supply-chain   check licences, versions and sources of the crates in the module; count their unsafe code'
	@echo
	@echo 'ENVOY=/path/to/envoy selects an Envoy; ENVOY_VERSION=1.36.4 selects the pinned Envoy of that version.'

# Keeps the output of parallel steps apart. The make of macOS (3.81) does not have this option.
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

prepare:
	@scripts/prepare

wasm: prepare
	@scripts/build-wasm

# The search for Envoy comes before the build, so that a missing tool is reported at once.
demo: prepare
	@envoy=$$(scripts/envoy) && scripts/build-wasm && \
		cargo run --locked --bin jwt-guard-demo -- demo --envoy "$$envoy"

run: prepare
	@envoy=$$(scripts/envoy) && scripts/build-wasm && \
		cargo run --locked --bin jwt-guard-demo -- demo --stay --envoy "$$envoy"

# Linking the module uses one core most of the time, so the tests are built in parallel.
test: prepare
	@scripts/envoy >/dev/null
	@$(MAKE) --no-print-directory --jobs=2 $(SYNC) wasm test-programs
	cargo test --locked --workspace

test-programs: prepare
	cargo test --quiet --locked --workspace --no-run

# $$ENVOY is unset because it takes precedence over ENVOY_VERSION: every round would test the same Envoy.
test-matrix: wasm
	@set -e; unset ENVOY; for version in $$(scripts/envoy --versions); do \
		echo "Envoy $$version"; ENVOY_VERSION=$$version scripts/envoy >/dev/null; \
		ENVOY_VERSION=$$version cargo test --locked --test envoy; done

# The first steps are independent of each other and run in parallel: linking the module uses one core most of the time.
# JWT_GUARD_FUZZ_SECONDS=60 replays each fuzz property for one minute.
check: prepare
	cargo fmt --check
	@$(MAKE) --no-print-directory --jobs=2 $(SYNC) lint lint-wasm policy
	@JWT_GUARD_FUZZ_SECONDS=60 $(MAKE) --no-print-directory test compose-test
	for entries in 0 1; do JWT_GUARD_TOKEN_CACHE_ENTRIES=$$entries cargo test --locked --test envoy tokens:: || exit 1; done

# Only Envoy's CPU time is measured, not the client's. The dev profile reuses the dependencies built for the tests.
bench: wasm
	@scripts/envoy >/dev/null
	cargo bench --quiet --locked --profile dev --bench envoy -- $(ARGS)

lint: prepare
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps --document-private-items

# Depends on wasm, because that build installs the wasm32 target if it is missing.
lint-wasm: wasm
	scripts/build-wasm --clippy

fuzz: prepare
	@scripts/fuzz all $${SECONDS_EACH:-60}

# Checks the crates in the module, the import cycles, the scripts and the workflows. Status 77: the linters have no wheel for
# this machine, and have said so.
policy: prepare
	@scripts/licences
	@scripts/import-cycles
	@scripts/plain-language
	@scripts/pinned-python lint || test $$? = 77
	python3 -m unittest discover tests/release

supply-chain: prepare
	@scripts/licences
	@scripts/licences --unsafe

images: wasm
	@version=$$(cargo pkgid | sed 's/.*[#@]//') && \
		scripts/image module "jwt-guard:$$version" && scripts/image jwtguard "jwtguard:$$version"

# Skipped if no Docker engine responds.
compose-test: prepare
	@scripts/compose-test

dist: prepare
	@scripts/dist

dist-jwtguard: prepare
	@scripts/dist jwtguard

dist-verify:
	@scripts/dist-verify

reproducible: prepare
	@scripts/dist-reproducible
