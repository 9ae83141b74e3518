"""Files that others wrote: none blocks, none goes on for ever, none unfolds to more than its own length."""

from __future__ import annotations

import os

import pytest
import yaml

from semiproto.errors import UserError
from semiproto.provenance import reading

LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


def unusual(folder):
    os.mkfifo(folder / "fifo")
    (folder / "device").symlink_to("/dev/zero")
    (folder / "folder").mkdir()
    (folder / "sparse").touch()
    os.truncate(folder / "sparse", 2**40)


@pytest.mark.parametrize("name", ["fifo", "device", "folder", "sparse"])
def test_what_is_no_file_to_read_whole_is_refused(tmp_path, one_line, name):
    unusual(tmp_path)
    with pytest.raises(ValueError, match=r"^(not a regular file|longer than 256 MiB)$"):
        reading.contents(tmp_path / name)
    with pytest.raises(UserError) as error:
        reading.text(tmp_path / name)
    one_line(error, tmp_path / name, "remove it")


def test_a_file_may_be_as_long_as_the_limit(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert reading.contents(tmp_path / "file", 5) == b"12345"
    with pytest.raises(ValueError, match="longer"):
        reading.contents(tmp_path / "file", 4)


def test_text_keeps_what_it_can(tmp_path):
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfa\xffb")
    assert reading.text(tmp_path / "file") == "a�b"


@pytest.mark.parametrize(
    ("content", "why"),
    [("[1, 2", "Expecting"), ("[" * 100_000, "nested"), ("[1, 2, [3]]", "more than 3 values")],
)
def test_json_that_is_none_or_too_much_is_refused(content, why):
    assert reading.json_tree('{"a": [1, 2]}') == {"a": [1, 2]}
    with pytest.raises(ValueError, match=why):
        reading.json_tree(content, 3 if "more" in why else reading.MOST_VALUES)


def test_yaml_is_what_its_loader_makes_of_it():
    tree = "a: &one {x: 1}\nb: {<<: *one, y: no}\n"
    assert reading.yaml_tree(tree, yaml.SafeLoader) == {"a": {"x": 1}, "b": {"x": 1, "y": False}}
    assert reading.yaml_tree("x: no", yaml.BaseLoader) == {"x": "no"}
    assert reading.yaml_tree("", yaml.SafeLoader) is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (LAUGHS, "unfold"),
        ("a: &a [*a]", "within itself"),
        ("a: &a {<<: *a}", "within itself"),
        ("[" * 100_000, "nested"),
        ("- a\n" * 2**20 + "-", "longer than 4 MiB"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ],
)
def test_yaml_that_unfolds_or_nests_without_end_is_refused(content, why):
    with pytest.raises(yaml.YAMLError, match=why):
        reading.yaml_tree(content, yaml.SafeLoader)


@pytest.mark.parametrize("text", ["!!timestamp hello", "2001-13-44"])
def test_a_value_of_another_kind_than_its_tag_is_a_fault_of_yaml(text):
    with pytest.raises(yaml.YAMLError, match="not of the kind"):
        reading.yaml_tree(f"x: {text}", yaml.SafeLoader)
