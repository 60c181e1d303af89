# The whole vocabulary of this repository: build, test, lint, bench, docs, ui, clean.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
READY := $(VENV)/.ready

.PHONY: build test test-slow stress lint bench bench-quick docs ui clean
.DEFAULT_GOAL := build

build: $(READY)
	@$(BIN)/data-package build

# `make test MARKED="slow and not stress"` runs others than the fast ones.
test: $(READY)
	@$(BIN)/pytest -n auto --dist worksteal $(if $(MARKED),-m "$(MARKED)")

test-slow: MARKED = slow and not stress
test-slow: test

stress: $(READY)
	@$(BIN)/pytest -n auto -m stress

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/typos
	@$(BIN)/vulture

bench: $(READY)
	@$(BIN)/python -m data_package_tests.bench

bench-quick: $(READY)
	@$(BIN)/python -m data_package_tests.bench --quick

docs: build
	@$(BIN)/data-package graph >/dev/null
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

ui: $(READY)
	@$(BIN)/data-package ui

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
	@echo "Removed the environment and the caches. What was built stays in storage/."

# One environment, made again when its requirements change.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; give its path: make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Making the environment in $(VENV)/ (a minute or two, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 \
		--constraint constraints.txt --editable '.[example,dev]'
	@touch $@
