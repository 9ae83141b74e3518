"""Every file below a folder is accounted for."""

import os
from pathlib import Path

import pytest

from semiproto.data.own import account


def make(base, *names):
    for name in names:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("x")


def test_what_systems_leave_behind_is_set_apart(tmp_path):
    left = ["__MACOSX/images/a.jpg", "images/._a.jpg", "images/Thumbs.db", ".git/config", "masks/desktop.ini"]
    make(tmp_path, "images/a.jpg", *left)
    files, passed_over = account.survey(tmp_path)
    assert files == [tmp_path / "images/a.jpg"]
    assert passed_over == {tmp_path / name: account.SYSTEM for name in left}


def test_dead_links_and_pipes_are_no_files(tmp_path):
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    files, passed_over = account.survey(tmp_path)
    assert not files
    assert passed_over == {tmp_path / "dead.jpg": account.NOT_THERE, tmp_path / "pipe.jpg": account.SPECIAL}


def test_links_that_run_in_circles_are_said(tmp_path):
    make(tmp_path, "images/a.jpg")
    (tmp_path / "images/again").symlink_to(tmp_path / "images")
    (tmp_path / "up").symlink_to(tmp_path)
    files, passed_over = account.survey(tmp_path)
    assert files == [tmp_path / "images/a.jpg"]
    assert passed_over == {tmp_path / name: account.AGAIN for name in ("images/again", "up")}


def test_a_folder_that_cannot_be_read_is_said(tmp_path):
    make(tmp_path, "images/a.jpg", "gone/b.jpg")
    folders = account.walk(tmp_path)
    next(folders)
    (tmp_path / "gone/b.jpg").unlink()
    (tmp_path / "gone").rmdir()
    assert [(folder, entries is None) for folder, entries, _ in folders] == [
        (tmp_path / "gone", True), (tmp_path / "images", False),
    ]  # fmt: skip


def test_the_table_has_what_is_used_first_and_counts_everything(tmp_path):
    uses = {tmp_path / f"{n}.tif": f"{account.PASSED_OVER}.tif files" for n in range(5)}
    uses |= {tmp_path / "b/1.png": "masks", tmp_path / "a/1.png": "masks", tmp_path / "c.jpg": "images"}
    rows = account.rows(tmp_path, uses)
    assert [(row.use, row.count, row.example) for row in rows] == [
        ("masks", 2, "a/1.png"), ("images", 1, "c.jpg"), ("passed over: .tif files", 5, "0.tif"),
    ]  # fmt: skip
    lines = list(account.lines(rows))
    assert lines[0] == "files: 8" and lines[1].split() == ["2", "masks,", "such", "as", "a/1.png"]


def test_a_name_that_is_no_text_can_be_printed(tmp_path):
    rows = account.rows(tmp_path, {tmp_path / os.fsdecode(b"caf\xe9.jpg"): "images"})
    assert "caf\\udce9.jpg" in "\n".join(account.lines(rows))


@pytest.mark.parametrize(
    ("name", "kind"), [("a.b.tif", ".tif"), ("scan.nii.gz", ".nii.gz"), ("README", "without suffix"), ("v1.2", ".2")]
)
def test_the_kind_of_a_file(name, kind):
    assert account.kind_of(Path(name)) == kind


def test_the_folder_that_one_is_in_is_surveyed_like_any_other(tmp_path, monkeypatch):
    for name in (".hidden.png", "a.png", "b/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    here, passed_over = account.survey(Path())
    assert here == [Path("a.png"), Path("b/c.png")] and passed_over == {Path(".hidden.png"): account.SYSTEM}
    assert [str(path)[account.start_of(base) :] for base in (Path(), Path("/")) for path in [base / "a.png"]] == [
        "a.png", "a.png",
    ]  # fmt: skip
