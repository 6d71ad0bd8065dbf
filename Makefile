# Each target creates .venv first if it is missing or older than the lock file.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PEERS  := .venv-peers
MUTANTS := .venv-mutants
AUDIT := .venv-audit
# What `make test` runs on PostgreSQL as well: all statements of the store, and whole runs.
POSTGRES_TESTS := tests/store tests/sync/test_invariants.py tests/sync/test_interrupted_run.py tests/reliability/test_lease.py \
  tests/reliability/test_database_restart.py tests/console/test_pages.py tests/console/test_forms.py tests/fleet

.PHONY: install hooks peers demo test test-suite test-postgres postgres soak reliability mutants audit check bench countries format lock clean

install: $(READY)

# All packages come from the lock file, checked by hash; the project itself is built with those packages.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("sync_worker needs Python 3.11 or newer: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# The hook that checks commit messages; .githooks is under version control.
hooks:
	git config core.hooksPath .githooks

# Third-party clients for the tests of the sandbox, in a separate environment because their dependencies conflict with ours.
peers: $(PEERS)/.ready

$(PEERS)/.ready: tests/peers/requirements.lock tests/peers/tap_hubspot.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement tests/peers/requirements.lock
	$(PYTHON) -m venv $(PEERS)/tap_hubspot
	$(PEERS)/tap_hubspot/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement tests/peers/tap_hubspot.lock
	$(PEERS)/bin/python tests/peers/certificate_authority.py $$($(PEERS)/tap_hubspot/bin/python -c 'import certifi; print(certifi.where())')
	@touch $@

demo: install
	$(BIN)/sync-worker demo

# Compiled modules and tests are kept: without them, each worker compiles all tests again, which takes ten seconds.
test test-suite test-postgres postgres: export PYTHONDONTWRITEBYTECODE =

# Both at the same time, with more processes than cores, because many tests wait for other processes.
test: install peers
	$(MAKE) --jobs=2 test-suite test-postgres

test-suite:
	$(BIN)/python -m pytest

test-postgres:
	$(BIN)/python -m tests.postgres --numprocesses=1 $(POSTGRES_TESTS)

# The tests of store, runs, reports, console and reliability on PostgreSQL; `make test` has a part of them. About five minutes.
postgres: install
	$(BIN)/python -m tests.postgres tests/store tests/sync tests/reports tests/console tests/reliability

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The long tests: hundreds of kills, every fault on every endpoint, 12,000 contacts with the same timestamp, long scenarios. About 30 minutes.
# Prints each story with its seed.
soak: install
	HYPOTHESIS_PROFILE=ci $(BIN)/python -m pytest -m soak -vv tests

# Runs the fault matrix and the wrong replies and writes the results to docs/reliability.md.
reliability: install
	$(BIN)/python -m tests.reliability.fault_matrix
	$(BIN)/python -m tests.reliability.wrong_replies

# Changes the code of model, plan, apply and store in 200 places, one at a time, and prints the changes that no test notices. About half an hour;
# an interrupted run resumes.
# MUTANTS_OPTIONS="--sample 30 --only sync_worker/store" runs fewer.
mutants: install $(MUTANTS)/.ready
	$(MUTANTS)/bin/python tests/mutants/mutants.py $(MUTANTS_OPTIONS)

# The mutation tool, in a separate environment because only this target needs it.
$(MUTANTS)/.ready: tests/mutants/requirements.lock
	$(PYTHON) -m venv $(MUTANTS)
	$(MUTANTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/mutants/requirements.lock
	@touch $@

# Writes dist/sbom.cdx.json (CycloneDX) and looks up known vulnerabilities of the locked packages; needs a connection to the package index.
audit: $(AUDIT)/.ready
	$(AUDIT)/bin/python tests/audit/audit.py

# In a separate environment because only this target needs it.
$(AUDIT)/.ready: tests/audit/requirements.lock
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/audit/requirements.lock
	@touch $@

# BENCH=read,idle selects cases; the default cases take about ten minutes.
bench: install
	BENCH="$(BENCH)" $(BIN)/python -m tests.benchmarks

# Writes the names of countries in all languages; needed after an update of Babel or pycountry, or a change of the usual names.
countries: install
	$(BIN)/python -m tests.model.lookup.country_data

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE = $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-annotate \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

# The lock file must contain no index address and no option of this machine.
lock:
	$(COMPILE) --all-extras --output-file requirements.lock pyproject.toml
	$(COMPILE) --output-file tests/peers/requirements.lock tests/peers/requirements.in
	$(COMPILE) --output-file tests/peers/tap_hubspot.lock tests/peers/tap_hubspot.in
	$(COMPILE) --output-file tests/mutants/requirements.lock tests/mutants/requirements.in
	$(COMPILE) --output-file tests/audit/requirements.lock tests/audit/requirements.in

clean:
	rm -rf $(VENV) $(PEERS) $(MUTANTS) $(AUDIT) .mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
