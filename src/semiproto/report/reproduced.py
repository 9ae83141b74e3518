"""Whether the tables made here are the committed ones: each number identical, within the seeds' spread, or different.

On the kind of CPU that made the committed tables, every number comes out identical. Another kind rounds differently,
and training amplifies that: a run there is one more draw, like a run with another seed. The committed tables tell how
far such draws lie apart. A number that is not identical is within the seeds' spread

- of one run: at most k * sqrt(2) * s from the committed one: both are draws. s is the standard deviation over the
  seeds of one variant, in the same column. It is the largest of the variants with that data set and number of labels,
  since the own one, of a few seeds, can be small by chance; in the tables of curves and bins also the largest of their
  rows.
- mean or standard deviation over n seeds: at most k * sqrt(2 / n) * s from the committed one. s is that of the same
  class where the table has classes.
- a gain and its interval: the committed interval holds the new gain, and the new interval the committed gain.
- a forecast, which has one seed: s is that of the mIoU, or of the same share in validation.csv.

k is SDS, or SDS_OF_MANY for classes, curves and bins. Every other number has no spread (steps, seeds, learning rates,
the answers in verdict.csv), nor has any with one seed: these are identical or different. summary.md, summary.tex,
metrics.json and published.csv repeat numbers of the others.
"""

from __future__ import annotations

import math
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from semiproto import paths
from semiproto.errors import UserError
from semiproto.paths import PARAMETERS
from semiproto.provenance.artifacts import sha256_file
from semiproto.provenance.receipts import input_digests, read_receipt, receipt_file
from semiproto.report.evaluations import GROUP, VARIANTS, read_table

TABLES = Path(paths.TABLES)

KEYS = {
    "runs": ["variant", "seed"],
    "summary": ["variant"],
    "per_class": ["variant", "class"],
    "verdict": ["minuend", "subtrahend"],
    "verdict_classes": ["minuend", "subtrahend", "class"],
    "forecast": ["seed", "images"],
    "validation": ["variant", "seed", "step"],
    "calibration": ["variant", "seed", "low"],
    "history": ["variant", "seed", "step"],
}
"""What tells the rows of a table apart, beside GROUP."""

HEADLINES = ("runs", "summary", "forecast")
SDS, SDS_OF_MANY = 3, 5
"""Standard deviations (chosen), for the HEADLINES and for the other tables: of thousands of numbers, whose spread is
known from a few seeds, some are beyond three by chance. Between an AMD and an Intel processor it was 1.3 and 4.1."""
IDENTICAL, WITHIN, DIFFERENT = "identical", "within", "different"
MOST_LINES = 10
"""Different numbers of one table that are printed."""

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Comparison:
    """Every committed number beside the one made here."""

    revision: str
    numbers: pd.DataFrame
    """Columns table, row, column, committed, found, apart (nan where one is missing), allowed, state."""

    @property
    def reproduced(self) -> bool:
        return not (self.numbers["state"] == DIFFERENT).any()

    def lines(self) -> Iterator[str]:
        """For people: counts and the largest difference of each table, the different numbers, and the outcome."""
        yield f"{TABLES} against {self.revision}"
        yield f"{'table':<20} {IDENTICAL:>9} {WITHIN:>9} {DIFFERENT:>9}  furthest from the committed number"
        for table, own in self.numbers.groupby("table", sort=False):
            counts = own["state"].value_counts()
            cells = [f"{table}.csv".ljust(20), *(f"{counts.get(s, 0):>9,}" for s in (IDENTICAL, WITHIN, DIFFERENT))]
            yield f"{' '.join(cells)}  {_furthest(own)}".rstrip()
        for table, own in self.numbers[self.numbers["state"] == DIFFERENT].groupby("table", sort=False):
            yield from (f"different: {table}.csv, {_named(number)}" for number in own[:MOST_LINES].itertuples())
            if len(own) > MOST_LINES:
                yield f"different: {table}.csv, {len(own) - MOST_LINES:,} more"
        counts = self.numbers["state"].value_counts()
        said = f"{counts.get(IDENTICAL, 0):,} of {len(self.numbers):,} numbers identical"
        yield f"{said}, {counts.get(WITHIN, 0):,} within the seeds' spread, {counts.get(DIFFERENT, 0):,} different"


