# make demo   the app on the built-in demo: no account, no network, nothing to set up
# make test   the tests, without the slow ones
# make test-slow  the slow ones: loops of kills, programs of Coze's SDKs, long hostile runs
# make quick  unit tests of the rooms that start no process; `make quick ROOM=relay` for one room
# make check  what must be clean before a commit: format, lint, types, floors, tests
# make bench  the project's own measurements, each against its yardstick
# make faults  break the wire, kill processes everywhere, work for long, and count what that costs; LONG=1 for all of it
# make screenshots  the pictures of the README and the guide, from the app itself
# make docs   the documentation's site, English and Chinese, in site/
# make release  wheel and source in dist/, checked: twine, a clean install, the demo, bill of materials, licences
# make lock   compile constraints.txt anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# the words are compiled when the app is installed, so new ones after a pull want that again
WORDS := $(wildcard */*/locale/*/LC_MESSAGES/*.po)
ARGS ?=
# a file's tests share what it starts; whole files in the order of the folders: e2e, whose tests take longest, first
DIST := --dist loadfile --no-loadscope-reorder
ROOM ?=
QUICK := $(addprefix tests/unit/,architecture compat core coze engine journal plugin tools \
    drafts/captions drafts/compile drafts/packing drafts/resources drafts/spec drafts/write)

.PHONY: demo test test-slow quick check bench faults screenshots docs release lock clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.app
	@$(BIN)/c2jy-tui --demo $(ARGS)

# four workers on two cores: much of a test is waiting
test: $(VENV)/.dev
	@sh .ci/debian.sh tmux
	$(BIN)/python -m pytest -n 4 $(DIST) -m "not slow" $(ARGS)

test-slow: $(VENV)/.dev
	@sh .ci/debian.sh tmux nats-server chromium
	$(BIN)/python -m pytest -n 4 $(DIST) -m slow $(ARGS)

quick: $(VENV)/.dev
	$(BIN)/python -m pytest -n 3 $(DIST) -m "not slow" $(ARGS) \
	    $(if $(ROOM),$(wildcard tests/$(ROOM) tests/unit/$(ROOM)),$(QUICK))

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

faults: $(VENV)/.dev
	@sh .ci/debian.sh nats-server
	cd tests && ../$(BIN)/python -m faults.network $(if $(LONG),--long)
	cd tests && ../$(BIN)/python -m faults.kills --most $(if $(LONG),300,40)
	cd tests && ../$(BIN)/python -m faults.machine --examples $(if $(LONG),200,20)
	cd tests && ../$(BIN)/python -m faults.studio_kills $(if $(LONG),,--requests 300 --pause 4)
	cd tests && ../$(BIN)/python -m faults.endurance $(if $(LONG),,--requests 300 --turns 40)

screenshots: $(VENV)/.dev
	$(BIN)/python scripts/take_screenshots.py
	$(BIN)/python scripts/take_previews.py

docs: $(VENV)/.dev
	cd scripts && ../$(BIN)/python -m docs_site

release: $(VENV)/.dev
	$(BIN)/python scripts/release.py

lock: $(VENV)/.dev
	$(BIN)/pip-compile --quiet --all-extras --strip-extras --no-emit-index-url --no-emit-find-links \
	    --no-emit-trusted-host --no-header --no-annotate --output-file constraints.txt pyproject.toml

$(VENV)/.app: pyproject.toml constraints.txt hatch_build.py $(WORDS)
	@sh .ci/venv.sh "$(PYTHON)" "$(VENV)" .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt hatch_build.py
	@sh .ci/venv.sh "$(PYTHON)" "$(VENV)" '.[dev]'
	@touch $@ $(VENV)/.app

clean:
	rm -rf $(VENV)
