"""What params.yaml asks for, as receipts are compared with it."""

from pathlib import Path

import pytest

from pipeline import own_folder
from semiproto import params, paths
from semiproto.params import DataConfig
from semiproto.steps.data.fingerprint import fingerprint
from semiproto.steps.experiment import Experiment


@pytest.fixture
def experiment(shipped):
    tree = shipped.model_dump(mode="json")
    tree["experiments"] = [
        {"split": 30, "variants": ["supervised", "prototype"], "seeds": [0, 1]},
        {"split": 60, "variants": ["consistency"], "seeds": [0]},
    ]
    tree["tsne"]["variants"] = ["prototype", "consistency"]
    return Experiment(params.validate(tree, "test"))


def test_a_step_of_all_runs_has_all_runs(experiment):
    for step in ("tables", "figures", "report"):
        assert experiment.runs_of(step, Path("results/tables")) == experiment.runs()
    assert len(experiment.runs()) == 5
    assert {run.dataset for run in experiment.runs()} == {experiment.params.dataset.name}


def test_tsne_has_the_runs_of_its_split_and_seed(experiment):
    name = experiment.params.dataset.name
    found = experiment.runs_of("tsne", Path(paths.TSNE(dataset=name, split=30, seed=1)))
    assert found == {run for run in experiment.runs() if (run.split, run.seed, run.variant) == ("30", 1, "prototype")}
    assert len(found) == 1


def test_other_steps_are_of_no_set_of_runs(experiment):
    assert experiment.runs_of("train", Path(paths.TRAINED(dataset="d", split=30, variant="prototype", seed=0))) is None


def test_a_training_is_compared_with_its_variants_parameters(experiment):
    for variant in ("supervised", "prototype"):
        folder = Path(paths.TRAINED(dataset="d", split=30, variant=variant, seed=0))
        assert experiment.config_of("train", folder, {})["method"] == variant
    gone = Path(paths.TRAINED(dataset="d", split=30, variant="dropped", seed=0))
    assert experiment.config_of("train", gone, {}) is None


def test_other_steps_are_compared_in_the_sections_that_they_read(experiment):
    found = experiment.config_of("split", Path("data/splits/d/30"), {"splits": {"seed": 99}})
    assert found == {"splits": experiment.params.splits.model_dump(mode="json")}


def test_facts_are_those_that_files_say(experiment, tmp_path):
    (tmp_path / "history.csv").write_text("step,loss\n0,1\n4,0.5\n")
    (tmp_path / "val.txt").write_text("a\nb\n")
    assert experiment.facts_of("train", tmp_path) == experiment.facts_of("pretrain", tmp_path) == {"steps": 4}
    assert experiment.facts_of("split", tmp_path) == {"val": 2}
    assert experiment.facts_of("features", tmp_path) == {}
    (tmp_path / "history.csv").write_text("loss\n1\n")
    assert experiment.facts_of("train", tmp_path) == experiment.facts_of("data", tmp_path / "gone") == {}


def test_the_fingerprint_is_that_of_a_folder_that_is_there(experiment, tmp_path):
    base = own_folder.make(tmp_path / "own")
    config = {"dataset": own_folder.section(base)}
    assert experiment.fingerprint_of(config) == fingerprint(DataConfig.model_validate(config).dataset)
    base.rename(tmp_path / "moved")
    assert experiment.fingerprint_of(config) is None
    assert experiment.fingerprint_of({"dataset": {"source": "folder", "of": "an earlier version"}}) is None
