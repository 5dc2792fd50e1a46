# The doors of the project. `make demo` and `make test` work from a fresh clone; the others too.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
# Two at a time; what goes by the clock has a process of its own, one test after the other.
ABREAST := -n 2 --dist loadgroup
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help install demo unit test faults mutants check format bench try-install lock clean

help:
	@echo "make demo     the whole loop on a simulated plant; ARGS=\"--duration 60\""
	@echo "make unit     the fast tests: no server, nothing slow"
	@echo "make test     every test, with the real servers they need"
	@echo "make install  .venv with the agent and its development tools"
	@echo "make check    format, lint, types, import rules"
	@echo "make mutants  change the core in small ways and see which change no test notices; ARGS=\"--count 50\""
	@echo "make faults   break one thing after the other and count what is lost; ARGS=\"--kills 1000\";"
	@echo "              EDGE_AGENT_AGENT__EVENT_LOOP=uvloop in the environment breaks them in uvloop"
	@echo "make try-install  follow docs/install.md in fresh Debian roots (root, mmdebstrap, downloads)"
	@echo "make bench    the benchmarks and their table; ARGS=\"--quick --peers\", ARGS=--help tells more"

# A virtual environment holds exactly what its lock file says; the stamp remembers which. The demo's is a part of the
# developers', so an environment that was set up for development serves for the demo as it is.
# Without EPANET it is not all there: the next make tries again.
STAMP = if $(BIN)/python -c 'import epanet' 2> /dev/null; then touch $@; fi

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "edge-agent needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/demo.stamp: requirements/demo.lock pyproject.toml | $(VENV)/bin/python
	@if [ -e $(VENV)/dev.stamp ]; then $(MAKE) --no-print-directory $(VENV)/dev.stamp; else \
		echo "Setting up $(VENV) for the demo ..."; \
		BIN=$(BIN) deploy/install-locked requirements/demo.lock && $(PIP) install --no-deps --editable .; fi
	@$(STAMP)

$(VENV)/dev.stamp: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "Setting up $(VENV) for development ..."
	@BIN=$(BIN) deploy/install-locked requirements/dev.lock
	@$(PIP) install --no-deps --editable .
	@$(STAMP)

install: $(VENV)/dev.stamp

demo: $(VENV)/demo.stamp
	@$(BIN)/edge-agent demo $(ARGS)

unit: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest tests/unit --quick -q $(ABREAST) $(ARGS)

test: $(VENV)/dev.stamp
	@deploy/install-servers
	@$(BIN)/python -m pytest tests/unit tests/contract tests/scenarios tests/integration tests/system tests/faults \
		$(ABREAST) $(ARGS)

faults: $(VENV)/dev.stamp
	@deploy/install-servers
	@$(BIN)/python -m pytest tests/faults $(ARGS)

mutants: $(VENV)/dev.stamp
	@PYTHONPATH=.:tests $(BIN)/python -m mutants $(ARGS)

check: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/dev.stamp
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp
	@deploy/install-servers
	@PYTHONPATH=.:tests $(BIN)/python -m bench $(ARGS)

try-install:
	@deploy/try-install $(ARGS)

# Needs uv on PATH. Each lock builds on the one before, so that all environments agree.
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock:
	$(UV_COMPILE) pyproject.toml -o requirements/gateway.lock
	$(UV_COMPILE) pyproject.toml --extra sim -c requirements/gateway.lock -o requirements/demo.lock
	$(UV_COMPILE) pyproject.toml --extra uvloop -c requirements/gateway.lock -o requirements/uvloop.lock
	$(UV_COMPILE) pyproject.toml --extra sim --extra uvloop --extra plot --group dev -c requirements/demo.lock -o requirements/dev.lock

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
