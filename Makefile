# Two commands do all the set-up: each makes the virtual environment and installs what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: sweep test test-cluster check docs clean

# The main job: the paper's Fig. 2 (left), in the profile that suits this machine.
sweep: $(VENV)/installed
	$(BIN)/pgan-ray sweep sweeps/mnist_alpha.yaml

# Reports and MLflow's pages are opened in Debian's `chromium` where it is installed; else these tests skip, and say so.
test: $(VENV)/installed-test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadgroup

# The long tests, tens of minutes: clusters of several nodes, autoscaling, faults. TESTS: a part of them. They want
# PostgreSQL and Redis (Debian's `postgresql`, `redis-server`) and the right to mount; what is not there skips, and says so.
TESTS ?= tests
test-cluster: $(VENV)/installed-test
	$(BIN)/python -m pytest -m cluster $(TESTS)

# What CI checks before the tests.
check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tables in our documents that are made from the code.
docs: $(VENV)/installed
	$(BIN)/python -m infra.docs.reference sweeps/README.md
	$(BIN)/python -m infra.docs.results README.md sweeps/README.md
	$(BIN)/python -m infra.docs.scaling infra/SCALING.md

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=21.3"

$(VENV)/installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[search]"
	touch $@

$(VENV)/installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@ $(VENV)/installed

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@ $(VENV)/installed $(VENV)/installed-test

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
