"""The step measures each part with its own model."""

import json

import pandas as pd
import pytest
import torch
from made_up import write_receipt

from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.measure.forecast import TAUS, count
from semiproto.measure.pseudo_labels import PseudoLabels
from semiproto.model.folder import MODEL, Card, save_weights, write_card
from semiproto.params import ForecastConfig
from semiproto.provenance.artifacts import write_text
from semiproto.steps.job import Inputs, Job
from semiproto.steps.results.forecast import forecast

NAMES = ["background", "zero", "one", "two", "three", "four", "five"]


@pytest.fixture
def part_of(voided, tiny, tmp_path):
    """Writes lists that hold out one of the images and the model folder of a network, with their receipts."""

    def make(number, net):
        lists, model = tmp_path / f"fold{number}", tmp_path / f"model{number}"
        write_text(lists / "val.txt", voided.ids[number])
        write_card(model, Card(NAMES, tiny.model, {}))
        save_weights(model / MODEL, net)
        for folder in (lists, model):
            write_receipt(folder, "x", outputs={}, config={}, inputs=[], seed=0, seconds=0, facts={"seconds": 2.5})
        return lists, model

    return make


def test_the_step_measures_each_part_with_its_own_model(confident, make_net, voided, part_of, shipped, tmp_path):
    data, other = tmp_path / "data", make_net(1)
    write_text(voided.root / "classes.txt", "\n".join(NAMES))
    data.mkdir()
    (data / FILES).symlink_to(voided.root)
    write_receipt(data, "data", outputs={}, config={}, inputs=[], seed=0, seconds=0)
    parts, split = [part_of(0, confident), part_of(1, other)], tmp_path / "split"
    out = tmp_path / "digits/2/seed0"
    write_text(split / "labeled.txt", "\n".join(voided.ids))
    write_receipt(split, "split", outputs={}, config={}, inputs=[], seed=0, seconds=0)
    unseen, models = zip(*parts, strict=True)
    config = ForecastConfig(images="labeled", tau=0.333)
    forecast(Job(config, Inputs(data=data, split=split, unseen=unseen, model=models), out, shipped.compute, 0))
    table, summary = pd.read_csv(out / "forecast.csv"), json.loads((out / "forecast.json").read_text())
    assert sorted(set(table["tau"])) == sorted([*TAUS, 0.333])
    nets = [confident, other]
    each = [PseudoLabels(NAMES, [0.333]) for _ in nets]
    for n, net in enumerate(nets):
        count(each[n], net, Images(voided.root, [voided.ids[n]]), torch.device("cpu"), "")
    row = table.query("tau == 0.333 and group == 'all'").iloc[0]
    assert row["confident"] == sum(int(one.counts[..., 1].sum()) for one in each) > 0
    assert row["correct"] == sum(int(one.counts[1, :, 1].sum()) for one in each) > 0
    assert summary["sentence"].endswith(".")
    assert [summary[key] for key in ("tau", "split", "labels", "images")] == [0.333, "2", 2, "labeled"]
    assert json.loads((out / "receipt.json").read_text())["facts"] == {"training_seconds": 5.0}
