# make demo   writes two bags, replays them and reports in demo/; needs no PyTorch
# make test   lint, types, import rules and tests; Python 3.10 gets constraints/humble.txt, any later one newest.txt
# Both make their own virtual environment and install what they need, missing system libraries included, where they may.

PYTHON ?= python3
PYTHON_HUMBLE ?= python3.10
# PyTorch's CPU builds, for learning and exporting in the tests. If it cannot be reached, pip looks where it always does.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

CONSTRAINTS := $(or $(shell $(PYTHON) -c "import sys; print('humble' if sys.version_info < (3, 11) else 'newest')" \
  2>/dev/null),newest)
comma := ,
DEMO_ENV = .venv-demo
TEST_ENV = .venv-test
DEMO_READY = $(DEMO_ENV)/ready-$(CONSTRAINTS)
TEST_READY = $(TEST_ENV)/ready-$(CONSTRAINTS)
TEST_EXTRAS = demo,dev,evaluate,rembg,scanned$(if $(filter newest,$(CONSTRAINTS)),$(comma)cluster$(comma)learn$(comma)networks$(comma)tensorboard$(comma)view)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:
	@sed -n 's/^# make/make/p' Makefile

.PHONY: demo
demo: how-long-demo $(DEMO_READY)
	@$(DEMO_ENV)/bin/python -m depth_prompt_ros.system_libraries
	$(DEMO_ENV)/bin/depth-prompt demo --out demo

# Types take one core for a minute, and so go beside the tests.
.PHONY: test
test: how-long-test lint imports
	@$(MAKE) --no-print-directory --jobs 2 $(if $(filter newest,$(CONSTRAINTS)),types) unit

.PHONY: how-long-demo how-long-test
how-long-demo:
	@echo "make demo: about 5 minutes the first time, most of it installing; about 1 minute after"

how-long-test:
	@echo "make test: 5 to 15 minutes the first time on two cores, a third of it installing"

# The stubs that come with Humble's NumPy and OpenCV are others: types are checked with the newest.
.PHONY: lint types imports unit
lint: $(TEST_READY)
	$(TEST_ENV)/bin/ruff check .
	$(TEST_ENV)/bin/ruff format --check .

types: $(TEST_READY)
	$(TEST_ENV)/bin/mypy

imports: $(TEST_READY)
	$(TEST_ENV)/bin/lint-imports

# One process more than cores, for some tests wait, and at most 4: a file's tests stay in one of them, which makes once
# what they share.
unit: $(TEST_READY)
	@$(TEST_ENV)/bin/python -m depth_prompt_ros.system_libraries
	OMP_NUM_THREADS=1 OPENCV_FOR_THREADS_NUM=1 $(TEST_ENV)/bin/pytest --dist loadfile --no-loadscope-reorder \
	  --maxprocesses 4 --numprocesses $$($(PYTHON) -c "import os; print(len(os.sched_getaffinity(0)) + 1)")

# The same with Python 3.10 and Humble's NumPy and OpenCV; the tests that need PyTorch are skipped.
.PHONY: test-humble
test-humble:
	$(MAKE) test PYTHON=$(PYTHON_HUMBLE) TEST_ENV=.venv-test-humble

# After a change of depth_prompt_ros/parameters.py.
.PHONY: parameters
parameters: $(TEST_READY)
	$(TEST_ENV)/bin/depth-prompt parameters > config/object_depth.yaml
	$(TEST_ENV)/bin/depth-prompt parameters --table | sed -i \
	  -e '/^<!-- parameters -->$$/,/^<!-- end of parameters -->$$/{//!d}' \
	  -e '/^<!-- parameters -->$$/r /dev/stdin' docs/parameters.md

.PHONY: clean
clean:
	rm -rf .venv-demo .venv-test .venv-test-humble build demo

$(DEMO_READY): setup.cfg setup.py constraints/$(CONSTRAINTS).txt | python libraries
	$(PYTHON) -m venv --clear $(DEMO_ENV)
	$(call pip,$(DEMO_ENV)) --editable '.[demo]'
	touch $@

$(TEST_READY): setup.cfg setup.py constraints/$(CONSTRAINTS).txt | python libraries
	$(PYTHON) -m venv --clear $(TEST_ENV)
ifneq ($(CONSTRAINTS),humble)
	$(call pip,$(TEST_ENV)) --no-deps --retries 1 --timeout 10 --extra-index-url $(TORCH_INDEX) torch
endif
	$(call pip,$(TEST_ENV)) --editable '.[$(TEST_EXTRAS)]'
	touch $@

# Compiled is what is imported, then: pip would compile all files of all packages, one after the other, for minutes.
unexport PYTHONDONTWRITEBYTECODE
pip = $(1)/bin/python -m pip install --no-compile --quiet --disable-pip-version-check --constraint constraints/$(CONSTRAINTS).txt

# As root or with a sudo that asks for no password; else one line says what to run.
.PHONY: libraries
libraries: | python
	@$(PYTHON) -m depth_prompt_ros.system_libraries --install

.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here: install Python 3.10 or later, or say make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else \
	  "$(PYTHON) is Python %d.%d, 3.10 or later is needed: make PYTHON=python3.10 ..." % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; run:" \
	  "sudo apt-get install -y $$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; exit 1; }
