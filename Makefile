# Everything a person or CI does with this repository. `make` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
UV := $(shell command -v uv 2>/dev/null)
CONSOLE_SOURCES := $(shell find console -type f -not -path '*/node_modules/*' -not -path '*/dist/*' \
	-not -path '*/coverage/*' 2>/dev/null | sed 's/ /\\ /g')
# The console's tools run on the Node of the environment, so none has to be on the machine.
NPM = ../$(PY) ../.ci/npm.py

.PHONY: help up test fmt lint types layers console openapi docs bench clean chromium redis frameworks emitters adapters

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.server  ## Install what is missing, start gateway and console (options: make up ARGS="--workers 2")
	@exec $(BIN)/penstock up $(ARGS)

test: $(VENV)/.dev chromium redis frameworks emitters  ## Run every check and test that CI runs, and print counts
	@$(PY) .ci/check.py

fmt: $(VENV)/.dev  ## Format Python and the console
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .
	@cd console && $(NPM) run --silent fix

lint: $(VENV)/.dev  ## Lint Python and the console
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@cd console && $(NPM) run --silent check

types: $(VENV)/.dev  ## Check the types of src
	@$(BIN)/pyright

layers: $(VENV)/.dev  ## Check that each layer imports only those below it
	@$(BIN)/lint-imports

console: $(VENV)/.dev  ## Build the console into the package
	@$(PY) hatch_build.py

openapi: $(VENV)/.dev  ## Write console/openapi.json and the console's client from the control API
	@$(PY) -m penstock.server.openapi > console/openapi.json.new
	@mv console/openapi.json.new console/openapi.json
	@cd console && $(NPM) run --silent generate

docs: $(VENV)/.dev  ## Write the generated parts of docs/
	@$(PY) -m penstock.cli.reference
	@$(PY) -m penstock.registry.reference docs
	@$(PY) -m penstock.tracing.reference

bench: $(VENV)/.dev  ## Run the benchmarks and write the table of the README
	@$(PY) -m bench

clean:  ## Remove what was built or cached; keeps .penstock and .venv
	@rm -rf build dist htmlcov .coverage .coverage.* .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@rm -rf console/dist console/coverage console/node_modules src/penstock/server/static
	@find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- The environment. Each stamp is newer than what it was made from. ----

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed; name one with: make PYTHON=/path/to/python3.12 up" >&2; exit 1; }
ifdef UV
	@$(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV)
else
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --upgrade 'pip>=25.1'  # knows dependency groups
endif

ifdef UV
INSTALL = $(UV) pip install --quiet --python $(PY)
INSTALL_FRAMEWORKS = $(UV) pip install --quiet --python $(VENV)/frameworks/bin/python --group frameworks
INSTALL_EMITTERS = $(UV) pip install --quiet --python $(VENV)/emitters/bin/python --group emitters
INSTALL_ADAPTER = $(UV) pip install --quiet --python $(VENV)/adapters/$(1)/bin/python -r pyproject.toml \
	--extra server --extra $(1)
else
INSTALL = $(PY) -m pip install --quiet --disable-pip-version-check
INSTALL_FRAMEWORKS = $(PY) -m pip --python $(VENV)/frameworks/bin/python install --quiet --disable-pip-version-check \
	--group frameworks
INSTALL_EMITTERS = $(PY) -m pip --python $(VENV)/emitters/bin/python install --quiet --disable-pip-version-check \
	--group emitters
INSTALL_ADAPTER = $(PY) -m pip --python $(VENV)/adapters/$(1)/bin/python install --quiet --disable-pip-version-check \
	'.[server,$(1)]'
endif

$(VENV)/.server: pyproject.toml hatch_build.py $(CONSOLE_SOURCES) | $(PY)
	@echo "Installing Penstock and building its console (about a minute the first time) …"
	@$(INSTALL) -e '.[server]'
	@touch $@

$(VENV)/.dev: pyproject.toml hatch_build.py $(CONSOLE_SOURCES) | $(PY)
	@echo "Installing Penstock, its tests' tools, and building its console (a few minutes the first time) …"
	@$(INSTALL) -e '.[server]' --group dev
	@touch $(VENV)/.server $@

frameworks: $(VENV)/.frameworks  ## Install LangChain and LlamaIndex for the tests that drive them

# Into an environment of their own; without them those tests are skipped.
$(VENV)/.frameworks: pyproject.toml | $(PY)
	@echo "Installing LangChain and LlamaIndex for their tests …"
	@{ $(PY) -m venv --without-pip $(VENV)/frameworks && $(INSTALL_FRAMEWORKS) && touch $@; } \
		|| echo "LangChain and LlamaIndex could not be installed: the tests that need them will be skipped." >&2

emitters: $(VENV)/.emitters  ## Install applications' instrumentations for the tests that drive them

$(VENV)/.emitters: pyproject.toml | $(PY)
	@echo "Installing OpenTelemetry's and OpenInference's instrumentations for their tests …"
	@{ $(PY) -m venv --without-pip $(VENV)/emitters && $(INSTALL_EMITTERS) && touch $@; } \
		|| echo "The instrumentations could not be installed: the tests that need them will be skipped." >&2

adapters: $(VENV)/.adapters  ## Install ragas and deepeval (700 MB) for the tests of their adapters

# Each into an environment of its own: they want other versions of what Penstock needs than are newest.
$(VENV)/.adapters: pyproject.toml | $(PY)
	@echo "Installing ragas and deepeval for the tests of their adapters …"
	@( for one in ragas deepeval; do \
		$(PY) -m venv --without-pip $(VENV)/adapters/$$one && $(call INSTALL_ADAPTER,$$one) || exit 1; \
		done && touch $@ ) \
		|| echo "ragas or deepeval could not be installed: the tests that need them will be skipped." >&2

# The headless shell takes half the time of a Chromium with windows, which serves where that cannot be installed; it is
# not tried twice.
chromium: | $(PY)
	@command -v chromium-headless-shell >/dev/null || { \
		any="$$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)"; \
		[ -z "$$any" ] || [ ! -e $(VENV)/.chromium ] || exit 0; \
		touch $(VENV)/.chromium; \
		command -v apt-get >/dev/null || { \
			[ -n "$$any" ] || echo "No Chromium and no apt-get: the browser tests will be skipped." >&2; exit 0; }; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
		install() { DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends "$$1"; }; \
		echo "Installing Chromium for the browser tests …"; \
		{ $$sudo apt-get update -qq && { install chromium-headless-shell || { [ -z "$$any" ] && install chromium; }; }; } \
			>/dev/null </dev/null || [ -n "$$any" ] \
			|| echo "Chromium could not be installed: the browser tests will be skipped." >&2; }

redis:
	@command -v redis-server >/dev/null || command -v valkey-server >/dev/null || { \
		command -v apt-get >/dev/null || { echo "No redis-server and no apt-get: the tests that need Redis will be skipped." >&2; exit 0; }; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
		echo "Installing redis-server for the tests …"; \
		{ $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends redis-server; } >/dev/null </dev/null \
			|| echo "redis-server could not be installed: the tests that need it will be skipped." >&2; }
