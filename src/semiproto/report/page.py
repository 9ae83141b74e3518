"""The report's page: one HTML file that opens anywhere, made from the tables, the figures and the runs' receipts."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from semiproto.provenance.artifacts import write_text
from semiproto.report import machine as of_machine
from semiproto.report import published as published_numbers
from semiproto.report import verdict as verdict_table
from semiproto.report.evaluations import GROUP, in_order, read_evaluations, read_table
from semiproto.report.figures.registry import FIGURES
from semiproto.report.images.browser import ValidationImages, images_by_group
from semiproto.report.images.confusion import Confusion, confusion
from semiproto.report.images.encoding import figure_uri
from semiproto.report.receipts import Receipt, anchor, differences_from_paper, parse_receipt
from semiproto.report.tables import (
    NOTES,
    PUBLISHED,
    RUN_COLUMNS,
    SUMMARY_COLUMNS,
    by_group,
    heading,
    mean_sd,
    other_heads,
    published_for_people,
    summary_for_people,
    verdict_for_people,
)

TABLES = {
    "summary": (SUMMARY_COLUMNS, [*GROUP, "variant"]),
    "verdict": (verdict_table.COLUMNS, [*GROUP, "minuend", "subtrahend"]),
    "per_class": (["iou_mean", "iou_sd"], [*GROUP, "variant", "class"]),
    "runs": (RUN_COLUMNS, [*GROUP, "variant", "seed"]),
    "published": (published_numbers.COLUMNS,),
    "unfinished": (["run"],),
}
"""The tables that are read: the columns that each must have, and those that tell its rows apart."""

NUMERALS = tuple("0123456789+−")
AT_MOST = 6_000_000
"""Bytes of the page, small enough for a mail: the image browser takes what the rest leaves."""
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class PageSources:
    """What earlier steps wrote and the page is made of."""

    tables: Path
    figures: Path
    """Folders of the steps of these names."""
    receipts: list[Path]
    """receipt.json files, shown step by step in this order."""
    paper: Path
    """The parameter file with the paper's values."""
    machine: Path | None = None
    """Folder of the step machine; without it no seconds are shown."""
    evaluations: list[Path] = field(default_factory=list)
    """Folders of the step evaluate; without them there are no images and no confusions."""
    data: Path | None = None
    """The prepared set, in the layout of data/layout.py: what the evaluations were measured on."""

    def images(self) -> dict[tuple[str, int], ValidationImages]:
        if not self.evaluations or self.data is None:
            return {}
        return images_by_group(read_evaluations(self.evaluations), self.data)


@dataclass(frozen=True)
class Table:
    caption: str
    columns: list[str]
    rows: list[list[str]]
    links: list[str]
    """For each row, the id on the page that its first cell links to; empty for none."""

    def is_number(self, column: int) -> bool:
        """Whether to align a column right: it is not the first, and its cells are short and some start like numbers."""
        cells = [row[column] for row in self.rows]
        return column > 0 and all(len(cell) < 40 for cell in cells) and any(cell[:1] in NUMERALS for cell in cells)


@dataclass(frozen=True)
class Picture:
    heading: str
    caption: str
    source: str
    """The image as a data URI."""
    width: int
    height: int


def write_page(sources: PageSources, out: Path) -> None:
    """Writes the page to the file `out`: findings, images, health, tables, figures, parameters, and how runs were made.

    UserError names a file that cannot be read.
    """
    images = sources.images()
    content = _content(sources, images)
    rest = len(_render(content | {"browsers": []}).encode())
    room = (AT_MOST - rest) // max(len(images), 1)
    browsers = [(heading(*group), own.browser(room)) for group, own in images.items()]
    write_text(out, _render(content | {"browsers": browsers}))


def _render(content: dict[str, Any]) -> str:
    """The page. Its style and scripts are named by their digests: nothing else can run, whatever a class is called."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    style, *scripts = ((FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js", "browser.js"))
    policy = [
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:",
        f"style-src {_digest(style)}",
        f"script-src {' '.join(map(_digest, scripts))}",
    ]
    parts = environment.get_template("images.html").module
    return environment.get_template("page.html").render(
        content, style=style, scripts=scripts, policy="; ".join(policy), images=parts
    )


def _digest(text: str) -> str:
    """As a Content-Security-Policy names an inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _content(sources: PageSources, images: dict[tuple[str, int], ValidationImages]) -> dict[str, Any]:
    """What the template shows, but for the image browsers."""
    read_tables = (read_table(sources.tables / f"{name}.csv", *columns) for name, columns in TABLES.items())
    summary, verdict, per_class, runs, published, unfinished = read_tables
    if sources.machine is not None:
        summary, runs = of_machine.with_seconds(summary, runs, sources.machine)
    incomparable, numbers = published_for_people(published)
    groups = [(tuple(own[GROUP].iloc[0]), title, own, theirs) for title, own, theirs in by_group(summary, verdict)]
    forecasts = _forecasts(sources.tables / "forecast.csv")
    receipts = [parse_receipt(path) for path in sources.receipts]
    differences = differences_from_paper(receipts, sources.paper)
    return {
        "datasets": sorted(set(summary["dataset"])),
        "findings": [
            (title, theirs[["question", "sentence"]].to_numpy().tolist() + forecasts[group], images.get(group))
            for group, title, _, theirs in groups
        ],
        "tables": [
            (title, _group_tables(own, theirs, per_class), _confusion(images.get(group)))
            for group, title, own, theirs in groups
        ],
        "runs": _runs_table(runs, receipts),
        "unfinished": unfinished["run"].tolist(),
        "incomparable": incomparable,
        "published": _table(PUBLISHED, numbers),
        "notes": [*NOTES, *([of_machine.NOTE] if "seconds" in runs else [])],
        "pictures": list(_pictures(sources.figures)),
        "receipts": receipts,
        "anchors": defaultdict(str, {receipt.folder: receipt.anchor for receipt in receipts}),
        "steps": list(dict.fromkeys(receipt.step for receipt in receipts)),
        "paper": sources.paper.name,
        "differences": _table(f"Parameters that differ from {sources.paper.name}", differences),
    }


def _confusion(images: ValidationImages | None) -> Confusion | None:
    return None if images is None else confusion(images.full_method)


def _forecasts(table: Path) -> defaultdict[tuple[str, int], list[list[str]]]:
    """(question, sentence) of each forecast, by data set and labels; empty if no forecast was made."""
    said: defaultdict[tuple[str, int], list[list[str]]] = defaultdict(list)
    if table.is_file():
        for _, row in read_table(table, [*GROUP, "sentence"]).dropna(subset="sentence").iterrows():
            said[row["dataset"], row["labels"]].append(
                ["What was forecast before the long run?", row["sentence"].removesuffix(".")]
            )
    return said


def _group_tables(summary: pd.DataFrame, verdict: pd.DataFrame, per_class: pd.DataFrame) -> list[Table]:
    shown = [_table("Mean ± standard deviation over n seeds, percent", summary_for_people(summary), "runs-table")]
    if len(verdict):
        shown.append(_table("Differences, paired by seed, in points", verdict_for_people(verdict)))
    own = per_class.merge(summary[GROUP].drop_duplicates(), on=GROUP)
    return [*shown, _table("IoU by class, last step, percent", _classes_by_variant(own))]


def _table(caption: str, frame: pd.DataFrame, link: str = "") -> Table:
    """link: the id on the page that every row links to."""
    return Table(caption, list(frame.columns), frame.to_numpy().tolist(), [link] * len(frame))


def _classes_by_variant(per_class: pd.DataFrame) -> pd.DataFrame:
    """A row for each class, a column for each variant."""
    text = [mean_sd(mean, sd) for mean, sd in zip(per_class["iou_mean"], per_class["iou_sd"], strict=True)]
    wide = per_class.assign(text=text).pivot(index="class", columns="variant", values="text")
    wide = wide.loc[list(per_class["class"].unique()), in_order(per_class["variant"])]
    return wide.fillna("").reset_index().rename_axis(columns=None)


def _runs_table(runs: pd.DataFrame, receipts: list[Receipt]) -> Table:
    """Each run's numbers; its name links to the receipt of its evaluation."""
    evaluated = {receipt.folder for receipt in receipts if receipt.step == "evaluate"}
    titles = {"seconds": "seconds"} if "seconds" in runs else {}
    titles |= {
        "miou": "mIoU, last step",
        "miou_best": "best step on validation, shown apart",
        "miou_prototype_head": "prototype head",
        **other_heads(runs),
    }
    rows, links = [], []
    for _, run in runs.iterrows():
        ends = [f"{run['dataset']}/{split}/{run['variant']}/seed{run['seed']}" for split in (run["labels"], "all")]
        folder = next((one for end in ends for one in evaluated if one.endswith(f"/{end}")), None)
        numbers = ["" if pd.isna(run[name]) else f"{run[name]:.1f}" for name in titles]
        about = [f"{run['variant']}, seed {run['seed']}", run["dataset"], str(run["labels"]), f"{run['steps']:,}"]
        rows.append([*about, *numbers])
        links.append("" if folder is None else anchor(folder))
    columns = ["run", "data set", "labels", "steps", *titles.values()]
    return Table("Every run, mIoU in percent", columns, rows, links)


def _pictures(folder: Path) -> Iterator[Picture]:
    """The figures that are in the folder. If they are of several splits, the heading names the split's labels."""
    for figure in FIGURES:
        found = [*folder.glob(f"{figure.name}.png"), *folder.glob(f"{figure.name}-*.png")]
        by_split = {path.stem.removeprefix(figure.name).lstrip("-"): path for path in found}
        for split, path in sorted(by_split.items(), key=lambda one: (len(one[0]), one[0])):
            heading = figure.heading + (f", {split} labelled images" if split else "")
            yield Picture(heading, figure.caption, *figure_uri(path))
