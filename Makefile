# `make demo` trains and reports RAM; `make test` checks everything; `make docs` builds the site; `make notebooks`
# runs the notebooks; `make readme` renews README's tables.
# Each installs into .venv first, if that is missing or out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Byte code is kept, whatever the environment says: each of the tests' many processes would compile torch anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo readme check docs notebooks test format lint types tests wheel-tests fuzz setup clean always

demo: setup
	$(BIN)/python -m glimpse.cli.demo

# Write the pages of results/ from their rows, and their tables into the READMEs.
readme: setup
	$(BIN)/python -m glimpse.reproduction.readme

# The site in build/site/html, without a network; a warning is an error.
docs: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m docs.generator.build_site

# The notebooks with their outputs in build/notebooks, in both languages; one that has not changed is not run again.
notebooks: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m docs.generator.notebook_files

# Whether pages, READMEs, configs and cards state what the rows of results/ have.
check: setup
	$(BIN)/python -m glimpse reproduce --check

# The tests run beside the rest, of which much is one process alone: types, the site, and building the wheel.
test: setup format lint
	$(MAKE) --jobs 2 types check docs tests wheel-tests

setup: $(READY)

# The editable installation is in strict mode: a folder of links, which type checkers can follow.
# It is renewed when a file is added or removed. uv unpacks several packages at once; where it finds none, as with
# mirrors that only pip's settings name, pip installs.
WANTED := --constraint constraints.txt --config-settings editable_mode=strict --editable '.[dev]'
FILES := $(sort $(wildcard glimpse/py.typed glimpse/*.py glimpse/*/*.py glimpse/*/*.css glimpse/zoo/*/card.json glimpse/*/*/*.py glimpse/reporting/play/*.* glimpse/reporting/templates/*.html envs/*.py envs/*/*.py agents/*.py agents/*/*.py configs/*.py configs/*/*.yaml))
$(VENV)/.files: always
	@mkdir -p $(VENV)
	@echo $(FILES) | cmp -s - $@ || echo $(FILES) > $@

$(READY): pyproject.toml constraints.txt $(VENV)/.files
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "glimpse needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip  # Python's own may be years old, and slow with large packages.
	$(PIP) install uv && $(BIN)/uv pip install --python $(BIN)/python --system-certs --reinstall-package glimpse-rl \
		$(WANTED) || $(PIP) install --no-compile $(WANTED)
	touch $@

format:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy glimpse envs agents configs docs tests setup.py

tests:
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadgroup

# Damaged configs, tables, pictures, runs and actions: FUZZ_SECONDS for each kind.
fuzz: setup
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) $(BIN)/python -m pytest -q --timeout 0 tests/test_fuzz.py

# Run the tests on the built wheel, in a folder without the sources.
wheel-tests:
	sh tests/run_on_wheel.sh $(BIN)/python

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
