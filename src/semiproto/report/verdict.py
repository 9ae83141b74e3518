"""Did it help? Differences between variants in plain words, with their intervals and their caveats.

Only the teacher's linear head at the last step is compared. Gains are in points of mIoU.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from semiproto.errors import UserError
from semiproto.report.bootstrap import Gains, paired_gains
from semiproto.report.evaluations import (
    CONTROLS,
    METRICS,
    ORDER,
    ROUNDING,
    Evaluation,
    base_of,
    in_order,
    read_evaluations,
    read_table,
)

HELPED, HURT, UNSURE, UNKNOWN = "helped", "hurt", "can't tell", "not known"
BETTER, WORSE = "better", "worse"
PERHAPS = "perhaps {}"
"""For a class whose own interval excludes zero; among many classes that happens by chance."""
NO_SEED = "not known: no seed has a score of both"

QUESTIONS = {
    ("prototype", "supervised"): "Did the unlabelled images help?",
    (
        "prototype",
        "supervised-equal-compute",
    ): "Do unlabelled images help more than the same compute on labelled ones?",
    ("prototype", "consistency"): "Do the prototypes help over consistency?",
    ("prototype", "consistency-equal-loss"): "Do the prototypes help more than just twice the loss?",
    ("consistency", "supervised"): "Does consistency alone help?",
}
"""The questions for every data set and number of labels, by minuend and subtrahend."""

TWIN, EQUAL_LOSS, EQUAL_COMPUTE = "-prototype", "-equal-loss", "supervised-equal-compute-"
"""How the names of a recipe's variants end or begin: with the prototype head, and its controls."""
SUPERVISED_LONGER = EQUAL_COMPUTE.removesuffix("-")
"""The control of the paper's variants."""

COLUMNS = [
    *("dataset", "labels", "question", "minuend", "subtrahend", "seeds", "images", "gain", "low", "high"),
    *("equal_steps", "equal_labels", "verdict", "sentence"),
]
IMAGE_COLUMNS = ("image", "class", "pixels", "intersection", "union")
CLASS_COLUMNS = ["dataset", "labels", "minuend", "subtrahend", "class", "gain", "low", "high", "verdict"]


@dataclass(frozen=True)
class Comparison:
    """Two variants' runs, paired by seed, and the gains of the first over the second."""

    more: list[Evaluation]
    less: list[Evaluation]
    gains: Gains
    left_out: list[int]
    """Seeds for which only one of the two has a score."""

    def classes(self) -> pd.DataFrame:
        """A row for each class: gain and 95 % interval in points, and whether it is better or worse.

        Each interval is that of the class alone. A class is called better or worse only if the interval that holds for
        all classes together excludes zero; if only its own does, it is called perhaps better or perhaps worse.
        """
        (low, high), (lowest, highest) = self.gains.interval(), self.gains.interval(tests=len(self.more[0].iou))
        cases = {BETTER: lowest > 0, WORSE: highest < 0, UNKNOWN: np.isnan(lowest)}
        cases |= {PERHAPS.format(BETTER): low > 0, PERHAPS.format(WORSE): high < 0}
        verdicts = np.select(list(cases.values()), list(cases), UNSURE)
        columns = {"gain": self.gains.gain, "low": low, "high": high, "verdict": verdicts}
        return pd.DataFrame({"class": list(self.more[0].iou)} | {name: v[1:] for name, v in columns.items()})

    def verdict(self) -> str:
        low, high = (ends[0] for ends in self.gains.interval())
        return HELPED if low > 0 else HURT if high < 0 else UNSURE

    def sentence(self) -> str:
        return "; ".join([self._gain(), *self._named_classes(), *self._caveats()])

    def row(self) -> dict[str, Any]:
        low, high = (float(ends[0]) for ends in self.gains.interval())
        return {
            "seeds": " ".join(str(e.seed) for e in self.more),
            "images": self.more[0].images,
            "gain": float(self.gains.gain[0]),
            "low": low,
            "high": high,
            "equal_steps": self._same(lambda e: e.steps),
            "equal_labels": self._same(lambda e: e.lists["labeled"]),
            "verdict": self.verdict(),
            "sentence": self.sentence(),
        }

    def _same(self, of: Callable[[Evaluation], Any]) -> bool:
        return all(of(a) == of(b) for a, b in zip(self.more, self.less, strict=True))

    def _gain(self) -> str:
        """`helped by 3.1 points, 95 % interval 1.9 to 4.4`."""
        verdict, gain = self.verdict(), float(self.gains.gain[0])
        low, high = (float(ends[0]) for ends in self.gains.interval())
        if np.isnan(low):
            return f"can't tell: {signed(gain)} points on {self.more[0].images} image"
        if verdict == UNSURE:
            return f"can't tell: {signed(gain)} points, 95 % interval {signed(low)} to {signed(high)}"
        near, far = sorted((abs(low), abs(high)))
        return f"{verdict} by {digits(abs(gain))} points, 95 % interval {digits(near)} to {digits(far)}"

    def _named_classes(self) -> Iterator[str]:
        table = self.classes()
        for word in (WORSE,) if self.verdict() == HELPED else (BETTER, WORSE):
            if named := list(table["class"][table["verdict"] == word]):
                yield f"{word} for: {', '.join(named)}"

    def _caveats(self) -> Iterator[str]:
        more, less = self.more[0], self.less[0]
        if len(self.more) == 1:
            yield "one seed: the interval covers the images, not the spread of training"
        if self.left_out:
            yield f"no score of both for seed {', '.join(map(str, self.left_out))}, left out"
        if not self._same(lambda e: e.steps):
            so = ", so that the compute is" if is_control_of_compute(less.variant, more.variant) else ""
            yield f"steps are not equal ({more.steps:,} and {less.steps:,}){so}"
        if not self._same(lambda e: e.lists["labeled"]):
            yield f"labelled images are not the same ({more.labels} and {less.labels})"
        if not self._same(lambda e: e.encoder):
            yield f"encoders are not the same ({more.encoder} and {less.encoder})"
        if not self._same(lambda e: e.window):
            yield "they were not scored with the same window"


