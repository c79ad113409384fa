# make install | demo | train | test | bench | gpu-check | cluster | faults | fuzz | soak | docs | release: each makes its own environment in .venv first.
# First the system's libraries that pip cannot bring are looked for.
# ARGS="..." is handed on to the program, to pytest, and to each benchmark.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# These need photographs, a GPU, Ray, or finished studies: see the programs.
WITH_NEEDS := readme_picture mask_quality photographs gpu_check cluster_masks repair results
BENCHMARKS ?= $(filter-out $(WITH_NEEDS:%=benchmarks/%.py),$(wildcard benchmarks/*.py))

.PHONY: install demo train test bench gpu-check cluster faults fuzz soak docs reference release lint lock clean

install: $(VENV)/.installed

demo: $(VENV)/.installed
	$(BIN)/python tools/demo.py $(ARGS)

train: $(VENV)/.installed
	$(BIN)/python tools/train.py --background=black $(ARGS)

# Processes that share the test files; ARGS=-n0 runs them in one, for a debugger. Bytecode is kept,
# whatever the shell says: a hundred programs that tests start would compile the package anew.
WORKERS ?= 2
test: $(VENV)/.installed
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist=loadfile $(ARGS)

bench: $(VENV)/.installed
	set -e; for program in $(BENCHMARKS); do echo "== $$program"; $(BIN)/python $$program $(ARGS); done

# On a machine without a GPU all of it runs on the CPU, as a check of the program alone.
gpu-check: $(VENV)/.installed
	$(BIN)/python benchmarks/gpu_check.py $(ARGS)

# Kills, losses of power, failing calls and limits of memory for each tool; damaged cases for each kind of file.
KILLS ?= 20
POWER ?= 20
FAILURES ?= 20
MEMORY ?= 8
DAMAGE ?= 60
# Those of the last two are ten each; `make cluster` first, or the cluster's are skipped.
FAULTS ?= tests/faults tests/cluster tests/training/test_multi_worker.py
faults: $(VENV)/.installed
	BG_INTERP_KILLS=$(KILLS) BG_INTERP_POWER=$(POWER) BG_INTERP_FAILURES=$(FAILURES) \
	    BG_INTERP_MEMORY=$(MEMORY) BG_INTERP_DAMAGE=$(DAMAGE) $(BIN)/python -m pytest -m "" $(FAULTS) $(ARGS)

# Cases for each property.
CASES ?= 2000
fuzz: $(VENV)/.installed
	BG_INTERP_FUZZ=$(CASES) $(BIN)/python -m pytest $(wildcard tests/fuzz/test_fuzz_*.py) $(ARGS)

soak: $(VENV)/.installed
	$(BIN)/python tests/faults/soak.py $(ARGS)

# Or SITE="mkdocs build --strict": the same pages by mkdocs with the Material theme.
SITE ?= zensical build --strict
docs: $(VENV)-docs/.installed
	$(VENV)-docs/bin/$(SITE)

# The pages of the programs, from their flags.
reference: $(VENV)/.installed
	$(BIN)/python .ci/reference.py

release: $(VENV)/.installed
	bash .ci/release $(ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock:
	uv pip compile setup.py --extra test --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header -o requirements.lock
	uv pip compile setup.py --extra test --extra cluster --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --no-header -c requirements.lock -o requirements-cluster.lock
	uv pip compile requirements-docs.in --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header -o requirements-docs.lock

# setuptools stands in the lock, so the package itself needs no download to build.
$(VENV)/.installed: requirements.lock setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, found %s; say which with make PYTHON=python3.11" % sys.version.split()[0])'
	@$(PYTHON) -m bg_interp.storage.system_libraries
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# Ray for --cluster: 100 MB more, which one machine does without.
cluster: $(VENV)/.cluster
$(VENV)/.cluster: $(VENV)/.installed requirements-cluster.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-cluster.lock
	touch $@

# The site needs no TensorFlow: docstrings are read from the text.
$(VENV)-docs/.installed: requirements-docs.lock
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --require-hashes -r requirements-docs.lock
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-docs build dist
