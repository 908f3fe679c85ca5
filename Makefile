# `make help` lists the targets. Paths are relative: the clone may lie in a directory with spaces in its name.

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
LOCKS := packaging/locks
CLIENT_LOCKS := tests/clients/locks

.DEFAULT_GOAL := help
.PHONY: help venv run-venv demo check lint types floors tidy docs test test-fast test-tools client-tools screenshots guide-pictures format bench s3-tests wheel lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*##  */\1|/p' Makefile | while IFS='|' read -r name text; do printf '%-14s%s\n' "$$name" "$$text"; done

# --- the virtual environment: what runs the store, then what works on it; both locked by hash -------------------------

$(PYTHON):
	@python=$$(packaging/find-python) || { echo "No Python 3.11 or newer with venv; on Debian: apt-get install python3-venv" >&2; exit 1; }; \
	"$$python" -m venv $(VENV)

$(VENV)/run-is-installed: $(LOCKS)/run.txt $(LOCKS)/build.txt pyproject.toml | $(PYTHON)
	$(PIP) install --require-hashes --requirement $(LOCKS)/run.txt --requirement $(LOCKS)/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev-is-installed: $(LOCKS)/dev.txt pyproject.toml | $(PYTHON)
	$(PIP) install --require-hashes --requirement $(LOCKS)/dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/run-is-installed

venv: $(VENV)/dev-is-installed  ## make .venv with all that development needs

run-venv: $(VENV)/run-is-installed

# --- trying -----------------------------------------------------------------------------------------------------------

demo: run-venv  ## start a store to try, as ./demo does
	@exec $(PYTHON) -m holdfast.cli.main demo

# --- checking ---------------------------------------------------------------------------------------------------------

check: lint types floors tidy docs  ## everything that needs no running store; under a minute

lint: venv
	$(PYTHON) -m ruff check --quiet
	$(PYTHON) -m ruff format --check --quiet

types: venv
	$(PYTHON) -m mypy --no-error-summary
	$(PYTHON) -m mypy --no-error-summary tests/clients/tools.py

floors: venv
	$(BIN)/lint-imports --no-logo

# Hosts of package registries belong to each site's own configuration (docs/decisions/0001-lock-file.md). The brackets
# keep this line from finding itself.
tidy:
	@! git grep -nE '(p[y]pi|p[y]thonhosted|regist[r]y\.npmjs|d[e]b\.debian)\.org|(pro[x]y|s[u]m)\.golang\.org' -- . \
	|| { echo "tidy: the lines above name the host of a package registry" >&2; exit 1; }
	@! git grep -n '://' -- $(LOCKS) $(CLIENT_LOCKS) || { echo "tidy: a lock holds names and hashes only" >&2; exit 1; }

docs: venv  ## build the documentation into docs/_build/html
	$(PYTHON) -m sphinx -W --keep-going -q -b html docs docs/_build/html

format: venv  ## put the code into ruff's form
	$(PYTHON) -m ruff check --fix --quiet
	$(PYTHON) -m ruff format --quiet

# --- testing ----------------------------------------------------------------------------------------------------------

client-tools: venv  ## install the S3 clients that the end-to-end tests drive
	@$(PYTHON) tests/clients/tools.py

test-tools: client-tools
	@packaging/need test

test: test-tools  ## all the tests
	@packaging/run-tests

test-fast: venv  ## the tests of a few seconds, without other people's clients
	@packaging/run-tests -m 'not slow and not client'

screenshots: venv  ## photograph every page of the portal in every state: make screenshots [SCREENSHOTS="--only NAME"]
	@packaging/need screenshots
	@$(PYTHON) -m tests.browser.screenshots $(SCREENSHOTS)

guide-pictures: venv  ## take the pictures of the guides in docs/ anew: make guide-pictures [PICTURES="--only NAME"]
	@packaging/need screenshots
	@$(PYTHON) -m tests.browser.guide_pictures $(PICTURES)

bench: venv  ## CPU seconds a request and a GB, beside nginx: make bench [BENCH=options]
	@$(PYTHON) bench/run.py $(BENCH)

s3-tests: venv  ## run ceph/s3-tests: make s3-tests S3TESTS=<checkout>
	@test -n "$(S3TESTS)" || { echo "Say where the suite is: make s3-tests S3TESTS=<checkout of ceph/s3-tests>" >&2; exit 2; }
	@$(PYTHON) tests/s3tests/run.py --checkout "$(S3TESTS)"

# --- giving away ------------------------------------------------------------------------------------------------------

wheel: venv  ## build the wheel into dist/
	@$(PYTHON) -m build --wheel --no-isolation --outdir dist . >/dev/null && ls dist/*.whl

# uv asks the newest versions of all; give UV_OPTIONS="" to change as little as can be.
UV_OPTIONS ?= --upgrade
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet $(UV_OPTIONS)
lock: venv  ## lock the newest versions of everything that comes from elsewhere, by hash
	$(COMPILE) --output-file $(LOCKS)/run.txt pyproject.toml
	$(COMPILE) --constraints $(LOCKS)/run.txt --output-file $(LOCKS)/dev.txt --group dev pyproject.toml
	$(COMPILE) --constraints $(LOCKS)/dev.txt --output-file $(LOCKS)/build.txt --group build
	for name in aws go rclone s3cmd; do $(COMPILE) --output-file $(CLIENT_LOCKS)/$$name.txt $(CLIENT_LOCKS)/$$name.in || exit 1; done

clean:  ## remove what make made, save .venv and .tools
	rm -rf build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
