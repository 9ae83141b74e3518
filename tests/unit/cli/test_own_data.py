"""The commands for one's own data: what they print, and how they end."""

import json
import shutil
from pathlib import Path

import own_folder
import pytest
from typer.testing import CliRunner

from semiproto.cli import app
from semiproto.errors import UserError
from semiproto.provenance.artifacts import write_json

TEMPLATE = Path(__file__).parents[3] / "experiments/my-data.yaml"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder in the working directory."""
    monkeypatch.chdir(tmp_path)
    return own_folder.make(tmp_path / "photos") or tmp_path / "photos"


def invoke(*words):
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


def test_a_sound_folder_ends_with_its_numbers_of_images(folder):
    result = invoke("check-data", folder)
    assert result.exit_code == 0
    assert f"{folder}: no fault; warnings: " in result.output.splitlines()[-1]


def test_an_error_ends_the_command_and_a_warning_does_not(folder):
    mask = next((folder / "masks").glob("*.png"))
    mask.write_bytes(b"no picture")
    with pytest.raises(UserError, match="faults found: 1"):
        invoke("check-data", folder)


@pytest.mark.parametrize("options", [["init", "--template", TEMPLATE], ["check-data"]])
def test_an_archive_in_place_of_a_folder_is_told_with_how_to_unpack_it(folder, options):
    shutil.make_archive("photos", "zip", folder)
    with pytest.raises(UserError, match=r"photos\.zip: an archive, .* `python -m zipfile -e \S*photos.zip \S*photos`"):
        invoke(*options, "photos.zip")


def test_json_on_standard_output_is_nothing_but_json(folder):
    result = invoke("check-data", folder, "--json", "-")
    assert json.loads(result.stdout)["errors"] == 0


def test_a_set_that_is_not_a_folder_has_none_to_check(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(shipped.model_dump_json())
    with pytest.raises(UserError, match=r"dataset\.source is digits, which has no folder to check"):
        invoke("check-data")


def test_splits_that_were_not_made_are_said_with_the_command(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(shipped.model_dump_json())
    with pytest.raises(UserError, match="data/splits/digits: no split was made yet; run `snakemake"):
        invoke("splits")


def test_a_name_cannot_command_the_terminal_or_forge_a_line(folder):
    strange = "a\x1b]0;b\a\nfolder: no fault.png"
    (folder / "images/photo9.png").rename(folder / "images" / strange)
    said = invoke("check-data", str(folder)).output
    assert "a\\x1b]0;b\\x07\\nfolder: no fault.png" in said and "\x1b" not in said
    assert not any(line.startswith("folder: no fault") for line in said.splitlines())


def test_evaluations_are_verified_however_their_folder_is_named(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(shipped.model_dump_json())
    for variant in ("prototype", "supervised"):
        write_json(tmp_path / f"results/eval/digits/7/{variant}/seed0/metrics.json", {})
    for results in ("results/eval", str(tmp_path / "results/eval")):
        with pytest.raises(UserError, match=r"params\.yaml does not ask for it"):
            invoke("compare", "prototype", "supervised", "--results", results)
