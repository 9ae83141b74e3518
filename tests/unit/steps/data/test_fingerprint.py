"""What decides whether a set of the user's own is made again: its content, and nothing else."""

from __future__ import annotations

import gzip
import json
import os
import shutil

import pytest
from made_up import write_receipt

from pipeline import exports, own_folder
from semiproto.data.own.layouts.discover import discover
from semiproto.params import DataConfig
from semiproto.provenance import integrity
from semiproto.provenance.artifacts import sha256_file
from semiproto.steps.data.fingerprint import fingerprint, last_fingerprint


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


@pytest.fixture
def source(base):
    return DataConfig.model_validate({"dataset": own_folder.section(base)}).dataset


def swap(a, b):
    aside = a.with_name("aside")
    a.rename(aside), b.rename(a), aside.rename(b)


def note(base):
    (base / "notes.txt").write_text("to do")
    (base / ".DS_Store").write_bytes(b"\0")
    (base / ".git").mkdir()
    (base / ".git/HEAD").write_text("ref: refs/heads/main")
    (base / "images/Thumbs.db").write_bytes(b"\0")


def moved(base):
    shutil.copytree(base, base.with_name("copy"))
    shutil.rmtree(base)
    base.with_name("copy").rename(base)


SAME = {
    "a note and what systems leave": note,
    "times": lambda base: os.utime(base / "images/photo0.png", (1, 1)),
    "mode": lambda base: (base / "masks/photo0.png").chmod(0o600),
    "restored from a copy": moved,
    "swapped and swapped back": lambda base: [
        swap(base / "images/photo0.png", base / "images/photo1.png") for _ in "12"
    ],
    "a link to the same": lambda base: (
        (base / "images/photo2.png").rename(base.with_name("p")),
        (base / "images/photo2.png").symlink_to(base.with_name("p")),
    ),
}
OTHER = {
    "a mask of another image": lambda base: shutil.copyfile(base / "masks/photo0.png", base / "masks/photo1.png"),
    "images swapped": lambda base: swap(base / "images/photo0.png", base / "images/photo1.png"),
    "masks swapped": lambda base: swap(base / "masks/photo0.png", base / "masks/photo1.png"),
    "a mask that is gone": lambda base: (base / "masks/photo0.png").unlink(),
    "an image more": lambda base: shutil.copyfile(base / "images/photo9.png", base / "images/photo10.png"),
    "an image with another name": lambda base: (base / "images/photo9.png").rename(base / "images/a.png"),
    "a dead link": lambda base: (
        (base / "images/photo9.png").unlink(),
        (base / "images/photo9.png").symlink_to("nothing"),
    ),
    "a list that keeps images out of training": lambda base: (base / "val.txt").write_text("photo0\n"),
    "class names in another order": lambda base: (base / "classes.txt").write_text("square\nbackground\n"),
    "a broken annotation": lambda base: (base / "masks").rename(base / "labels"),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_what_changes_no_content_has_nothing_made_again(source, base, tmp_path, change):
    before = fingerprint(source), last_fingerprint(source, tmp_path / "set", tmp_path / "memory")
    change(base)
    assert (fingerprint(source), last_fingerprint(source, tmp_path / "set", tmp_path / "memory")) == before


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER.keys())
def test_what_changes_the_set_is_seen(source, base, tmp_path, change):
    before = last_fingerprint(source, tmp_path / "set", tmp_path / "memory")
    change(base)
    now = last_fingerprint(source, tmp_path / "set", tmp_path / "memory")
    assert now == fingerprint(source) != before


def test_the_names_of_numbered_labels_are_content(tmp_path):
    base = exports.yolo(tmp_path / "set")
    source = discover(base, "own").source
    before, description = fingerprint(source), base / "data.yaml"
    text = description.read_text()
    description.write_text(f"{text}# a note\n")
    assert fingerprint(source) == before
    first, second = source.classes[-2:]
    description.write_text(text.replace(first, "-").replace(second, first).replace("-", second, 1))
    assert sorted(discover(base, "own")[0].classes) == sorted(source.classes)
    assert fingerprint(source) != before


