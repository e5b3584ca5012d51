# Everything to set up, run and check dwarfsmith. `make help` lists the targets.

.DEFAULT_GOAL := help
.PHONY: help run test bench screenshots clean

INPUT ?=
DEMO := build/demo
# Debian's python3 may be older than one that is installed beside it.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
PACKAGING := pyproject.toml setup.py dwarfsmith/__init__.py
KERNELS := $(wildcard engine/kernels/*.pyx engine/kernels/*.px[di])

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: .venv/run ## open the app on a demo tree, or on a folder: make run INPUT=/some/dir
	@if [ -z "$(INPUT)" ]; then .venv/bin/dwarfsmith demo $(DEMO); fi
	@.venv/bin/dwarfsmith "$(or $(INPUT),$(DEMO))"

test: .venv/kernels ## lint, check types and import rules, run all tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy -p dwarfsmith
	.venv/bin/lint-imports
	.venv/bin/pytest -q -n auto --dist worksteal --hypothesis-profile ci

bench: .venv/run ## measure beside other tools; tests/benchmarks/bench.py says what can be set
	.venv/bin/python tests/benchmarks/bench.py

screenshots: .venv/kernels ## make the pictures in screenshots/ anew, from the real app
	.venv/bin/python screenshots/make.py

clean: ## remove everything that was made, the environment too
	rm -rf .venv build dist *.egg-info .*_cache .hypothesis snapshot_report.html
	rm -f engine/kernels/*.so engine/kernels/*.c
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment: .venv/run is enough to use dwarfsmith, .venv/dev has the tools to
# work on it. Sources are used in place. Installing compiles all kernels; where the
# tools are, those that were changed later are compiled alone.

define install
	@python=$$(.ci/find-tools $(or $(PYTHON),$(PYTHONS))) && \
	echo "setting up .venv and building the kernels (takes a few minutes)" && \
	$$python -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check --editable "$(1)"
endef

.venv/run: $(PACKAGING) $(KERNELS)
	$(call install,.)
	@touch $@

.venv/dev: $(PACKAGING)
	$(call install,.[dev])
	@touch $@ .venv/kernels .venv/run

.venv/kernels: .venv/dev $(KERNELS)
	.venv/bin/python setup.py --quiet build_ext --inplace
	@touch $@ .venv/run
