# Two commands do everything on a fresh machine: make demo, make test.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo pictures window-pictures accuracy performance rivals lsdb test lint types contracts suite clean
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[server,dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/cpcs demo -o demo-output

# The pictures of README and documents, made by the program; look at them before committing.
pictures: $(STAMP)
	$(BIN)/cpcs demo -o demo-output --no-window
	cp demo-output/pictures/*.png docs/pictures/

# Every view of the window in every theme; PAIR=folder of a real pair adds the fits of real stars.
window-pictures: $(STAMP)
	$(BIN)/python docs/make_window_pictures.py $(PAIR)

# docs/accuracy.md and its picture; about ten minutes on two cores.
accuracy: $(STAMP)
	$(BIN)/python -m benchmarks.accuracy.report

# docs/rivals.md: zero points beside those of other programs, installed in an environment of its own.
rivals:
	test -x .venv-rivals/bin/python || $(PYTHON) -m venv .venv-rivals
	.venv-rivals/bin/python -m pip install --quiet -e '.[rivals]'
	.venv-rivals/bin/python -m benchmarks.accuracy.rivals

# Every kind of catalogue we write in lsdb, with strict validation, in an environment of its own.
lsdb: $(STAMP)
	test -x .venv-lsdb/bin/python || $(PYTHON) -m venv .venv-lsdb
	.venv-lsdb/bin/python -m pip install --quiet lsdb
	CPCS_LSDB_PYTHON=$(CURDIR)/.venv-lsdb/bin/python $(BIN)/pytest tests/surveys/test_survey_lsdb.py

# docs/performance.md and docs/scale.md; about half an hour on two idle cores.
performance: $(STAMP)
	$(BIN)/python benchmarks/performance.py

test: $(STAMP) lint types contracts suite

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

suite: $(STAMP)
	QT_QPA_PLATFORM=offscreen $(BIN)/pytest -n 2

clean:
	rm -rf $(VENV) .venv-rivals .venv-lsdb demo-output build dist