def compare(more: Sequence[Evaluation], less: Sequence[Evaluation]) -> Comparison | None:
    """The comparison over the seeds for which both have a score; None if there is no such seed.

    UserError if the runs differ in their validation images or classes.
    """
    first, second = ({e.seed: e for e in runs if not np.isnan(e.miou)} for runs in (more, less))
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    pairs = [first[seed] for seed in seeds], [second[seed] for seed in seeds]
    counts = pixels([*pairs[0], *pairs[1]])
    left_out = sorted({e.seed for e in (*more, *less)} - set(seeds))
    return Comparison(*pairs, paired_gains(counts[: len(seeds)], counts[len(seeds) :]), left_out)


def pixels(runs: list[Evaluation]) -> np.ndarray:
    """Pixels of intersection and union from the runs' images.csv, int64 [runs, images, classes, 2]."""
    tables = [_checked(run, read_table(run.folder / "images.csv", IMAGE_COLUMNS)) for run in runs]
    ids, classes, truth = sorted(set(tables[0]["image"])), list(runs[0].iou), _truth(tables[0])
    counts = np.zeros((len(runs), len(ids), len(classes), 2), dtype=np.int64)
    for run, table, own in zip(runs, tables, counts, strict=True):
        if list(run.iou) != classes or not _truth(table).equals(truth):
            raise UserError(
                f"{run.folder}: not the validation images or classes of {runs[0].folder}; compare runs that share them"
            )
        image, class_ = (pd.Categorical(table[c], of).codes for c, of in (("image", ids), ("class", classes)))
        own[image, class_] = table[["intersection", "union"]].to_numpy()
    return counts


def _truth(table: pd.DataFrame) -> pd.Series[int]:
    """Pixels in the masks by image and class: equal in all runs that were scored on the same masks."""
    return table[table["pixels"] > 0].set_index(["image", "class"])["pixels"].sort_index()


def _checked(run: Evaluation, table: pd.DataFrame) -> pd.DataFrame:
    """The run's images.csv; UserError if it cannot be what an evaluation wrote.

    Its sums over the images must give the run's IoUs: a lost or changed line would show a gain that was not measured.
    """
    sums = table.groupby("class")[["intersection", "union"]].sum()
    iou = 100 * (sums["intersection"] / sums["union"]).reindex(list(run.iou))
    known = table["image"].nunique() <= run.images and set(table["class"]) <= set(run.iou)  # void masks have no line
    if (
        not known
        or not table["intersection"].between(0, table["union"]).all()
        or not np.allclose(iou, list(run.iou.values()), rtol=0, atol=ROUNDING, equal_nan=True)
    ):
        raise UserError(
            f"{run.folder}/images.csv: damaged, it does not give the scores of {METRICS}; delete {run.folder} and run"
            " `snakemake --cores all`"
        )
    return table


