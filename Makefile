# make train | test | bench: each makes its own environment in .venv first. ARGS="..." is handed on
# to the program, to pytest, and to each benchmark.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# The quality of masks is measured on photographs that one brings: see the program.
BENCHMARKS ?= $(filter-out benchmarks/mask_quality.py,$(wildcard benchmarks/*.py))

.PHONY: train test bench lint lock clean

train: $(VENV)/.installed
	$(BIN)/python tools/train.py --background=black $(ARGS)

test: $(VENV)/.installed
	$(BIN)/python -m pytest $(ARGS)

bench: $(VENV)/.installed
	set -e; for program in $(BENCHMARKS); do echo "== $$program"; $(BIN)/python $$program $(ARGS); done

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock:
	uv pip compile setup.py --extra test --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header -o requirements.lock

# setuptools stands in the lock, so the package itself needs no download to build.
$(VENV)/.installed: requirements.lock setup.py pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, found %s; say which with make PYTHON=python3.11" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf $(VENV)
