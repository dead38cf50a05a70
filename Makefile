# make run   set up what is missing and run Sitrep in this terminal (SQLite, console)
# make test  set up what is missing and run the test suite
# `make help` lists the rest.

# Our own modules are compiled once and kept, whatever the caller's environment says.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PEERS  := .venv-peers

.DEFAULT_GOAL := help
.PHONY: help run demo try-matrix test test-fast test-crash peers lint format golden migration bench lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

run: $(VENV)/.run ## run Sitrep in this terminal; pipe lines in and it handles them in order
	@$(BIN)/sitrep run

demo: $(VENV)/.run ## play one SEV1 from declaration to resolution in under a minute
	@$(BIN)/sitrep demo

try-matrix: $(VENV)/.dev peers ## start a homeserver with two users and Sitrep in it, to try it with any client
	@$(BIN)/python -m tests.worlds.try_matrix

# Much of a test is waiting, so there are more workers than cores. They steal tests from each other:
# xdist's other schedulers, by file or group, run a test that killed its worker again and again.
test: $(VENV)/.dev peers ## the whole suite, with a short crash run, on real peers
	$(BIN)/python -m pytest -n 4 --dist worksteal

test-fast: $(VENV)/.dev ## the inner loop: what needs no peer and no time, in seconds
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow and not crash" tests/unit tests/test_docs.py tests/test_golden.py

test-crash: $(VENV)/.dev peers ## at least 200 kills of a real process, amid full disks, set clocks and servers in trouble
	SITREP_KILLS=200 $(BIN)/python -m pytest -m crash

# A peer that cannot be had is told of by the tests that need it: skipped here, failed in CI.
peers: $(PEERS)/.ready ## what the tests talk to: Synapse, Node.js, a Matrix client, the Agents Playground

lint: $(VENV)/.dev ## ruff, formatting, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put every file into the one format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

golden: $(VENV)/.dev ## write golden conversations and generated pages anew; read the diff
	-SITREP_GOLDEN=write $(BIN)/python -m pytest -q tests/test_golden.py tests/test_docs.py tests/test_rules.py tests/unit/test_presenter.py

migration: $(VENV)/.dev ## write the next migration from the models; NAME=what_it_does
	$(BIN)/tortoise -c storage.migrate.TORTOISE_ORM makemigrations -n $(NAME)

bench: $(VENV)/.dev peers ## measure the claims; ONLY=B3 runs one
	$(BIN)/python -m bench $(ONLY)

lock: ## resolve the dependencies again (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		pyproject.toml --group dev -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		pyproject.toml --group build -c requirements/dev.txt -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--group peers -o requirements/peers.txt

clean: ## remove the environments and every cache
	rm -rf $(VENV) $(PEERS) tests/js/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Sitrep needs Python 3.11 or newer: make PYTHON=/path/to/python3.11'; exit 1; }
	@echo 'Setting up Sitrep in $(VENV) (once) ...'
	@$(PYTHON) -m venv $(VENV) || \
		{ echo 'Python could not make an environment. On Debian: apt install python3-venv'; rm -rf $(VENV); exit 1; }

$(VENV)/.run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/.run
	@echo 'Setting up the development tools (once) ...'
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(PEERS)/.ready: requirements/peers.txt tests/js/package-lock.json | $(VENV)/bin/python
	@echo 'Setting up what the tests talk to in $(PEERS) (once) ...'
	@{ $(PYTHON) -m venv $(PEERS) \
		&& $(PEERS)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/peers.txt \
		&& PATH="$(CURDIR)/$(PEERS)/bin:$$PATH" npm ci --prefix tests/js --silent --no-audit --no-fund \
		&& touch $@; } || echo 'They cannot all be had; the tests that need them say so.'
