# Every target first makes its own environment in .venv, from the versions in requirements.txt.
#   make run                    the study that config/config.yaml names: from fetch to figures and MLflow
#   make run STUDY=synthetic    another study (no network needed for this one)
#   make run TORCH=cpu          torch without CUDA: 0.7 GB to download instead of 3.2; later calls keep to it
#   make unlock                 after `kill -9` or a power failure, where `make run` says so
#   make report STUDY=synthetic one page with its figures and tables: report.html
#   make test                   all tests but those of make test-faults
#   make test-fast              the quick ones, in under a minute and without network: run it while working
#   make test-faults            kills, full disks, damaged and hostile files
#   make lint                   style, layers of imports, types
#   make docs                   fill the generated parts of docs/ and config/schemas/
#   make site                   the documentation as a site: site/index.html
#   make ui                     the MLflow UI, with the link that opens the study's runs

PYTHON ?= python3
CORES ?= all
STUDY ?=
TORCH ?= $(patsubst .venv/installed-%,%,$(wildcard .venv/installed-*))
INSTALLED := .venv/installed$(TORCH:%=-%)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: run unlock report test test-fast test-faults lint format docs site bench ui requirements clean

# Bars in a terminal; elsewhere a line for each finished job, by the logger in plugins/.
run: $(INSTALLED)
	@snakemake --logger $(if $(shell test -t 2 && echo yes),rich,lines) --cores $(CORES) $(if $(STUDY),--config study=$(STUDY)) || \
	    { [ -z "$$(ls -A .snakemake/locks 2>/dev/null)" ] || \
	    echo "If no other run is going on in this folder, a killed one left its lock: make unlock, then the same command again"; exit 1; }
	@rawm summary $(if $(STUDY),--study $(STUDY))

unlock: $(INSTALLED)
	snakemake --unlock

report: $(INSTALLED)
	snakemake $(if $(STUDY),--config study=$(STUDY)) --report report.html

test: $(INSTALLED)
	pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not faults"

test-fast: $(INSTALLED)
	pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not apt and not faults"

test-faults: $(INSTALLED)
	pytest -n 3 --dist loadfile --no-loadscope-reorder -m faults tests/faults

lint: $(INSTALLED)
	ruff check --quiet .
	ruff format --quiet --check .
	snakefmt --check workflow
	lint-imports
	basedpyright --level error

format: $(INSTALLED)
	ruff check --fix .
	ruff format .
	snakefmt workflow

docs: $(INSTALLED)
	@rawm schemas > /dev/null
	@for tool in corpora methods performance reproducibility standardisation; do python tools/$${tool}_table.py || exit 1; done

# Strict: a link that leads nowhere is an error.
site: $(INSTALLED)
	@sphinx-build -W --keep-going -n -q -b html -c docs/site . site
	@echo $(CURDIR)/site/index.html

bench: $(INSTALLED)
	python benchmarks/run.py --output results/bench.json

ui: $(INSTALLED)
	rawm ui $(if $(STUDY),--study $(STUDY))

# New versions of everything: run this, then `make test`.
requirements: $(INSTALLED)
	uv pip compile --quiet --universal --upgrade --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	    --extra docs --extra test pyproject.toml --output-file requirements.txt

clean:
	rm -rf .venv .pytest_cache .ruff_cache .snakemake

# Packages are compiled here, since every job starts Python: where PYTHONDONTWRITEBYTECODE is set, it would compile torch
# each time. TORCH is a name of uv's --torch-backend; whoever asks for another one gets a new environment.
$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	    { echo "Python 3.11, 3.12 or 3.13 is needed, and $(PYTHON) is another; say make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || \
	    { echo "$(PYTHON) has no ensurepip, which virtual environments need; on Debian: apt-get install python3-venv"; exit 1; }
	$(if $(filter-out $@,$(wildcard .venv/installed*)),rm -r .venv)
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet uv==0.13.9
	grep -vE '$(if $(TORCH),^(nvidia|cuda|triton)[-=],^$$)' requirements.txt | .venv/bin/uv pip install --quiet \
	    --compile-bytecode --python .venv/bin/python $(TORCH:%=--torch-backend=%) --requirement -
	.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
	touch $@
