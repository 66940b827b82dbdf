# One door to the tools: `make` lists what there is.
.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
EXTRAS ?= test,lint
PROVIDERS := local mock temporal step_functions

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(VENV)/.ready ## make .venv with the package and its tools

$(VENV)/.ready: pyproject.toml constraints.txt
	@test -x $(PYTHON) || { command -v uv >/dev/null && uv venv --quiet $(VENV); } || python3 -m venv $(VENV)
	@command -v uv >/dev/null || test -x $(BIN)/uv || $(PYTHON) -m pip install --quiet --constraint constraints.txt uv
	PATH="$$PATH:$(CURDIR)/$(BIN)" uv pip install --quiet --python $(PYTHON) --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

DEMO := $(PYTHON) examples/tenant_provisioning/demo.py

.PHONY: demo
demo: $(VENV)/.ready ## watch a durable workflow provision a tenant on this machine; goes on where a killed one was
	@$(DEMO)

.PHONY: demo-crash
demo-crash: $(VENV)/.ready ## the same, killed half-way on purpose
	@$(DEMO) crash

.PHONY: demo-failure
demo-failure: $(VENV)/.ready ## the same with a broken catalogue: what was made is taken back
	@$(DEMO) failure

.PHONY: test
test: $(VENV)/.ready ## run all tests
	$(BIN)/pytest -n auto

.PHONY: lint
lint: $(VENV)/.ready ## check style, types, who imports whom, and that nothing of this machine is committed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if git grep -nIE '(^|[^.A-Za-z])/(wor[k]|roo[t])/|pyp[i]\.org|pythonhoste[d]\.org|(inde[x]-url|find-link[s])[ =]' -- . ':!LICENSE'; \
		then echo 'lint: an address of a package registry or a path of this machine is committed (above)'; exit 1; fi

.PHONY: capabilities
capabilities: $(VENV)/.ready ## hold each provider to the contract and write docs/capabilities.md
	@mkdir -p build/conformance
	@for name in $(PROVIDERS); do $(PYTHON) -m pytest -q -n auto -p enginehouse.conformance.plugin --pyargs enginehouse.conformance \
		--provider-harness enginehouse.providers.$$name.testing:Harness --conformance-report build/conformance/$$name.json || exit 1; done
	@$(PYTHON) -m enginehouse.conformance.matrix $(PROVIDERS:%=build/conformance/%.json) > docs/capabilities.md

.PHONY: bench
bench: $(VENV)/.ready ## measure speed and memory into docs/performance.md
	-PATH="$$PATH:$(CURDIR)/$(BIN)" uv pip install --quiet --python $(PYTHON) --constraint constraints.txt --editable '.[bench]'
	$(PYTHON) -m bench.run

.PHONY: clean
clean: ## remove what the tools left behind
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
