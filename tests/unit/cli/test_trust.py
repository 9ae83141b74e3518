"""Commands that say whether a result can be trusted: the exit status is the answer."""

import json
import shutil
from pathlib import Path

import pytest

from semiproto.errors import UserError
from semiproto.provenance import explain
from semiproto.report import reproduced

ROOT = Path(__file__).parents[3]


@pytest.fixture
def explained(monkeypatch, tmp_path):
    """An explanation that is sound or not; the current folder has parameters."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)

    class Explanation:
        def __init__(self, sound):
            self.sound = sound

        def lines(self):
            return iter(["results/tables: made by tables"])

        def as_json(self):
            return {"sound": self.sound}

    return lambda sound: monkeypatch.setattr(explain, "explain", lambda path, experiment: Explanation(sound))


@pytest.mark.parametrize("sound", [True, False])
def test_explain_answers_with_its_status(run, explained, sound):
    explained(sound)
    told = run("explain", "results/tables")
    assert told.exit_code == int(not sound) and told.output == "results/tables: made by tables\n"
    told = run("explain", "results/tables", "--json")
    assert told.exit_code == int(not sound) and json.loads(told.output) == {"sound": sound}


@pytest.mark.parametrize("same", [True, False])
def test_reproduced_answers_with_its_status_and_takes_a_revision(run, monkeypatch, same):
    asked = []

    class Comparison:
        reproduced = same

        def lines(self):
            return iter(["all numbers were compared"])

    monkeypatch.setattr(reproduced, "compare", lambda revision: asked.append(revision) or Comparison())
    assert run("reproduced").exit_code == run("reproduced", "--committed", "v1").exit_code == int(not same)
    assert asked == ["HEAD", "v1"]


def test_unlock_says_that_there_is_nothing_to_do(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    told = run("unlock")
    assert told.exit_code == 0 and "nothing is locked" in told.output


def test_unlock_refuses_where_the_holder_is_elsewhere(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    (tmp_path / ".snakemake/locks/0.output.lock").write_text("results/a\n")
    (tmp_path / ".snakemake/holder.json").write_text('{"pid": 1, "host": "elsewhere", "since": "2026-01-01"}')
    told = run("unlock")
    assert isinstance(told.exception, UserError) and "elsewhere" in str(told.exception)
    assert (tmp_path / ".snakemake/locks/0.output.lock").exists()
