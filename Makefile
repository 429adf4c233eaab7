# Every target sets up what it needs; `make demo` and `make test` work from a clean clone.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: setup demo test lint docs nightly bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/equipoise compare census-sim --target income --sensitive sex --sensitive race \
		--constraint 'gap("selection") <= 0.05' --methods erm,penalty,alm --seeds 5

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	$(BIN)/sphinx-build --fail-on-warning --quiet --builder html docs docs/_build

test: lint docs
	$(BIN)/pytest --cov --numprocesses auto

nightly: lint docs
	$(BIN)/pytest --cov --numprocesses auto -m 'slow or not slow' --timeout 3600

bench: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[peers]'
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) docs/_build runs .mypy_cache .pytest_cache .ruff_cache .coverage
