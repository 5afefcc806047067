# The README's commands. Each makes .venv and installs into it where that has not been done.

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
SECONDS ?= 600
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: report test test-all test-latest fuzz lint bench format install clean

report: $(INSTALLED)  ## train every experiment on the built-in patterns, and write the report
	$(BIN)/tinyexp run-all
	$(BIN)/tinyexp report --out reports/latest

test: $(INSTALLED) lint  ## everything that holds the project up, in minutes
	$(BIN)/pytest -m "not slow"

test-all: $(INSTALLED) lint  ## the same and what takes longer
	$(BIN)/pytest

test-latest:  ## the tests with the newest release of every dependency, in an environment of their own
	$(MAKE) test VENV=.venv-latest CONSTRAINTS=

fuzz: $(INSTALLED)  ## every fuzzer for SECONDS, one after the other; what it finds is printed
	$(BIN)/python tests/fuzz/run.py --seconds $(SECONDS)

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)  ## every benchmark, a line of JSON each; half an hour on an idle machine
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) '.[bench]'
	cd benchmarks && for name in start_up augmentation decoding loading step run_all where_time_goes; do ../$(BIN)/python $$name.py || exit 1; done

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .venv-latest dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
