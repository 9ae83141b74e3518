"""What a run scores: the numbers agree with the predictions that are kept."""

import json

import numpy as np
import pytest
from made_up import write_receipt

from semiproto import params
from semiproto.data.layout import FILES, MASKS, read_list, read_mask
from semiproto.errors import UserError
from semiproto.measure.confusion import ConfusionMatrix
from semiproto.provenance.receipts import read_receipt
from semiproto.report.evaluations import read_evaluations
from semiproto.steps.job import Inputs, Job
from semiproto.steps.results.evaluate import evaluate


@pytest.fixture(scope="module")
def evaluated(base, given, few, trained, pretrained):
    out = base / "results/eval/digits/6/prototype/seed0"
    inputs = Inputs(**given, model=trained, pretrained=pretrained)
    evaluate(Job(params.step_config(few, params.EvaluateConfig), inputs, out, few.compute, 0))
    return out


def test_the_scores_are_those_of_the_predictions(evaluated, given):
    import torch

    (found,) = read_evaluations([evaluated])
    counted = ConfusionMatrix(7)
    val = read_list(given["split"] / "val.txt")
    for image in val:
        masks = (evaluated / f"predictions/{image}.png", given["data"] / FILES / MASKS / f"{image}.png")
        counted.update(*(torch.from_numpy(read_mask(path).astype(np.int64)) for path in masks))
    assert found.miou == pytest.approx(100 * counted.mean_iou(), abs=1e-4)
    assert len(list((evaluated / "predictions").iterdir())) == len(val) == found.images


def test_the_run_is_named_by_its_folder_and_costs_what_it_started_from(evaluated, trained, pretrained):
    (found,) = read_evaluations([evaluated])
    assert (found.dataset, found.split, found.variant, found.seed, found.labels) == ("digits", "6", "prototype", 0, 6)
    assert found.steps == sum(read_receipt(folder)["facts"]["steps"] for folder in (trained, pretrained))


def test_all_heads_are_scored_and_nothing_is_nan_in_the_file(evaluated):
    text = (evaluated / "metrics.json").read_text()
    metrics = json.loads(text)
    assert "NaN" not in text
    assert all(metrics["heads"][name]["miou"] is not None for name in ("linear", "prototype"))
    assert metrics["lists"]["labeled"] and metrics["method"] == "prototype"


def test_another_runs_model_is_not_scored_under_this_name(tmp_path, few, given, one_line):
    write_receipt(tmp_path / "model", "train")
    text = (tmp_path / "model/receipt.json").read_text()
    named = text.replace((tmp_path / "model").as_posix(), "models/semi/digits/6/supervised/seed0")
    (tmp_path / "model/receipt.json").write_text(named)
    inputs = Inputs(**given, model=tmp_path / "model", pretrained=None)
    out = tmp_path / "digits/6/prototype/seed0"
    with pytest.raises(UserError) as error:
        evaluate(Job(params.step_config(few, params.EvaluateConfig), inputs, out, few.compute, 0))
    one_line(error, "models/semi/digits/6/supervised/seed0", "digits/6/prototype/0", "name the same run")