def verdicts(evaluations: list[Evaluation]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """verdict.csv and verdict_classes.csv: every question, answered or not. evaluations: in the tables' order."""
    rows, classes = [], []
    for (dataset, labels), group in _by_labels(evaluations).items():
        runs = {variant: list(own) for variant, own in groupby(group, key=lambda e: e.variant)}
        for (minuend, subtrahend), question in _questions(runs):
            names: dict[str, Any] = {"dataset": dataset, "labels": labels}
            names |= {"minuend": minuend, "subtrahend": subtrahend}
            found = compare(runs.get(minuend, []), runs.get(subtrahend, []))
            answer = {"verdict": UNKNOWN, "sentence": _unanswered(runs, minuend, subtrahend)}
            rows.append(names | {"question": question} | (answer if found is None else found.row()))
            if found is not None:
                classes.append(found.classes().assign(**names))
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"images": "Int64"})
    return table, pd.concat(classes)[CLASS_COLUMNS] if classes else pd.DataFrame(columns=CLASS_COLUMNS)


def _questions(runs: Iterable[str]) -> Iterator[tuple[tuple[str, str], str]]:
    """QUESTIONS, then what each other variant changes, then QUESTIONS for variants that share an ending.

    For example, prototype-long changes prototype, and is also compared with supervised-long. prototype-long-tau-0.9
    changes prototype-long if that was run, otherwise prototype. A recipe with a twin that has the prototype head, such
    as unimatch and unimatch-prototype, has questions of its own.
    """
    yield from QUESTIONS.items()
    others = in_order(set(runs) - set(ORDER))
    recipes = [variant for variant in others if variant + TWIN in others]
    for recipe in recipes:
        yield from _questions_of(recipe, others)
    for variant in others:
        if variant not in recipes and variant.removesuffix(TWIN) not in recipes:
            changed = base_of(variant, {*runs, *ORDER} - {variant}) or "prototype"
            yield (variant, changed), f"What does {variant} change?"
    bases = {variant: base_of(variant) for variant in others}
    for ending in sorted({variant.removeprefix(base) for variant, base in bases.items() if base}):
        for pair, question in QUESTIONS.items():
            minuend, subtrahend = (name + ending for name in pair)
            if minuend in others and subtrahend in others:
                yield (minuend, subtrahend), f"{question} ({ending[1:]})"


def _questions_of(recipe: str, runs: Sequence[str]) -> Iterator[tuple[tuple[str, str], str]]:
    """Whether a recipe helps, and whether the prototypes add to it; over its controls where these were run."""
    yield (recipe, "supervised"), f"Does {recipe} help?"
    if (control := EQUAL_COMPUTE + recipe) in runs:
        yield (recipe, control), f"Does {recipe} help more than the same compute on labelled images?"
    yield (recipe + TWIN, recipe), _adds(recipe)
    if (control := recipe + EQUAL_LOSS) in runs:
        yield (recipe + TWIN, control), f"Do the prototypes add more to {recipe} than just twice the loss?"


def _adds(recipe: str) -> str:
    return f"Do the prototypes add to {recipe}?"


def is_control(variant: str) -> bool:
    """Whether a variant is there to be compared with alone: as much compute, or as much loss."""
    return variant in CONTROLS or variant.startswith(EQUAL_COMPUTE) or variant.endswith(EQUAL_LOSS)


def is_control_of_compute(control: str, variant: str) -> bool:
    """Whether a variant is the supervised one that takes as much compute as another."""
    ending = control.removeprefix(SUPERVISED_LONGER)
    return control.startswith(SUPERVISED_LONGER) and ending in (variant.removeprefix("prototype"), f"-{variant}")


def _unanswered(runs: dict[str, list[Evaluation]], minuend: str, subtrahend: str) -> str:
    """Why there is no answer, and the command that would give one."""
    missing = [variant for variant in (minuend, subtrahend) if variant not in runs]
    if not missing:
        return NO_SEED
    known = next(iter(runs.values()))
    seeds = ",".join(str(e.seed) for e in known)
    folder = f"seed{{{seeds}}}" if len(known) > 1 else known[0].folder.name  # the shell expands the braces
    receipts = [f"{known[0].folder.parents[1] / variant / folder}/receipt.json" for variant in missing]
    return (
        f"not known: {' and '.join(missing)} {'was' if len(missing) == 1 else 'were'} not run; run"
        f" `snakemake --cores all -- {' '.join(receipts)}` and `semiproto compare {minuend} {subtrahend}`"
    )


