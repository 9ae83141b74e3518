"""A folder of the user's own, checked, and copied or referred to."""

import shutil
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import own_folder
from semiproto import paths
from semiproto.data import references
from semiproto.data.dataset import Images
from semiproto.data.layout import FILES
from semiproto.data.own import check, prepare
from semiproto.errors import UserError
from semiproto.params import DataConfig
from semiproto.provenance import explain as explaining
from semiproto.provenance.receipts import read_receipt
from semiproto.steps.data.fingerprint import fingerprint, last_fingerprint
from semiproto.steps.data.folder import data
from semiproto.steps.experiment import Experiment
from semiproto.steps.job import Inputs, Job


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


@pytest.fixture
def job(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where what was found of files is kept
    return Job(DataConfig.model_validate({"dataset": own_folder.section(base)}), Inputs(), tmp_path / "set")


def test_the_set_is_made_and_remembers_its_folder(job, base):
    data(job)
    facts = read_receipt(job.out)["facts"]
    assert facts["classes"] == ["background", "square"] and facts["images"]["unlabeled"] == 4
    assert facts["fingerprint"] == fingerprint(job.config.dataset)


def test_a_folder_that_changes_meanwhile_makes_the_set_look_old(job, base, monkeypatch):
    real = prepare.prepare

    def changed(*arguments):
        real(*arguments)
        (base / "masks/photo0.png").write_bytes((base / "masks/photo1.png").read_bytes())

    monkeypatch.setattr(prepare, "prepare", changed)
    data(job)
    assert read_receipt(job.out)["facts"]["fingerprint"] != fingerprint(job.config.dataset)


def test_a_faulty_folder_makes_nothing(job, base):
    (base / "masks/photo0.png").write_bytes(b"")
    with pytest.raises(UserError):
        data(job)
    assert not (job.out / FILES).exists() and not (job.out / "receipt.json").exists()


# ------------------------------------------------------------------------------ images that are used where they are


@pytest.fixture
def referring(base, tmp_path, job):
    return Job(DataConfig.model_validate({"dataset": own_folder.section(base, storage="reference")}), Inputs(), job.out)


def image(job, name):
    return Images(job.out / FILES, [name]).image(0)


def test_an_image_that_was_moved_is_found_and_nothing_is_made_again(referring, base):
    data(referring)
    source, receipt, before = referring.config.dataset, read_receipt(referring.out), image(referring, "photo9")
    assert last_fingerprint(source, referring.out, paths.OWN) == receipt["facts"]["fingerprint"]
    (base / "images/new").mkdir()
    (base / "images/photo9.png").rename(base / "images/new/photo9.png")
    with pytest.raises(UserError, match="no such image any more"):
        image(referring, "photo9")
    assert last_fingerprint(source, referring.out, paths.OWN) == receipt["facts"]["fingerprint"]
    np.testing.assert_array_equal(image(referring, "photo9"), before)


def test_a_clone_learns_where_the_images_are(referring, base):
    data(referring)
    source = referring.config.dataset
    before = last_fingerprint(source, referring.out, paths.OWN), image(referring, "photo0")
    (referring.out / references.PLACES).unlink()  # which DVC does not bring
    assert last_fingerprint(source, referring.out, paths.OWN) == before[0]
    np.testing.assert_array_equal(image(referring, "photo0"), before[1])


def test_another_content_is_not_said_to_be_where_the_old_one_was(referring, base):
    data(referring)
    last_fingerprint(referring.config.dataset, referring.out, paths.OWN)
    shutil.copyfile(base / "images/photo1.png", base / "images/photo0.png")
    last_fingerprint(referring.config.dataset, referring.out, paths.OWN)
    with pytest.raises(UserError, match=r"photo0\.png: changed since"):
        image(referring, "photo0")


def test_what_was_checked_is_not_read_again(referring, base, monkeypatch, settled):
    looked, real = [], check.look

    def look(rules, bands, item):
        looked.append(item.id)
        return real(rules, bands, item)

    monkeypatch.setattr(check, "look", look)
    data(referring)
    first = (referring.out / FILES / references.MANIFEST).read_bytes()
    assert len(looked) == 10
    looked.clear()
    data(referring)
    assert looked == [] and (referring.out / FILES / references.MANIFEST).read_bytes() == first
    shutil.copyfile(base / "images/photo8.png", base / "images/photo9.png")
    (base / "masks/photo0.png").write_bytes((base / "masks/photo1.png").read_bytes())
    data(referring)
    assert looked == ["photo0", "photo9"]


def test_explain_names_the_image_that_changed_and_the_folder_that_is_not_here(referring, base, tmp_path):
    data(referring)
    source = referring.config.dataset
    experiment = Experiment(SimpleNamespace(dataset=source, tree=lambda: {"dataset": source.tree()}, runs=lambda: []))
    explain = partial(explaining.explain, "set", experiment)
    assert explain().sound
    shutil.copyfile(base / "images/photo1.png", base / "images/photo0.png")
    (link,) = explain().links
    assert link.faults == [
        f"{base}: its files changed since",
        f"{base / 'images/photo0.png'}: gone, or not the image that was used (1 such images)",
    ]
    base.rename(tmp_path / "elsewhere")
    (link,) = explain().links
    assert explain().sound and link.notes == [
        f"{base}: not on this machine, so the images that were used could not be compared"
    ]
