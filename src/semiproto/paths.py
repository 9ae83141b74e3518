"""Where everything is: every path below data/, models/, results/ and checkpoints/, relative to the checkout's root.

The rules make them, `semiproto explain` and the figures read names back from them. Stages come first, since the
outputs of two DVC stages may not overlap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class Place:
    """A folder with names in its path, such as `data/splits/{dataset}/{split}`."""

    pattern: str

    def __call__(self, **names: object) -> str:
        """The path with some or all names filled in; the others stay, as wildcards of a rule."""
        return re.sub(r"\{(\w+)\}", lambda match: str(names.get(match[1], match[0])), self.pattern)

    def names(self, path: Path | str) -> dict[str, str] | None:
        """The names in a path of this place; None for any other path."""
        match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.pattern), Path(path).as_posix())
        return None if match is None else match.groupdict()


DATA = Place("data/raw/{dataset}")
SPLIT = Place("data/splits/{dataset}/{split}")
FOLDS = Place("data/folds/{dataset}/{split}")
FOLD = Place("data/folds/{dataset}/{split}/fold{fold}")
PRETRAINED = Place("models/pretrain/{dataset}/{split}/seed{seed}")
FOLD_MODEL = Place("models/folds/{dataset}/{split}/seed{seed}/fold{fold}")
FEATURES = Place("models/features/{dataset}/{split}/seed{seed}")
PROTOTYPES = Place("models/prototypes/{dataset}/{split}/seed{seed}")
TRAINED = Place("models/semi/{dataset}/{split}/{variant}/seed{seed}")
FORECAST = Place("results/forecast/{dataset}/{split}/seed{seed}")
EVALUATED = Place("results/eval/{dataset}/{split}/{variant}/seed{seed}")
TSNE = Place("results/tsne/{dataset}/{split}/seed{seed}")
PATCHES = Place("results/patches/{dataset}/{split}/{variant}/seed{seed}")
SUGGESTED = Place("results/suggest/{dataset}/{split}/{variant}/seed{seed}")
PREDICTED = Place("results/predict/{dataset}/{split}/{variant}/seed{seed}")
SHARD = Place("results/predict/{dataset}/{split}/{variant}/seed{seed}/shard{shard}")

PLACES = (
    *(DATA, SPLIT, FOLD, FOLD_MODEL, PRETRAINED, FEATURES, PROTOTYPES, TRAINED, FORECAST, EVALUATED, TSNE, PATCHES),
    *(SUGGESTED, PREDICTED, SHARD),
)
"""The folders that have a receipt, each of one step."""

PARAMETERS = Path("params.yaml")

TABLES, MACHINE, FIGURES, REPORT = "results/tables", "results/machine", "results/figures", "results/report.html"
OUTCOME = f"{TABLES}/forecast.csv"
EVALUATIONS = "results/eval"

CHECKPOINTS = "checkpoints"
"""Resume checkpoints lie here under their model's path; they are an output of no rule."""

WRITTEN = ("data", "models", "results", CHECKPOINTS)
"""The folders that the pipeline writes to."""

DIGESTS = Path(".snakemake/digests.json.gz")
"""Digests of outputs as they were last seen."""
OWN = Path(".snakemake/own")
"""Digests of the files of one's own folder as they were last seen."""
CHECKED = OWN / "checked.json.gz"
"""What a check of one's own folder found."""
HOLDER = Path(".snakemake/holder.json")
"""Who runs Snakemake in this checkout."""


class Run(NamedTuple):
    """The names in the last parts of a run's folder: .../dataset/split[/variant]/seed{seed}."""

    dataset: str
    split: str
    variant: str
    seed: int


def names_of(path: Path | str) -> dict[str, str]:
    """The names in the path of an artefact: data set, split, variant, seed, as far as it has them."""
    return next((names for place in PLACES if (names := place.names(path)) is not None), {})


def checkpoints_of(model: Place, **names: object) -> str:
    """Where the training of a model below models/ keeps its checkpoints; names that are not given stay as wildcards."""
    return model(**names).replace("models", CHECKPOINTS, 1)


def run_of(folder: Path) -> Run:
    """The run that a folder such as results/eval/{dataset}/{split}/{variant}/seed{seed} belongs to.

    ValueError when the folder is not called so.
    """
    dataset, split, variant, _ = folder.parts[-4:]
    return Run(dataset, split, variant, seed_of(folder))


def seed_of(folder: Path) -> int:
    """The seed in the name of a run's folder; ValueError when it is not called seed{seed}."""
    if (match := re.fullmatch(r"seed(\d+)", folder.name)) is None:
        raise ValueError(f"{folder}: not called seed{{seed}}")
    return int(match[1])
