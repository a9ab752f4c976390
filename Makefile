# Every chore of the project. Each target sets up what it needs; the second time is quick.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PEERS  := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
            --constraint constraints.txt --editable '.[peers]'
DATA   ?=
ACOUSTICS ?=
PORT   ?= 8000

.DEFAULT_GOAL := help
.PHONY: help setup demo test fuzz requests lint types format bench quality channels docs tour serve clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 10

setup: $(READY)  ## Make the virtual environment and install the pinned packages

demo: $(READY)  ## The whole line once (DATA=PATH for listening data at hand, ACOUSTICS=PATH to join)
	$(BIN)/encore demo $(if $(DATA),--data "$(DATA)") $(if $(ACOUSTICS),--acoustics "$(ACOUSTICS)")

test: $(READY)  ## Run all tests
	$(BIN)/python -m pytest

fuzz: $(READY)  ## Look for inputs that break what holds of all (half an hour or more)
	ENCORE_HYPOTHESIS=fuzz $(BIN)/python -m pytest -m hypothesis tests

requests: $(READY)  ## Ask for thirty thousand random lists, and hold each to its laws
	ENCORE_HYPOTHESIS=requests $(BIN)/python -m pytest tests/recommend -k "random_requests or no_rule_is_ever"

lint: $(READY)  ## Check style, formatting and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)  ## Check types, strictly
	$(BIN)/mypy

format: $(READY)  ## Put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## Measure speed: of training, of evaluating, of importing
	$(BIN)/python benchmarks/speed.py --json build/speed.json
	$(BIN)/python benchmarks/evaluation.py --json build/evaluation.json
	$(BIN)/python benchmarks/data.py --json build/data.json
	$(BIN)/python benchmarks/serving.py --json build/serving.json --bundle build/serving

quality: $(READY)  ## Measure quality beside tuned peers (LISTENING=FOLDER of data; an hour or more)
	@$(PEERS)
	$(BIN)/python benchmarks/quality.py --json build/quality.json $(if $(LISTENING),--data "$(LISTENING)")

channels: $(READY)  ## Measure what each channel adds to the list (LISTENING=FOLDER of data; hours)
	@$(PEERS)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/channels.py --json build/channels.json $(if $(LISTENING),--data "$(LISTENING)")

docs: $(READY)  ## Write docs/cli.md and the table of rules anew from the program itself
	$(BIN)/python docs/cli_reference.py
	$(BIN)/python docs/rules_reference.py

tour: $(READY)  ## Run examples/tour.ipynb and keep what it shows
	$(BIN)/python docs/tour.py

serve: $(READY)  ## Show the demo's report at http://127.0.0.1:8000 (PORT=N for another port)
	@test -d build/demo || { echo "nothing to show yet: run 'make demo' first"; exit 1; }
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory build/demo

clean:  ## Remove the environment and everything that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's python3 lacks venv until its package is there; as root we can put that right. So with the
# browser that the tests drive; without one they are skipped.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python found: install Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is too old: encore needs Python 3.11 or newer (make PYTHON=…)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { test "$$(id -u)" = 0 && \
	  apt-get -qq update && apt-get -qq install -y python3-venv; } \
	  || { echo "Python's venv module is missing: install the package python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[dev]'
	@for name in $${ENCORE_CHROMIUM:-chromium chromium-browser google-chrome}; do command -v $$name; done \
	  | grep -q . || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  echo "installing chromium, in which tests open the pages that encore writes" && apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
	    chromium fonts-dejavu-core >/dev/null; } \
	  || echo "no chromium: tests of pages in a browser are skipped (install the package chromium, or set ENCORE_CHROMIUM)"
	@$(PEERS) || echo "the peers of the quality bench were not installed (lightfm-next needs a C compiler): their tests are skipped"
	@touch $(READY)
