"""The real Snakefile and dvc.yaml on the tiny experiment."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from semiproto.analysis.tables import RUN_COLUMNS

FORECAST = {"outcome": 1, "figures": 1, "report": 1}
TABLES = {"tables": 1} | FORECAST
LAST = {"patches": 1} | TABLES
"""The jobs that follow a change of the full method."""


def test_everything_is_made(finished):
    runs = pd.read_csv(finished.path / "results/tables/runs.csv")
    assert list(runs.columns) == RUN_COLUMNS
    assert sorted(zip(runs.variant, runs.seed, strict=True)) == [
        (variant, seed) for variant in ("consistency", "prototype", "supervised") for seed in (0, 1)
    ]
    assert (runs.steps == 10).all()  # 6 of pretraining and 4 more
    assert runs.miou_prototype_head.notna().eq(runs.variant == "prototype").all()
    for name in (
        "method",
        "labels",
        "gain",
        "curves",
        "per_class",
        "calibration",
        "samples",
        "tsne",
        "patches",
        "forecast",
    ):
        assert (finished.path / f"results/figures/{name}.png").stat().st_size > 5000
    assert "<html" in (finished.path / "results/report.html").read_text()


def test_unlabelled_images_have_no_masks(finished):
    files = finished.path / "data/raw/tiny/files"
    unlabeled = (finished.path / "data/splits/tiny/8/unlabeled.txt").read_text().split()
    assert len(unlabeled) == 12
    assert not any((files / "SegmentationClass" / f"{image_id}.png").exists() for image_id in unlabeled)


def test_the_forecast_is_of_models_that_did_not_see_the_images(finished):
    labeled = set((finished.path / "data/splits/tiny/8/labeled.txt").read_text().split())
    receipt = json.loads((finished.path / "results/forecast/tiny/8/seed0/receipt.json").read_text())
    measured, pixels = [], 0
    for fold in (finished.path / f"data/folds/tiny/8/fold{n}" for n in range(2)):
        seen, held_out = (set((fold / f"{name}.txt").read_text().split()) for name in ("labeled", "val"))
        assert seen | held_out == labeled and seen.isdisjoint(held_out)
        trained_on = json.loads((finished.path / f"models/folds/tiny/8/seed0/{fold.name}/receipt.json").read_text())
        lists = json.loads((fold / "receipt.json").read_text())
        assert trained_on["inputs"][f"data/folds/tiny/8/{fold.name}"] == lists["outputs"]
        assert receipt["inputs"][f"models/folds/tiny/8/seed0/{fold.name}"] == trained_on["outputs"]
        measured += held_out
        pixels += 48 * 48 * len(held_out)
    assert len(measured) == len(set(measured)) >= 6
    table = pd.read_csv(finished.path / "results/forecast/tiny/8/seed0/forecast.csv")
    assert set(table[table.group == "all"].pixels) == {pixels}


def test_receipts_name_outputs_inputs_and_config(finished):
    folder = finished.path / "models/semi/tiny/8/prototype/seed0"
    receipt = json.loads((folder / "receipt.json").read_text())
    pretrained = json.loads((finished.path / "models/pretrain/tiny/8/seed0/receipt.json").read_text())
    assert receipt["inputs"]["models/pretrain/tiny/8/seed0"] == pretrained["outputs"]
    assert receipt["config"]["semi"]["steps"] == 4
    assert set(receipt["outputs"]) == {
        *("model.safetensors", "student.safetensors", "card.json", "validation.csv", "health.csv")
    }


def test_variants_start_from_the_same_model_and_end_apart(finished):
    digests = {
        json.loads(path.read_text())["outputs"]["model.safetensors"]
        for path in finished.path.glob("models/semi/tiny/8/*/seed0/receipt.json")
    }
    assert len(digests) == 3


def test_nothing_to_do_a_second_time(finished):
    assert finished.planned() == {}


def test_settings_of_the_machine_rerun_nothing(checkout):
    checkout.edit(lambda tree: tree["compute"].update(threads=2, workers=1))
    assert checkout.planned() == {}


def test_a_rule_starts_as_many_processes_as_asked_for(checkout):
    checkout.edit(lambda tree: tree["compute"].update(processes=2))
    receipt = "models/semi/tiny/8/prototype/seed0/receipt.json"
    checkout.snakemake("--quiet", "rules", "host", "reason", "--forcerun", "train", "--", receipt)
    assert json.loads((checkout.path / receipt).read_text())["facts"]["processes"] == 2


@pytest.mark.parametrize(
    ("section", "key", "value", "jobs"),
    [
        ("tsne", "perplexity", 4, {"tsne": 2, "figures": 1, "report": 1}),
        ("patches", "size", 12, {"patches": 1, "figures": 1, "report": 1}),
        ("evaluate", "window", {"size": 32, "stride": 24}, {"evaluate": 6} | TABLES),
        ("prototypes", "per_class", 2, {"prototypes": 2, "train": 2, "evaluate": 2, "tsne": 2} | LAST),
        ("forecast", "images", "validation", {"forecast": 1} | FORECAST),
        ("forecast", "folds", 3, {"folds": 1, "pretrain_fold": 3, "forecast": 1} | FORECAST),
        ("semi", "steps", 5, {"train": 6, "evaluate": 6, "tsne": 2} | LAST),
        ("semi", "tau", 0.7, {"forecast": 1, "train": 6, "evaluate": 6, "tsne": 2} | LAST),
        (
            "pretrain",
            "steps",
            8,
            {"pretrain": 2, "pretrain_fold": 2, "forecast": 1, "features": 2, "prototypes": 2}
            | {"train": 6, "evaluate": 6, "tsne": 2}
            | LAST,
        ),
    ],
)
def test_a_changed_parameter_reruns_what_depends_on_it(checkout, section, key, value, jobs):
    checkout.edit(lambda tree: tree[section].update({key: value}))
    assert checkout.planned() == jobs


def test_a_changed_variant_reruns_that_variant(checkout):
    checkout.edit(lambda tree: tree["variants"]["consistency"].update(semi={"tau": 0.5}))
    assert checkout.planned() == {"train": 2, "evaluate": 2, "tsne": 2} | TABLES


def test_one_more_seed_costs_one_seed(checkout):
    checkout.edit(lambda tree: tree["experiments"][0]["seeds"].append(2))
    plan = checkout.planned()
    assert plan["pretrain"] == plan["features"] == plan["prototypes"] == 1
    assert plan["train"] == plan["evaluate"] == 3
    assert plan["tsne"] == 1
    assert "data" not in plan and "split" not in plan and "patches" not in plan


def test_a_bad_parameter_file_ends_before_anything_runs(checkout):
    checkout.edit(lambda tree: tree["semi"].update(taus=0.7))
    result = checkout.run("snakemake", "--cores", "2", "--dry-run", check=False)
    assert result.returncode != 0
    assert "params.yaml: semi.taus: unknown parameter" in result.stdout
    assert "did you mean tau?" in result.stdout


def test_a_deleted_model_is_made_again(checkout):
    shutil.rmtree(checkout.path / "models/semi/tiny/8/supervised/seed0")
    assert checkout.planned()["train"] == 1
    checkout.snakemake("--quiet", "rules", "host", "reason")
    assert checkout.planned() == {}


def test_dvc_repro_runs_only_what_changed(checkout):
    before = {p: p.stat().st_mtime_ns for p in checkout.path.glob("models/**/*.safetensors")}
    checkout.run("dvc", "repro")
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert "up to date" in checkout.run("dvc", "status").stdout
    checkout.edit(lambda tree: tree["prototypes"].update(per_class=2))
    checkout.run("dvc", "repro")
    changed = {p.relative_to(checkout.path).as_posix() for p in before if p.stat().st_mtime_ns != before[p]}
    assert {path.rsplit("/", 2)[0] for path in changed} == {"models/prototypes/tiny/8", "models/semi/tiny/8/prototype"}
    assert checkout.planned() == {}
    assert "up to date" in checkout.run("dvc", "status").stdout
