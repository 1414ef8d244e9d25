# Set-up, runs and checks. For GNU make 3.81 or later and any POSIX shell.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.installed-docs
SERVER := .venv-bigquery
WORKERS ?= 2
# Errors only: what pip warns of, such as a folder of wheels in the settings of a machine that is
# not there, nobody who calls make can mend.
QUIETLY := -qq --disable-pip-version-check
ARGS ?=

export KEDRO_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
# Where it is set, each of the many processes of a run compiles soyoil anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := MPLBACKEND=Agg OMP_NUM_THREADS=1 $(BIN)/python
PYTEST := $(PYTHON) -m pytest --no-header
UNIT := -m 'not slow and not ci' -n $(WORKERS) --dist loadscope

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help train demo test test-ci test-slow coverage bigquery-server lint unit format docs site ui \
	lineage clean

help: ## this list
	@echo 'soyoil: honest multi-horizon forecasting of soybean oil futures'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  make train ARGS="--params=profile=full"   hands arguments on to kedro run'

train: $(STAMP) ## set up if needed, then run the whole chain, from bars to tracked and scored forecasts
	@$(BIN)/kedro run --pipeline=train $(ARGS)

demo: $(STAMP) ## after make train: forecast, report, tracked runs and lineage in the browser
	@$(BIN)/kedro demo $(ARGS)

test: lint unit ## set up if needed, then lint, types, layers and tests

unit: $(STAMP) bigquery-server
	@echo 'pytest'
	@$(PYTEST) $(UNIT) $(ARGS)

test-ci: $(STAMP) bigquery-server ## kill points and the two servers
	@$(PYTEST) -m 'ci and not slow' -n $(WORKERS) --dist loadscope $(ARGS)

test-slow: $(STAMP) bigquery-server ## the slow tests
	@$(PYTEST) -m slow $(ARGS)

coverage: $(STAMP) bigquery-server ## the tests of `make test` with branch coverage, which has a floor
	@rm -f .coverage .coverage.*
	@$(PYTHON) -m coverage run -m pytest --no-header $(UNIT) $(ARGS)
	@$(PYTHON) -m coverage combine --quiet
	@$(PYTHON) -m coverage report

# Without a Python 3.13 the tests that need the server are skipped and say so. A version that
# pyenv has installed and not activated will do.
bigquery-server: ## the BigQuery-compatible server that the tests use, where a Python 3.13 is
	@if [ $(SERVER)/.installed -nt tests/warehouse/bigquery-server.txt ]; then exit 0; fi; \
	for python in python3.13 python3.14 \
		$$(ls -d "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[34].*/bin/python 2>/dev/null); do \
		if $$python -c 'import ensurepip' >/dev/null 2>&1; then \
			echo "Creating $(SERVER) with $$python"; \
			rm -f $(SERVER)/.installed; \
			$$python -m venv --clear $(SERVER) && \
			$(SERVER)/bin/python -m pip install $(QUIETLY) \
				-r tests/warehouse/bigquery-server.txt && \
			exec touch $(SERVER)/.installed; \
			exit 1; \
		fi; \
	done; \
	echo 'No Python 3.13: the tests on a BigQuery server will be skipped.'

lint: $(STAMP) ## ruff, mypy and the layer contracts
	@echo 'ruff check'
	@$(BIN)/ruff check --quiet .
	@echo 'ruff format --check'
	@$(BIN)/ruff format --quiet --check .
	@echo 'mypy'
	@$(BIN)/mypy --num-workers 2
	@echo 'lint-imports'
	@out=$$($(BIN)/lint-imports 2>&1) || { printf '%s\n' "$$out"; exit 1; }; \
		printf '%s\n' "$$out" | tail -n 1

format: $(STAMP) ## apply ruff's fixes and formatting
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(STAMP) ## write docs/tables.md from the table contracts
	@$(BIN)/python -c "from pathlib import Path; \
	from soyoil.contracts.catalogue import catalogue_markdown; \
	from soyoil.contracts.contract import load_contracts; \
	Path('docs/tables.md').write_text(catalogue_markdown(load_contracts()), encoding='utf-8')"

site: $(DOCS_STAMP) ## the documentation with its API pages as a site in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo 'Look at it: $(BIN)/python -m http.server --directory site'

ui: $(STAMP) ## tracked runs in the browser
	@echo 'http://127.0.0.1:5000 shows the runs of mlflow.db; Ctrl-C stops the server.'
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --workers 1

lineage: $(STAMP) ## the lineage as a static site in build/, with relative paths only
	@$(BIN)/kedro viz build --include-previews
	@$(BIN)/python -m soyoil.cli.viz_site build
	@echo 'Look at it: $(BIN)/python -m http.server --directory build'

clean: ## remove caches and build output; data, runs and .venv stay
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist site \
		.coverage .coverage.*
	@find src tests docs -type d -name __pycache__ -prune -exec rm -rf {} +

# A name on PATH may be a shim of a version manager that leads nowhere, so each is tried.
# Without uv a Python needs ensurepip, which Debian ships as a package of its own.
$(BIN)/python:
	@if command -v uv >/dev/null; then needs='import venv'; else needs='import ensurepip'; fi; \
	for python in python3.11 python3.12 python3.13; do \
		if $$python -c "$$needs" >/dev/null 2>&1; then \
			echo "Creating $(VENV) with $$python"; \
			if command -v uv >/dev/null; then \
				exec uv venv --quiet --clear --python $$python $(VENV); \
			fi; \
			exec $$python -m venv --clear $(VENV); \
		fi; \
	done; \
	echo 'No usable Python 3.11, 3.12 or 3.13 found. Install one (macOS: brew install python@3.11;' \
		'Debian, Ubuntu: apt install python3.11 python3.11-venv) and run make again.' >&2; \
	exit 1

# The stamp is written last, so that an interrupted installation is done again.
$(STAMP): EXTRAS := dev
$(DOCS_STAMP): EXTRAS := dev,docs
$(STAMP) $(DOCS_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@rm -f $@
	@if command -v uv >/dev/null; then \
		echo 'Installing the pinned packages with uv'; \
		uv pip install --quiet --python $(BIN)/python --compile-bytecode \
			-c constraints.txt -e '.[$(EXTRAS)]'; \
	else \
		echo 'Installing the pinned packages with pip; this takes minutes the first time'; \
		$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
		$(BIN)/python -m pip install $(QUIETLY) \
			-c constraints.txt -e '.[$(EXTRAS)]'; \
	fi
	@touch $@
