"""Which folders hold images and masks, and which tool a JSON file is of."""

from pathlib import Path

import pytest

from semiproto.data.own.layouts.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def test_another_json_file_is_no_coco_file(base, discovered):
    (base / "settings.json").write_text('{"images": 3}')
    assert discovered(base)[0].masks == "masks"


def test_the_only_folder_of_an_archive_is_looked_into(base, tmp_path, discovered):
    (tmp_path / "download").mkdir()
    base.rename(tmp_path / "download/photos-1")
    assert discovered(tmp_path / "download")[0].path == str(tmp_path / "download/photos-1")


def test_the_folder_that_one_is_in_is_read_like_any_other(base, monkeypatch):
    (base / ".hidden.png").touch()
    named = discover(base, "own")[0]
    monkeypatch.chdir(base)
    here = discover(Path(), "own").source
    assert here == named.model_copy(update={"path": "."})
