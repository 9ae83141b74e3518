"""The tables against values worked out by hand, and plain words where something is missing."""

import csv
import json
import math
import subprocess
import sys

import pytest

from semiproto.analysis import compare
from semiproto.errors import UserError

T_975 = {1: 12.7062047, 2: 4.3026527}
"""Student's t, two-sided 95 %, by degrees of freedom: from a printed table."""


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def difference(results, minuend, subtrahend):
    table = rows(results.tables / "differences.csv")
    return next(row for row in table if (row["minuend"], row["subtrahend"]) == (minuend, subtrahend))


def test_runs_have_the_promised_columns_and_order(results):
    folders = [results.run("prototype", 1, 64.126), results.run("zebra", 0, 1.0), results.run("supervised", 10, 52.0)]
    folders += [results.run("supervised", 9, 50.0), results.run("prototype", 0, 60.0, split="10")]
    compare.tables(folders, results.tables)
    lines = (results.tables / "runs.csv").read_text().splitlines()
    assert lines == [
        "dataset,labels,variant,seed,steps,seconds,miou,miou_best,miou_prototype_head",
        "digits,10,prototype,0,1400,100.00,60.00,90.00,50.00",
        "digits,30,supervised,9,1400,109.00,50.00,90.00,",
        "digits,30,supervised,10,1400,110.00,52.00,90.00,",
        "digits,30,prototype,1,1400,101.00,64.13,90.00,51.00",
        "digits,30,zebra,0,1400,100.00,1.00,90.00,50.00",
    ]


def test_means_and_spreads(results, three_variants):
    compare.tables(results.grid(three_variants), results.tables)
    supervised, _, prototype = rows(results.tables / "summary.csv")
    assert (supervised["n"], supervised["steps"], supervised["seconds"]) == ("3", "1400", "101.00")
    assert (supervised["miou_mean"], supervised["miou_sd"]) == ("52.00", "2.00")  # of 50, 52, 54; sd over n - 1
    assert (supervised["miou_prototype_head_mean"], supervised["miou_prototype_head_sd"]) == ("", "")
    assert (prototype["miou_prototype_head_mean"], prototype["miou_prototype_head_sd"]) == ("51.00", "1.00")
    assert (prototype["miou_best_mean"], prototype["miou_best_sd"]) == ("90.00", "0.00")


def test_differences_are_paired_by_seed(results, three_variants):
    compare.tables(results.grid(three_variants), results.tables)
    found = difference(results, "prototype", "supervised")  # 13, 12, 11
    half = T_975[2] * 1 / math.sqrt(3)
    assert (found["n"], found["difference"], found["sd"]) == ("3", "12.00", "1.00")
    assert (found["low"], found["high"]) == (f"{12 - half:.2f}", f"{12 + half:.2f}")
    assert (found["equal_steps"], found["verdict"]) == ("True", "above zero")
    assert difference(results, "prototype", "consistency")["verdict"] == "within noise"  # 3, -6, 15
    assert difference(results, "consistency", "supervised")["difference"] == "8.00"  # 10, 18, -4
    assert len(rows(results.tables / "differences.csv")) == 3


def test_a_seed_that_only_one_variant_has_counts_in_no_difference(results):
    folders = [results.run("prototype", seed, score) for seed, score in ((3, 10.0), (4, 20.0), (5, 99.0))]
    folders += [results.run("supervised", seed, score) for seed, score in ((4, 30.0), (3, 40.0), (7, 0.0))]
    compare.tables(folders, results.tables)
    found = difference(results, "prototype", "supervised")  # seed 3: -30, seed 4: -10
    half = T_975[1] * math.sqrt(200) / math.sqrt(2)
    assert (found["n"], found["difference"]) == ("2", "-20.00")
    assert (found["low"], found["high"], found["verdict"]) == (f"{-20 - half:.2f}", f"{-20 + half:.2f}", "within noise")


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ([10.0, 11.0, 12.0], "below zero"),
        ([50.0, 52.0, 54.0], "within noise"),  # no difference and no spread
        ([10.0], "one seed: can't tell"),
        ([None, 11.0], "one seed: can't tell"),
        ([None, None], "no seed in common: can't tell"),
    ],
)
def test_verdicts(results, scores, verdict):
    compare.tables(results.grid({"supervised": [50.0, 52.0, 54.0], "prototype": scores}), results.tables)
    found = difference(results, "prototype", "supervised")
    assert found["verdict"] == verdict
    assert (found["low"] == "") == ("tell" in verdict)


def test_unequal_steps_are_said(results):
    controls = ["supervised-equal-compute", "consistency-equal-loss"]
    compare.tables(results.grid({v: [50.0, 51.0] for v in ["prototype", "supervised", *controls]}), results.tables)
    assert difference(results, "prototype", "supervised-equal-compute")["equal_steps"] == "False"
    text = (results.tables / "summary.md").read_text()
    assert "Steps are not equal between prototype and supervised-equal-compute." in text
    assert "isn't known" not in text
    assert "Not run: consistency." in text


