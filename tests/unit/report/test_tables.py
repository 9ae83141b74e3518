"""The tables against values worked out by hand, and plain words where something is missing."""

import csv
import json

import pytest

from semiproto.errors import UserError
from semiproto.report import tables
from semiproto.report.evaluations import read_table


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_runs_have_the_promised_columns_and_order(results):
    folders = [results.run("prototype", 1, 64.126), results.run("zebra", 0, 11.0), results.run("supervised", 10, 52.0)]
    folders += [results.run("supervised", 9, 50.0), results.run("prototype", 0, 60.0, split="10")]
    tables.tables(folders, results.tables)
    lines = (results.tables / "runs.csv").read_text().splitlines()
    assert lines == [
        "dataset,labels,variant,seed,steps,miou,miou_best,miou_student,miou_prototype_head,boundary_iou,accuracy,ece",
        "digits,10,prototype,0,1400,60.00,90.00,40.00,50.00,30.00,95.00,7.50",
        "digits,30,supervised,9,1400,50.00,90.00,40.00,,30.00,95.00,7.50",
        "digits,30,supervised,10,1400,52.00,90.00,40.00,,30.00,95.00,7.50",
        "digits,30,prototype,1,1400,64.13,90.00,40.00,51.00,30.00,95.00,7.50",
        "digits,30,zebra,0,1400,11.00,90.00,40.00,50.00,30.00,95.00,7.50",
    ]


def test_another_head_gets_its_own_columns(results):
    heads = {"linear": {"miou": 40.0}, "boundary": {"miou": 33.0}}
    folders = [results.run("supervised", 0, 50.0), results.run("prototype", 0, 60.0, heads=heads)]
    tables.tables(folders, results.tables)
    runs, summary = rows(results.tables / "runs.csv"), rows(results.tables / "summary.csv")
    assert [*runs[0]] == [*tables.RUN_COLUMNS, "miou_boundary_head"]
    assert [run["miou_boundary_head"] for run in runs] == ["", "33.00"]
    assert [run["miou_prototype_head"] for run in runs] == ["", ""]
    assert [row["miou_boundary_head_mean"] for row in summary] == ["", "33.00"]
    people = (results.tables / "summary.md").read_text()
    assert "| prototype head | boundary head |" in people and "| none | 33.0 (one seed) |" in people


def test_means_and_spreads(results, three_variants):
    tables.tables(results.grid(three_variants), results.tables)
    supervised, _, prototype = rows(results.tables / "summary.csv")
    assert (supervised["n"], supervised["steps"]) == ("3", "1400")
    assert (supervised["miou_mean"], supervised["miou_sd"]) == ("52.00", "2.00")  # of 50, 52, 54; sd over n - 1
    assert (supervised["miou_prototype_head_mean"], supervised["miou_prototype_head_sd"]) == ("", "")
    assert (prototype["miou_prototype_head_mean"], prototype["miou_prototype_head_sd"]) == ("51.00", "1.00")
    assert (prototype["miou_best_mean"], prototype["miou_best_sd"]) == ("90.00", "0.00")


def test_metrics_for_dvc_leave_out_what_does_not_exist(results):
    tables.tables(results.grid({"supervised": [50.0, 52.0], "prototype": [60.0]}), results.tables)
    metrics = json.loads((results.tables / "metrics.json").read_text())
    assert metrics == {"digits": {"30": {"supervised": {"miou": 51.0, "miou_sd": 1.41}, "prototype": {"miou": 60.0}}}}


def test_long_tables_keep_every_logged_column(results):
    tables.tables([results.run("supervised", 0, 50.0), results.run("prototype", 2, 60.0)], results.tables)
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
    tables.tables(folders, results.root / "one")
    tables.tables(folders[::-1], results.root / "two")
    files = sorted((results.root / "one").iterdir())
    assert len(files) == 13
    assert all(file.read_bytes() == (results.root / "two" / file.name).read_bytes() for file in files)


