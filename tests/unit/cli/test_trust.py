"""The commands of trust: the status says whether something is sound."""

import json
from pathlib import Path

import pytest
from made_up import write_receipt
from typer.testing import CliRunner

from semiproto.cli import app
from semiproto.errors import UserError
from semiproto.provenance.artifacts import digests, write_text
from semiproto.steps.data.prepared import known
from semiproto.steps.planning import speed


def invoke(*words):
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


@pytest.fixture
def made(shipped, tmp_path, monkeypatch):
    """A prepared set with a receipt, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(shipped.model_dump_json())
    folder = Path("data/raw/digits")
    write_text(folder / "files/classes.txt", "a b")
    config = {"dataset": shipped.dataset.tree()}
    write_receipt(folder, "data", outputs=digests(folder), config=config, seed=0, facts=known(folder / "files"))
    return folder


def test_the_status_says_whether_it_is_sound(made):
    assert invoke("explain", str(made)).exit_code == 0
    write_text(made / "files/classes.txt", "a c")
    result = invoke("explain", str(made))
    assert result.exit_code == 1 and "NOT SOUND: data/raw/digits/files: not the file" in result.output


def test_a_plan_is_of_a_given_file(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "SECONDS", 0.0001)
    tree = tiny.model_dump(mode="json") | {"experiments": [{"split": 30, "variants": ["supervised"], "seeds": [0]}]}
    (tmp_path / "other.yaml").write_text(json.dumps(tree))
    result = invoke("plan", str(tmp_path / "other.yaml"))
    assert result.exit_code == 0 and result.output.splitlines()[-1].startswith("memory: ")
    with pytest.raises(UserError, match=r"none\.yaml: no such file"):
        invoke("plan", str(tmp_path / "none.yaml"))


def test_everything_as_json(made):
    result = invoke("explain", str(made), "--json")
    assert result.exit_code == 0 and '"sound": true' in result.output


def test_nothing_is_locked(made):
    assert "nothing is locked" in invoke("unlock").output


def test_outside_a_git_checkout_nothing_can_be_reproduced(made):
    with pytest.raises(UserError):
        invoke("reproduced")
