"""Receipts: what they say, and what is said of missing and damaged ones."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from made_up import write_receipt

from semiproto.errors import UserError
from semiproto.provenance import receipts
from semiproto.provenance.artifacts import RECEIPT
from semiproto.provenance.receipts import read_receipt


def receipt(folder, inputs=(), **changes):
    facts = {"outputs": {"file": "12"}, "config": {"seed": 3}, "inputs": list(inputs), "seed": 3, "seconds": 1.234}
    write_receipt(folder, "step", **(facts | changes))
    return read_receipt(folder)


def test_a_receipt_says_what_the_output_is(tmp_path):
    receipt(tmp_path / "in")
    found = receipt(tmp_path / "out", [tmp_path / "in"], facts={"images": 4}, outputs={"tree": "34"})
    assert found["step"] == "step" and found["seed"] == 3 and found["config"] == {"seed": 3}
    assert found["inputs"] == {(tmp_path / "in").as_posix(): {"file": "12"}}
    assert found["outputs"] == {"tree": "34"} and found["facts"] == {"images": 4}
    assert {"version", "code", "seconds", "device", "machine", "python", "packages"} <= set(found["made"])


@pytest.mark.parametrize("content", [None, "", "{", b"\xff\xfe"])
def test_missing_and_damaged_receipts(tmp_path, one_line, content):
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / RECEIPT).write_bytes(data)
    with pytest.raises(UserError) as error:
        read_receipt(tmp_path)
    one_line(error, tmp_path / RECEIPT)


ODD = {
    "outputs a list": lambda fields: fields | {"outputs": []},
    "outputs of numbers": lambda fields: fields | {"outputs": {"file": 1}},
    "outputs outside": lambda fields: fields | {"outputs": {"../../file": "12"}},
    "outputs anywhere": lambda fields: fields | {"outputs": {"/dev/zero": "12"}},
    "records outside": lambda fields: fields | {"records": {"a/../../file": "12"}},
    "inputs nothing": lambda fields: fields | {"inputs": None},
    "inputs a list": lambda fields: fields | {"inputs": ["data"]},
    "inputs of text": lambda fields: fields | {"inputs": {"data": "12"}},
    "modules text": lambda fields: fields | {"modules": "all"},
    "config a list": lambda fields: fields | {"config": [1]},
    "facts text": lambda fields: fields | {"facts": "many"},
    "made a list": lambda fields: fields | {"made": []},
    "packages a list": lambda fields: fields | {"made": {"packages": []}},
    "seed text": lambda fields: fields | {"seed": "0"},
    "step a number": lambda fields: fields | {"step": 1},
    "a list": lambda fields: [fields],
    "a number": lambda fields: 5,
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD.keys())
def test_a_field_of_another_type_or_a_name_outside_is_no_receipt(tmp_path, one_line, change):
    fields = receipt(tmp_path)
    (tmp_path / RECEIPT).write_text(json.dumps(change(fields)))
    with pytest.raises(UserError) as error:
        read_receipt(tmp_path)
    one_line(error, tmp_path / RECEIPT, "delete it and run")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.write_text("[" * 100_000)])
def test_what_is_no_file_or_no_end_of_brackets_is_no_receipt(tmp_path, one_line, make):
    make(tmp_path / RECEIPT)
    with pytest.raises(UserError) as error:
        read_receipt(tmp_path)
    one_line(error, tmp_path / RECEIPT, "delete it and run")


def test_the_code_is_a_commit_only_where_git_has_the_sources(tmp_path, monkeypatch):
    """Not in a tarball of them, even if it lies in the repository of something else."""

    def git(*arguments: str) -> str:
        names = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        return subprocess.check_output(["git", *names, *arguments], cwd=tmp_path, text=True)

    package = tmp_path / "sources"
    package.mkdir()
    (package / "module.py").write_text("1")
    monkeypatch.setattr(receipts, "PACKAGE", package)
    assert receipts._code_version() == "unknown"
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "something else")
    assert receipts._code_version() == "unknown"
    git("add", ".")
    git("commit", "--quiet", "--message", "sources")
    commit = git("rev-parse", "--short=12", "HEAD").strip()
    assert receipts._code_version() == commit
    (package / "module.py").write_text("2")
    assert receipts._code_version() == f"{commit}-dirty"
