# Two commands do everything on a fresh machine: make demo, make test.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo pictures test lint types contracts suite clean
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
	rm -rf $(VENV) demo-output build dist
