"""What the runs took of the machine that ran them. Two equal runs differ in it, so these tables are not in git."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from semiproto.errors import UserError
from semiproto.provenance.artifacts import write_csv
from semiproto.provenance.receipts import read_receipt
from semiproto.report.evaluations import GROUP, collect, is_finished, read_evaluations, read_table

RUNS, HISTORY = "runs.csv", "history.csv"
KEY = [*GROUP, "variant", "seed"]

NOTE = (
    "Seconds are wall-clock seconds of training on the machine that ran it, the pretraining that a run started from"
    " included; validation is left out."
)
"""How to read the column seconds."""


def tables(evaluations: list[Path], out: Path) -> list[str]:
    """Writes runs.csv (seconds of training of each run) and history.csv (speed, memory over the steps) into `out`.

    evaluations: as for `tables.tables`; those of runs that are not finished are passed over, as the tables name them.
    Returns the files' names. UserError names one that is damaged.
    """
    read = read_evaluations([folder for folder in evaluations if is_finished(folder)] or evaluations)
    runs = [(e.dataset, e.labels, e.variant, e.seed, _training_seconds(e.folder)) for e in read]
    history = collect(read, "machine.csv", ("step", "seconds"))
    write_csv(out / RUNS, pd.DataFrame(runs, columns=[*KEY, "seconds"]), "%.1f")
    write_csv(out / HISTORY, history)
    return [RUNS, HISTORY]


def with_seconds(summary: pd.DataFrame, runs: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables with a column seconds, in the summary the mean over seeds; folder: what `tables` wrote."""
    seconds = read_table(folder / RUNS, ["seconds"], KEY)[[*KEY, "seconds"]]
    means = seconds.groupby([*GROUP, "variant"])["seconds"].mean().reset_index()
    return summary.merge(means, on=[*GROUP, "variant"], how="left"), runs.merge(seconds, on=KEY, how="left")


def _training_seconds(evaluation: Path) -> float:
    try:
        return float(read_receipt(evaluation)["facts"]["training_seconds"])
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{evaluation}/receipt.json: has no training_seconds; delete {evaluation} and run `snakemake --cores all`"
        ) from None
