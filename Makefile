# Every recipe is one exec'ed command, so that killing make ends everything it started.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
OUT ?= build/demo
# A file's tests stay together and share its cloud; no more workers than a laptop has room for.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile
CHOICE ?= slow
export OUT INPUT

.DEFAULT_GOAL := help
.PHONY: help demo up test slow bench lint clean

help: ## list the commands
	@exec awk -F':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

$(READY): pyproject.toml infra/local/requirements.lock infra/local/assets.lock infra/local/environment.py
	@exec $(PYTHON) infra/local/environment.py

demo: $(READY) ## run the journeys over the real protocols; evidence in build/demo (OUT=folder, INPUT=folder)
	@exec $(BIN)/python -m infra.local.demo run

up: $(READY) ## keep the system running with demo data; Ctrl-C stops all of it
	@exec $(BIN)/python -m infra.local.demo up

test: $(READY) ## everything but the slow suite and the benchmarks
	@exec $(BIN)/python -m pytest $(SIDE_BY_SIDE)

slow: $(READY) ## kills, fuzzing, races and second opinions, bounded (CHOICE="slow and not long" leaves whole runs out)
	@exec $(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "$(CHOICE)"

bench: $(READY) ## ratios against peers and floors, measured in one run
	@exec $(BIN)/python -m pytest -m bench -s

lint: $(READY) ## ruff, mypy, import-linter, cfn-lint
	@exec $(BIN)/python -m pytest tests/architecture tests/template/test_lint.py

clean: ## remove the environment and what was built
	@exec rm -rf .venv build
