# The README's commands. Each makes .venv and installs into it where that has not been done.

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
SECONDS ?= 600
JOBS ?= 3
# What Python compiles it keeps, also where the environment says otherwise: each of the many processes of the tests would compile it anew.
export PYTHONDONTWRITEBYTECODE :=
SIDE_BY_SIDE := -n $(JOBS) --dist worksteal
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LOWEST := .venv-lowest/.installed
BROWSER := tests/browser/node_modules/.package-lock.json

# What `make check` runs: of each part that the rest stands on, the tests that say most in a second. A file whose simulations take
# longer is here by some of its tests.
HEART := \
	tests/config/test_identity.py tests/config/test_overlay.py \
	tests/runs/test_arrays.py \
	tests/runs/test_frame.py::test_the_frame_has_a_row_per_run_and_epoch_with_exact_values \
	tests/analysis/test_statistics.py tests/analysis/test_only_exact_arithmetic.py tests/analysis/test_endpoints.py \
	tests/analysis/test_claims.py tests/analysis/test_decisions.py tests/analysis/test_design.py \
	tests/analysis/test_comparison.py::test_verdict_and_interval_never_disagree \
	tests/analysis/test_attribution.py::test_the_rows_of_whatever_was_trained_add_up \
	tests/vision/data/test_philox.py tests/vision/data/test_draws.py tests/vision/training/test_run.py \
	tests/launch/test_wanted.py tests/launch/test_task.py \
	tests/launch/test_executor.py::test_the_same_job_again_does_nothing_and_a_fresh_one_trains_anew \
	tests/report/test_report_check.py::test_a_sound_report_passes \
	tests/report/test_report_check.py::test_one_changed_byte_is_found \
	tests/launch/test_cli.py::test_help_lists_every_command_once_in_a_line_by_what_it_is_for \
	tests/launch/test_cli.py::test_help_loads_nothing_heavy \
	tests/test_files.py tests/test_docs.py

.PHONY: report check test test-all test-latest test-lowest docs fuzz lint bench size soak format install clean

report: $(INSTALLED)  ## train every experiment on images that are built in, and write the report as runs finish
	$(BIN)/tinyexp run-all --report reports/latest

check: $(INSTALLED) lint  ## linters, types, import layers, and the tests that guard the heart, in under a minute
	$(BIN)/pytest -q -m "not slow" $(HEART)

test: $(INSTALLED) $(BROWSER) lint  ## everything that holds the project up, in three processes, as some wait, or JOBS=N
	$(BIN)/pytest -m "not slow" $(SIDE_BY_SIDE)

test-all: $(INSTALLED) $(BROWSER) lint  ## the same and what takes longer
	$(BIN)/pytest $(SIDE_BY_SIDE)

test-latest:  ## the tests with the newest release of every dependency, in an environment of their own
	$(MAKE) test VENV=.venv-latest CONSTRAINTS=

# Left out: what simulates processors through names of a newer numpy, the tests in a browser and of the workflow, and the text of a schema,
# which pydantic words in another way from version to version.
test-lowest: $(LOWEST)  ## analysis and report without torch, with the lowest release of every dependency, in an environment of their own
	.venv-lowest/bin/pytest -m "not slow" --ignore tests/report/test_other_processors.py --ignore tests/report/test_report_in_a_browser.py \
		--ignore tests/report/test_workflow.py --deselect tests/report/test_report_schema.py::test_the_published_schema_is_current tests/analysis tests/report

docs: $(INSTALLED)  ## the pages in docs/ and the README as a site, build/site/index.html; a link or an anchor that leads nowhere fails
	$(BIN)/mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml

fuzz: $(INSTALLED)  ## every fuzzer for SECONDS, one after the other; what it finds is printed
	$(BIN)/python tests/fuzz/run.py --seconds $(SECONDS)

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	MYPY_NUM_WORKERS=2 $(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)  ## every benchmark, a line of JSON each; an hour on an idle machine
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) '.[bench]'
	cd benchmarks && for name in start_up selfcheck augmentation decoding loading step step_cost checkpointing run_all many_jobs many_jobs_shards many_jobs_ray launching where_time_goes report report_stages reading_logs paper_budget calibration; do ../$(BIN)/python $$name.py || exit 1; done

size:  ## how much `pip install .` weighs without extras, in an environment that is thrown away
	$(PYTHON) benchmarks/installed_size.py

soak: $(INSTALLED)  ## run-all of the embedded profile, killed 200 times at random moments; an hour
	$(BIN)/python tests/faults/soak.py --kills 200 --folder soak

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable '.[dev]'
	touch $@

$(LOWEST): pyproject.toml constraints-lowest.txt
	test -x .venv-lowest/bin/python || $(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --disable-pip-version-check --quiet --constraint constraints-lowest.txt --editable . \
		hypothesis jsonschema markdown-it-py pypdf pytest scipy statsmodels
	touch $@

# What drives Chromium and checks accessibility in it, at the versions of the lock file. Without npm or a network the tests in a
# browser are left out, except where CI is set.
$(BROWSER): tests/browser/package.json tests/browser/package-lock.json
	npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --loglevel=error \
		|| { echo "The tests in a browser need this: npm ci --prefix tests/browser"; test -z "$$CI"; }

clean:
	rm -rf tests/browser/node_modules .venv .venv-latest .venv-lowest dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
