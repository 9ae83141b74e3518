# make run    the whole pipeline on params.yaml, in an environment that is made first where it is missing
# make test   the whole test suite in two processes, in the same environment with the test extra
# make bench  every comparison in benchmarks/, one after the other; adds rows to benchmarks/results.csv
# make proof  REV=<commit>: twenty fixed steps of that commit and of this tree, equal to the last bit or not
# make dag    draws the picture of the rules in docs/workflow.md again; needs Graphviz

VENV := .venv
PYTHON ?= python3
PYTHONS := >=3.11,<3.14
UV := $(shell command -v uv 2>/dev/null)
INSTALL := $(if $(UV),VIRTUAL_ENV=$(VENV) uv pip install,$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check)

.PHONY: run test bench proof dag

run: $(VENV)/run.stamp
	. $(VENV)/bin/activate && snakemake --cores all --rerun-incomplete --quiet rules host reason

test: $(VENV)/test.stamp
	. $(VENV)/bin/activate && python -m pytest --numprocesses 2 --dist loadfile

BENCHMARKS := prototype_head prototype_update teacher_ema pseudo_labels confusion labeled_loading whole_step unimatch_step paper_step frozen_encoder

bench: $(VENV)/run.stamp
	. $(VENV)/bin/activate && for name in $(BENCHMARKS); do python benchmarks/$$name.py || exit 1; done

proof: $(VENV)/run.stamp
	. $(VENV)/bin/activate && python tests/proof.py "$(REV)"

dag: $(VENV)/run.stamp
	. $(VENV)/bin/activate && python workflow/draw_dag.py

$(VENV)/bin/python:
	$(if $(UV),uv venv --quiet --python "$(PYTHONS)" $(VENV),$(PYTHON) -m venv $(VENV))

# The lock file pins every version as a constraint, so that any build of torch of that version will do.
$(VENV)/run.stamp: pyproject.toml requirements.lock | $(VENV)/bin/python
	$(INSTALL) --constraint requirements.lock --editable .
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	$(INSTALL) --constraint requirements.lock --editable ".[test]"
	touch $@
