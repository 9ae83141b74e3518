"""The score of a model, and when it has none."""

import math
from pathlib import Path

import pytest
from made_up import write_receipt
from results_folder import ResultsFolder

from semiproto.provenance.artifacts import digests
from semiproto.report.score import of_model

MODEL = Path("models/semi/digits/30/prototype/seed0")
WEIGHTS = "model.safetensors"


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    """A model and the evaluation of its weights."""
    monkeypatch.chdir(tmp_path)
    for folder in (MODEL, Path("models/pretrain/digits/30/seed0")):
        folder.mkdir(parents=True)
        (folder / WEIGHTS).write_text(folder.as_posix())
        write_receipt(folder, outputs={WEIGHTS: _digest(folder / WEIGHTS)})
    evaluation = ResultsFolder(Path("results")).run("prototype", 0, 60.0)
    inputs = [Path("models/pretrain/digits/30/seed0"), MODEL]
    write_receipt(evaluation, "evaluate", outputs=digests(evaluation), inputs=inputs)
    return MODEL


def _digest(path):
    from semiproto.provenance.artifacts import sha256_file

    return sha256_file(path)


def test_it_is_that_of_the_evaluation_with_an_interval_around_it(evaluated):
    for model in (evaluated, evaluated.resolve()):
        score = of_model(model, WEIGHTS)
        assert score.run.miou == 60 and score.run.images == 2
        assert 0 <= score.low <= 60 <= score.high <= 100 and not math.isnan(score.low)


def test_other_weights_than_the_evaluated_ones_have_none(evaluated):
    (evaluated / WEIGHTS).write_text("trained again")
    assert of_model(evaluated, WEIGHTS) is None


def test_an_evaluation_that_was_edited_is_none(evaluated):
    metrics = Path("results/eval/digits/30/prototype/seed0/metrics.json")
    metrics.write_text(metrics.read_text().replace('"boundary_iou": ', '"boundary_iou": 1'))
    assert of_model(evaluated, WEIGHTS) is None


def test_a_model_that_was_not_evaluated_or_lies_elsewhere_has_none(evaluated, tmp_path):
    assert of_model(evaluated.with_name("seed1"), WEIGHTS) is None
    evaluated.rename(tmp_path / "mine")
    assert of_model(tmp_path / "mine", WEIGHTS) is None
