"""What others wrote into DVC's storage does not lead out of the checkout: real DVC, a real storage in a folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from semiproto.errors import UserError
from semiproto.provenance import storage

STAGES = 'stages: {data: {cmd: "true", outs: [data/raw: {persist: true}]}}'


def dvc(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """A checkout with a folder that DVC has, and the storage that it was pushed to beside it."""
    base = tmp_path_factory.mktemp("storage")
    checkout = base / "checkout"
    (checkout / "data/raw").mkdir(parents=True)
    (checkout / "data/raw/a.txt").write_text("1")
    (checkout / "dvc.yaml").write_text(STAGES)
    dvc(checkout, "init", "--no-scm")
    dvc(checkout, "repro")
    dvc(checkout, "remote", "add", "--default", "storage", "../storage")
    dvc(checkout, "push")
    return base


@pytest.fixture
def clone(pushed, tmp_path, monkeypatch):
    """A clone of it into which nothing was pulled, and a storage of its own."""
    shutil.copytree(pushed, tmp_path / "base")
    checkout = tmp_path / "base/checkout"
    for made in ("data", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(checkout / made)
    monkeypatch.chdir(checkout)
    return checkout


def listed(clone: Path) -> Path:
    (found,) = (clone.parent / "storage/files/md5").rglob("*.dir")
    found.chmod(0o644)
    return found


def test_lists_that_are_right_are_brought_and_dvc_pulls_the_rest(clone):
    storage.fetch_lists()
    storage.fetch_lists()
    (kept,) = Path(".dvc/cache/files/md5").rglob("*.dir")
    assert kept.read_bytes() == listed(clone).read_bytes()
    dvc(clone, "pull")
    assert Path("data/raw/a.txt").read_text() == "1"


@pytest.mark.parametrize("name", ["../../src/sitecustomize.py", "/outside.txt", "b.txt"])
def test_a_list_that_another_wrote_is_named_and_nothing_is_brought(clone, one_line, name):
    found = listed(clone)
    entry = json.loads(found.read_text())[0]
    found.write_text(json.dumps([entry, entry | {"relpath": name}]))
    with pytest.raises(UserError) as error:
        storage.fetch_lists()
    one_line(error, found, "its MD5 sum differs", "delete it")
    assert not list(Path(".dvc/cache").rglob("*.dir")) and not Path("data").exists()


def test_a_list_that_is_too_long_is_named_and_not_read(clone, one_line):
    found = listed(clone)
    kept = Path(".dvc/cache/files/md5") / found.parent.name / found.name
    kept.parent.mkdir(parents=True)
    for path in (found, kept):
        path.touch()
        os.truncate(path, 2**40)
        with pytest.raises(UserError) as error:
            storage.fetch_lists()
        one_line(error, path, "longer than 256 MiB", "delete it")


def test_a_list_that_dvc_pull_has_brought_is_named_too(clone, one_line):
    found = listed(clone)
    kept = Path(".dvc/cache/files/md5") / found.parent.name / found.name
    kept.parent.mkdir(parents=True)
    kept.write_text("[]")
    with pytest.raises(UserError) as error:
        storage.fetch_lists()
    one_line(error, kept, "its MD5 sum differs")


@pytest.mark.parametrize("data", [b"[", b"[" * 100_000, b"\xff", b"[" + b"[]," * 10**7 + b"[]]"])
def test_what_is_no_list_is_named_even_with_its_right_sum(one_line, data):
    """The last would take gigabytes if it were unfolded."""
    import hashlib

    with pytest.raises(UserError) as error:
        storage.check_list("storage/a.dir", f"{hashlib.md5(data).hexdigest()}.dir", data)
    one_line(error, "storage/a.dir", "no list of files", "do not run")


@pytest.mark.parametrize(
    "entry",
    [{"md5": "0" * 32, "relpath": name} for name in ("../a", "/a", "a/../../b", "")]
    + [{"md5": "../../a", "relpath": "a"}, {"relpath": "a"}, {"md5": "0" * 32, "relpath": None}, 5, None, "a"],
)
def test_a_list_that_leads_out_is_named_even_with_its_right_sum(one_line, entry):
    import hashlib

    data = json.dumps([entry]).encode()
    with pytest.raises(UserError) as error:
        storage.check_list("storage/a.dir", f"{hashlib.md5(data).hexdigest()}.dir", data)
    one_line(error, "storage/a.dir", "no file inside a folder")


def test_without_storage_or_lock_there_is_one_line(clone, one_line):
    dvc(clone, "remote", "remove", "storage")
    with pytest.raises(UserError) as error:
        storage.fetch_lists()
    one_line(error, "DVC's storage")
    Path("dvc.lock").unlink()
    with pytest.raises(UserError) as error:
        storage.fetch_lists()
    one_line(error, "dvc.lock")
