"""Commands for one's own data: what they print, and how they end."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline import own_folder
from semiproto.deploy import predict
from semiproto.errors import Interrupted, UserError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


def test_a_folder_with_warnings_only_passes(run, base):
    (base / "masks/stray.png").write_bytes((base / "masks/photo0.png").read_bytes())
    told = run("check-data", base)
    assert told.exit_code == 0 and "no fault; warnings: 1 (6 train, 0 val, 4 unlabeled)" in told.output


def test_a_folder_with_an_error_does_not(run, base, tmp_path):
    (base / "masks/photo0.png").write_bytes(b"")
    told = run("check-data", base, "--json", tmp_path / "found.json")
    assert isinstance(told.exception, UserError) and "faults found: 1; warnings: 0" in str(told.exception)
    assert "masks/photo0.png" in told.output
    assert json.loads((tmp_path / "found.json").read_text())["errors"] == 1


def test_json_alone_is_printed_where_it_is_asked_for(run, base):
    told = run("check-data", base, "--json", "-")
    assert told.exit_code == 0 and json.loads(told.stdout)["errors"] == 0


def test_a_parameter_file_of_the_embedded_set_has_no_folder(run):
    told = run("check-data", ROOT / "experiments/embedded.yaml")
    assert isinstance(told.exception, UserError) and "has no folder to check" in str(told.exception)


@pytest.mark.parametrize("error", [KeyboardInterrupt, None])
def test_predict_ends_by_what_became_of_it(run, monkeypatch, error):
    asked = []

    def predict_files(model, images, out, options):
        asked.append(options)
        if error:
            raise error
        return predict.Outcome(written=2, kept=1, unreadable=["a.jpg: cannot be read"])

    monkeypatch.setattr(predict, "predict_files", predict_files)
    monkeypatch.setattr("signal.signal", lambda *_: None)  # of this process
    told = run("predict", "model", "a.jpg", "b.jpg", "-o", "masks", "--index", "--window", "128")
    assert (asked[0].window, asked[0].palette, asked[0].overlay) == (128, False, False)
    if error:
        assert isinstance(told.exception, Interrupted) and "the same command goes on" in str(told.exception)
        return
    assert isinstance(told.exception, UserError) and "could not be read: 1" in str(told.exception)
    assert "masks written: 2, already there: 1" in told.output and "skipped: a.jpg" in told.output


def test_splits_that_were_not_made_say_how_to_make_them(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    told = run("splits")
    assert isinstance(told.exception, UserError) and "snakemake --cores all stage_data" in str(told.exception)


def test_init_says_what_it_assumed(run, base, tmp_path):
    out = tmp_path / "params.yaml"
    template = ROOT / "experiments/my-data.yaml"
    told = run("init", base, "--labels", "3", "--set", "semi.steps=77", "--template", template, "--out", out)
    assert told.exit_code == 0, told.output
    assert "2 classes from classes.txt: background, square" in told.output and "steps: 77" in out.read_text()
