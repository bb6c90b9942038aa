.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk 'BEGIN {FS = ":.*## "}; {printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): requirements/all.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Redress needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "Installing locked dependencies (the first time takes a minute or two) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/all.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

.PHONY: install
install: $(STAMP) ## Virtual environment with the locked dependencies

.PHONY: lock
lock: ## Compile requirements/*.txt again (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml -o requirements/run.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --extra cli --extra local --extra dev pyproject.toml -o requirements/all.txt

.PHONY: schemas
schemas: $(STAMP) ## Write the JSON Schemas of all events; refuses a breaking change
	@$(BIN)/python -m shared.contracts

.PHONY: demo
demo: $(STAMP) ## Run everything on this machine with sample complaints; ONCE=1 ends by itself
	@$(BIN)/redress demo $(if $(filter-out 0,$(ONCE)),--once)

.PHONY: docs
docs: $(STAMP) ## Write docs/settings.md and docs/metrics.md from the code
	@$(BIN)/python -m deploy.docs

.PHONY: lint
lint: $(STAMP) ## ruff and mypy, strict
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

.PHONY: fix
fix: $(STAMP) ## Correct and format with ruff
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

.PHONY: test
test: $(STAMP) lint ## Run all tests, on real Kafka, PostgreSQL and SMTP
	@$(BIN)/pytest -m "not bench and not long" $(ARGS)

.PHONY: bench
bench: $(STAMP) ## Measure Redress beside two simple baselines; run it on a quiet machine
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: faults
faults: $(STAMP) ## The long fault profile, about 45 minutes: faults × invariants; ONLY=name for some
	@$(BIN)/python -m tests.faults $(if $(ONLY),--only "$(ONLY)")
