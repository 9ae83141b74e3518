"""The command of each step hands it the configuration that it may read, its folders, and the names in its path."""

import json

import pytest

from semiproto import params
from semiproto.errors import UserError
from semiproto.steps.data import digits, folder, published
from semiproto.steps.data import split as splitting
from semiproto.steps.results import evaluate as evaluating


@pytest.fixture
def handed(monkeypatch):
    """Takes the place of a step; the jobs that it was handed."""

    def take(module, name):
        jobs = []
        monkeypatch.setattr(module, name, jobs.append)
        return jobs

    return take


def as_json(parameters, config):
    return params.canonical(params.step_config(parameters, config))


@pytest.mark.parametrize(
    ("section", "module"),
    [
        (None, digits),
        ({"source": "published", "name": "voc", "set": "voc"}, published),
        (
            {
                "source": "folder",
                "name": "own",
                "path": "photos",
                "images": "images",
                "masks": "masks",
                "classes": ["background", "cat"],
                "colours": None,
                "ignore": None,
                "train_list": None,
                "validation_list": None,
                "unlabeled_list": None,
            },
            folder,
        ),
    ],
    ids=["digits", "published", "folder"],
)
def test_each_source_of_data_has_its_step(run, handed, shipped, tmp_path, section, module):
    jobs = {one: handed(one, "data") for one in (digits, published, folder)}
    config = json.dumps({"dataset": section}) if section else as_json(shipped, params.DataConfig)
    told = run("data", "--config", config, "--out", tmp_path, "--compute", params.canonical(shipped.compute))
    assert told.exit_code == 0, told.output
    assert {one: len(own) for one, own in jobs.items()} == {one: int(one is module) for one in jobs}
    assert jobs[module][0].out == tmp_path and jobs[module][0].compute == shipped.compute


def test_the_seed_of_a_split_is_the_sections(run, handed, shipped, tmp_path):
    jobs = handed(splitting, "split")
    told = run("split", "--config", as_json(shipped, params.SplitConfig), "--data", "set", "--out", tmp_path / "30")
    assert told.exit_code == 0, told.output
    assert (jobs[0].seed, jobs[0].out) == (shipped.splits.seed, tmp_path / "30")
    assert str(jobs[0].inputs.one("data")) == "set"


def test_the_seed_of_an_evaluation_is_that_of_its_path(run, handed, shipped):
    jobs = handed(evaluating, "evaluate")
    folders = ("--data", "set", "--split", "lists", "--model", "m", "--out", "results/eval/digits/30/prototype/seed5")
    config, compute = as_json(shipped, params.EvaluateConfig), params.canonical(shipped.compute)
    told = run("evaluate", "--config", config, *folders, "--compute", compute)
    assert told.exit_code == 0, told.output
    assert jobs[0].seed == 5 and jobs[0].inputs.maybe("pretrained") is None


@pytest.mark.parametrize(
    ("config", "words"),
    [("{", "--config"), ("[]", "--config"), ('{"splits": {}}', "splits"), ('{"semi": {}}', "semi")],
)
def test_a_configuration_that_is_none_is_one_line_and_the_step_does_not_run(run, handed, tmp_path, config, words):
    jobs = handed(splitting, "split")
    told = run("split", "--config", config, "--data", "set", "--out", tmp_path)
    assert isinstance(told.exception, UserError) and not jobs
    assert words in str(told.exception) and "\n" not in str(told.exception)


def test_what_can_be_downloaded_is_listed_without_a_configuration(run):
    told = run("data", "--list")
    assert told.exit_code == 0 and "voc" in told.output and "cityscapes" in told.output
