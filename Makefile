# Everything is set up by make itself: it needs Python 3.11 or later, make and a package index, and nothing else.
# .venv holds the project in editable form for people and tools; build/venv-test holds the built wheel, as a user would install it.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# What a caller has exported must not decide what is imported here.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

# The newest Python that the pins were tested with and that can make a venv; a name may exist without working, so it is run.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
NEW_VENV = @test -n "$(PYTHON)" || { echo "No Python 3.11 or later with venv and ensurepip was found; set PYTHON=/path/to/python3" >&2; exit 1; }; \
	echo "making $(@D) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(@D) && touch $@
# Twice quiet: only errors, no warnings about the index configuration of the machine.
PIP_INSTALL = -m pip install -qq --constraint constraints.txt

VENV := .venv
TEST := build/venv-test
CLEAN := build/venv-wheel
BENCH := build/venv-bench
AIRFLOW := build/venv-airflow
PEERS := build/venv-bench-peers
PACKAGES := datadog_slo rootly_sla zabbix_sla common/slo_common
CODE := $(PACKAGES) $(wildcard tests examples bench .ci/*.py)
PINS := pyproject.toml constraints.txt
# The wheel's content: with any of these newer, it is built again.
SOURCES := pyproject.toml README.md LICENSE $(PACKAGES) $(shell find $(PACKAGES) -name '*.py' -o -name py.typed)
PYTEST_ARGS ?=

# Without the caller's directory on sys.path the installed wheel is what gets imported, in subprocesses too; tests/packaging proves it.
INSTALLED := PYTHONSAFEPATH=1 SLO_TEST_INSTALLED=1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.demo ## run the service-level review over the three vendors; writes slo_review.html
	$(VENV)/bin/python examples/slo_review.py
	@echo "The page is at $(CURDIR)/slo_review.html"

.PHONY: test
test: $(TEST)/.wheel ## run the tests against the built wheel: warnings are errors, branch coverage is 100 %
	rm -f build/coverage/.coverage*
	$(INSTALLED) $(TEST)/bin/coverage run -m pytest tests --ignore=tests/live --ignore=tests/soak --ignore=tests/airflow $(PYTEST_ARGS)
	$(TEST)/bin/coverage combine --quiet
	$(TEST)/bin/coverage report

.PHONY: lint
lint: $(VENV)/.dev ## check style and format with ruff
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

.PHONY: format
format: $(VENV)/.dev ## let ruff mend style and format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

.PHONY: types
types: $(VENV)/.dev ## check types with mypy --strict and pyright strict
	$(VENV)/bin/mypy $(CODE)
	$(VENV)/bin/pyright --pythonpath $(VENV)/bin/python

.PHONY: test-live
test-live: $(TEST)/.wheel ## run the tests against a real Zabbix 6.0 that is installed from Debian's packages (root, Debian 12)
	@test "$$(id -u)" = 0 || { echo "make test-live needs root: it installs and starts PostgreSQL, nginx, PHP and Zabbix" >&2; exit 1; }
	$(INSTALLED) $(TEST)/bin/python -m pytest tests/live -m live $(PYTEST_ARGS)

.PHONY: test-airflow
test-airflow: $(AIRFLOW)/.wheel $(VENV)/.dev ## run the Airflow example with the real Airflow, in an environment of its own
	$(VENV)/bin/mypy --python-executable $(AIRFLOW)/bin/python --follow-imports=silent examples/airflow_slo_report.py tests/airflow/test_slo_report.py
	PYTHONSAFEPATH=1 $(AIRFLOW)/bin/python -m pytest tests/airflow -o filterwarnings=default --disable-warnings $(PYTEST_ARGS)

.PHONY: test-lowest
test-lowest: ## run the tests with the oldest releases that pyproject.toml allows
	$(MAKE) build/venv-lowest/.wheel
	$(INSTALLED) build/venv-lowest/bin/python -m pytest tests --ignore=tests/live --ignore=tests/soak --ignore=tests/airflow $(PYTEST_ARGS)

.PHONY: soak
soak: $(TEST)/.wheel ## run the long tests: many calls to the sandboxes, disturbed, from threads, tasks and processes
	$(INSTALLED) $(TEST)/bin/python -m pytest tests/soak -m soak $(PYTEST_ARGS)

.PHONY: wheel-check
wheel-check: $(TEST)/.deps ## build sdist and wheel, check what is in them, and import the wheel in a clean environment
	rm -rf build/dist $(CLEAN)
	$(TEST)/bin/python -m build --no-isolation --outdir build/dist .
	$(TEST)/bin/python tests/packaging/check_artifacts.py build/dist
	$(PYTHON) -m venv $(CLEAN)
	@$(CLEAN)/bin/python $(PIP_INSTALL) build/dist/*.whl
	$(CLEAN)/bin/python -m pip check
	cd build/dist && ../../$(CLEAN)/bin/python -I ../../tests/packaging/check_import.py

.PHONY: bench
bench: $(BENCH)/.installed $(PEERS)/.installed ## measure the clients beside the official ones; writes docs/performance.md
	$(BENCH)/bin/python bench/run.py --peers $(PEERS)/bin/python --output docs/performance.md

.PHONY: docs
docs: $(VENV)/.docs ## build the documentation site into docs/_build, warnings are errors, and look at it in a browser
	$(VENV)/bin/python -m sphinx -W --keep-going -b html docs docs/_build/html
	$(VENV)/bin/python -m pytest -q tests/docs/check_site.py
	@echo "The site is at $(CURDIR)/docs/_build/html/index.html"

.PHONY: clean
clean: ## remove everything that make has made
	rm -rf build $(VENV) docs/_build slo_review.html .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# Environments. Each stamp is newer than the pins it was made from.

$(VENV)/.made $(TEST)/.made $(BENCH)/.made $(PEERS)/.made $(AIRFLOW)/.made build/venv-lowest/.made:
	$(NEW_VENV)

$(VENV)/.demo: $(VENV)/.made $(PINS)
	@echo "installing what the demo needs"
	@$(VENV)/bin/python $(PIP_INSTALL) editables hatchling
	@$(VENV)/bin/python $(PIP_INSTALL) --no-build-isolation --editable '.[charts,progress]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@echo "installing the tools"
	@$(VENV)/bin/python $(PIP_INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	@echo "installing the documentation tools"
	@$(VENV)/bin/python $(PIP_INSTALL) --no-build-isolation --editable '.[dev,docs]'
	@touch $@

$(TEST)/.deps: $(TEST)/.made $(PINS)
	@echo "installing what the tests need"
	@$(TEST)/bin/python $(PIP_INSTALL) build hatchling
	@$(TEST)/bin/python $(PIP_INSTALL) --no-build-isolation '.[all,test,test-httpx2]'
	@touch $@

build/wheel/.built: $(TEST)/.deps $(SOURCES)
	rm -rf build/wheel
	$(TEST)/bin/python -m build --wheel --no-isolation --outdir build/wheel . >/dev/null
	@touch $@

$(TEST)/.wheel: build/wheel/.built
	@$(TEST)/bin/python $(PIP_INSTALL) --no-deps --force-reinstall build/wheel/*.whl
	@touch $@

# The SDK brings sniffio, which makes plain httpx faster than pip alone installs it: what it is compared with has an environment of its own.
$(BENCH)/.installed: $(BENCH)/.made build/wheel/.built $(PINS)
	@echo "installing the SDK for the bench"
	@$(BENCH)/bin/python $(PIP_INSTALL) "$$(ls build/wheel/*.whl)[fast]"
	@$(BENCH)/bin/python $(PIP_INSTALL) --no-deps --force-reinstall build/wheel/*.whl
	@touch $@

$(PEERS)/.installed: $(PEERS)/.made bench/requirements.txt
	@echo "installing the official clients"
	@$(PEERS)/bin/python -m pip install -qq --requirement bench/requirements.txt
	@touch $@

# Airflow allows no FastAPI as new as ours, so it is pinned by itself.
$(AIRFLOW)/.wheel: $(AIRFLOW)/.made build/wheel/.built tests/airflow/requirements.txt
	@echo "installing Airflow"
	@$(AIRFLOW)/bin/python -m pip install -qq --requirement tests/airflow/requirements.txt
	@$(AIRFLOW)/bin/python -m pip install -qq --no-deps --force-reinstall build/wheel/*.whl
	@touch $@

build/venv-lowest/.wheel: build/venv-lowest/.made build/wheel/.built
	build/venv-lowest/bin/python tests/packaging/lowest.py pyproject.toml > build/lowest.txt
	build/venv-lowest/bin/python -m pip install -qq --constraint build/lowest.txt "$$(ls build/wheel/*.whl)[all,test]"
	build/venv-lowest/bin/python -m pip install -qq --no-deps --force-reinstall build/wheel/*.whl
	@touch $@
