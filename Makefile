# make demo   from nothing to recommendations
# make test   the tests
# Each target sets up what it needs, in .venv; a second run installs nothing.

PYTHON ?= python3
VENV ?= .venv
# On Linux, pip installs torch with several GB of CUDA libraries. Without a GPU, name the index of
# PyTorch's CPU builds here (the one that pytorch.org/get-started shows for "CPU"):
#     make demo TORCH_INDEX=https://...
TORCH_INDEX ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all check citus format docs bench bench-peers clients lock audit clean

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "recsys needs Python 3.11 or later: make demo PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) -e '.[web]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install 'pip>=25.1'  # the first that knows dependency groups
	$(INSTALL) -e '.[parquet,encoders,doc2vec,web]' --group dev
	@touch $@

install: $(VENV)/.installed  ## Set up .venv

demo: $(VENV)/.installed  ## Load the bundled films, train, recommend by SQL
	@$(BIN)/recsys demo

test: $(VENV)/.installed-dev  ## Run the tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not citus"

test-all: $(VENV)/.installed-dev  ## Run the slow tests too
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not citus" --hypothesis-profile=all

check: $(VENV)/.installed-dev  ## Format, lint, types, import layers, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not citus" -q

citus: $(VENV)/.installed-dev  ## Run the tests on Citus, of the PostgreSQL that PG_CONFIG is of
	@test -n "$(PG_CONFIG)" || { echo "make citus PG_CONFIG=/path/to/pg_config: of a PostgreSQL \
with Citus and pgvector (docs/citus.md)" >&2; exit 1; }
	PG_CONFIG=$(PG_CONFIG) $(BIN)/python -m pytest -m citus tests/citus -q

format: $(VENV)/.installed-dev  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.installed  ## Write the data dictionary and the charts of docs/ anew
	$(BIN)/python docs/dictionary.py
	$(BIN)/python docs/charts.py

bench: $(VENV)/.installed-dev  ## Measure speed and ranking; RECSYS_TEST_DATA names the data folder
	$(BIN)/python -m benchmarks.speed.start
	$(BIN)/python -m benchmarks.speed.latency
	$(BIN)/python -m benchmarks.speed.feedback
	$(BIN)/python -m benchmarks.quality.ranking
	$(BIN)/python -m benchmarks.speed.titles
	$(BIN)/python -m benchmarks.speed.plots
	$(BIN)/python -m benchmarks.speed.loading
	$(BIN)/python -m benchmarks.speed.fold_in
	$(BIN)/python -m benchmarks.quality.new_users
	$(BIN)/python -m benchmarks.speed.retrieval
	$(BIN)/python -m benchmarks.speed.limits
	$(BIN)/python -m benchmarks.speed.mixed_load
	$(BIN)/python -m benchmarks.speed.service
	$(BIN)/python -m benchmarks.speed.pages
	$(BIN)/python -m benchmarks.quality.plot_search
	$(BIN)/python -m benchmarks.quality.genres
	$(BIN)/python -m benchmarks.quality.cold_films
	$(BIN)/python -m benchmarks.speed.bi_views

bench-peers: $(VENV)/.installed-dev  ## Measure compared with LanceDB, hnswlib, implicit and Surprise
	$(INSTALL) --group bench
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.peers.training
	$(BIN)/python -m benchmarks.peers.serving
	$(BIN)/python -m benchmarks.peers.stars
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.peers.everybody

.venv-%/.installed: tests/clients/%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip --disable-pip-version-check install -r $<
	@touch $@

clients: $(VENV)/.installed .venv-superset/.installed .venv-dbt/.installed  ## Try Superset and dbt on the views, each in its own environment
	PATH="$(abspath $(BIN)):$$PATH" tests/clients/with_database.sh \
		sh -c 'tests/clients/superset.sh && tests/clients/dbt.sh'

lock: $(VENV)/.installed-dev  ## Write constraints.txt anew
	$(PIP) install uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --all-extras --group dev --upgrade \
		--no-annotate --no-header --quiet pyproject.toml -o constraints.txt

.venv-audit/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip --disable-pip-version-check install 'pip>=25.1'
	.venv-audit/bin/python -m pip install --group audit
	@touch $@

audit: .venv-audit/.installed  ## Look up what is known to be unsafe of constraints.txt (asks the network)
	.venv-audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

clean:  ## Remove the environments and caches
	rm -rf $(VENV) .venv-superset .venv-dbt .venv-audit .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
