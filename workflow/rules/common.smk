# What the rules share: the checked parameters, the list of runs, and how a step is called.
import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import IOFile
from snakemake.logging import logger

# Rules and steps run the sources beside the Snakefile, in DVC's temporary checkouts too, where the installed package
# is that of the user's own checkout.
SOURCES = f"{workflow.basedir}/src"
sys.path.insert(0, SOURCES)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [SOURCES, os.environ.get("PYTHONPATH")]))

from semiproto.provenance import explain, integrity, versions
from semiproto.process import locks, signals
from semiproto import params as P
from semiproto import paths
from semiproto.provenance.artifacts import RECEIPT
from semiproto.provenance.receipts import folder_of, read_receipt, receipt_file
from semiproto.provenance.sources import compile_by_content, digests
from semiproto.errors import UserError
from semiproto.steps.experiment import Experiment


def without_json(record):
    """Shortens the command that Snakemake shows of a failed step: the step's own line above it says what to do.

    Of the two times that it shows the command, the one under "Error in rule" is enough.
    """
    if str(record.msg).startswith("RuleException:\nCalledProcessError"):
        return False
    for name in ("msg", "shellcmd"):
        if isinstance(text := getattr(record, name, None), str):
            setattr(record, name, re.sub(r"--(config|compute) '[^']*'", r"--\1 ...", text))
    return True


logger.addFilter(without_json)
if workflow.is_main_process:
    compile_by_content()
signals.take_the_lock_in_another_thread()
if workflow.is_main_process and (locked := locks.hint(Path())):
    print(locked, file=sys.stderr)

# Not by `configfile:`, whose reader keeps the last of two equal keys silently and names neither file nor remedy.
try:
    versions.check("snakemake", "dvc")
    PARAMS = P.load(paths.PARAMETERS)
except UserError as error:
    raise WorkflowError(str(error)) from None
if config:
    raise WorkflowError("--config and --configfile are not read here, nor seen by DVC; change params.yaml instead")

DATASET = PARAMS.dataset.name
# In place of the shell, so that Snakemake's signals reach the step and not only a shell around it.
SEMIPROTO = f"exec {shlex.quote(sys.executable)} -m semiproto"
# Fresh memory costs page faults, a tenth of a small training step: glibc is told to keep what it was given.
# Steps end with the Snakemake that started them: left alone, one would write into what the next run makes.
shell.prefix(
    f"set -euo pipefail; export OMP_NUM_THREADS={PARAMS.compute.threads} MALLOC_MMAP_THRESHOLD_=1073741824 "
    "MALLOC_TRIM_THRESHOLD_=4294967296 SEMIPROTO_PARENT=$PPID; "
)

RUNS = PARAMS.runs()
# Splits and seeds to pretrain on: where runs start from, and where their prototypes come from.
STARTS = sorted({(split, seed) for split, _, seed in RUNS})
# The forecast is made once a split, with its first seed; of labelled images by models that did not see their fold.
FORECASTS = [(split, min(seed for s, seed in STARTS if s == split)) for split in sorted({run[0] for run in RUNS})]
FOLDS = range(PARAMS.forecast.folds if PARAMS.forecast.images == "labeled" else 0)
# t-SNE compares the variants of tsne.variants that a split has, with every seed that all of them have.
TSNE_VARIANTS, TSNE_RUNS = {}, []
# Patches show the prototypes of one run of each split: of the variant `prototype`, else the first with prototypes.
PATCH_RUNS = []
for split in sorted({run[0] for run in RUNS}):
    seeds = {v: {seed for s, name, seed in RUNS if (s, name) == (split, v)} for v in PARAMS.tsne.variants}
    TSNE_VARIANTS[split] = [v for v in PARAMS.tsne.variants if seeds[v]]
    common = set.intersection(*(seeds[v] for v in TSNE_VARIANTS[split] or PARAMS.tsne.variants))
    TSNE_RUNS += [(split, seed) for seed in sorted(common)]
    with_prototypes = [run for run in RUNS if run[0] == split and PARAMS.variants[run[1]].method == "prototype"]
    PATCH_RUNS += sorted(with_prototypes, key=lambda run: (run[1] != "prototype", run))[:1]