def compare(revision: str = "HEAD") -> Comparison:
    """The tables in the working directory, a checkout, against those of a revision.

    UserError where there is no such revision or it has no tables, where the tables here are not made here, or of other
    parameters than the revision's.
    """
    commit = _git("rev-parse", "--verify", "--quiet", "--short", f"{revision}^{{commit}}", missing=revision)
    listed = _git("ls-tree", "--name-only", revision, f"{TABLES}/", missing=revision).split()
    if f"{TABLES}/runs.csv" not in listed:
        raise UserError(f"{revision}: has no {TABLES}/runs.csv; name a revision that has, with --committed")
    _require_same_parameters(revision)
    _require_made_here()
    names = [name for name in KEYS if f"{TABLES}/{name}.csv" in listed]
    committed, found = _committed(revision, names), {name: _indexed(TABLES, name) for name in names}
    numbers = [_numbers(name, committed, found[name]) for name in names]
    return Comparison(f"{revision} ({commit.strip()})", pd.concat(numbers, ignore_index=True))


def _require_same_parameters(revision: str) -> None:
    text = _git("show", f"{revision}:./{PARAMETERS}", missing=f"{revision}:{PARAMETERS}")
    then, now = ({**yaml.safe_load(t), "compute": None} for t in (text, PARAMETERS.read_text(encoding="utf-8")))
    if changed := [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]:
        raise UserError(
            f"{PARAMETERS}: {', '.join(changed)} differs from that of {revision}, so the tables are of another"
            f" experiment; restore it (`git checkout {revision} -- {PARAMETERS}`) and run `make run`, or name the"
            " experiment's revision with --committed"
        )


def _require_made_here() -> None:
    """Otherwise the tables are those that git brought, and would be compared with themselves, or were edited."""
    receipt = read_receipt(TABLES)
    for name, digest in receipt["outputs"].items():
        path = TABLES / name
        if path.is_file() and sha256_file(path) != digest:
            raise UserError(f"{path}: not what was made here, says {receipt_file(TABLES)}; `make run` makes it again")
    for name, then in receipt["inputs"].items():
        if not receipt_file(Path(name)).is_file():
            raise UserError(f"{name}: not here, so {TABLES} was not made here; run `make run` first")
        if input_digests(Path(name)) != then:
            raise UserError(f"{TABLES}: made from another {name} than the one there; run `make run` first")


def _committed(revision: str, names: list[str]) -> Tables:
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            text = _git("show", f"{revision}:./{TABLES}/{name}.csv", missing=f"{revision}:{TABLES}/{name}.csv")
            (Path(folder) / f"{name}.csv").write_text(text, encoding="utf-8")
        return {name: _indexed(Path(folder), name) for name in names}


def _git(*arguments: str, missing: str) -> str:
    """What git prints; UserError where there is no checkout, or git does not know what is `missing` then."""
    try:
        inside = subprocess.run(["git", "rev-parse", "--is-inside-work-tree"], capture_output=True, text=True)
        result = subprocess.run(["git", *arguments], capture_output=True, encoding="utf-8")
    except FileNotFoundError:
        raise UserError("git: not found; install it, the committed tables are read from it") from None
    if inside.returncode:
        raise UserError(f"{Path.cwd()}: not a git checkout, so no table is committed; run it in one")
    if result.returncode:
        raise UserError(f"{missing}: git has no such thing; name a revision with --committed, e.g. HEAD or a tag")
    return result.stdout


def _indexed(folder: Path, name: str) -> pd.DataFrame:
    """The numbers of a table, and the answers of verdict.csv, by the key of its rows."""
    key = [*GROUP, *KEYS[name]]
    table = read_table(folder / f"{name}.csv", key=key).set_index(key)
    answers = ["verdict"] if name == "verdict" else []
    numbers = table.select_dtypes("number").columns
    return table[[column for column in table if column in answers or column in numbers]]


