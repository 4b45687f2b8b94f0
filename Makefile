# Changda 畅答. `make help` lists what can be done.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
RASA_PY := .venv-rasa/bin/python
export RASA_TELEMETRY_ENABLED := false
export PYTHONPATH := $(CURDIR)
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help install install-milvus install-dev run demo-wechat wechat-menu stop test unit lint format train encoder build eval eval-nlu eval-knowledge eval-baselines finetune pictures bench clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

install: ## Build both Python environments from the lock files
	@$(PYTHON) bot/launcher/environments.py

install-milvus: ## The same with the client of Milvus (CHANGDA_VECTOR_INDEX=milvus)
	@$(PYTHON) bot/launcher/environments.py --milvus

install-dev: ## The same with the test and lint tools
	@$(PYTHON) bot/launcher/environments.py --dev

run: install ## Build what is missing, start everything, print the URLs (Ctrl-C stops)
	@$(PY) -m bot.launcher run

demo-wechat: install ## The same with a stand-in for WeChat and WeCom, and a phone to chat on
	@CHANGDA_WECHAT_DEMO=on $(PY) -m bot.launcher run

wechat-menu: ## Send our menu to the official account of the settings
	@$(PY) -m bot.channels.wechat.menu

stop: ## Stop a running system
	@if [ -x $(PY) ]; then $(PY) -m bot.launcher stop; fi

build: install ## Build encoder, database, seeds and the Rasa model, without starting
	@$(PY) -m bot.launcher build

test: install-dev ## All tests but the benchmarks
	@$(PY) -m bot.launcher build --only encoder
	@$(PY) -m bot.launcher build --only phrasings
	@$(PY) -m bot.launcher build --only train
	@$(PY) -m pytest -m "not bench"

unit: ## Fast tests only
	@$(PY) -m pytest -m "not integration and not e2e and not browser and not bench"

lint: ## ruff, mypy, import rules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: ## Let ruff mend and format
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

encoder: install ## Build the sentence encoder and what it remembers
	@$(PY) -m bot.launcher build --only encoder
	@$(PY) -m bot.launcher build --only phrasings

train: install ## Train Rasa (skipped when nothing changed)
	@$(PY) -m bot.launcher build --only train

eval: build ## Evaluate understanding and retrieval on our own sets
	@$(RASA_PY) -m bot.nlu.evaluate
	@$(PY) -m knowledge_base.evaluate knowledge_base/corpus data/retrieval/dev.jsonl data/retrieval/dev_oos.jsonl --compare --report docs/eval/knowledge.md

eval-baselines: build ## Measure again what the reports compare with: stock Rasa, other classifiers, the plain encoder (an hour)
	@$(RASA_PY) -m bot.nlu.evaluate --train --compare --stock
	@$(RASA_PY) -m bot.nlu.evaluation.selector
	@$(PY) -m knowledge_base.embedding.build --target var/models/encoder-plain
	@$(PY) -m knowledge_base.evaluate knowledge_base/corpus data/retrieval/dev.jsonl data/retrieval/dev_oos.jsonl --encoder var/models/encoder-plain --report docs/eval/knowledge.md --row "encoder as it comes"

eval-nlu: build ## Evaluate understanding on FILE=x.jsonl
	@$(RASA_PY) -m bot.nlu.evaluate --file $(FILE)

eval-knowledge: encoder ## Evaluate retrieval on CORPUS=c.jsonl QUERIES=q.jsonl OOS=o.jsonl
	@$(PY) -m knowledge_base.evaluate $(CORPUS) $(QUERIES) $(OOS)

finetune: install ## Teach the encoder the domain again (more than an hour; writes the LoRA adapter)
	@$(PY) -m knowledge_base.embedding.finetune --epochs 3
	@$(PY) -m knowledge_base.embedding.finetune --epochs 2 --seed 11 --resume knowledge_base/embedding/adapter_weights
	@$(PY) -m knowledge_base.embedding.finetune --epochs 1 --seed 23 --resume knowledge_base/embedding/adapter_weights

pictures: install-dev ## Take the README's pictures from the running pages
	@CHANGDA_PICTURES=docs/images $(PY) -m pytest tests/e2e/test_pages.py

bench: install-dev ## Measure speed and memory of the running system
	@$(PY) -m bot.launcher build
	@$(PY) -m pytest -m bench -s

clean: stop ## Remove what was made at run time (keeps the environments)
	rm -rf var .pytest_cache .mypy_cache .ruff_cache
