"""The real Snakefile and dvc.yaml on the tiny experiment."""

from __future__ import annotations

import json

import pandas as pd

from semiproto.report.tables import RUN_COLUMNS


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
        *("model.safetensors", "student.safetensors", "card.json", "history.csv", "validation.csv", "health.csv")
    }


def test_variants_start_from_the_same_model_and_end_apart(finished):
    digests = {
        json.loads(path.read_text())["outputs"]["model.safetensors"]
        for path in finished.path.glob("models/semi/tiny/8/*/seed0/receipt.json")
    }
    assert len(digests) == 3


def test_a_rule_starts_as_many_processes_as_asked_for(checkout):
    checkout.stand_ins = None  # the launcher starts sessions of its own, which stand-ins cannot follow
    checkout.edit(lambda tree: tree["compute"].update(processes=2))
    receipt = "models/semi/tiny/8/prototype/seed0/receipt.json"
    checkout.snakemake("--quiet", "rules", "host", "reason", "--forcerun", "train", "--", receipt)
    assert json.loads((checkout.path / receipt).read_text())["facts"]["processes"] == 2


def test_a_bad_parameter_file_ends_before_anything_runs(checkout):
    checkout.edit(lambda tree: tree["semi"].update(taus=0.7))
    result = checkout.run("snakemake", "--cores", "2", "--dry-run", check=False)
    assert result.returncode != 0
    assert "params.yaml: semi.taus: unknown parameter" in result.stdout
    assert "did you mean tau?" in result.stdout
