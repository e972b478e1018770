# One entry for people and for the CI. Needs Rust and Python 3; everything else is fetched by cargo and pip.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

CARGO ?= cargo
PYTHON ?= python3
# The dev build of the program. `--examples` makes cargo resolve features as it does for tests, so that tests, the demo, the
# torture suite and the smoke benchmarks share one build. Dev builds have the fail points and test variables; release
# builds have them with `--features failpoints,testing`.
BUILD := $(CARGO) build --locked --bins --examples
# The same with the own crate optimised as the limits of the benchmarks assume: dependencies are not built again.
BENCH_BUILD := $(BUILD) --config 'profile.dev.package.backhaul.opt-level=1'
PROGRAM := $(or $(CARGO_TARGET_DIR),target)/debug/backhaul
READERS := $(CURDIR)/tests/python/.venv
READERS_STAMP := $(READERS)/.made
# DuckDB with what reads buckets: another version than the one that reads folders.
BUCKET_READERS := $(CURDIR)/tests/python/buckets.venv
BUCKET_READERS_STAMP := $(BUCKET_READERS)/.made
DBT := $(CURDIR)/tests/python/.dbt.venv
DBT_WAREHOUSES := $(CURDIR)/tests/python/.dbt-warehouses.venv
WAREHOUSES := $(CURDIR)/tests/python/warehouses.venv
WAREHOUSES_STAMP := $(WAREHOUSES)/.made
TORTURE = PYTHONPATH=$(CURDIR)/tests $(READERS)/bin/python -B -m torture
# More options for `make torture`, for example: make torture TORTURE_OPTIONS="--seed 7 --scenario random_kills"
TORTURE_OPTIONS ?=
# What the dashboard shows: a folder or s3://…, as `destination` names it.
DASHBOARD_DATA ?= backhaul-demo
DASHBOARD_PORT ?= 8501
DASHBOARD := $(CURDIR)/examples/dashboard/.venv
DASHBOARD_STAMP := $(DASHBOARD)/.made
BROWSER := $(CURDIR)/tests/python/dashboard.venv
BROWSER_STAMP := $(BROWSER)/.made

##@ Start

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## "; print "usage: make TARGET" } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Export a sample from the built-in sandbox into ./backhaul-demo: no key, no network
	@$(BUILD) --quiet
	@$(PROGRAM) demo

.PHONY: dashboard
dashboard: $(DASHBOARD_STAMP) ## A dashboard over the demo's output in the browser; DASHBOARD_DATA=export for your own
	$(DASHBOARD)/bin/streamlit run examples/dashboard/app.py --server.port $(DASHBOARD_PORT) -- $(DASHBOARD_DATA)

$(DASHBOARD_STAMP): examples/dashboard/requirements.txt tests/python/make_environment.py
	$(PYTHON) tests/python/make_environment.py --requirements examples/dashboard/requirements.txt --into $(DASHBOARD)
	@touch $@

##@ Develop

.PHONY: check
check: fmt clippy doc architecture density ## Everything that needs no test run: formatting, lints, docs, layering, sizes

.PHONY: fmt
fmt: ## Formatting, without changing a file
	$(CARGO) fmt --check

.PHONY: clippy
clippy: ## Lints of all targets, warnings refused
	$(CARGO) clippy --locked --all-targets -- -D warnings

.PHONY: doc
doc: ## API documentation, warnings refused
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

.PHONY: docs-reference
docs-reference: ## Write the JSON Schema and the reference of the configuration from the table of keys
	UPDATE_REFERENCE=1 $(CARGO) test --locked --test it configuration::keys::

.PHONY: architecture
architecture: ## Which modules may use which, circles, file and function sizes, forbidden calls and words, secrets
	$(CARGO) test --locked --test it architecture::
	@$(CARGO) test --quiet --locked --test it functions_keep_their_size -- --show-output | grep 'functions have more than'

.PHONY: density
density: ## How dense the code reads: characters a line, combinators and named closures in 1,000 lines, held to limits
	$(PYTHON) .ci/density.py --check

.PHONY: test
test: $(READERS_STAMP) $(BUCKET_READERS_STAMP) ## All tests, with the ones that read our files with DuckDB and pyarrow
	BACKHAUL_TEST_PYTHON=$(READERS)/bin/python $(CARGO) test --locked --lib --test '*' --examples -- --include-ignored
	$(CARGO) test --locked --doc
	$(READERS)/bin/python -B -m unittest discover -s tests/python
	$(TORTURE) --short

# Edges of months and years: the first, twelfth and last day of a month, a leap day, the last minute of a year.
CALENDAR := 2026-12-01T00:05:00Z 2026-12-12T12:00:00Z 2026-11-30T12:00:00Z 2028-02-29T12:00:00Z 2026-12-31T23:59:00Z

.PHONY: test-calendar
test-calendar: ## The Rust tests with their clock at the edges of months and years, one date after the other
	for today in $(CALENDAR); do \
		echo "== $$today"; \
		BACKHAUL_TEST_TODAY=$$today $(CARGO) test --locked --test it -- --skip architecture::; \
	done

.PHONY: azurite
azurite: $(READERS_STAMP) ## Exports into Azure's emulator against exports onto a disk (needs Node and npm)
	npm install --prefix tests/python/azurite --no-audit --no-fund --silent azurite@3
	$(BUILD)
	$(READERS)/bin/python -B -m unittest discover -s tests/python -p test_azure.py

