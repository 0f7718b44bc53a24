# Everything runs in .venv, made from uv.lock. Needs Python 3.11 or newer with pip, git and make.
export UV_PYTHON_DOWNLOADS := never
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV
PYTHON ?= python3
UV := $(or $(shell command -v uv),.uv/bin/uv)
RUN := $(UV) run --no-sync
PYTEST = pytest -n auto --dist loadfile

.PHONY: help demo scope repro test test-all lint env git

help:
	@echo "make demo       make the environment, run the pipeline, show the result"
	@echo "make scope      show what the data can prove, and propose suites"
	@echo "make repro      run what changed, show the result"
	@echo "make test       run the tests; make test-all runs the slow ones, too"
	@echo "make lint       check the code"
	@echo "Everything else: $(UV) run sluice --help"

demo repro: env
	@$(RUN) sluice repro

scope: env
	@$(RUN) sluice scope

test: env
	$(RUN) $(PYTEST) -m "not slow"

test-all: env
	$(RUN) $(PYTEST)

lint: env
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy

env: git .venv/.made

git:
	@git rev-parse --git-dir >/dev/null 2>&1 || { echo "DVC needs a git repository: run 'git init' here first"; exit 1; }

.venv/.made: pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	@echo "installing the packages of uv.lock into .venv"
	$(UV) sync --locked
	@touch $@

uv.lock:
	@echo "uv.lock is missing: bring it back with 'git checkout uv.lock'"; exit 1

.uv/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .uv uv==0.13.9

-include tools/*.mk  # more targets
