"""Published mIoU beside ours if both were measured in the same way; otherwise the reason why they cannot be compared.

published.csv has the numbers, percent. Each comes from one split, one training and the epoch that was best on the
validation images. So ours is given at the best step too, although the tables' headline is the last step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from semiproto.data.published import catalog
from semiproto.report.evaluations import GROUP, Evaluation, read_table

COLUMNS = [
    *(*GROUP, "method", "published", "family", "protocol", "source"),
    *("variant", "n", "miou_mean", "miou_sd", "miou_best_mean", "miou_best_sd", "note"),
]
NUMBERS = Path(__file__).with_name("published.csv")
ENCODER = "resnet101"
"""The beginning of timm's names for the encoder of the published runs."""


def published_table(evaluations: list[Evaluation], summary: pd.DataFrame) -> pd.DataFrame:
    """The columns COLUMNS: the published numbers of each data set's splits, with ours at the same number of labels.

    A data set that cannot be compared has one row instead, with the reason in `note`.
    """
    return pd.concat(list(_rows(evaluations, summary)), ignore_index=True).reindex(columns=COLUMNS)


def gain_of_the_paper() -> float:
    """Points of mIoU over its supervised model, with 92 labelled images of PASCAL VOC."""
    miou = read_table(NUMBERS).set_index(["family", "labels", "method"])["miou"]
    return float(miou["classic", 92, "the paper"] - miou["classic", 92, "supervised only"])


def _rows(evaluations: list[Evaluation], summary: pd.DataFrame) -> Iterator[pd.DataFrame]:
    numbers = read_table(NUMBERS).rename(columns={"miou": "published"})
    for dataset, run in {e.dataset: e for e in evaluations}.items():
        if reason := why_not(run):
            yield pd.DataFrame({"dataset": [dataset], "note": [reason]})
            continue
        known = numbers[numbers["family"] == run.family].assign(dataset=dataset, protocol=_scoring(run.window))
        yield known.merge(summary, how="left", on=[*GROUP, "variant"])


def _scoring(window: Mapping[str, int] | None) -> str:
    """How images were scored, in words."""
    return "whole images" if window is None else f"windows of {window['size']}, stride {window['stride']}"


def why_not(run: Evaluation) -> str:
    """Why a run cannot be compared with the published ones, in one line; empty if it can."""
    protocol = catalog.protocol(run.set, run.family)
    if protocol is None:
        return f"nobody published results on these images and splits ({run.set}, {run.family})"
    if run.window != protocol.window:
        return f"scored on {_scoring(run.window)}, the published ones on {_scoring(protocol.window)}"
    if not run.encoder.startswith(ENCODER):
        return f"the encoder is {run.encoder}, that of the published ones is a ResNet-101"
    return ""