.PHONY: dashboard-test
dashboard-test: $(BROWSER_STAMP) ## The dashboard in a headless Chromium (DASHBOARD_SHOTS=folder keeps the pictures); skipped without one
	$(BUILD)
	cd tests/python && $(BROWSER)/bin/python -B -m unittest -v test_dashboard dashboard_pages

$(BROWSER_STAMP): tests/python/dashboard_requirements.txt examples/dashboard/requirements.txt tests/python/make_environment.py
	$(PYTHON) tests/python/make_environment.py --requirements tests/python/dashboard_requirements.txt --into $(BROWSER)
	@touch $@

.PHONY: readers
readers: $(READERS_STAMP) $(BUCKET_READERS_STAMP) ## The Python environments with DuckDB and pyarrow that `make test` uses

$(READERS_STAMP): tests/python/requirements.txt tests/python/make_environment.py
	$(PYTHON) tests/python/make_environment.py --requirements tests/python/requirements.txt --into $(READERS)
	@touch $@

$(BUCKET_READERS_STAMP): tests/python/requirements-buckets.txt tests/python/make_environment.py
	$(PYTHON) tests/python/make_environment.py --requirements tests/python/requirements-buckets.txt --into $(BUCKET_READERS)
	@touch $@

.PHONY: dbt
dbt: $(DBT)/.made ## The dbt package of examples/dbt over thirty nights of the sandbox, with dbt-duckdb
	$(BUILD)
	$(DBT)/bin/python -B -m unittest discover -s tests/python -p test_dbt.py

$(DBT)/.made: tests/python/dbt-requirements.txt tests/python/make_environment.py
	$(PYTHON) tests/python/make_environment.py --requirements $< --into $(DBT)
	@touch $@

.PHONY: dbt-warehouses
dbt-warehouses: $(DBT_WAREHOUSES)/.made ## The dbt package compiled for Snowflake, BigQuery and Spark, without any of them
	$(DBT_WAREHOUSES)/bin/python -B -m unittest discover -s tests/python -p test_dbt.py -k Warehouses

$(DBT_WAREHOUSES)/.made: tests/python/dbt-warehouses-requirements.txt tests/python/dbt-requirements.txt tests/python/make_environment.py
	$(PYTHON) tests/python/make_environment.py --requirements $< --into $(DBT_WAREHOUSES)
	@touch $@

# Two gigabytes of engines, Spark among them, which needs Java 17 or newer.
.PHONY: warehouses
warehouses: $(WAREHOUSES_STAMP) ## DuckDB, ClickHouse, Spark, DataFusion, Polars and a Snowflake stand-in run what `load` prints
	$(BUILD)
	BACKHAUL_WAREHOUSES=1 $(WAREHOUSES)/bin/python -B -m unittest discover -s tests/python -p 'test_warehouses.py'

$(WAREHOUSES_STAMP): tests/python/warehouse-requirements.txt tests/python/make_environment.py
	$(PYTHON) tests/python/make_environment.py --requirements tests/python/warehouse-requirements.txt --into $(WAREHOUSES)
	@touch $@

# The dev build: it is there already, a release build takes longer than it would save (most of the time goes into starts,
# waits and checks), and it has overflow checks and debug assertions on.
.PHONY: torture
torture: $(READERS_STAMP) $(BUCKET_READERS_STAMP) ## 1,000 kills and every other disaster against exports of 200,000 rows
	$(BUILD)
	$(TORTURE) $(TORTURE_OPTIONS)

.PHONY: bench-columnar
bench-columnar: ## Speed of decoding a page, digesting, sorting and encoding its rows, release build
	$(CARGO) bench --locked --bench columnar $(BENCH_COLUMNAR)

.PHONY: bench-smoke
bench-smoke: ## 200,000 rows end to end: rows/s per core, peak memory, bytes per row, held to their limits
	$(BENCH_BUILD)
	$(PYTHON) benches/smoke.py

.PHONY: compare-openapi
compare-openapi: ## What differs between schemas/ and the vendor's OpenAPI description: make compare-openapi OPENAPI=file.json
	$(PYTHON) schemas/compare_openapi.py $(OPENAPI)

.PHONY: bench-units
bench-units: ## 100,000 rows under caps of none, 500 and 100: units over the ideal, held to their limits
	$(BENCH_BUILD)
	$(PYTHON) benches/units.py

.PHONY: bench-memory
bench-memory: ## Peak memory of exporting 5 x 500,000 and 5 x 1,000,000 rows (BENCH_MEMORY=--rows… for fewer)
	$(BENCH_BUILD)
	$(PYTHON) benches/memory.py $(BENCH_MEMORY)

.PHONY: bench-sandbox
bench-sandbox: ## Pages of tables of 1,000,000 rows: the sandbox's memory and speed, held to their limits
	$(BENCH_BUILD)
	$(PYTHON) benches/sandbox.py

.PHONY: bench-bucket
bench-bucket: ## Exports into a bucket against exports onto a disk, release build: processor time held to 1.3, requests
	$(CARGO) build --locked --release --bin backhaul
	$(PYTHON) benches/bucket.py $(BENCH_BUCKET)

.PHONY: deny
deny: ## Licences, sources and banned crates (needs cargo-deny)
	$(CARGO) deny --offline --locked check bans licenses sources

.PHONY: clean
clean: ## Remove what make made: the Python environments and the demo's output (not target/)
	rm -rf $(READERS) $(BUCKET_READERS) $(DASHBOARD) $(BROWSER) $(DBT) $(DBT_WAREHOUSES) $(WAREHOUSES) tests/python/azurite backhaul-demo
