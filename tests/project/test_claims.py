"""What README.md and docs/embedded.md say of the embedded experiment is what the committed tables say."""

from __future__ import annotations

import subprocess
from io import StringIO
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from semiproto.report import forecast as advice
from semiproto.report import verdict
from semiproto.report.tables import mean_sd

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "results/embedded-controls"
SUMMARY = pd.read_csv(TABLES / "summary.csv").set_index("variant")
VERDICT = pd.read_csv(TABLES / "verdict.csv").query("minuend == 'prototype'").set_index("subtrahend")


@pytest.mark.parametrize(("page", "variants"), [("README.md", 3), ("docs/embedded.md", 5)])
def test_scores(page, variants):
    text = (ROOT / page).read_text().replace("**", "")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    shown = [v for v in SUMMARY.index if any({v, f"{SUMMARY.steps[v]:,}", score(v)} <= set(row) for row in rows)]
    assert len(shown) == variants, shown


@pytest.mark.parametrize("page", ["README.md", "docs/embedded.md"])
def test_differences(page):
    text = " ".join((ROOT / page).read_text().split()).replace("95 % interval ", "").replace(" points", "")
    assert len(VERDICT) == 4
    for other, row in VERDICT.iterrows():
        assert f"{signed(row.gain)} ({signed(row.low)} to {signed(row.high)})" in text, other


def test_what_is_said_of_the_recipe_on_the_embedded_set():
    folder, text = ROOT / "results/embedded-recipes", (ROOT / "docs/embedded.md").read_text()
    summary = pd.read_csv(folder / "summary.csv").set_index("variant")
    gains = pd.read_csv(folder / "verdict.csv").set_index(["minuend", "subtrahend"])
    for variant, said in (("consistency", ""), ("prototype", ", recommended")):
        row, gain = summary.loc[f"{variant}-strong"], gains.loc[f"{variant}-strong", variant]
        over = f"{signed(gain.gain)} ({signed(gain.low)} to {signed(gain.high)})"
        score = mean_sd(row.miou_mean, row.miou_sd)
        assert f"| {variant}-strong{said} | {row.steps:,} | {score} | {over} |" in text
    for variant, other in (("unimatch", "supervised"), ("unimatch-prototype", "unimatch")):
        row, gain = summary.loc[variant], gains.loc[variant, other]
        over = f"{signed(gain.gain)} ({signed(gain.low)} to {signed(gain.high)})"
        assert f"| {variant} | {row.steps:,} | {mean_sd(row.miou_mean, row.miou_sd)} | {other} | {over} |" in text
    last = pd.read_csv(folder / "validation.csv").query("variant == 'unimatch' and step == 1000").coverage
    assert "{:.1f}, {:.1f} and {:.1f} % of the validation".format(*last) in text


def signed(points: float) -> str:
    return verdict.signed(float(points)).replace("−", "-")


def score(variant: str) -> str:
    return f"{SUMMARY.miou_mean[variant]:.1f} ± {SUMMARY.miou_sd[variant]:.1f}"


