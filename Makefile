# make run      install, fetch the default weights, open the app in the browser
# make test     install, pass all tests: two processes, each on one thread
# make fast     the tests that need neither a browser nor the real models (daily work), in two processes too
# make serving  two front ends behind HAProxy, and a cluster of Ray: both must be here, see docs/serving.md
# make cover    the same tests, and which lines they reach: at least nine tenths (twice as slow)
# make check    style and types, of the scripts too where node is there
# make lint-js  style of the scripts that are sent to the browser
# make bench    speed, memory, bytes and a class of thirty, as tables (quarter of an hour and more)
# make shots    pictures of every page, for the README and for looking at

PYTHON ?= python3
# compiled once and kept: without that every process of the tests compiles torch and transformers anew, ten seconds
export PYTHONDONTWRITEBYTECODE =
VENV := .venv
BIN := $(VENV)/bin
# what is imported is compiled when it is: most of what these packages hold never is
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile
PORT ?= 8501

PROCESSES := -n 2 --dist loadfile --no-loadscope-reorder  # the files of the browser come first, which take longest

.PHONY: run test fast serving cover check lint-js bench shots setup setup-dev clean

run: setup
	-$(BIN)/python -m memviz fetch
	$(BIN)/python -m streamlit run app.py --server.port $(PORT)

test: setup-dev
	$(BIN)/python -m memviz fetch
	-$(BIN)/python -m memviz fetch dinov2 whisper-tiny-en
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PROCESSES)

fast: setup-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PROCESSES) -m "not browser and not models"

serving: setup-dev
	$(PIP) "ray[client]>=2.60,<3"
	OMP_NUM_THREADS=1 MEMVIZ_REQUIRE_SERVING=1 $(BIN)/python -m pytest tests/pages/test_front_ends.py tests/serving

cover: setup-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PROCESSES) --cov=memviz --cov-report=term:skip-covered --cov-fail-under=90

check: setup-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	@if command -v npm >/dev/null; then $(MAKE) lint-js; else echo "npm is not here: the scripts were not checked"; fi

lint-js: tools/lint-js/node_modules/.installed
	cd tools/lint-js && npm run --silent lint

tools/lint-js/node_modules/.installed: tools/lint-js/package-lock.json
	cd tools/lint-js && npm ci --no-audit --no-fund
	touch $@

bench: setup-dev
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.generate --needle
	$(BIN)/python -m benchmarks.translate
	$(BIN)/python -m benchmarks.senses
	$(BIN)/python -m benchmarks.browser
	$(BIN)/python -m benchmarks.classroom --long
	$(BIN)/python -m benchmarks.classroom --pause 3 8 --front-ends 2

shots: setup-dev
	$(BIN)/python -m tests.browser.shots

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

$(VENV)/.installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(PIP) -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .coverage tools/lint-js/node_modules
