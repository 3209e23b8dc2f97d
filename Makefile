# run: the server on port 8000 · dev: with a local Convex and a page · test: everything · soak: at full length
# check: lint and types · bench: what the README claims · bench-page: the same of the page · lock: newer packages
PYTHON ?= python3
BIN := .venv/bin
# Without a key or another server's address the embedded engine is installed too.
ENGINE := $(if $(GROQ_API_KEY)$(GROQ_BASE_URL),production,local)

.PHONY: run dev test soak check bench bench-page lambda lock web clean
.DELETE_ON_ERROR:

run: .venv/$(ENGINE)
	@$(BIN)/python local_server.py

# The server, a local Convex and the demo page; functions and page reload as they are edited.
DEV_SETTINGS := CONVEX_SITE_URL=http://127.0.0.1:3211 CONVEX_API_KEY=local-development-key \
  CORS_ORIGINS=http://127.0.0.1:5173,http://localhost:5173
dev: .venv/$(ENGINE) web/node_modules
	@$(DEV_SETTINGS) $(BIN)/python local_server.py & server=$$!; trap : INT TERM; \
	  (cd web && npm run --silent dev); kill $$server 2>/dev/null; wait $$server

test: check web tests/sdk/node_modules .venv/aws-tools/installed .venv/aws-sam/installed
	$(BIN)/python -m pytest --cov

# What `test` does in small, at full length: Convex away for a minute, 500 jobs amid its faults, kills without end.
soak: .venv/development web/node_modules
	$(BIN)/python -m pytest tests/acceptance/test_convex.py tests/acceptance/test_crashes.py \
	  --away 60 --soak 500 --kills 14 --rounds 100 --attempts 4

web: web/node_modules
	cd web && npm test

web/node_modules tests/sdk/node_modules: %/node_modules: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@

check: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pip check --disable-pip-version-check

bench: .venv/development lambda
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.jobs
	$(BIN)/python -m benchmarks.one_hour
	$(BIN)/python -m benchmarks.lambda_starts

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
	@test .venv/development -nt $< || { echo "Installing Escriba's packages, once: $(FETCHED_$*) …"; $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<; }
	@touch $@

.venv/development: locks/development.txt .venv/pyvenv.cfg
	@echo "Installing Escriba's packages (development) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	@touch $@

# The AWS emulator and what checks template.yaml: they need other versions than we do, and than each other.
TOOL_aws-tools := an AWS emulator
TOOL_aws-sam := the AWS SAM CLI
.venv/aws-tools/installed .venv/aws-sam/installed: .venv/%/installed: locks/%.txt .venv/pyvenv.cfg
	@echo "Installing $(TOOL_$*) for the tests …"
	@$(PYTHON) -m venv .venv/$*
	@.venv/$*/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	@touch $@

# What template.yaml deploys, in clean folders: arm64 wheels for the runtime's Python, whatever this machine is.
PLATFORM ?= aarch64-manylinux_2_28
FOR_LAMBDA := --quiet --python-platform $(PLATFORM) --python-version 3.13 --only-binary :all: --require-hashes
lambda: locks/lambda-code.txt locks/lambda-ffmpeg.txt .venv/pyvenv.cfg
	@$(BIN)/pip install --quiet uv
	@rm -rf build/lambda && mkdir -p build/lambda/code build/lambda/ffmpeg/python
	@$(BIN)/uv pip install $(FOR_LAMBDA) --target build/lambda/code -r locks/lambda-code.txt
	@$(BIN)/uv pip install $(FOR_LAMBDA) --target build/lambda/ffmpeg/python -r locks/lambda-ffmpeg.txt
	@cd build/lambda/code && rm -rf boto3* botocore* s3transfer* jmespath* dateutil python_dateutil* six* urllib3* bin
	@cp -r common functions build/lambda/code && rm -rf build/lambda/code/common/local
	@find build/lambda -name __pycache__ -prune -exec rm -rf {} +
	@du -sm build/lambda/code build/lambda/ffmpeg

# The newest versions that pyproject.toml allows, pinned by hash, for every platform.
GROUPS := aws-tools:3.11 aws-sam:3.11 lambda-code:3.13 lambda-ffmpeg:3.13
LOCKED := production: local:--extra=local development:--extra=local,--extra=aws,--extra=dev
lock: .venv/pyvenv.cfg
	@$(BIN)/pip install --quiet uv
	@for one in $(LOCKED); do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header \
	    $$(echo "$${one#*:}" | tr , ' ') --output-file "locks/$${one%%:*}.txt" pyproject.toml || exit 1; done
	@for one in $(GROUPS); do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version $${one#*:} --no-annotate --no-header \
	    --group $${one%%:*} --output-file locks/$${one%%:*}.txt || exit 1; done

clean:
	rm -rf .venv build dist web/node_modules tests/sdk/node_modules