def committed(name: str) -> str:
    """A file as git has it: a run on another processor, or of other parameters, leaves other tables in its place."""
    try:
        return subprocess.run(
            ["git", "show", f"HEAD:./{name}"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):  # the sources alone
        return (ROOT / name).read_text()


def test_the_shipped_table_holds_the_same_runs():
    shipped = pd.read_csv(StringIO(committed("results/tables/runs.csv")))
    controls = pd.read_csv(TABLES / "runs.csv")
    common = controls[controls.variant.isin(shipped.variant.unique())].reset_index(drop=True)
    pd.testing.assert_frame_equal(shipped, common)
    assert shipped.groupby("variant").seed.nunique().tolist() == [3, 3, 3]


def test_the_forecasts_table_is_the_evidence():
    runs = pd.read_csv(ROOT / "src/semiproto/report/forecast-evidence.csv").set_index(["dataset", "labels", "seed"])
    text = (ROOT / "docs/forecast.md").read_text()
    own, val = (runs[runs["images"] == images] for images in ("labeled", "validation"))
    assert len(own) == len(val) == 10
    for key, row in own.iterrows():
        shares = [f"{row[c]:.0%} ({val.loc[key, c]:.0%})".replace("%", " %", 1).replace("%)", ")") for c in SHARES]
        scores = [f"{row[v]:.1f}" for v in ("supervised", "consistency", "prototype")]
        gains = [f"{row[f'gain_{v}']:+.1f}" for v in ("consistency", "prototype")]
        assert f"| {key[0]}, {key[1]} | {key[2]} | {' | '.join(shares + scores + gains)} |" in text
    for images, shown in (("labeled", "**29 %**"), ("validation", "25 % (15 and 36 %)")):
        assert f"{advice.level(advice.read_evidence(images)):.0%}".replace("%", " %") in shown and shown in text


SHARES = ["coverage", "precision"]


def test_what_is_said_of_photographs():
    folder, text = ROOT / "results/evidence", (ROOT / "docs/evidence.md").read_text().replace("**", "")
    summary = pd.read_csv(folder / "summary.csv").set_index(["labels", "variant"])
    differences = pd.read_csv(folder / "verdict.csv").dropna(subset="gain")
    for labels, (ending, seeds) in product((54, 109), (("", 3), ("-long", 5))):
        rows = [summary.loc[labels, variant + ending] for variant in ("supervised", "consistency", "prototype")]
        assert [row.n for row in rows] == [seeds] * 3
        scores = [mean_sd(row.miou_mean, row.miou_sd) for row in rows]
        head = mean_sd(rows[2].miou_prototype_head_mean, rows[2].miou_prototype_head_sd)
        assert f"| {labels} | {' | '.join(scores)} | {head} |" in text
    for row in differences.itertuples():
        numbers = f"{signed(row.gain)} | {signed(row.low)} to {signed(row.high)} | {row.verdict}"
        assert f"| {row.labels} | {row.minuend} - {row.subtrahend} | {numbers} |" in text
    assert len(differences) == 36


def test_what_is_said_of_a_better_encoder():
    folder, text = ROOT / "results/evidence-lite", (ROOT / "docs/evidence.md").read_text()
    whole, summary = pd.read_csv(folder / "runs.csv"), pd.read_csv(folder / "summary.csv")
    for labels, own in whole.groupby("labels"):
        runs, means = own.set_index(["variant", "seed"]), summary[summary["labels"] == labels].set_index("variant")
        rows = [(variant, f"`{variant}`", "miou") for variant in own["variant"].unique()]
        if "prototype-strong" in means.index:
            rows.append(("prototype-strong", "its prototype head", "miou_prototype_head"))
        for variant, name, score in rows:
            by_seed, mean = runs.loc[variant][score], means.loc[variant, f"{score}_mean"]
            cells = [f"{by_seed[seed]:.1f}" if seed in by_seed else "not run" for seed in own["seed"].unique()]
            assert f"| {name} | {' | '.join(cells)} | {mean:.1f} |" in text
    known = pd.read_csv(folder / "verdict.csv").dropna(subset="gain")
    assert len(known)
    for one in known.itertuples():
        numbers = f"{signed(one.gain)} | {signed(one.low)} to {signed(one.high)} | {one.verdict}"
        assert f"| {one.labels} | {one.minuend} - {one.subtrahend} | {numbers} |" in text


def test_what_readme_says_of_photographs():
    text = " ".join((ROOT / "README.md").read_text().split()).replace("95 % interval ", "")
    differences = pd.read_csv(ROOT / "results/evidence/verdict.csv").set_index(["labels", "minuend", "subtrahend"])
    full = "prototype-long"
    asked = [(labels, other) for labels in (54, 109) for other in ("supervised-long", "consistency-long")]
    for labels, other in [*asked, (54, "supervised-equal-compute-long")]:
        row = differences.loc[labels, full, other]
        assert f"{signed(row.gain)} ({signed(row.low)} to {signed(row.high)})" in text, (labels, other)
