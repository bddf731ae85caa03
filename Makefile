# Everything a developer runs. Each target does its own set-up; the first one makes .venv.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help serve test lint types contracts check bench bench-compare resilience soak durability drain released accuracy capturing quality prices retirements replay \
  fault-matrix wheel first-answer dashboard-bench deploy-check screenshots clients clients-page litellm-import lock reference docs \
  detection eval-power eval-scale clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	@tools/setup.sh "$(PYTHON)"
	@touch $@

serve: $(STAMP)  ## Start Headgate on 127.0.0.1:8080, with ./headgate.yaml if there is one
	@$(BIN)/headgate serve

test: $(STAMP)  ## Run all tests, with PostgreSQL and Redis of their own
	@tools/services.sh
	@$(BIN)/pytest -n 2 --dist loadfile

lint: $(STAMP)  ## Check style and formatting
	@$(BIN)/ruff check src tests tools
	@$(BIN)/ruff format --check src tests tools

types: $(STAMP)  ## Check types
	@$(BIN)/pyright

contracts: $(STAMP)  ## Check which layer imports which
	@$(BIN)/lint-imports --no-cache

check: lint types contracts test  ## Everything continuous integration runs

bench: $(STAMP)  ## Measure CPU per call and latency against nginx; prints tables, keeps JSON in .bench/
	@tools/need.sh nginx:nginx-light wrk:wrk taskset:util-linux
	@$(BIN)/python tests/bench run

bench-compare: $(STAMP)  ## Compare this tree with BASE=revision, interleaved
	@tools/need.sh nginx:nginx-light wrk:wrk taskset:util-linux
	@$(BIN)/python tests/bench compare "$(BASE)"

dashboard-bench: $(STAMP)  ## Make a year of sums at 50 keys x 10 models, and time every page of the dashboard on it
	@$(BIN)/python tests/bench/year.py .bench

resilience: $(STAMP)  ## Play faults, outages, slow tails and overload, and hold what comes of it against its bars
	@tools/need.sh taskset:util-linux
	@$(BIN)/python tests/resilience

soak: $(STAMP)  ## Look for leaks under faults, disconnects and reloads, for SOAK_SECONDS (an hour)
	@tools/need.sh taskset:util-linux
	@$(BIN)/python tests/resilience soak

durability: $(STAMP)  ## Play crashes, outages, upgrades and restores as long as their bars say
	@tools/services.sh
	@tools/need.sh nginx:nginx-light
	@HEADGATE_FULL=1 $(BIN)/pytest -s tests/e2e/test_crash.py tests/e2e/test_outage.py tests/e2e/test_upgrade.py \
	  tests/e2e/test_restoring.py

accuracy: $(STAMP)  ## Hold every figure shown against the truth, over ACCURACY_CALLS (200,000) at ACCURACY_RATE (400)
	@tools/services.sh
	@$(BIN)/python tests/accuracy

released: $(STAMP)  ## Move a prompt's label under 1,000 calls a second at two replicas, and hold what comes of it
	@tools/services.sh
	@$(BIN)/python tests/released

drain: $(STAMP)  ## Hold the drain against the gateway's full rate, for DRAIN_SECONDS (ten minutes)
	@tools/need.sh nginx:nginx-light wrk:wrk taskset:util-linux
	@$(BIN)/python tests/bench/drain.py

capturing: $(STAMP)  ## Measure what keeping the content of calls costs
	@PYTHONPATH=tests $(BIN)/python tests/bench/capturing.py

quality: $(STAMP)  ## Measure how good the evaluators of answers are, on HEADGATE_DATA
	@PYTHONPATH=tests $(BIN)/python tests/bench/evaluators.py

prices: $(STAMP)  ## Make the price snapshot anew from the installed genai-prices
	@$(BIN)/python tools/update_prices.py

retirements: $(STAMP)  ## Make the list of days on which models retire anew from the newest litellm on PyPI
	@$(BIN)/python tools/update_retirements.py

replay: $(STAMP)  ## Replay the recordings through the gateway and write docs/recordings.md
	@tools/replay.sh

fault-matrix: $(STAMP)  ## Run every fault over real sockets and write docs/fault-matrix.md
	@$(BIN)/python tests/fault_matrix.py

detection: $(STAMP)  ## Play incidents on synthetic traffic, and write what of them is told in time to docs/
	@PYTHONPATH=tests $(BIN)/python tests/detection

eval-power: $(STAMP)  ## Show how often comparisons of test runs tell a regression where there is none, and where there is one
	@$(BIN)/python tests/evaluation power --simulator

eval-scale: $(STAMP)  ## Run 10,000 cases on the simulator, kill it, go on with it, and watch its memory
	@$(BIN)/python tests/evaluation scale

wheel: $(STAMP)  ## Build wheel, sdist and SBOM into dist/, twice, and look into them
	@$(BIN)/python tools/dist.py dist
	@$(BIN)/python tools/sbom.py dist/headgate.cdx.json

first-answer: wheel  ## Install the wheel into an empty environment and time it to its first answer
	@$(PYTHON) tools/first_answer.py dist/headgate-*.whl

deploy-check: wheel  ## Try deploy/ as far as this machine can: nginx, Envoy, chart, unit, the image's steps
	@tools/services.sh
	@tools/deploy_check.sh

lock:  ## Write requirements.lock anew from pyproject.toml and constraints.txt
	@tools/lock.sh

reference: $(STAMP)  ## Write docs/configuration.md from the schema, and the dashboard of deploy/grafana from its panels
	@$(BIN)/python tools/configuration_page.py
	@$(BIN)/python tools/grafana.py

docs: $(STAMP)  ## Build the documentation into site/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group docs
	@$(BIN)/zensical build --clean --strict

screenshots: $(STAMP)  ## Write the pictures of docs/dashboard.md anew
	@tools/need.sh chromium:chromium
	@$(BIN)/python tests/screenshots.py docs/images

clients: $(STAMP)  ## Play every scene with every client, coding agents included, against the simulator
	@tools/clients.sh "$(PYTHON)"
	@$(BIN)/python tests/clients

clients-page: $(STAMP)  ## The same, and write docs/clients.md
	@tools/clients.sh "$(PYTHON)"
	@$(BIN)/python tests/clients --write

litellm-import: $(STAMP)  ## Repeat a move from LiteLLM's real proxy, installed in a folder of its own
	@tools/services.sh
	@$(BIN)/python tools/litellm_import.py

clean:  ## Remove what set-up, tests and benchmarks made
	rm -rf .venv .clients .bench build dist site .cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
