# Cloud Protection Manager. `make demo` and `make test` need nothing but Rust, Python 3.11 and Node.js.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Builds and tools live outside of the checkout, so that a fresh clone does not build the SDKs again.
CACHE ?= $(HOME)/.cache/cpm
export CARGO_TARGET_DIR ?= $(CACHE)/target
export CARGO_TERM_COLOR ?= auto
export SAM_CLI_TELEMETRY = 0
export CPM_PYTHON = $(VENV)/bin/python

FUNCTIONS := api backup cleaner dispatcher events notifier recoverer tag-scanner
REQUIREMENTS := infra/local/requirements.txt infra/lint/requirements.txt
VENV := $(CACHE)/venv-$(shell cat $(REQUIREMENTS) 2>/dev/null | sha256sum | cut -c1-12)
PACKAGER := $(CACHE)/packager-$(shell sha256sum < infra/package/requirements.txt | cut -c1-12)
DENY := $(CACHE)/tools/bin/cargo-deny
DENY_VERSION := 0.20.2
CLOUD := $(VENV)/bin/python infra/local/cloud.py

# What makes a release small: docs/decisions/0012-small-releases.md. These flags want a `--target`: macros and build scripts are
# built without them.
RELEASE := RUSTFLAGS="-C relocation-model=static -C llvm-args=-inline-threshold=5 \
    -C link-arg=-Wl,--no-eh-frame-hdr -C link-arg=-Wl,-T,infra/package/no-unwinding.ld"
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

.PHONY: help
help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: needs
needs:
	@missing=; for tool in cargo cc python3 node npm strip; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || missing="$$missing python3-venv"; \
	if [ -n "$$missing" ]; then echo "missing on this machine:$$missing" >&2; \
	  echo "install Rust (rustup), a C compiler, Python 3.11 or newer with venv, Node.js 20 with npm, and binutils" >&2; exit 1; fi

$(VENV)/.ready: $(REQUIREMENTS) | needs
	@echo "installing the Python tools into $(VENV)"
	@python3 -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check $(foreach file,$(REQUIREMENTS),-r $(file))
	@touch $@

$(PACKAGER)/.ready: infra/package/requirements.txt | needs
	@python3 -m venv $(PACKAGER)
	@$(PACKAGER)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(DENY): | needs
	cargo install --quiet --locked --root $(CACHE)/tools --target-dir $(CACHE)/tools-target cargo-deny --version $(DENY_VERSION)
	rm -rf $(CACHE)/tools-target

infra/cdk/node_modules/.ready: infra/cdk/package-lock.json | needs
	cd infra/cdk && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# All of it, always: another selection of crates is another set of features, and builds every SDK again.
.PHONY: build
build: | needs ## The functions and the command line, for the local cloud
	cargo build --locked --workspace --all-targets

.PHONY: artifacts
artifacts: build $(VENV)/.ready
	@$(VENV)/bin/python infra/artifacts.py --from $(CARGO_TARGET_DIR)/debug --to .local/artifacts $(FUNCTIONS)

.PHONY: up
up: artifacts ## Starts the local cloud and deploys the template to it
	@$(CLOUD) up
	@$(CLOUD) deploy
	@echo "for a shell: source .local/env; the command line is $(CARGO_TARGET_DIR)/debug/cpm"

.PHONY: down
down: $(VENV)/.ready ## Ends the local cloud
	@$(CLOUD) down

.PHONY: demo
demo: artifacts ## The main job, from a tag to a verified backup, shown and checked
	@PATH="$(CARGO_TARGET_DIR)/debug:$$PATH" $(VENV)/bin/python -m tests.demo

.PHONY: test
test: lint unit end-to-end ## Every test

.PHONY: unit
unit: $(VENV)/.ready ## Unit, property, fault and contract tests
	cargo test --locked --workspace --quiet

.PHONY: end-to-end
end-to-end: artifacts ## The real template, state machines and binaries on the local cloud
	PATH="$(CARGO_TARGET_DIR)/debug:$$PATH" $(VENV)/bin/python -m pytest -q infra/tests infra/local/tests tests/e2e

.PHONY: lint
lint: $(VENV)/.ready $(DENY) infra/cdk/node_modules/.ready ## Formats, lints, who may link what, the template, the state machines
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(DENY) --log-level error check bans licenses sources
	PATH="$(VENV)/bin:$$PATH" infra/lint.sh
	cd infra/cdk && npm test --silent

.PHONY: package
package: $(PACKAGER)/.ready ## The release for arm64, ready for `sam deploy`
	@command -v rustup >/dev/null || { echo "rustup is missing: it brings Rust for arm64 (https://rustup.rs)" >&2; exit 1; }
	rustup target list --installed | grep -q aarch64-unknown-linux-gnu || rustup target add aarch64-unknown-linux-gnu
	PATH="$(PACKAGER)/bin:$$PATH" $(RELEASE) cargo lambda build --locked --release --arm64 --lambda-dir dist $(FUNCTIONS:%=-p cpm-%)

.PHONY: bench
bench: artifacts ## Speed and cost: one JSON line a figure
	$(RELEASE) cargo build --locked --release --target $(HOST) $(FUNCTIONS:%=-p cpm-%)
	PATH="$(CARGO_TARGET_DIR)/debug:$$PATH" $(VENV)/bin/python -m tests.bench --release $(CARGO_TARGET_DIR)/$(HOST)/release

.PHONY: clean
clean: ## Ends and forgets the local cloud, and forgets the packages
	@[ ! -d .local ] || $(MAKE) --no-print-directory down
	rm -rf .local dist
