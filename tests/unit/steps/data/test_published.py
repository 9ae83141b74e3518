"""A published set, from the machine's downloads."""

from pathlib import Path

import pytest

from semiproto import params
from semiproto.data.published import catalog, conversion
from semiproto.errors import UserError
from semiproto.steps.data.published import data
from semiproto.steps.job import Inputs, Job


@pytest.fixture
def job(shipped, tmp_path):
    def make(name):
        section = {"source": "published", "name": name, "set": name}
        compute = shipped.compute.model_copy(update={"downloads": str(tmp_path / "downloads"), "offline": True})
        return Job(params.DataConfig.model_validate({"dataset": section}), Inputs(), tmp_path / "set", compute)

    return make


@pytest.mark.parametrize("name", sorted(catalog.DATASETS))
def test_without_its_archives_a_set_is_one_line_and_no_half_set(job, name, tmp_path, one_line):
    with pytest.raises(UserError) as error:
        data(job(name))
    one_line(error, tmp_path / "downloads")
    assert not list(Path(tmp_path / "set").glob("*"))


@pytest.mark.parametrize("name", sorted(catalog.DATASETS))
def test_each_set_is_converted_from_the_machines_downloads(job, monkeypatch, name, tmp_path):
    asked = []

    def prepare(root, dataset, downloads, access):
        asked.append((dataset, downloads, access.offline))
        (root / "ImageSets/Segmentation").mkdir(parents=True)
        (root / "classes.txt").write_text("background\ncat\n")

    monkeypatch.setattr(conversion, "prepare", prepare)
    data(job(name))
    assert asked == [(catalog.DATASETS[name], tmp_path / "downloads", True)]
