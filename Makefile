# make run    the whole pipeline on params.yaml, in an environment that is made first where it is missing
# make test   the whole test suite in two processes, in the same environment with the test extra
# make bench  every comparison in benchmarks/, one after the other; adds rows to benchmarks/results.csv
# make gpu    the tests that need a GPU, and how fast it is: adds rows to benchmarks/gpu.csv
# make proof  REV=<commit>: twenty fixed steps of that commit and of this tree, equal to the last bit or not
# make dag    draws the picture of the rules in docs/workflow.md again; needs Graphviz

VENV := .venv
PYTHON ?= python3
PYTHONS := >=3.11,<3.14
UV := $(shell command -v uv 2>/dev/null)
INSTALL := $(if $(UV),VIRTUAL_ENV=$(VENV) uv pip install,$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check)
# Not by `activate`, and no command by its own name: neither stands every path that a checkout may have.
ENTER := export PATH="$$PWD/$(VENV)/bin:$$PATH" &&
# There while the environment is made: one that was left half made is made anew.
UNFINISHED := $(VENV).unfinished

.PHONY: run test bench gpu proof dag

run: $(VENV)/run.stamp
	$(ENTER) python -m snakemake --cores all --rerun-incomplete --quiet rules host reason

test: $(VENV)/test.stamp
	$(ENTER) python -m pytest --numprocesses 2 --dist loadfile

BENCHMARKS := prototype_head prototype_update teacher_ema pseudo_labels confusion labeled_loading whole_step unimatch_step paper_step frozen_encoder

bench: $(VENV)/run.stamp
	$(ENTER) for name in $(BENCHMARKS); do python benchmarks/$$name.py || exit 1; done

gpu: $(VENV)/test.stamp
	$(ENTER) python -m pytest -rs -m gpu
	$(ENTER) python benchmarks/on_gpu.py

proof: $(VENV)/run.stamp
	$(ENTER) python tests/proof.py "$(REV)"

dag: $(VENV)/run.stamp
	$(ENTER) python workflow/draw_dag.py

# The lock file pins every version as a constraint, so that any build of torch of that version will do.
$(VENV)/run.stamp: pyproject.toml requirements.lock
	if [ -e $(UNFINISHED) ]; then rm -rf $(VENV); fi
	[ -x $(VENV)/bin/python ] || { touch $(UNFINISHED) && $(if $(UV),uv venv --quiet --python "$(PYTHONS)" $(VENV),$(PYTHON) -m venv $(VENV)); }
	$(INSTALL) --constraint requirements.lock --editable .
	rm -f $(UNFINISHED)
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	$(INSTALL) --constraint requirements.lock --editable ".[test]"
	touch $@
