"""A folder of the user's own, checked and copied."""

import pytest

from pipeline import own_folder
from semiproto.data.layout import FILES
from semiproto.data.own import prepare
from semiproto.errors import UserError
from semiproto.params import DataConfig
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.data.fingerprint import fingerprint
from semiproto.steps.data.folder import data
from semiproto.steps.job import Inputs, Job


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


@pytest.fixture
def job(base, tmp_path):
    return Job(DataConfig.model_validate({"dataset": own_folder.section(base)}), Inputs(), tmp_path / "set")


def test_the_set_is_made_and_remembers_its_folder(job, base):
    data(job)
    facts = read_receipt(job.out)["facts"]
    assert facts["classes"] == ["background", "square"] and facts["images"]["unlabeled"] == 4
    assert facts["fingerprint"] == fingerprint(job.config.dataset)


def test_a_folder_that_changes_meanwhile_makes_the_set_look_old(job, base, monkeypatch):
    real = prepare.prepare

    def changed(root, source):
        real(root, source)
        (base / "masks/photo0.png").write_bytes((base / "masks/photo1.png").read_bytes())

    monkeypatch.setattr(prepare, "prepare", changed)
    data(job)
    assert read_receipt(job.out)["facts"]["fingerprint"] != fingerprint(job.config.dataset)


def test_a_faulty_folder_makes_nothing(job, base):
    (base / "masks/photo0.png").write_bytes(b"")
    with pytest.raises(UserError):
        data(job)
    assert not (job.out / FILES).exists() and not (job.out / "receipt.json").exists()
