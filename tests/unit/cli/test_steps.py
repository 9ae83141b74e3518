"""The commands of the steps hand on what they are given, and bad input is one line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from semiproto import params
from semiproto.cli import app
from semiproto.data.layout import read_list
from semiproto.errors import UserError
from semiproto.provenance.receipts import read_receipt


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Runs a command in an empty folder; what it raises comes through."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, list(words), catch_exceptions=False)


@pytest.fixture
def handed(shipped):
    """The JSON that a rule hands to a step, and that of the machine's settings."""
    tree = shipped.model_dump(mode="json")
    tree["dataset"] |= {"labeled": 20, "unlabeled": 3, "validation": 2}
    small = params.validate(tree, "small")
    return lambda config: params.canonical(params.step_config(small, config)), params.canonical(small.compute)


def test_the_set_and_a_split_named_after_its_folder(invoke, handed):
    config, compute = handed
    data = ("data", "--config", config(params.DataConfig), "--out", "data/raw/d", "--compute", compute)
    assert invoke(*data).exit_code == 0
    split = ("split", "--config", config(params.SplitConfig), "--data", "data/raw/d")
    assert invoke(*split, "--out", "data/splits/d/15").exit_code == 0
    folder = Path("data/splits/d/15")
    assert len(read_list(folder / "labeled.txt")) == 15
    receipt = read_receipt(folder)
    assert receipt["step"] == "split" and list(receipt["inputs"]) == ["data/raw/d"]


@pytest.mark.parametrize(
    ("change", "words"), [({"unknown": 1}, "unknown parameter"), ({"dataset": {"source": "digits"}}, "missing")]
)
def test_a_config_of_another_shape_is_one_line(invoke, handed, change, words):
    config, compute = handed
    wrong = json.dumps(json.loads(config(params.DataConfig)) | change)
    with pytest.raises(UserError, match=words) as error:
        invoke("data", "--config", wrong, "--out", "data/raw/d", "--compute", compute)
    assert str(error.value).startswith("--config: ") and "\n" not in str(error.value)


def test_machine_settings_of_another_shape_name_their_option(invoke, handed):
    with pytest.raises(UserError, match=r"--compute: .*unknown parameter"):
        invoke("data", "--config", handed[0](params.DataConfig), "--out", "d", "--compute", '{"gpu": 1}')


def test_an_input_without_a_receipt_is_named_before_anything_is_written(invoke, handed, tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(UserError, match=r"set/receipt\.json: no such file"):
        invoke("split", "--config", handed[0](params.SplitConfig), "--data", "set", "--out", "data/splits/d/3")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_published_sets_are_listed(invoke):
    assert "voc-sbd" in invoke("data", "--list").output


@pytest.mark.parametrize("out", ["x", "seed0", "variant/seed0", "d/30/v/seedx", "d/30/v/run1"])
def test_an_output_folder_that_names_no_run_is_one_line(invoke, handed, out):
    for folder in ("d", "s", "m"):
        Path(folder).mkdir()
    evaluate = ("evaluate", "--config", handed[0](params.EvaluateConfig), "--data", "d", "--split-dir", "s")
    with pytest.raises(UserError, match=f"--out {out}: names no run; end it in dataset/split/variant/seed0"):
        invoke(*evaluate, "--model", "m", "--out", out, "--compute", handed[1])
