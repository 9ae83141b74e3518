"""The evaluations of single runs, as the tables, the verdict and the figures read them: CSV and JSON, no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import pandas as pd
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from semiproto.errors import UserError
from semiproto.provenance.artifacts import read_json

VARIANTS = ("supervised", "consistency", "prototype")
CONTROLS = ("supervised-equal-compute", "consistency-equal-loss")
ORDER = (*VARIANTS, *CONTROLS)
"""Order of variants in tables and figures. Others follow, grouped by the variant that their name begins with."""

METRICS = "metrics.json"
ROUNDING = 2e-4
"""Points by which a score may differ from one computed from other scores of the run: METRICS has four digits."""

GROUP = ["dataset", "labels"]
"""Columns that runs must share to be compared: data set and number of labelled images."""

TEXT = {
    *("dataset", "variant", "minuend", "subtrahend", "question", "verdict", "sentence", "seeds", "run", "image"),
    *("class", "name", "measure", "kind", "group", "list", "space", "method", "family", "protocol", "source", "note"),
}
"""Columns of our tables that are read as text, even if it looks like a number."""
NUMBERS_OR_TEXT = {"images", "equal_steps", "equal_labels"}
"""Columns with counts in one table and words or truth values in another. All other columns hold numbers."""


def _percent(value: float) -> float:
    if not (math.isnan(value) or 0 <= value <= 100):
        raise ValueError(f"{value} is no percentage")
    return value


Score = Annotated[float, BeforeValidator(lambda v: math.nan if v is None else v), AfterValidator(_percent)]
"""Percent; nan without a score."""


HEAD_COLUMNS = {"linear": "miou_student", "prototype": "miou_prototype_head"}
"""The columns of the paper's two heads, which every table has. Any other head has miou_{name}_head, where a run has it.
"""


class HeadScores(BaseModel):
    """The scores of one head of the student."""

    miou: Score


class Evaluation(BaseModel):
    """One run's metrics.json, which the evaluate step writes."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    dataset: str
    split: str
    labels: PositiveInt
    variant: str
    seed: NonNegativeInt
    steps: PositiveInt
    images: PositiveInt
    miou: Score
    miou_best: Score
    boundary_iou: Score
    accuracy: Score
    ece: Score
    iou: dict[str, Score]
    """By class, in the order of the mask values, like the boundary IoUs below."""
    boundary_iou_per_class: dict[str, Score]
    lists: dict[str, str]
    """sha256 of the list of labelled images and of that of validation images."""
    set: str
    family: str
    encoder: str
    window: dict[str, int] | None
    heads: dict[str, HeadScores]
    """By head of the student."""

    @property
    def head_columns(self) -> dict[str, float]:
        """By column of the tables, the mIoU of each head; nan for a head of HEAD_COLUMNS that the student lacks."""
        scores = {HEAD_COLUMNS.get(name, f"miou_{name}_head"): head.miou for name, head in self.heads.items()}
        return dict.fromkeys(HEAD_COLUMNS.values(), math.nan) | scores

    @model_validator(mode="after")
    def _is_the_mean(self) -> Self:
        known = [iou for iou in self.iou.values() if not math.isnan(iou)]
        if known and not math.isclose(sum(known) / len(known), self.miou, abs_tol=ROUNDING):
            raise ValueError(f"miou {self.miou} is not the mean of iou")
        return self


def is_finished(folder: Path) -> bool:
    """Whether the run of this evaluation folder has been evaluated."""
    return (folder / METRICS).is_file()


def read_evaluations(folders: Iterable[Path]) -> list[Evaluation]:
    """The evaluations in the tables' order: data set, labels, variant, seed."""
    read = [_read_evaluation(folder) for folder in folders]
    if not read:
        raise UserError("no evaluation was given; run `snakemake --cores all`, or name folders below results/eval")
    seen: dict[tuple[str, int, str, int], Path] = {}
    for e in read:
        other = seen.setdefault((e.dataset, e.labels, e.variant, e.seed), e.folder)
        if other is not e.folder:
            raise UserError(f"{e.folder}: the same variant, labels and seed as {other}; give one of them")
    return sorted(read, key=lambda e: (e.dataset, e.labels, _rank(e.variant), e.seed))


def in_order(variants: Iterable[str]) -> list[str]:
    """The distinct variants in the tables' order."""
    return sorted(set(variants), key=_rank)


def read_table(path: Path, columns: Sequence[str] = (), key: Sequence[str] = ()) -> pd.DataFrame:
    """Reads a CSV file of ours. Only an empty field is a missing value: a class may be called `None` or `NA`.

    UserError if there is no file, it cannot be read, it lacks one of `columns` or of `key`, two rows have the same
    `key`, or there is text where a number belongs.
    """
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(TEXT, str), keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise UserError(f"{path}: no such table; run `snakemake --cores all`") from None
    except ValueError as error:
        reason = " ".join(str(error).split())  # pandas may say it in two lines
        raise UserError(f"{path}: not a table ({reason}); delete it and run `snakemake --cores all`") from None
    if missing := [name for name in (*columns, *key) if name not in table]:
        raise UserError(f"{path}: damaged, it has no column {missing[0]}; delete it and run `snakemake --cores all`")
    if key and (again := table.index[table.duplicated([*key])]).size:
        raise UserError(
            f"{path}: damaged, row {again[0] + 1} is there twice; delete it and run `snakemake --cores all`"
        )
    for name in table.select_dtypes(exclude="number").columns.difference([*TEXT, *NUMBERS_OR_TEXT]):
        numbers = pd.to_numeric(table[name], errors="coerce")
        if (wrong := table[name][numbers.isna() & table[name].notna()]).size:
            raise UserError(
                f"{path}: damaged, {name} is {wrong.iloc[0]} in row {wrong.index[0] + 1}; delete it and run"
                " `snakemake --cores all`"
            )
    return table


def collect(evaluations: list[Evaluation], name: str, columns: Sequence[str]) -> pd.DataFrame:
    """The runs' tables of one name below each other, the run's columns in front; each must have `columns`."""
    parts = []
    for e in evaluations:
        part = read_table(e.folder / name, columns)
        run = pd.DataFrame([(e.dataset, e.labels, e.variant, e.seed)] * len(part), columns=[*GROUP, "variant", "seed"])
        parts.append(pd.concat([run, part], axis=1))
    return pd.concat(parts, ignore_index=True)


def base_of(variant: str, known: Iterable[str] = ORDER) -> str:
    """The longest of `known` that the name begins with (prototype-long: prototype); empty if there is none."""
    return max((base for base in known if f"{variant}-".startswith(f"{base}-")), key=len, default="")


def _rank(variant: str) -> tuple[int, int, str]:
    base = base_of(variant)
    place = ORDER.index(base) if base else len(ORDER)
    return (place if variant == base else len(ORDER), place, variant)


def _read_evaluation(folder: Path) -> Evaluation:
    path = folder / METRICS
    try:
        fields = read_json(path)
        by_class = {name: _by_class(fields, name) for name in ("iou", "boundary_iou_per_class")}
        return Evaluation(**fields | by_class | {"folder": folder})
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `snakemake --cores all`") from None
    except (IsADirectoryError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"{path}: not a run's metrics ({reason}); delete {folder} and run `snakemake --cores all`"
        ) from None


def _by_class(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(zip(fields["classes"], fields[name], strict=True))
