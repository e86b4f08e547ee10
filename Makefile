# The two commands are `make run` and `make test`; `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Tests start many processes, each of which would compile all modules anew without these files.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run check test faults fuzz soak lint audit format translations screenshots bench lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed ## start the demo: a site with sample answers, until Ctrl-C
	@exec $(BIN)/csat demo

check: lint ## lint, types, and the tests that need nothing but Python
	TMPDIR=$$(tests/temporary-folder) $(BIN)/python -m pytest --quick --numprocesses 3 --dist worksteal

test: $(BIN)/python ## run every test, after lint and types
	@# apt installs while pip does, and while mypy reads.
	$(MAKE) --no-print-directory --jobs 3 lint $(VENV)/compiled-tests $(VENV)/postgresql
	TMPDIR=$$(tests/temporary-folder) $(BIN)/python -m pytest --numprocesses 3 --dist worksteal

faults: $(VENV)/installed-test $(VENV)/postgresql ## 50 rounds of each fault, an hour's backlog, 40 times the examples
	FAULT_ROUNDS=50 FAULT_BACKLOG=20000 HOSTILE_REQUESTS=100000 $(BIN)/python -m pytest tests/faults -m "" --timeout 3600
	$(BIN)/python -m pytest tests/pipeline -m long
	EXAMPLES_FACTOR=40 $(BIN)/python -m pytest tests -m hypothesis --timeout 3600

fuzz: $(VENV)/installed-fuzz ## a minute of each fuzz target (FUZZ_SECONDS), then 1,000,000 hostile requests
	$(BIN)/python -m tests.fuzz
	HOSTILE_REQUESTS=1000000 $(BIN)/python -m pytest -s tests/faults/test_hostile.py

soak: $(VENV)/installed-test $(VENV)/postgresql ## half an hour of everything, with faults, on each database (SOAK_MINUTES, SOAK_DATABASE)
	$(BIN)/python -m tests.soak

lint: $(VENV)/installed-test ## ruff, mypy and bandit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@# It warns of each part of a statement that is excepted as a whole.
	@mkdir -p build
	$(BIN)/bandit -q -c pyproject.toml -r csat.py wsgi.py survey pipeline reports demo 2>build/bandit.log || { cat build/bandit.log; exit 1; }

audit: $(VENV)/installed ## look up known holes of the dependencies; needs the network
	tests/audit-dependencies

format: $(VENV)/installed-test ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

translations: $(VENV)/installed ## find new texts for translators, compile what they translated
	@mkdir -p build
	$(BIN)/pybabel --quiet extract --mapping pyproject.toml --keyword translatable --no-location --sort-output --output build/messages.pot .
	$(if $(new),$(BIN)/pybabel --quiet init --input-file build/messages.pot --output-dir survey/translations --locale $(new))
	$(BIN)/pybabel --quiet update --input-file build/messages.pot --output-dir survey/translations --width 100 --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel --quiet compile --directory survey/translations

screenshots: $(VENV)/installed-test $(VENV)/browser ## make the pictures of README.md and docs/mail.md anew
	$(BIN)/python -m tests.screenshots

bench: $(VENV)/installed-test ## measure, as ratios against a peer in the same run
	tests/install-package wrk
	tests/install-postgresql
	$(BIN)/python -m bench

lock: $(VENV)/installed ## resolve the dependencies anew
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra s3 --extra dask --extra bench --extra test pyproject.toml -o requirements-test.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra fuzz -c requirements-test.lock pyproject.toml -o requirements-fuzz.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes -c requirements-test.lock pyproject.toml -o requirements.lock

clean: ## remove what was built and installed; `var/`, the data, stays
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); tests/install-package python3-venv && $(PYTHON) -m venv $(VENV); }

$(VENV)/installed: $(BIN)/python requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed requirements-test.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	@touch $@

$(VENV)/installed-fuzz: $(VENV)/installed-test requirements-fuzz.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	@touch $@

# pytest compiles tests in its own way. Without this, each of its processes would compile all of them
# at the first run.
$(VENV)/compiled-tests: $(VENV)/installed-test
	$(BIN)/python -m pytest --collect-only --quiet >/dev/null
	@touch $@

$(VENV)/browser: $(BIN)/python
	tests/install-package chromium
	tests/install-package libatomic.so.1 libatomic1 # what drives the browser needs it
	tests/install-package java default-jre-headless
	@touch $@

$(VENV)/postgresql: $(VENV)/browser # one apt at a time
	tests/install-postgresql
	@touch $@