def test_a_panoptic_png_is_content(tmp_path):
    base = exports.panoptic(tmp_path / "set")
    source = discover(base, "own").source
    before, png = fingerprint(source), sorted(base.glob("**/panoptic*/*.png"))[0]
    png.write_bytes(sorted(base.glob("**/panoptic*/*.png"))[1].read_bytes())
    assert fingerprint(source) != before


def test_an_edit_in_place_with_its_length_and_time_is_seen(source, base, tmp_path, settled):
    before = last_fingerprint(source, tmp_path / "set", tmp_path / "memory")
    mask = base / "masks/photo0.png"
    facts, data = mask.stat(), bytearray(mask.read_bytes())
    data[-20] ^= 1
    with mask.open("r+b") as file:
        file.write(data)
    os.utime(mask, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert last_fingerprint(source, tmp_path / "set", tmp_path / "memory") != before


def test_what_has_not_changed_is_not_read_again(source, base, tmp_path, monkeypatch, settled):
    read = []
    monkeypatch.setattr(integrity, "sha256_file", lambda path: read.append(path) or sha256_file(path))
    before = last_fingerprint(source, tmp_path / "set", tmp_path / "memory")
    assert len(read) > 10
    read.clear()
    assert last_fingerprint(source, tmp_path / "set", tmp_path / "memory") == before and not read
    os.utime(base / "images/photo0.png", (1, 1))
    assert last_fingerprint(source, tmp_path / "set", tmp_path / "memory") == before
    assert read == [base / "images/photo0.png"]


def test_what_was_changed_a_moment_ago_is_read_again(source, base, tmp_path, monkeypatch):
    """Another change within a tick of the clock would not show in its times."""
    last_fingerprint(source, tmp_path / "set", tmp_path / "memory")
    read = []
    monkeypatch.setattr(integrity, "sha256_file", lambda path: read.append(path) or sha256_file(path))
    (base / "masks/photo0.png").touch()
    last_fingerprint(source, tmp_path / "set", tmp_path / "memory")
    assert base / "masks/photo0.png" in read


def test_a_memory_that_cannot_be_read_costs_time_only(source, tmp_path, settled):
    before = last_fingerprint(source, tmp_path / "set", tmp_path / "memory")
    for text in ("", "[]", '{"key"'):
        (tmp_path / "memory/fingerprint.json").write_text(text)
        (tmp_path / "memory/files.json.gz").write_text(text)
        assert last_fingerprint(source, tmp_path / "set", tmp_path / "memory") == before


def test_a_million_digests_are_kept_in_little_space(source, base, tmp_path, settled):
    last_fingerprint(source, tmp_path / "set", tmp_path / "memory")
    packed = (tmp_path / "memory/files.json.gz").read_bytes()
    kept = json.loads(gzip.decompress(packed))
    assert len(kept) == 16 and len(packed) < 90 * len(kept)


def test_a_folder_that_is_gone_or_closed_has_a_fingerprint_too(source, base, tmp_path):
    """The step then says what is wrong."""
    before = fingerprint(source)
    base.rename(tmp_path / "elsewhere")
    assert fingerprint(source) != before


def test_a_moved_folder_is_stood_for_by_the_set_that_was_made_of_it(source, base, tmp_path):
    prepared, memory = tmp_path / "prepared", tmp_path / "memory"
    before = last_fingerprint(source, prepared, memory)
    base.rename(tmp_path / "moved")
    assert last_fingerprint(source, prepared, memory) is None
    facts = {"fingerprint": before}
    write_receipt(prepared, "data", outputs={}, config={}, inputs=[], seed=None, seconds=0.0, facts=facts)
    assert last_fingerprint(source, prepared, memory) == before


def test_names_that_are_no_text_and_folders_behind_links_are_walked(source, base, tmp_path):
    (base / "masks").rename(tmp_path / "elsewhere")
    (base / "masks").symlink_to(tmp_path / "elsewhere")
    (base / "up").symlink_to(tmp_path)
    (base / "images" / os.fsdecode(b"caf\xe9.txt")).write_text("a name that is not UTF-8")
    before = fingerprint(source)
    assert integrity.tree_state(base) == integrity.tree_state(base)
    shutil.copyfile(tmp_path / "elsewhere/photo0.png", tmp_path / "elsewhere/photo1.png")
    assert fingerprint(source) != before
