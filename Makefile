# The one door: `make` lists what can be done, `make test` does all that needs Rust, Python and C.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_TARGETS := $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))
# The Python crate links to libpython when it is no extension module, which a machine need not
# have; its tests are those of the wheel (tests/python).
WORKSPACE := --workspace --exclude py --locked
LOAD_GENERATOR := --manifest-path benchmarks/load_generator/Cargo.toml \
  --target-dir target/load_generator --locked

# The exact versions in pyproject.toml: the build's tools and every extra.
define LIST_REQUIREMENTS
import tomllib
with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)
extras = project["project"]["optional-dependencies"].values()
print(*project["build-system"]["requires"], *sum(extras, []), sep="\n")
endef
export LIST_REQUIREMENTS

.PHONY: help setup build demo test test-rust test-python sim sim-long crash-long groups-long \
  transactions-long histories-long interop bench lint fmt fix fuzz docs clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/complete ## make the environment in .venv

$(VENV)/complete: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -c "$$LIST_REQUIREMENTS" > $(VENV)/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement $(VENV)/requirements.txt
	touch $@

build: setup ## build the release wheel and install it into .venv
	rm -rf dist
	$(BIN)/maturin build --quiet --release --locked --out dist
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall dist/*.whl

demo: build ## stream a real data set through a broker and prove that it came back
	$(BIN)/ottla demo

test: test-rust sim test-python ## every test that needs only Rust, Python and a C compiler

test-rust: ## the crates' tests, and the checks of tidiness and layers
	cargo test $(WORKSPACE)
	cargo test --quiet $(LOAD_GENERATOR)

test-python: build ## the package, foreign clients from PyPI, and the notebooks
	$(BIN)/pytest -m "not interop"

sim: ## broker and clients under 50 seeds of simulated faults, or only under SEED
	cd rust/sim && $(if $(SEED),cargo run --quiet --locked -- $(SEED),cargo test --locked)

sim-long: ## the same under SEEDS (0..5000)
	cd rust/sim && cargo run --quiet --locked -- $(or $(SEEDS),0..5000)

crash-long: ## cut the power at every operation of storage's histories, and look at every state
	OTTLA_CRASH_STATES=all cargo test --release --locked --package storage --test crash

groups-long: ## histories of groups under faults: SEEDS (10000) of each kind
	OTTLA_SEEDS=$(or $(SEEDS),10000) cargo test --release --locked --package coordinator --test ring1

transactions-long: ## histories of transactions under faults: SEEDS (10000) of each version
	OTTLA_SEEDS=$(or $(SEEDS),10000) cargo test --release --locked --package coordinator \
	  --test transaction_ring1

histories-long: ## clients and broker under faults, judged: SEEDS (1000) of each version
	OTTLA_SEEDS=$(or $(SEEDS),1000) cargo test --release --locked --package history --test machines

interop: build ## Apache Kafka, its tools, kcat, franz-go and kafkajs; installs what is missing
	tests/interop/install.sh
	# The first test of a client builds or downloads it, which may take minutes.
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -m interop --timeout=600

bench: build ## measure the figures of benchmarks/RESULTS.md: all, or SCENARIOS="start closed-loop"
	$(BIN)/python benchmarks/run.py $(SCENARIOS)

lint: setup ## everything that reads the code and changes nothing
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo check --quiet --manifest-path fuzz/Cargo.toml --locked
	cargo fmt --check --manifest-path benchmarks/load_generator/Cargo.toml
	cargo clippy --all-targets $(LOAD_GENERATOR) -- -D warnings
	cd rust/sim && cargo fmt --check && cargo clippy --all-targets --locked -- -D warnings
	cargo xtask
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/mypy tests/python
	$(BIN)/pyright

fmt: setup ## format Rust and Python, and break comments that are too wide
	cargo xtask wrap
	cargo fmt --all
	cargo fmt --manifest-path rust/sim/Cargo.toml
	$(BIN)/ruff format

fix: fmt ## format, and mend what the linters can mend by themselves
	cargo clippy --workspace --all-targets --locked --fix --allow-dirty --allow-staged
	$(BIN)/ruff check --fix

fuzz: ## run fuzz TARGETs (all) for SECONDS (60) each
	command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz
	for target in $(or $(TARGET),$(FUZZ_TARGETS)); do \
	  RUSTC_BOOTSTRAP=1 cargo fuzz run "$$target" --sanitizer none -- \
	    -max_total_time=$(or $(SECONDS),60); \
	done

docs: ## the crates' documentation, private items included
	RUSTDOCFLAGS="-D warnings" cargo doc $(WORKSPACE) --no-deps --document-private-items

clean: ## remove what was built
	cargo clean
	rm -rf $(VENV) dist tests/interop/franz_go/driver tests/interop/kafkajs/node_modules