def _numbers(name: str, tables: Tables, found: pd.DataFrame) -> pd.DataFrame:
    """Comparison.numbers of one table; tables: the committed ones."""
    committed = tables[name]
    now = found.reindex(index=committed.index, columns=committed.columns)
    allowed = _allowed(name, tables, now).reindex(index=committed.index, columns=committed.columns)
    rows = [", ".join(map(str, key)) for key in committed.index]
    long = pd.DataFrame(
        {
            "table": name,
            "row": np.repeat(rows, committed.shape[1]),
            "column": np.tile(committed.columns, len(committed)),
            "committed": committed.to_numpy(dtype=object).ravel(),
            "found": now.to_numpy(dtype=object).ravel(),
            "allowed": allowed.to_numpy(dtype=float).ravel(),
        }
    )
    values = [pd.to_numeric(long[side], errors="coerce") for side in ("committed", "found")]
    long["apart"] = (values[1] - values[0]).abs()
    long["state"] = np.select(
        [long["committed"] == long["found"], long["apart"] <= long["allowed"]], [IDENTICAL, WITHIN], DIFFERENT
    )
    return long.dropna(subset="committed")


def _allowed(name: str, tables: Tables, found: pd.DataFrame) -> pd.DataFrame:
    """How far a number may be from the committed one, in the shape of the committed table; nan: not at all."""
    table = tables[name]
    if name in ("verdict", "verdict_classes"):
        held = _holds(table, found["gain"]) & _holds(found, table["gain"])
        return pd.DataFrame({column: np.where(held, np.inf, np.nan) for column in INTERVAL}, index=table.index)
    if name in ("summary", "per_class"):
        sds = _of_means(table, tables["summary"]["n"])
    elif name == "forecast":
        sds = _of_forecast(table, tables)
    else:
        sds = _at(table.index, _largest_sd(table))
    return (SDS if name in HEADLINES else SDS_OF_MANY) * math.sqrt(2) * sds


INTERVAL = ["gain", "low", "high"]


def _holds(table: pd.DataFrame, gain: pd.Series[float]) -> pd.Series[bool]:
    """Whether the interval of each row holds a gain."""
    return (table["low"] <= gain) & (gain <= table["high"])


def _largest_sd(table: pd.DataFrame) -> pd.DataFrame:
    """By GROUP, the largest standard deviation over seeds that the table has in each column."""
    names = [name for name in table.index.names if name != "seed"]
    return table.groupby(level=names).std().groupby(level=GROUP).max()


def _of_means(table: pd.DataFrame, seeds: pd.Series[int]) -> pd.DataFrame:
    """Standard errors, for columns x_mean and x_sd; seeds: how many, by GROUP and variant."""
    like = [name for name in table.index.names if name != "variant"]
    roots = np.sqrt(_at(table.index, seeds.to_frame("n"))["n"])
    sds = _at(table.index, table.groupby(level=like).max())
    scores = [column.removesuffix("_sd") for column in map(str, table) if column.endswith("_sd")]
    return pd.DataFrame({f"{s}_{what}": sds[f"{s}_sd"] / roots for s in scores for what in ("mean", "sd")})


def _of_forecast(table: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Standard deviations of one seed; a gain is the difference of two."""
    miou = _at(table.index, _largest_sd(tables["runs"]))["miou"]
    shares = _at(table.index, _largest_sd(tables["validation"])) / 100
    known = {share: shares[share] for share in ("coverage", "precision") if share in shares}
    known |= dict.fromkeys(VARIANTS, miou)
    return pd.DataFrame(known | {f"gain_{variant}": math.sqrt(2) * miou for variant in VARIANTS})


def _at(index: pd.Index[Any], values: pd.DataFrame) -> pd.DataFrame:
    """The rows of `values`, whose index has some of the names of `index`, for each row of `index`."""
    names = list(values.index.names)
    return (
        index.to_frame(index=False)[names].merge(values.reset_index(), how="left").drop(columns=names).set_axis(index)
    )


def _furthest(numbers: pd.DataFrame) -> str:
    """The number that is furthest from the committed one, as a share of what is allowed; empty: all are identical."""
    other = numbers[numbers["state"] != IDENTICAL]
    if not len(other):
        return ""
    other = other.assign(share=(other["apart"] / other["allowed"]).fillna(np.inf))
    return _named(next(other.sort_values(["share", "apart"], ascending=False).itertuples()))


def _named(number: Any) -> str:
    now = "none" if pd.isna(number.found) else number.found
    allowed = f", at most {number.allowed:.3g} apart" if np.isfinite(number.allowed) else ""
    return f"{number.row}: {number.column} {number.committed}, now {now}{allowed}"
