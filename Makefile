# `make demo` and `make test` need nothing but Python 3.11 or newer: each makes its own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help demo test test-slow test-browser picture lint clean

help:
	@echo "make demo       train the quickstart suite and write its report (about 5 minutes)"
	@echo "make test       run the tests that take minutes together"
	@echo "make test-slow  run the slow tests"
	@echo "make test-browser  run the tests of the HTML report in Chromium"
	@echo "make picture    take the picture of the example report that the README shows"
	@echo "make lint       ruff and mypy"
	@echo "make clean      delete the environment and caches"

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("fairbench needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; give another with make PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/fairbench run --suite quickstart --threads 2
	$(BIN)/fairbench compare --suite quickstart --out reports/quickstart
	@echo "The report is $(CURDIR)/reports/quickstart/comparison.html"

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto -m 'not slow and not browser'

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -n auto -m slow

test-browser: $(INSTALLED)
	bash .ci/install-browser
	$(BIN)/python -m pytest -m browser

picture:
	bash .ci/picture reports/example/comparison.html reports/example/report.png

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
