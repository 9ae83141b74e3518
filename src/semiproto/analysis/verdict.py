"""Did it help? Differences between variants in plain words, with their intervals and what they do not answer.

Only the teacher's linear head at the last step is compared. Gains are in points of mIoU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from semiproto.analysis.bootstrap import Gains, paired_gains
from semiproto.analysis.evaluations import ORDER, Evaluation, in_order, read_table
from semiproto.errors import UserError

HELPED, HURT, UNSURE, UNKNOWN = "helped", "hurt", "can't tell", "not known"
BETTER, WORSE = "better", "worse"

QUESTIONS = {
    ("prototype", "supervised"): "Did the unlabelled images help?",
    ("prototype", "supervised-equal-compute"): "Would supervised training with the same compute have done as well?",
    ("prototype", "consistency"): "Do the prototypes add to consistency?",
    ("prototype", "consistency-equal-loss"): "Is it the prototypes, or just twice the loss?",
    ("consistency", "supervised"): "Does consistency alone help?",
}
"""What is asked of every data set and number of labels, by minuend and subtrahend."""

COLUMNS = [
    *("dataset", "labels", "question", "minuend", "subtrahend", "seeds", "images", "gain", "low", "high"),
    *("equal_steps", "equal_labels", "verdict", "sentence"),
]
CLASS_COLUMNS = ["dataset", "labels", "minuend", "subtrahend", "class", "gain", "low", "high", "verdict"]


@dataclass(frozen=True)
class Comparison:
    """Two variants' runs, in pairs of one seed, and the gains of the first over the second."""

    more: list[Evaluation]
    less: list[Evaluation]
    gains: Gains

    def classes(self) -> pd.DataFrame:
        """A row for each class: gain and 95 % interval in points, and whether it is better or worse.

        A class is called better or worse only where the interval that holds for all classes together excludes zero.
        """
        (low, high), (lowest, highest) = self.gains.interval(), self.gains.interval(tests=len(self.more[0].iou))
        verdicts = np.select([lowest > 0, highest < 0, np.isnan(lowest)], [BETTER, WORSE, UNKNOWN], UNSURE)
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
            "equal_steps": self._same("steps"),
            "equal_labels": self._same("lists"),
            "verdict": self.verdict(),
            "sentence": self.sentence(),
        }

    def _same(self, name: str) -> bool:
        return all(getattr(a, name) == getattr(b, name) for a, b in zip(self.more, self.less, strict=True))

    def _gain(self) -> str:
        """`helped by 3.1 points, 95 % interval 1.9 to 4.4`."""
        verdict, gain = self.verdict(), float(self.gains.gain[0])
        low, high = (float(ends[0]) for ends in self.gains.interval())
        if verdict == UNSURE:
            return f"can't tell: {signed(gain)} points, 95 % interval {signed(low)} to {signed(high)}"
        near, far = sorted((abs(low), abs(high)))
        return f"{verdict} by {abs(gain):.1f} points, 95 % interval {near:.1f} to {far:.1f}"

    def _named_classes(self) -> Iterator[str]:
        table = self.classes()
        for word in (WORSE,) if self.verdict() == HELPED else (BETTER, WORSE):
            if named := list(table["class"][table["verdict"] == word]):
                yield f"{word} for: {', '.join(named)}"

    def _caveats(self) -> Iterator[str]:
        more, less = self.more[0], self.less[0]
        if len(self.more) == 1:
            yield "one seed: the interval covers the images, not the spread of training"
        if not self._same("steps"):
            yield f"steps are not equal ({more.steps:,} and {less.steps:,})"
        if not self._same("lists"):
            yield f"labels are not equal ({more.labels} and {less.labels} images)"


def compare(more: Sequence[Evaluation], less: Sequence[Evaluation]) -> Comparison | None:
    """The comparison over the seeds that both have a score for; None where there is no such seed.

    UserError where the runs are of other validation images or classes.
    """
    by_seed = {e.seed: e for e in less if not np.isnan(e.miou)}
    first = [e for e in more if e.seed in by_seed and not np.isnan(e.miou)]
    if not first:
        return None
    second = [by_seed[e.seed] for e in first]
    counts = [_Counts(e) for e in (*first, *second)]
    for e, one in zip((*first, *second), counts, strict=True):
        if not one.same_images(counts[0]):
            raise UserError(
                f"{e.folder}: not the validation images or classes of {first[0].folder}; compare runs that share them"
            )
    pixels = np.stack([one.pixels for one in counts])
    return Comparison(first, second, paired_gains(pixels[: len(first)], pixels[len(first) :]))


class _Counts:
    """A run's images.csv: `pixels` of intersection and union, int64 [images, classes, 2]."""

    def __init__(self, evaluation: Evaluation) -> None:
        table = read_table(evaluation.folder / "images.csv")
        self.classes, self.ids = list(evaluation.iou), sorted(set(table["image"]))
        image = pd.Categorical(table["image"], self.ids).codes
        class_ = pd.Categorical(table["class"], self.classes).codes
        self.pixels = np.zeros((len(self.ids), len(self.classes), 2), dtype=np.int64)
        self.pixels[image, class_] = table[["intersection", "union"]].to_numpy()

    def same_images(self, other: _Counts) -> bool:
        return self.ids == other.ids and self.classes == other.classes


def verdicts(evaluations: list[Evaluation]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """verdict.csv and verdict_classes.csv: every question, answered or not; evaluations as `read_evaluations` gives."""
    rows, classes = [], []
    for (dataset, labels), group in groupby(evaluations, key=lambda e: (e.dataset, e.labels)):
        runs = {variant: list(own) for variant, own in groupby(group, key=lambda e: e.variant)}
        for (minuend, subtrahend), question in _questions(runs):
            names = {"dataset": dataset, "labels": labels, "minuend": minuend, "subtrahend": subtrahend}
            found = compare(runs.get(minuend, []), runs.get(subtrahend, []))
            answer = {"verdict": UNKNOWN, "sentence": _unanswered(runs, minuend, subtrahend)}
            rows.append(names | {"question": question} | (answer if found is None else found.row()))
            if found is not None:
                classes.append(found.classes().assign(**names))
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"images": "Int64"})
    return table, pd.concat(classes)[CLASS_COLUMNS] if classes else pd.DataFrame(columns=CLASS_COLUMNS)


def _questions(runs: Iterable[str]) -> Iterator[tuple[tuple[str, str], str]]:
    yield from QUESTIONS.items()
    for variant in in_order(set(runs) - set(ORDER)):
        yield (variant, "prototype"), f"What does {variant} change?"


def _unanswered(runs: dict[str, list[Evaluation]], minuend: str, subtrahend: str) -> str:
    """Why there is no answer, and the command that gives one."""
    missing = [variant for variant in (minuend, subtrahend) if variant not in runs]
    if not missing:
        return "not known: no seed has a score of both"
    known = next(iter(runs.values()))
    receipts = [f"{e.folder.parents[1] / variant / e.folder.name}/receipt.json" for variant in missing for e in known]
    return (
        f"not known: {' and '.join(missing)} {'was' if len(missing) == 1 else 'were'} not run; run"
        f" `snakemake --cores all -- {' '.join(receipts)}` and `semiproto compare {minuend} {subtrahend}`"
    )


def signed(value: float) -> str:
    """One digit, with a real minus sign; empty for nan."""
    return "" if np.isnan(value) else f"{round(value, 1) + 0.0:+.1f}".replace("-", "−")
