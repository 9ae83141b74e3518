"""What README.md and docs/embedded.md say of the embedded experiment is what the committed tables say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "results/embedded-controls"
SUMMARY = pd.read_csv(TABLES / "summary.csv").set_index("variant")
DIFFERENCES = pd.read_csv(TABLES / "differences.csv").query("minuend == 'prototype'").set_index("subtrahend")


@pytest.mark.parametrize(("page", "variants"), [("README.md", 3), ("docs/embedded.md", 5)])
def test_scores(page, variants):
    text = (ROOT / page).read_text().replace("**", "")
    shown = [
        v for v in SUMMARY.index if f"| {v} | {SUMMARY.steps[v]:,} | {SUMMARY.seconds[v]:.0f} | {score(v)} |" in text
    ]
    assert len(shown) == variants, shown


@pytest.mark.parametrize("page", ["README.md", "docs/embedded.md"])
def test_differences(page):
    text = " ".join((ROOT / page).read_text().split()).replace("95 % interval over seeds ", "").replace(" points", "")
    for other, row in DIFFERENCES.iterrows():
        assert f"{row.difference:+.1f} ({row.low:+.1f} to {row.high:+.1f})" in text, other


def score(variant: str) -> str:
    return f"{SUMMARY.miou_mean[variant]:.1f} ± {SUMMARY.miou_sd[variant]:.1f}"


def test_the_shipped_table_holds_the_same_runs():
    shipped, controls = (pd.read_csv(folder / "runs.csv") for folder in (ROOT / "results/tables", TABLES))
    common = controls[controls.variant.isin(shipped.variant.unique())].reset_index(drop=True)
    pd.testing.assert_frame_equal(shipped, common)
    assert shipped.groupby("variant").seed.nunique().tolist() == [3, 3, 3]
