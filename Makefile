# run: the server on port 8000 · dev: with a local Convex and a page · test: everything · check: lint and types
# bench: what the README claims · bench-page: the same of the page · lock: newer packages
PYTHON ?= python3
BIN := .venv/bin
# Without a key or another server's address the embedded engine is installed too.
ENGINE := $(if $(GROQ_API_KEY)$(GROQ_BASE_URL),production,local)

.PHONY: run dev test check bench bench-page lock web clean
.DELETE_ON_ERROR:

run: .venv/$(ENGINE)
	@$(BIN)/python local_server.py

# The server, a local Convex and the demo page; functions and page reload as they are edited.
DEV_SETTINGS := CONVEX_SITE_URL=http://127.0.0.1:3211 CONVEX_API_KEY=local-development-key \
  CORS_ORIGINS=http://127.0.0.1:5173,http://localhost:5173
dev: .venv/$(ENGINE) web/node_modules
	@$(DEV_SETTINGS) $(BIN)/python local_server.py & server=$$!; trap : INT TERM; \
	  (cd web && npm run --silent dev); kill $$server 2>/dev/null; wait $$server

test: check web tests/sdk/node_modules .venv/aws-tools/installed
	$(BIN)/python -m pytest --cov

web: web/node_modules
	cd web && npm test

web/node_modules tests/sdk/node_modules: %/node_modules: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@

check: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/development
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.jobs
	$(BIN)/python -m benchmarks.one_hour

# Real API, local Convex, real browser: completed → on the screen; requests while waiting.
bench-page: .venv/development web/node_modules
	cd web && npm run --silent measure

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Escriba needs Python 3.11 or later: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv

FETCHED_production := about 70 MB
FETCHED_local := about 320 MB, most of it the embedded engine
# One stamp a lock; what the development lock holds, the others hold too.
.venv/production .venv/local: .venv/%: locks/%.txt .venv/pyvenv.cfg
	@test .venv/development -nt $< || { echo "Installing Escriba's packages, once: $(FETCHED_$*) …"; $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<; }
	@touch $@

.venv/development: locks/development.txt .venv/pyvenv.cfg
	@echo "Installing Escriba's packages (development) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# The AWS emulator and what checks template.yaml: they need older versions than we do.
.venv/aws-tools/installed: locks/aws-tools.txt .venv/pyvenv.cfg
	@echo "Installing an AWS emulator for the tests …"
	@$(PYTHON) -m venv .venv/aws-tools
	@.venv/aws-tools/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# The newest versions that pyproject.toml allows, pinned by hash, for every platform.
LOCKED := production: local:--extra=local development:--extra=local,--extra=aws,--extra=dev
lock: .venv/pyvenv.cfg
	@$(BIN)/pip install --quiet uv
	@for one in $(LOCKED); do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header \
	    $$(echo "$${one#*:}" | tr , ' ') --output-file "locks/$${one%%:*}.txt" pyproject.toml || exit 1; done
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header \
	  --group aws-tools --output-file locks/aws-tools.txt

clean:
	rm -rf .venv build dist web/node_modules tests/sdk/node_modules
