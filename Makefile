# Each target makes .venv by itself when it is missing or older than the lock file.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PEERS  := .venv-peers

.PHONY: install peers demo test soak reliability check bench format lock clean

install: $(READY)

# Everything comes from the lock file, checked by hash; the project itself is built with what the lock file brought.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("sync_worker needs Python 3.11 or newer: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Clients that others wrote, which the tests let loose on the sandbox; they have needs of their own, hence a place of their own.
peers: $(PEERS)/.ready

$(PEERS)/.ready: tests/peers/requirements.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement tests/peers/requirements.lock
	$(PEERS)/bin/python tests/peers/trust.py
	@touch $@

demo: install
	$(BIN)/sync-worker demo

test: install peers
	$(BIN)/python -m pytest

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Killed hundreds of times, every fault on every endpoint, twelve thousand contacts of one moment, long stories: about half an hour.
soak: install
	HYPOTHESIS_PROFILE=ci $(BIN)/python -m pytest -m soak tests/reliability

# Goes through the fault matrix and writes what it found into docs/reliability.md.
reliability: install
	$(BIN)/python -m tests.reliability.matrix

# BENCH=read,idle picks cases; without it those that take about ten minutes in all.
bench: install
	BENCH="$(BENCH)" $(BIN)/python -m tests.benchmarks

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE = $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-annotate \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

# No index address and no option of this machine may stand in the lock file.
lock:
	$(COMPILE) --all-extras --output-file requirements.lock pyproject.toml
	$(COMPILE) --output-file tests/peers/requirements.lock tests/peers/requirements.in

clean:
	rm -rf $(VENV) $(PEERS) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
