# `make demo` and `make test` set up .venv by themselves, once; everything else builds on them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo readme test format lint types tests wheel-tests setup clean always

demo: setup
	$(BIN)/python -m glimpse.cli.demo

# The README shows the tables of results/ as they are.
readme: setup
	$(BIN)/python -m glimpse.reproduction.readme

test: setup format lint types tests wheel-tests

setup: $(READY)

# An editable installation in strict mode is a folder of links that type checkers can follow:
# it is renewed when a file comes or goes, and only then.
FILES := $(sort $(wildcard glimpse/* glimpse/*/* glimpse/*/*/*.py envs/* envs/*/*.py agents/* agents/*/*.py configs/* configs/*/*.yaml))
$(VENV)/.files: always
	@mkdir -p $(VENV)
	@echo $(FILES) | cmp -s - $@ || echo $(FILES) > $@

$(READY): pyproject.toml constraints.txt $(VENV)/.files
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "glimpse needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --config-settings editable_mode=strict --editable '.[dev]'
	touch $@

format:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy glimpse envs agents configs tests

tests:
	$(BIN)/python -m pytest

# What is shipped is what is tested: the same tests against the wheel, from a folder without the sources.
wheel-tests:
	sh tests/run_on_wheel.sh $(BIN)/python

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
