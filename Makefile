# Each target sets up what it needs; `make help` lists the targets.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

# Without bytecode each process takes three times as long to start.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
UV_VERSION := 0.13.9

# An environment with the development tools keeps them, since their lock includes the lock of the runtime.
runtime := $(if $(wildcard .venv/.dev),.venv/.dev,.venv/.runtime)

# Without --python, uv would use the environment that the shell has activated.
sync = .venv/bin/uv pip sync --quiet --require-hashes --python $(1)/bin/python $(2) && \
	.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --python $(1)/bin/python --editable .
compile = .venv/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --extra server \
	--extra alarms --extra assistant --extra otel --extra sentry --python-version 3.11 $(if $(UPGRADE),--upgrade) pyproject.toml

.PHONY: help demo up test check fmt bench bench-quick chaos mutants test-hosts test-browser test-examples screenshots docs lock clean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "make %-14s%s\n", $$1, $$2 }' Makefile

demo: $(runtime) ## Run the main job once against a stand-in for Chat Mitra, with embedded services
	@.venv/bin/python -m workers.demo

up: $(runtime) ## Run every process of the Procfile until Ctrl-C
	@.venv/bin/python -m workers.local

test: .venv/.dev ## Run all tests except those of browsers and hosts, and the long ones
	@.venv/bin/pytest -n 5 --no-loadscope-reorder -m "not browser and not soak and not hosts"

check: .venv/.dev ## Check format, lint and types without any change
	@.venv/bin/ruff format --check
	@.venv/bin/ruff check
	@.venv/bin/mypy

fmt: .venv/.dev ## Format the code and apply the linter's fixes
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

bench: .venv-bench/.synced ## Run the benchmarks, and write their figures into the documentation
	@.venv-bench/bin/python -m benchmarks --json docs/figures.json
	@.venv-bench/bin/python -m docs.render

bench-quick: .venv-bench/.synced ## Run a small part of the benchmarks in 3 minutes, to check that they work
	@.venv-bench/bin/python -m benchmarks --quick

chaos: .venv/.dev ## Kill workers, Redis and the database under load for minutes, then audit every message
	@.venv/bin/python -m tests.acceptance.chaos
	@.venv/bin/pytest -m soak

mutants: .venv/.dev ## Change each condition of the one voice, and show the changes that no test finds
	@.venv/bin/python -m tests.mutants

test-hosts: .venv/.dev ## Cause faults of hosts in network namespaces, and write the table of their results (root, iproute2)
	@HARKARA_WRITE_FAULTS=1 .venv/bin/pytest -m hosts tests/hosts

test-browser: .venv-browser/.synced ## Run the tests that need Chromium
	@.venv-browser/bin/pytest -n 2 -m browser $$(grep -rl --include='*.py' pytest.mark.browser tests)

test-examples: .venv-examples/.synced ## Run the tests of examples/ with Flask and Django
	@.venv-examples/bin/pytest tests/integration/test_examples.py

screenshots: .venv-browser/.synced ## Take the screenshots of the console for the documentation
	@.venv-browser/bin/python -m tests.screenshots

docs: $(runtime) .venv-docs/.synced ## Render the reference pages and build the documentation into site/
	@.venv/bin/python -m docs.render
	@NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict

lock: .venv/bin/uv ## Pin the requirements of pyproject.toml; UPGRADE=1 takes the newest versions
	$(compile) --group build --output-file requirements.lock
	$(compile) --group dev --constraints requirements.lock --output-file requirements-dev.lock
	$(compile) --group bench --constraints requirements-dev.lock --output-file requirements-bench.lock
	$(compile) --group browser --constraints requirements-dev.lock --output-file requirements-browser.lock
	$(compile) --group examples --constraints requirements-dev.lock --output-file requirements-examples.lock
	$(compile) --group docs --constraints requirements-dev.lock --output-file requirements-docs.lock

clean: ## Remove environments, caches and builds, but not the data under var/
	rm -rf .venv .venv-bench .venv-browser .venv-docs .venv-examples site .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/uv
	@rm -f .venv/.dev
	@$(call sync,.venv,$<)
	@touch $@

.venv/.dev: requirements-dev.lock pyproject.toml | .venv/bin/uv
	@$(call sync,.venv,$<)
	@touch .venv/.runtime $@

.venv-%/.synced: requirements-%.lock pyproject.toml | .venv/bin/uv
	@.venv/bin/python -m venv --without-pip .venv-$*
	@$(call sync,.venv-$*,$<)
	@touch $@

.venv/bin/uv:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Harkara needs Python 3.11 or newer, and $(PYTHON) is older or missing: make PYTHON=python3.13 …" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot create virtual environments: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }
	@echo "Setting up .venv, once; this takes about half a minute"
	@"$(PYTHON)" -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