def test_summary_says_what_is_beyond_noise_and_what_was_not_run(results, three_variants):
    compare.tables(results.grid(three_variants), results.tables)
    text = (results.tables / "summary.md").read_text()
    assert "| supervised | 1,400 | 101 | 52.0 ± 2.0 | 90.0 ± 0.0 | none | 3 |" in text
    assert "| consistency-equal-loss | not run |  |  |  |  |  |" in text
    assert "| prototype − supervised | +12.0 | +9.5 to +14.5 | 1.0 | 3 | equal | above zero |" in text
    assert "Beyond noise, higher: prototype over supervised +12.0 points (+9.5 to +14.5)." in text
    assert "Not beyond noise: prototype over consistency +4.0 points (−22.2 to +30.2); consistency over" in text
    assert "Steps are equal in every comparison." in text
    assert "(the same compute) isn't known from this run" in text
    assert "(the same loss scale) isn't known from this run" in text
    assert "wall-clock seconds" in text


def test_one_variant_with_one_seed(results):
    compare.tables([results.run("supervised", 0, None)], results.tables)
    (row,) = rows(results.tables / "summary.csv")
    assert (row["n"], row["miou_mean"], row["miou_sd"]) == ("0", "", "")
    assert rows(results.tables / "differences.csv") == []
    text = (results.tables / "summary.md").read_text()
    assert "Nothing was run that could be compared. Not run: consistency, prototype." in text
    assert "| supervised | 1,400 | 100 | no score | 90.0 (one seed) | none | 0 |" in text
    assert "nan" not in text.replace("<NA>", "nan")


def test_metrics_for_dvc_leave_out_what_does_not_exist(results):
    compare.tables(results.grid({"supervised": [50.0, 52.0], "prototype": [60.0]}), results.tables)
    metrics = json.loads((results.tables / "metrics.json").read_text())
    assert metrics == {"digits": {"30": {"supervised": {"miou": 51.0, "miou_sd": 1.41}, "prototype": {"miou": 60.0}}}}


def test_per_class_keeps_order_and_odd_names(results):
    compare.tables(results.grid({"prototype": [60.0, 61.0]}), results.tables)
    assert (results.tables / "per_class.csv").read_text().splitlines()[1:] == [
        "digits,30,prototype,background,80.50,0.71",
        "digits,30,prototype,cat,60.00,0.00",
        "digits,30,prototype,None,,",
    ]
    assert list(compare.read_table(results.tables / "per_class.csv")["class"]) == ["background", "cat", "None"]


def test_long_tables_keep_every_logged_column(results):
    compare.tables([results.run("supervised", 0, 50.0), results.run("prototype", 2, 60.0)], results.tables)
    validation = rows(results.tables / "validation.csv")
    assert [(v["variant"], v["seed"], v["step"], v["miou"]) for v in validation] == [
        ("supervised", "0", "500", "40.50"),
        ("supervised", "0", "1000", "50.50"),
        ("prototype", "2", "500", "42.50"),
        ("prototype", "2", "1000", "52.50"),
    ]
    history = rows(results.tables / "history.csv")
    assert [h["coverage"] for h in history] == ["", "", "0.25", "0.75"]
    assert [h["labeled_linear"] for h in history] == ["2", "1", "1.5", "1"]


def test_same_input_same_bytes_in_any_order(results, three_variants):
    folders = results.grid(three_variants)
    compare.tables(folders, results.root / "one")
    compare.tables(folders[::-1], results.root / "two")
    files = sorted((results.root / "one").iterdir())
    assert len(files) == 8
    assert all(file.read_bytes() == (results.root / "two" / file.name).read_bytes() for file in files)


@pytest.mark.parametrize("text", ["{", "{}", '{"dataset": "digits"}', "[]"])
def test_damaged_metrics_are_named(results, text):
    folder = results.run("prototype", 0, 60.0)
    (folder / "metrics.json").write_text(text)
    with pytest.raises(UserError, match=r"prototype/seed0/metrics\.json: not a run's metrics"):
        compare.tables([folder], results.tables)


def test_as_many_scores_as_classes(results):
    with pytest.raises(UserError, match=r"metrics\.json: not a run's metrics"):
        compare.tables([results.run("prototype", 0, 60.0, iou=[1.0])], results.tables)


def test_the_same_run_twice_is_refused(results):
    folder = results.run("prototype", 0, 60.0)
    copy = results.run("prototype", 1, 60.0, seed=0)
    with pytest.raises(UserError, match="the same variant, labels and seed as"):
        compare.tables([folder, copy], results.tables)


def test_nothing_to_read_is_said(results):
    with pytest.raises(UserError, match="no evaluation was given"):
        compare.tables([], results.tables)
    with pytest.raises(UserError, match="no such file"):
        compare.tables([results.root / "gone"], results.tables)


def test_the_last_steps_never_load_torch():
    code = (
        "import sys; from semiproto.analysis import compare, figures, report;"
        " sys.exit('torch was imported' if 'torch' in sys.modules else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
