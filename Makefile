# Every target first makes its own environment in .venv, from the versions in requirements.txt.
#   make run                    the study that config/config.yaml names: from fetch to figures and MLflow
#   make run STUDY=synthetic    another study (no network needed for this one)
#   make unlock                 after `kill -9` or a power failure, where `make run` says so
#   make report STUDY=synthetic one page with its figures and tables: report.html
#   make test                   all tests but those of make test-faults
#   make test-fast              the quick ones, in under a minute and without network: run it while working
#   make test-faults            kills, full disks, damaged and hostile files
#   make lint                   style, layers of imports, types
#   make docs                   fill the generated parts of docs/ and config/schemas/
#   make ui                     the MLflow UI, with the link that opens the study's runs

PYTHON ?= python3
CORES ?= all
STUDY ?=
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: run unlock report test test-fast test-faults lint format docs bench ui requirements clean

# Bars in a terminal; elsewhere a line for each finished job, by the logger in plugins/.
run: .venv/installed
	@snakemake --logger $(if $(shell test -t 2 && echo yes),rich,lines) --cores $(CORES) $(if $(STUDY),--config study=$(STUDY)) || \
	    { [ -z "$$(ls -A .snakemake/locks 2>/dev/null)" ] || \
	    echo "If no other run is going on in this folder, a killed one left its lock: make unlock, then the same command again"; exit 1; }
	@rawm summary $(if $(STUDY),--study $(STUDY))

unlock: .venv/installed
	snakemake --unlock

report: .venv/installed
	snakemake $(if $(STUDY),--config study=$(STUDY)) --report report.html

test: .venv/installed
	pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not faults"

test-fast: .venv/installed
	pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not apt and not faults"

test-faults: .venv/installed
	pytest -n 3 --dist loadfile --no-loadscope-reorder -m faults tests/faults

lint: .venv/installed
	ruff check --quiet .
	ruff format --quiet --check .
	snakefmt --check workflow
	lint-imports
	basedpyright --level error

format: .venv/installed
	ruff check --fix .
	ruff format .
	snakefmt workflow

docs: .venv/installed
	@rawm schemas > /dev/null
	@for tool in corpora methods performance reproducibility standardisation; do python tools/$${tool}_table.py || exit 1; done

bench: .venv/installed
	python benchmarks/run.py --output results/bench.json

ui: .venv/installed
	rawm ui $(if $(STUDY),--study $(STUDY))

# New versions of everything: run this, then `make test`.
requirements: .venv/installed
	uv pip compile --quiet --universal --upgrade --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	    --extra test pyproject.toml --output-file requirements.txt

clean:
	rm -rf .venv .pytest_cache .ruff_cache .snakemake

# Packages are compiled here, since every job starts Python: where PYTHONDONTWRITEBYTECODE is set, it would compile torch
# each time.
.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || \
	    { echo "Python 3.11 or 3.12 is needed, and $(PYTHON) is another; say make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || \
	    { echo "$(PYTHON) has no ensurepip, which virtual environments need; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet uv==0.13.9
	.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --requirement requirements.txt
	.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
	touch $@
