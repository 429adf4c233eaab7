# Every target sets up what it needs; `make demo` and `make test` work from a clean clone.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: setup demo test lint docs nightly bench conventions clean

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

# Other libraries' figures beside ours. They go into a folder of their own, without what they pin.
conventions: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[peers]'
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target build/conventions \
		aequitas==1.1.0 aif360==0.6.1 torchmetrics==1.9.0 lightning-utilities==0.15.3 \
		altair==6.3.0 attrs==26.1.0 jsonschema==4.26.0 jsonschema-specifications==2025.9.1 \
		ohio==0.5.0 referencing==0.37.0 rpds-py==2026.9.1 seaborn==0.13.2 tabulate==0.10.0 \
		toolz==1.2.0
	PYTHONPATH=build/conventions $(BIN)/pytest -W default tests/audit/test_audit_conventions.py

clean:
	rm -rf build $(VENV) docs/_build runs .mypy_cache .pytest_cache .ruff_cache .coverage
