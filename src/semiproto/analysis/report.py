"""The report: one HTML file that opens anywhere, made of the tables, the figures and the runs' receipts alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from semiproto.analysis.evaluations import GROUP, in_order, read_table
from semiproto.analysis.tables import NOTES, by_group, mean_sd, summary_for_people, verdict_for_people
from semiproto.artifacts import read_receipt, write_text
from semiproto.errors import UserError

CAPTIONS = {
    "gain": (
        "The gain",
        "mIoU (percent) of the last step: a dot for each seed, a diamond and a bar for their mean and standard"
        " deviation.",
    ),
    "curves": (
        "While training",
        "Left: validation mIoU (percent) over the steps. Right: the share of unlabelled pixels that the teacher was"
        " confident of. Lines are means over seeds, bands reach from the lowest to the highest.",
    ),
    "per_class": ("By class", "IoU (percent) of each class for each variant, with the standard deviation over seeds."),
    "samples": (
        "Predictions",
        "Validation images, their truth, each variant's prediction with its first seed, and where prototype is wrong.",
    ),
    "tsne": (
        "Feature space",
        "t-SNE of the same validation pixels' features, coloured by class; stars are prototypes. Distances in t-SNE"
        " mislead, so silhouette and within/between distance are of the features themselves.",
    ),
}
"""Heading and caption by the figure's file name, in the report's order."""


@dataclass(frozen=True)
class Table:
    caption: str
    columns: list[str]
    rows: list[list[str]]

    def is_number(self, column: int) -> bool:
        """Whether a column after the first has cells that start as numbers do; it is then set flush right."""
        return column > 0 and any(row[column][:1] in set("0123456789+−") for row in self.rows)


@dataclass(frozen=True)
class Picture:
    heading: str
    caption: str
    data: str
    """The PNG, base64."""
    width: int
    height: int


def report(tables: Path, figures: Path, receipts: list[Path], out: Path) -> None:
    """Writes the report to the file `out`: findings, tables, figures, and how each run was made.

    tables, figures: the folders that compare.tables and figures.figures wrote. receipts: receipt.json files, shown in
    this order. UserError names a file that cannot be read.
    """
    names = ("summary", "verdict", "per_class", "runs")
    summary, verdict, per_class, runs = (read_table(tables / f"{name}.csv") for name in names)
    groups = list(by_group(summary, verdict))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html").render(
        datasets=sorted(set(summary["dataset"])),
        findings=[(title, list(theirs["question"] + " " + theirs["sentence"] + ".")) for title, _, theirs in groups],
        tables=[_group_tables(title, own, theirs, per_class) for title, own, theirs in groups],
        runs=_runs_table(runs),
        notes=NOTES,
        pictures=list(_pictures(figures)),
        receipts=[_receipt(path) for path in receipts],
    )
    write_text(out, page)


def _group_tables(
    title: str, summary: pd.DataFrame, verdict: pd.DataFrame, per_class: pd.DataFrame
) -> tuple[str, list[Table]]:
    shown = [_table("Mean ± standard deviation over n seeds, percent", summary_for_people(summary))]
    if len(verdict):
        shown.append(_table("Differences, paired by seed, in points", verdict_for_people(verdict)))
    own = per_class.merge(summary[GROUP].drop_duplicates(), on=GROUP)
    return title, [*shown, _table("IoU by class, last step, percent", _classes_by_variant(own))]


def _table(caption: str, frame: pd.DataFrame) -> Table:
    return Table(caption, list(frame.columns), frame.to_numpy().tolist())


def _classes_by_variant(per_class: pd.DataFrame) -> pd.DataFrame:
    """A row for each class, a column for each variant."""
    text = [mean_sd(mean, sd) for mean, sd in zip(per_class["iou_mean"], per_class["iou_sd"], strict=True)]
    wide = per_class.assign(text=text).pivot(index="class", columns="variant", values="text")
    wide = wide.loc[list(per_class["class"].unique()), in_order(per_class["variant"])]
    return wide.fillna("").reset_index().rename_axis(columns=None)


def _runs_table(runs: pd.DataFrame) -> Table:
    scores = ["miou", "miou_best", "miou_prototype_head"]
    text = runs.astype(dict.fromkeys(runs.columns, object))
    for column in ("seconds", *scores):
        text[column] = ["" if pd.isna(value) else f"{value:.1f}" for value in runs[column]]
    titles = ["mIoU, last step", "best step on validation, shown apart", "prototype head"]
    text = text.rename(columns=dict(zip(scores, titles, strict=True)))
    return Table("Every run, mIoU in percent", list(text.columns), text.astype(str).to_numpy().tolist())


def _pictures(folder: Path) -> Iterator[Picture]:
    """The PNGs that are there; with several splits each has its split behind the figure's name."""
    for name, (heading, caption) in CAPTIONS.items():
        for path in sorted(folder.glob(f"{name}*.png")):
            split = path.stem.removeprefix(name).lstrip("-")
            with Image.open(path) as image:
                width, height = image.size
            data = base64.b64encode(path.read_bytes()).decode()
            yield Picture(heading + (f", {split}" if split else ""), caption, data, width, height)


def _receipt(path: Path) -> dict[str, Any]:
    """What the page says of one receipt: its folder, short facts by name, and its configuration as YAML."""
    receipt = read_receipt(path.parent)
    try:
        made = receipt["made"]
        facts = {
            "seed": "none" if receipt["seed"] is None else receipt["seed"],
            "seconds": made["seconds"],
            "device": made["device"],
            "machine": made["machine"],
            "versions": _listed({"semiproto": made["version"], "code": made["code"], "Python": made["python"]})
            + f", {_listed(made['packages'])}",
            **receipt["facts"],
        }
        files = {"inputs": receipt["inputs"], "outputs (sha256)": receipt["outputs"]}
        config = yaml.safe_dump(receipt["config"], sort_keys=False, allow_unicode=True)
        return {
            "folder": path.parent.as_posix(),
            "step": receipt["step"],
            "facts": facts,
            "config": config,
            "files": yaml.safe_dump(files, sort_keys=False, allow_unicode=True),
        }
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: not a receipt ({error!r}); run the step that makes {path.parent} again") from None


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
