"""Atomic writes and checksums."""

import hashlib
import json
import os
import subprocess

import pytest

from semiproto.provenance.artifacts import (
    HOST,
    RECEIPT,
    atomic_directory,
    atomic_write,
    read_json,
    sha256_file,
    sha256_text,
    sha256_tree,
    write_json,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and names(path.parent) == ["file.txt"]
    write_text(path, "new")
    assert path.read_text() == "new" and names(path.parent) == ["file.txt"]


def test_a_failed_folder_leaves_the_old_one(tmp_path):
    path = tmp_path / "folder"
    for content in ("old", "new"):
        with atomic_directory(path) as temporary:
            (temporary / content).touch()
        assert names(path) == [content]
    with pytest.raises(RuntimeError), atomic_directory(path) as temporary:
        (temporary / "half").touch()
        raise RuntimeError
    assert names(path) == ["new"] and names(tmp_path) == ["folder"]


def test_checksums(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    assert sha256_file(tmp_path / "file") == hashlib.sha256(b"abc" * 100_000).hexdigest()
    assert sha256_text("é") == hashlib.sha256("é".encode()).hexdigest()


def test_the_digest_of_a_tree_sees_names_and_contents(tmp_path):
    def tree(name, files):
        for path, text in files.items():
            write_text(tmp_path / name / path, text)
        return sha256_tree(tmp_path / name)

    first = tree("a", {"x": "1", "sub/y": "2"})
    assert tree("b", {"sub/y": "2", "x": "1", RECEIPT: "whatever"}) == first
    others = [{"x": "1", "sub/y": "3"}, {"x": "1", "sub/z": "2"}, {"x": "1", "y": "2"}, {"x": "1"}]
    assert len({first, *(tree(f"c{n}", files) for n, files in enumerate(others))}) == 5


def test_json_is_sorted_and_refuses_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [2]})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": [\n    2\n  ],\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 1, "a": [2]}


def test_what_killed_writers_left_is_removed_and_what_live_ones_write_is_not(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = tmp_path / f".table.csv.{HOST}-{dead.pid}.tmp"
    of_folder = tmp_path / f".files.{HOST}-{dead.pid}.tmp"
    live = tmp_path / f".table.csv.{HOST}-{os.getppid()}.tmp"
    for path in (left, live):
        path.write_text("half")
    of_folder.mkdir()
    (of_folder / "image.png").write_text("half")
    write_text(tmp_path / "table.csv", "whole")
    with atomic_directory(tmp_path / "files"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [live.name, "files", "table.csv"]


def test_json_is_not_read_of_a_folder_or_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ValueError, match=r"^not a regular file$"):
            read_json(path)


def test_hidden_files_are_no_content_of_a_tree(tmp_path):
    """A file manager leaves .DS_Store where somebody only looked at the images."""
    write_text(tmp_path / "images/a.png", "a")
    before = sha256_tree(tmp_path)
    for name in ("images/.DS_Store", ".cache/b.png", ".snakemake_timestamp"):
        write_text(tmp_path / name, "b")
    assert sha256_tree(tmp_path) == before
    write_text(tmp_path / "images/b.png", "b")
    assert sha256_tree(tmp_path) != before
