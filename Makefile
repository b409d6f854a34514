# `make help` lists what there is. Nothing is installed outside .venv, except by `make services` (and `make test`, which
# runs it): the servers that integration tests start privately.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first Python that runs and is new enough; else python3, and make_venv.py says what is missing.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; exit; }; done; echo python3)
BIN := .venv/bin
PYTEST_ARGS ?=
# One more than the two cores that CI has: tests of running processes wait much of their time.
TEST_PROCESSES ?= 3
DATABASE ?= sqlite

.PHONY: help run venv intelligence dev services test test-postgres lint types imports migrations openapi docs pins check demo bench fuzz lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 16

run: venv  ## install what is missing, then start the whole service (Ctrl-C stops it)
	@exec $(BIN)/python -m ittyhost.launcher

venv:  # .venv with the pinned requirements; at once when it is there already
	@$(PYTHON) scripts/make_venv.py run

intelligence:  ## models for .venv: speech, nsfw, tags, text in pictures; used by `make run` from then on
	@$(PYTHON) scripts/make_venv.py intelligence
	@bash scripts/install_detector.sh
	@echo "The models are installed: make run uses them."

dev:  ## .venv with what tests and checks need
	@$(PYTHON) scripts/make_venv.py dev

services:  # servers for integration tests, where this machine can have them
	@bash scripts/install_services.sh

test: dev services  ## the whole suite, real services included (DATABASE=postgres, PYTEST_ARGS=…)
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadgroup --database=$(DATABASE) $(PYTEST_ARGS)

test-postgres: dev services  ## the suite's database tests on a private PostgreSQL
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --database=postgres -m "database and not processes" $(PYTEST_ARGS)

lint: dev  ## ruff: lint and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: dev  ## mypy
	@$(BIN)/mypy

imports: dev  ## who may import whom
	@$(BIN)/lint-imports

migrations: dev  # models and migrations in step
	@$(BIN)/python scripts/with_temporary_data.py manage.py makemigrations --check --dry-run

openapi: dev  # what is generated in docs/ in step with the code
	@$(BIN)/python scripts/with_temporary_data.py manage.py openapi --check
	@$(BIN)/python scripts/with_temporary_data.py manage.py kinds_page --check
	@$(BIN)/python scripts/with_temporary_data.py -m tests.pages --check

docs: dev  ## write what is generated in docs/ anew: openapi, kinds, errors, versions
	@$(BIN)/python scripts/with_temporary_data.py manage.py openapi --write
	@$(BIN)/python scripts/with_temporary_data.py manage.py kinds_page
	@$(BIN)/python scripts/with_temporary_data.py -m tests.pages

.PHONY: docs-corpus
docs-corpus: dev services  ## write docs/real-files.md anew, from the files of the folder ITTYHOST_CORPUS names
	@$(BIN)/python -m tests.corpus

pins: dev  # requirements.lock in step with the pins
	@$(BIN)/python scripts/lock.py --check

check: lint types imports migrations openapi pins test  ## everything CI asks for

demo: dev  ## the README's story without a person
	@$(BIN)/python -m tests.demo

bench: dev  ## figures of this machine, beside the bare tools
	@$(BIN)/python -m benchmarks

fuzz: dev  ## 2,000 damaged files through the engine, then new examples (FUZZ_CASES, FUZZ_SEED, FUZZ_KEEP, ITTYHOST_CORPUS)
	@$(BIN)/python -m workers.tests.fuzz
	@$(BIN)/python -m pytest -m hypothesis -n $(TEST_PROCESSES) --dist loadgroup --hypothesis-profile=new \
		$(if $(FUZZ_SEED),--hypothesis-seed=$(FUZZ_SEED)) $(PYTEST_ARGS)

lock: dev  ## write requirements.lock anew after a pin was changed
	@$(BIN)/python scripts/lock.py

clean:  ## remove .venv and caches; data stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +
