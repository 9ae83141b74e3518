"""The report: one HTML file that opens anywhere, made of the tables, the figures and the runs' receipts alone."""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from semiproto.data import layout
from semiproto.provenance.artifacts import write_text
from semiproto.report import machine as of_machine
from semiproto.report import published as published_numbers
from semiproto.report import receipts as ancestry
from semiproto.report import verdict as verdict_table
from semiproto.report.evaluations import GROUP, in_order, read_table
from semiproto.report.tables import (
    NOTES,
    PUBLISHED,
    RUN_COLUMNS,
    SUMMARY_COLUMNS,
    by_group,
    mean_sd,
    published_for_people,
    summary_for_people,
    verdict_for_people,
)

CAPTIONS = {
    "labels": (
        "mIoU against labels",
        "mIoU (percent) of the last step against the number of labelled images: dots are seeds, diamonds and bars their"
        " mean and standard deviation. Dotted: published, where the splits and the scoring are the same; of the best"
        " epoch, which flatters.",
    ),
    "gain": (
        "The gain",
        "mIoU (percent) of the last step: a dot for each seed, a diamond and a bar for their mean and standard"
        " deviation.",
    ),
    "per_class": ("By class", "IoU (percent) of each class for each variant, with the standard deviation over seeds."),
    "samples": (
        "Predictions",
        "Validation images: the best, the median and the worst by the rule below them; their truth, each variant's"
        " prediction with its first seed, and where prototype is wrong.",
    ),
    "curves": (
        "While training",
        "Above: validation mIoU (percent) over the steps; the teacher's mean confidence on unlabelled pixels; the share"
        " of them above tau, which get a pseudo-label. Which of those are right isn't known, as these images have no"
        " masks. So below, the same for validation images: how many of the pixels above tau are right, of the"
        " foreground and of each class, and how many of the pixels predicted as a class are above tau. Lines are means"
        " over seeds, bands reach from the lowest to the highest.",
    ),
    "calibration": (
        "Confidence and what it is worth",
        "On the validation images, whose masks are known, all seeds together. Left: the share of right pixels by"
        " confidence; below the line the teacher is surer than it is right. Right: of the pixels above a confidence,"
        " how many are right (solid) and which share of all they are (dotted).",
    ),
    "tsne": (
        "Feature space",
        "t-SNE of the same validation pixels for each variant, first seed, by class; stars are prototypes. Distances in"
        " the plane mislead, so below are silhouette (higher is more compact) and within- over between-class distance"
        " (lower) of the features themselves and of the plane: mean and standard deviation over seeds.",
    ),
    "patches": (
        "What each prototype stands for",
        "A row for each prototype: the places of training images nearest to it, each of another image. Shares are of"
        " the pixels that the prototype head gives to the class; right: how many of the prototype's pixels are of the"
        " class, by the masks.",
    ),
    "forecast": (
        "The forecast, made before the long run",
        "By models that were pretrained without the measured images, at each threshold tau. Left: how many of the"
        " confident pixels are right, by predicted class. Right: how many of the pixels that are predicted so are"
        " confident.",
    ),
    "method": (
        "The method",
        "Student and teacher, the two heads, and the four losses. The variant consistency has no prototype head,"
        " supervised neither that nor pseudo-labels.",
    ),
}
"""Heading and caption by the figure's file name, in the report's order."""

TABLES = {
    "summary": (SUMMARY_COLUMNS, [*GROUP, "variant"]),
    "verdict": (verdict_table.COLUMNS, [*GROUP, "minuend", "subtrahend"]),
    "per_class": (["iou_mean", "iou_sd"], [*GROUP, "variant", "class"]),
    "runs": (RUN_COLUMNS, [*GROUP, "variant", "seed"]),
    "published": (published_numbers.COLUMNS,),
    "unfinished": (["run"],),
}
"""The tables that are read: columns that each must have, and those that tell its rows apart."""

NUMERALS = tuple("0123456789+−")
PNG_AT_MOST = 250_000
"""Bytes of a figure that is kept as it is; a larger one is mostly photographs, and is packed as they are."""


@dataclass(frozen=True)
class Table:
    caption: str
    columns: list[str]
    rows: list[list[str]]
    links: list[str]
    """The id on the page that each row's first cell leads to; empty for none."""

    def is_number(self, column: int) -> bool:
        """Whether a column after the first has short cells that start as numbers do; it is then set flush right."""
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