@pytest.mark.parametrize("text", ["{", "{}", '{"dataset": "digits"}', "[]"])
def test_damaged_metrics_are_named(results, text):
    folder = results.run("prototype", 0, 60.0)
    (folder / "metrics.json").write_text(text)
    with pytest.raises(UserError, match=r"prototype/seed0/metrics\.json: not a run's metrics"):
        tables.tables([folder], results.tables)


@pytest.mark.parametrize(
    "changes",
    [
        {"iou": [70.0, 40.0, None]},  # whose mean is not 60
        {"iou": [110.0, 10.0, None]},
        {"accuracy": float("inf")},
        {"ece": -1.0},
        {"steps": 0},
        {"seed": -1},
    ],
)
def test_scores_that_cannot_be_are_refused(results, changes):
    folder = results.run("prototype", 0, 60.0, **changes)
    with pytest.raises(UserError, match=r"prototype/seed0/metrics\.json: not a run's metrics"):
        tables.tables([folder], results.tables)


@pytest.mark.parametrize(
    ("name", "text"),
    [("history.csv", ""), ("calibration.csv", "a,b\n1,2\n"), ("validation.csv", "step,miou\n500,x\n")],
)
def test_what_is_damaged_leaves_the_former_tables(results, three_variants, name, text):
    folders = results.grid(three_variants)
    tables.tables(folders[:-1], results.tables)
    before = {path.name: path.read_bytes() for path in results.tables.iterdir()}
    (folders[-1] / name).write_text(text)
    with pytest.raises(UserError, match=rf"seed2/{name}: (damaged|not a table)"):
        tables.tables(folders, results.tables)
    assert {path.name: path.read_bytes() for path in results.tables.iterdir()} == before


def test_as_many_scores_as_classes(results):
    with pytest.raises(UserError, match=r"metrics\.json: not a run's metrics"):
        tables.tables([results.run("prototype", 0, 60.0, iou=[1.0])], results.tables)


def test_the_same_run_twice_is_refused(results):
    folder = results.run("prototype", 0, 60.0)
    copy = results.run("prototype", 1, 60.0, seed=0)
    with pytest.raises(UserError, match="the same variant, labels and seed as"):
        tables.tables([folder, copy], results.tables)


def test_nothing_to_read_is_said(results):
    with pytest.raises(UserError, match="no evaluation was given"):
        tables.tables([], results.tables)
    with pytest.raises(UserError, match="no such file"):
        tables.tables([results.root / "gone"], results.tables)


def test_summary_has_a_row_for_what_was_not_run(results, three_variants):
    tables.tables(results.grid(three_variants), results.tables)
    text = (results.tables / "summary.md").read_text()
    assert "| supervised | 1,400 | 52.0 ± 2.0 | 90.0 ± 0.0 | none | 30.0 ± 0.0 | 95.0 ± 0.0 | 7.5 ± 0.0 | 3 |" in text
    assert "| consistency-equal-loss | not run |" in text
    assert "- Did the unlabelled images help? helped by 12.0 points, 95 % interval 9.5 to 14.5." in text
    assert "seconds" not in text
    assert "No number to compare with. digits: nobody published results on these images" in text


def test_latex_and_markdown_say_the_same(results, three_variants):
    tables.tables(results.grid(three_variants), results.tables)
    latex, markdown = ((results.tables / f"summary.{kind}").read_text() for kind in ("tex", "md"))
    cells = [cell.strip() for line in markdown.splitlines() if line.startswith("| proto") for cell in line.split("|")]
    row = next(line for line in latex.splitlines() if line.startswith("prototype &")).replace("$\\pm$", "±")
    assert [cell.strip() for cell in row.removesuffix("\\\\").split("&")] == [cell for cell in cells if cell]
    assert "prototype $-$ supervised & +12.0 & +9.5 to +14.5 & 3" in latex


