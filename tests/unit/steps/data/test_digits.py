"""The embedded set, made whole or not at all."""

import pytest

from semiproto.data import digits as making
from semiproto.data.layout import FILES
from semiproto.params import DataConfig
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.data.digits import data
from semiproto.steps.job import Inputs, Job


@pytest.fixture
def job(shipped, tmp_path):
    source = shipped.dataset.model_copy(update={"labeled": 3, "unlabeled": 2, "validation": 2})
    return Job(DataConfig(dataset=source), Inputs(), tmp_path / "set")


def test_the_same_seed_makes_the_same_files(job, tmp_path):
    data(job)
    data(Job(job.config, Inputs(), tmp_path / "again"))
    first, again = read_receipt(job.out), read_receipt(tmp_path / "again")
    assert first["outputs"] == again["outputs"] != {}
    assert first["facts"]["images"] == {"train": 3, "unlabeled": 2, "val": 2}


def test_a_set_that_could_not_be_finished_leaves_the_former_one(job, monkeypatch):
    data(job)
    before = read_receipt(job.out)["outputs"]

    def half(root, source):
        (root / "JPEGImages").mkdir(parents=True)
        raise OSError

    monkeypatch.setattr(making, "make", half)
    with pytest.raises(OSError):
        data(job)
    assert sorted(path.name for path in job.out.iterdir()) == [FILES, "receipt.json"]
    assert read_receipt(job.out)["outputs"] == before and (job.out / FILES / "classes.txt").exists()
