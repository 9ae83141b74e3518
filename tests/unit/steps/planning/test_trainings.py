"""Which trainings an experiment has, and how long they are."""

from pathlib import Path

import pytest

from semiproto import params as parameters
from semiproto import paths
from semiproto.errors import UserError
from semiproto.steps.planning.trainings import FOLDS, PRETRAIN, kind_of, lists_of, trainings

EXPERIMENTS = Path(__file__).parents[4] / "experiments"


def test_the_papers_steps_on_voc():
    """80 epochs of 10,490 unlabelled images in batches of 16 are the published 52,480 steps."""
    found = {(one.name, one.split): one for one in trainings(parameters.load(EXPERIMENTS / "voc-classic.yaml"))}
    assert found["prototype", "92"].steps == 52480
    assert {one.count for one in found.values()} == {3}
    assert sum(one.count for (name, _), one in found.items() if name not in (PRETRAIN, FOLDS)) == 45


def test_trainings_of_the_embedded_experiment_are_those_of_its_rules(shipped):
    found = trainings(shipped)
    assert [one.name for one in found[:2]] == [PRETRAIN, FOLDS]
    assert {one.name for one in found[2:]} == {run.variant for run in shipped.runs()}
    assert sum(one.count for one in found[2:]) == len(shipped.runs())


def test_only_what_changes_a_step_makes_a_kind(shipped):
    semi = {"steps": 7, "tau": 0.6}
    tree = shipped.model_dump()
    tree["variants"] |= {
        "longer": {"method": "prototype", "semi": semi},
        "two": {"method": "prototype", "semi": {"batch": 16}},
    }
    both = parameters.Params.model_validate(tree)
    assert kind_of(both, "longer") == kind_of(both, "prototype") != kind_of(both, "two")
    assert kind_of(both, "supervised") != kind_of(both, "consistency")
    assert [lists_of(both, name) for name in (PRETRAIN, "supervised", "prototype")] == [1, 1, 2]


def test_epochs_of_an_own_folder_need_its_lists(tmp_path, monkeypatch, one_line):
    monkeypatch.chdir(tmp_path)
    tree = parameters.load(EXPERIMENTS / "my-data.yaml").model_dump()
    tree["semi"] |= {"steps": None, "epochs": 2, "batch": 4}
    tree["variants"] = {name: one | {"semi": {}} for name, one in tree["variants"].items()}
    own = parameters.Params.model_validate(tree)
    with pytest.raises(UserError) as error:
        trainings(own)
    one_line(error, "stage_data", "data/splits", "steps in place of epochs")
    for split in {run.split for run in own.runs()}:
        lists = Path(paths.SPLIT(dataset=own.dataset.name, split=split))
        lists.mkdir(parents=True)
        (lists / "labeled.txt").write_text("a\nb\nc\n")
        (lists / "unlabeled.txt").write_text("".join(f"u{n}\n" for n in range(20)))
    assert {one.steps for one in trainings(own) if one.name not in (PRETRAIN, FOLDS)} == {10}