def test_one_variant_with_one_seed(results):
    tables.tables([results.run("supervised", 0, None)], results.tables)
    (row,) = rows(results.tables / "summary.csv")
    assert (row["n"], row["miou_mean"], row["miou_sd"]) == ("0", "", "")
    assert all(row["verdict"] == "not known" and row["gain"] == "" for row in rows(results.tables / "verdict.csv"))
    text = (results.tables / "summary.md").read_text()
    assert "| supervised | 1,400 | no score | 90.0 (one seed) | none |" in text
    assert "nan" not in text and "<NA>" not in text


def test_a_run_that_is_not_finished_is_named_and_counts_nowhere(results):
    folders = results.grid({"supervised": [50.0, 51.0], "prototype": [60.0, 61.0]})
    (folders[-1] / "metrics.json").unlink()
    tables.tables(folders, results.tables)
    assert (
        f"Not finished, and in no number here: {folders[-1].as_posix()}." in (results.tables / "summary.md").read_text()
    )
    assert rows(results.tables / "unfinished.csv") == [{"run": folders[-1].as_posix()}]
    assert [row["n"] for row in rows(results.tables / "summary.csv")] == ["2", "1"]
    assert "no score of both for seed 1, left out" in rows(results.tables / "verdict.csv")[0]["sentence"]


def test_per_class_keeps_order_and_odd_names(results):
    tables.tables(results.grid({"prototype": [60.0, 61.0]}), results.tables)
    assert (results.tables / "per_class.csv").read_text().splitlines()[1:] == [
        "digits,30,prototype,background,70.50,0.71,40.00,0.00",
        "digits,30,prototype,cat,50.50,0.71,20.00,0.00",
        "digits,30,prototype,None,,,,",
    ]
    assert list(read_table(results.tables / "per_class.csv")["class"]) == ["background", "cat", "None"]


VOC = {"set": "voc-sbd", "family": "classic", "encoder": "resnet101s.gluon_in1k"}


def test_published_numbers_stand_beside_ours(results):
    folders = [results.run("prototype", seed, 70.0 + seed, split="92", labels=92, **VOC) for seed in (0, 1)]
    tables.tables(folders, results.tables)
    found = {(row["labels"], row["method"]): row for row in rows(results.tables / "published.csv")}
    assert found["92", "the paper"]["published"] == "70.06" and found["92", "the paper"]["miou_mean"] == "70.50"
    assert found["92", "supervised only"]["miou_mean"] == ""  # not run
    assert {(row["family"], row["protocol"]) for row in found.values()} == {("classic", "whole images")}
    text, latex = ((results.tables / f"summary.{kind}").read_text() for kind in ("md", "tex"))
    ours = ["the paper", "70.06", "90.0 ± 0.0", "70.5 ± 0.7", "2", "whole images", "Xu et al., NeurIPS 2022"]
    assert f"| classic, 92 | {' | '.join(ours)} |" in text and "| supervised only | 45.77 | not run |" in text
    assert " & ".join(["classic, 92", *ours]).replace("±", "$\\pm$") in latex
    assert found["1464", "the paper"]["published"] == "80.65" and found["1464", "the paper"]["miou_mean"] == ""
    assert not any(row["note"] for row in found.values())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"set": "digits", "family": "generated"}, "nobody published results on these images"),
        ({"set": "voc", "family": "classic"}, "nobody published results on these images"),
        (
            {"window": {"size": 769, "stride": 513}},
            "scored on windows of 769, stride 513, the published ones on whole images",
        ),
        ({"encoder": "resnet18.a1_in1k"}, "the encoder is resnet18.a1_in1k"),
    ],
)
def test_what_cannot_be_compared_gets_the_reason_and_no_number(results, change, reason):
    tables.tables([results.run("prototype", 0, 70.0, split="92", **VOC | change)], results.tables)
    (row,) = rows(results.tables / "published.csv")
    assert row["note"].startswith(reason) and row["published"] == row["miou_mean"] == ""