# Images are suggested, and new ones predicted, once a split, by the first seed of the variant that the section names.
SUGGEST_RUNS, PREDICT_RUNS = [], []
for section, found in ((PARAMS.suggest, SUGGEST_RUNS), (PARAMS.predict, PREDICT_RUNS)):
    for split in sorted({run[0] for run in RUNS if section is not None and run[1] == section.variant}):
        found += sorted(run for run in RUNS if run[:2] == (split, section.variant))[:1]
# A weights file is an input like any other.
WEIGHTS = [PARAMS.model.encoder.weights] if PARAMS.model.encoder.weights not in (None, "timm") else []
if WEIGHTS and not Path(WEIGHTS[0]).is_file():
    raise WorkflowError(f"{WEIGHTS[0]}: no such weights file; correct model.encoder.weights, or set it to null")


wildcard_constraints:
    split=r"\d+|all",
    variant=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    seed=r"\d+",
    fold=r"\d+",
    shard=r"\d+",


def step(config_class):
    """The sections of params.yaml that a step reads, as canonical JSON: a rule's only parameter."""
    return P.canonical(P.step_config(PARAMS, config_class))


def code(module):
    """The sources that the result of a step depends on, each with its digest, as a parameter of its own: parameters are
    compared whatever their age, while in a fresh clone all sources are older than what DVC brings. Snakemake's reason
    for a job then names the modules that changed and no others."""
    return [f"{name} {digest[:12]}" for name, digest in digests(f"steps.{module}").items()]


def existing(folder, *names):
    """Big outputs of another rule: they must be there, their age does not matter, their receipt says what they are."""
    return [ancient(f"{folder}/{name}") for name in names]


def force_in_dag(stale, outdated):
    """Has the jobs of artefacts run where a target needs them, and says why. `--forcerun` would make each file a target of
    its own; its deletion would be a change by a dry run.

    Of those that are `outdated`, those of which Snakemake has no record of what they were made with: it would take them
    for current. Of the others it gives a reason of its own.
    """
    prepare = workflow._prepare_dag

    def prepare_and_force(*args, **kwargs):
        prepare(*args, **kwargs)
        unseen = {artefact: why for artefact, why in outdated.items() if not is_recorded(artefact)}
        again = unseen | stale
        for why in again.values():
            print(f"{why}; it is made again", file=sys.stderr)
        workflow.dag.forcefiles.update(str(receipt_file(artefact)) for artefact in again)

    workflow._prepare_dag = prepare_and_force


def is_recorded(artefact):
    """Whether Snakemake's record of an artefact is of the one that is there, and not of one before a step run by hand,
    which writes every file anew; DVC writes single files, such as a receipt, anew."""
    receipt = receipt_file(artefact)
    record = workflow.persistence.metadata(IOFile(str(receipt)))
    written = [receipt, *(folder_of(artefact) / name for name in read_receipt(artefact)["outputs"])]
    oldest = min(path.stat().st_mtime for path in written if path.exists())
    return record is not None and (record.endtime or 0) + 1 >= oldest


LIST_FILES = ("labeled.txt", "unlabeled.txt", "val.txt", "receipt.json")
RECORDED = ("history.csv", "machine.csv", "validation.csv", "health.csv")
PRETRAINED_FILES = ("model.safetensors", "card.json", *RECORDED, "receipt.json")
DATA, SPLIT, FOLD, FOLD_MODEL, PRETRAINED, FEATURES, PROTOTYPES, TRAINED, FORECAST, EVALUATED, TSNE, PATCHES, SUGGESTED = (
    place(dataset=DATASET)
    for place in (
        *(paths.DATA, paths.SPLIT, paths.FOLD, paths.FOLD_MODEL, paths.PRETRAINED, paths.FEATURES, paths.PROTOTYPES),
        *(paths.TRAINED, paths.FORECAST, paths.EVALUATED, paths.TSNE, paths.PATCHES, paths.SUGGESTED),
    )
)


def of_runs(pattern, runs=RUNS):
    """`pattern` for every run."""
    return [pattern.format(split=split, variant=variant, seed=seed) for split, variant, seed in runs]


def of_starts(pattern, starts=STARTS, fold=None):
    """`pattern` for every (split, seed), of one fold where it has folds."""
    return [pattern.format(split=split, seed=seed, fold=fold) for split, seed in starts]