def lines(
    minuend: str, subtrahend: str, results: Path, left_out: Mapping[Path, str] = MappingProxyType({})
) -> Iterator[str]:
    """What `semiproto compare` prints for two variants or folders of evaluations, for each number of labels.

    results: the folder to look for variants in, results/eval. left_out: evaluations below it that do not count, and
    why. UserError if there is nothing to compare.
    """
    if minuend == subtrahend:
        raise UserError(f"{minuend}: named twice; name two to compare")
    more, less = (_by_labels(find(what, results, left_out)) for what in (minuend, subtrahend))
    pairs = [(own, less[labels]) for labels, own in more.items() if labels in less]
    if not pairs and len(more) == len(less) == 1:  # two folders with different numbers of labels
        pairs = [(a, b) for a, b in zip(more.values(), less.values(), strict=True) if a[0].dataset == b[0].dataset]
    if not pairs:
        raise UserError(
            f"{minuend}, {subtrahend}: evaluated on no split in common; name folders below {results} to compare two"
        )
    for own, others in pairs:
        if same := {e.folder.resolve() for e in own} & {e.folder.resolve() for e in others}:
            raise UserError(f"{min(same)}: named twice; name two to compare")
        yield from _lines_of(own, others, left_out)
    for folder, why in left_out.items():
        if folder.parent.name in (minuend, subtrahend):
            yield f"left out: {folder}: {why}"


def evaluated(results: Path) -> list[Path]:
    """The folders of all runs that were evaluated below `results`."""
    return sorted(file.parent for file in results.glob(f"*/*/*/seed*/{METRICS}"))


def find(what: str, results: Path, left_out: Mapping[Path, str] = MappingProxyType({})) -> list[Evaluation]:
    """The evaluations of a variant below `results`, or in a folder: of one run, or of all seeds of a variant.

    A folder that is named counts, whatever it is.
    """
    path = Path(what)
    if path.is_dir():
        seeds = sorted(file.parent for file in path.glob(f"seed*/{METRICS}"))
        folders = [path] if (path / METRICS).is_file() else seeds
    else:
        there = [folder for folder in evaluated(results) if folder.parent.name == what]
        folders = [folder for folder in there if folder not in left_out]
        if there and not folders:
            raise UserError(
                f"{there[0]}: {left_out[there[0]]}; run `snakemake --cores all`, or name the folder to compare it"
            )
    if not folders:
        known = ", ".join(in_order(folder.parent.name for folder in evaluated(results)))
        raise UserError(
            f"{what}: no evaluation; name a folder with {METRICS}, or a variant below {results} ({known or 'none yet'})"
        )
    return read_evaluations(folders)


def _by_labels(evaluations: list[Evaluation]) -> dict[tuple[str, int], list[Evaluation]]:
    return {key: list(own) for key, own in groupby(evaluations, key=lambda e: (e.dataset, e.labels))}


def _lines_of(more: list[Evaluation], less: list[Evaluation], left_out: Mapping[Path, str]) -> Iterator[str]:
    first = more[0]
    yield f"{first.dataset}, {first.labels} labelled images: {first.variant} over {less[0].variant}"
    found = compare(more, less)
    asked = f"{_adds(less[0].variant)} " if first.variant == less[0].variant + TWIN else ""
    yield f"  {asked}{NO_SEED if found is None else found.sentence()}"
    if found is not None:
        yield from _details(found)
    if is_control(less[0].variant):
        return
    split = Path(os.path.relpath(first.folder.resolve().parents[1]))
    beside = [file.parent for file in sorted(split.glob(f"*/seed*/{METRICS}")) if file.parent not in left_out]
    if not beside:  # a run that was copied elsewhere
        return
    table, _ = verdicts(read_evaluations(beside))
    for row in table[table["subtrahend"].map(is_control) & (table["minuend"] == first.variant)].itertuples():
        yield f"  {row.question} {row.sentence}"


def _details(found: Comparison) -> Iterator[str]:
    """A line for each class, then seeds, images, and whether steps and labels are equal."""
    for name, gain, low, high, verdict in found.classes().to_numpy():
        points = "" if verdict == UNKNOWN else f"{signed(gain)} ({signed(low)} to {signed(high)}) "
        yield f"    {name}: {points}{verdict}"
    row = found.row()
    steps, labels = ("equal" if row[name] else "not equal" for name in ("equal_steps", "equal_labels"))
    images = f"{row['images']} validation image{'' if row['images'] == 1 else 's'}"
    yield f"  seeds {row['seeds']}; {images}; steps {steps}, labelled images {labels}"


def signed(value: float) -> str:
    """`digits` with a sign, minus as U+2212; empty for nan."""
    return "" if np.isnan(value) else ("−" if round(value, 2) < 0 else "+") + digits(abs(value))


def digits(value: float) -> str:
    """One decimal, or two if one would round it to zero: an interval may end close to zero."""
    return f"{value:.1f}" if round(value, 1) or not round(value, 2) else f"{value:.2f}"