def report(
    tables: Path, figures: Path, receipts: list[Path], paper: Path, out: Path, machine: Path | None = None
) -> None:
    """Writes the report to the file `out`: findings, health, tables, figures, parameters, and how each run was made.

    tables, figures: the folders that tables.tables and figures.figures wrote. receipts: receipt.json files, shown in
    this order, step by step. paper: the parameter file with the paper's values. machine: the folder that machine.tables
    wrote; without it no seconds are shown. UserError names a file that cannot be read.
    """
    read_tables = (read_table(tables / f"{name}.csv", *columns) for name, columns in TABLES.items())
    summary, verdict, per_class, runs, published, unfinished = read_tables
    if machine is not None:
        summary, runs = of_machine.with_seconds(summary, runs, machine)
    incomparable, numbers = published_for_people(published)
    groups = list(by_group(summary, verdict))
    forecasts = _forecasts(tables / "forecast.csv")
    read = [ancestry.read(path) for path in receipts]
    differences = ancestry.differences(read, paper)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("page.html").render(
        datasets=sorted(set(summary["dataset"])),
        findings=[
            (title, theirs[["question", "sentence"]].to_numpy().tolist() + forecasts[tuple(own[GROUP].iloc[0])])
            for title, own, theirs in groups
        ],
        tables=[_group_tables(title, own, theirs, per_class) for title, own, theirs in groups],
        runs=_runs_table(runs, read),
        unfinished=unfinished["run"].tolist(),
        incomparable=incomparable,
        published=_table(PUBLISHED, numbers),
        notes=[*NOTES, *([of_machine.NOTE] if "seconds" in runs else [])],
        pictures=list(_pictures(figures)),
        receipts=read,
        anchors=defaultdict(str, {receipt.folder: receipt.anchor for receipt in read}),
        steps=list(dict.fromkeys(receipt.step for receipt in read)),
        paper=paper.name,
        differences=_table(f"Where these runs are not those of {paper.name}", differences),
    )
    write_text(out, page)


def _forecasts(table: Path) -> defaultdict[tuple[str, int], list[list[str]]]:
    """By data set and labels, what was forecast as (question, sentence); none where no forecast was made."""
    said: defaultdict[tuple[str, int], list[list[str]]] = defaultdict(list)
    if table.is_file():
        for _, row in read_table(table, [*GROUP, "sentence"]).dropna(subset="sentence").iterrows():
            said[row["dataset"], row["labels"]].append(
                ["What was forecast before the long run?", row["sentence"].removesuffix(".")]
            )
    return said


def _group_tables(
    title: str, summary: pd.DataFrame, verdict: pd.DataFrame, per_class: pd.DataFrame
) -> tuple[str, list[Table]]:
    shown = [_table("Mean ± standard deviation over n seeds, percent", summary_for_people(summary), "runs-table")]
    if len(verdict):
        shown.append(_table("Differences, paired by seed, in points", verdict_for_people(verdict)))
    own = per_class.merge(summary[GROUP].drop_duplicates(), on=GROUP)
    return title, [*shown, _table("IoU by class, last step, percent", _classes_by_variant(own))]


def _table(caption: str, frame: pd.DataFrame, link: str = "") -> Table:
    """link: the id on the page that every row leads to."""
    return Table(caption, list(frame.columns), frame.to_numpy().tolist(), [link] * len(frame))


def _classes_by_variant(per_class: pd.DataFrame) -> pd.DataFrame:
    """A row for each class, a column for each variant."""
    text = [mean_sd(mean, sd) for mean, sd in zip(per_class["iou_mean"], per_class["iou_sd"], strict=True)]
    wide = per_class.assign(text=text).pivot(index="class", columns="variant", values="text")
    wide = wide.loc[list(per_class["class"].unique()), in_order(per_class["variant"])]
    return wide.fillna("").reset_index().rename_axis(columns=None)


def _runs_table(runs: pd.DataFrame, receipts: list[ancestry.Receipt]) -> Table:
    """Each run's numbers; its name leads to the receipt of its evaluation."""
    evaluated = {receipt.folder for receipt in receipts if receipt.step == "evaluate"}
    titles = {"seconds": "seconds"} if "seconds" in runs else {}
    titles |= {
        "miou": "mIoU, last step",
        "miou_best": "best step on validation, shown apart",
        "miou_prototype_head": "prototype head",
    }
    rows, links = [], []
    for _, run in runs.iterrows():
        ends = [f"{run['dataset']}/{split}/{run['variant']}/seed{run['seed']}" for split in (run["labels"], "all")]
        folder = next((one for end in ends for one in evaluated if one.endswith(f"/{end}")), None)
        numbers = ["" if pd.isna(run[name]) else f"{run[name]:.1f}" for name in titles]
        about = [f"{run['variant']}, seed {run['seed']}", run["dataset"], str(run["labels"]), f"{run['steps']:,}"]
        rows.append([*about, *numbers])
        links.append("" if folder is None else ancestry.anchor(folder))
    columns = ["run", "data set", "labels", "steps", *titles.values()]
    return Table("Every run, mIoU in percent", columns, rows, links)


def _pictures(folder: Path) -> Iterator[Picture]:
    """The figures that are there; with several splits each has its labels behind the figure's heading."""
    for name, (heading, caption) in CAPTIONS.items():
        paths = {path.stem.removeprefix(name).lstrip("-"): path for path in folder.glob(f"{name}*.png")}
        for split, path in sorted(paths.items(), key=lambda one: (len(one[0]), one[0])):
            image = Image.fromarray(layout.read_image(path))
            title = heading + (f", {split} labelled images" if split else "")
            yield Picture(title, caption, _data_uri(path, image), image.width, image.height)


def _data_uri(path: Path, image: Image.Image) -> str:
    kind, data = "png", path.read_bytes()
    if len(data) > PNG_AT_MOST:
        packed = io.BytesIO()
        image.save(packed, "WEBP", quality=70)
        kind, data = "webp", packed.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
