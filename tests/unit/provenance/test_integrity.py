from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from made_up import write_receipt

from semiproto.errors import UserError
from semiproto.provenance import integrity
from semiproto.provenance.artifacts import digests, sha256_text


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A folder, and one made from it."""
    monkeypatch.chdir(tmp_path)
    for name, inputs in (("first", []), ("second", [Path("first")])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "big").write_text(name)
        outputs = digests(Path(name), ["big"])
        write_receipt(Path(name), "step", outputs=outputs, config={}, inputs=inputs, seed=None, seconds=0)
    return [Path("first"), Path("second")]


MEMORY = Path("memory.json")


def check(folders: list[Path], derived=()) -> dict[Path, str]:
    return integrity.check(folders, MEMORY, derived)


def test_what_was_written_passes_and_is_not_read_again(folders, monkeypatch, settled):
    check([*folders, Path("third")])
    monkeypatch.setattr(integrity, "sha256_file", lambda path: pytest.fail(f"{path} was read again"))
    check(folders)


def test_what_was_written_a_moment_ago_is_read_again(folders):
    """Another change within a tick of the clock would not show in its times."""
    check(folders)
    assert not MEMORY.exists()


def test_a_changed_file_is_named_with_its_remedy(folders):
    check(folders)
    before = Path("first/big").stat()
    Path("first/big").write_text("FIRST")
    os.utime("first/big", ns=(before.st_atime_ns, before.st_mtime_ns))  # as old and as long as it was
    with pytest.raises(UserError, match=r"first/big: not what was written there.*delete first and run"):
        check(folders)


def test_what_is_derived_is_made_again_and_what_it_comes_from_is_refused(folders):
    second = folders[1]
    Path("second/big").write_text("that of another commit")
    assert check(folders, [second])[second].startswith("second/big: not what was written there")
    Path("first/big").write_text("another")
    with pytest.raises(UserError, match="first/big: not what was written there"):
        check(folders, [second])


def test_swapped_files_are_found(folders):
    Path("first/big").rename("aside")
    Path("second/big").rename("first/big")
    Path("aside").rename("second/big")
    with pytest.raises(UserError, match="first/big: not what was written there"):
        check(folders)


def test_a_receipt_of_another_folder_is_refused(folders):
    Path("first").rename("aside")
    Path("second").rename("first")
    with pytest.raises(UserError, match=r"first/receipt.json: the receipt of second, not of first; delete first "):
        check(folders)


def test_what_began_with_other_published_weights_is_made_again(folders, monkeypatch, settled):
    monkeypatch.setenv("TORCH_HOME", str(Path("torch").absolute()))
    facts = {"weights_file": {"name": "net.pth", "sha256": sha256_text("weights")}}
    write_receipt(Path("first"), "pretrain", outputs=digests(Path("first"), ["big"]), seed=0, facts=facts)
    assert check(folders) == {}  # they are not on this machine
    weights = Path("torch/hub/checkpoints/net.pth")
    weights.parent.mkdir(parents=True)
    weights.write_text("weights")
    assert check(folders) == {}
    weights.write_text("others")
    assert "first: began with other weights torch.hub/net.pth" in check(folders)[Path("first")]


def test_what_was_made_from_another_input_is_named_whatever_its_age(folders):
    assert check(folders) == {}
    Path("first/big").write_text("another")
    outputs = digests(Path("first"), ["big"])
    write_receipt(Path("first"), "step", outputs=outputs, config={}, inputs=[], seed=None, seconds=0)
    os.utime("first/receipt.json", (0, 0))
    assert check(folders) == {Path("second"): "second: made from another first than the one there"}


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_damaged_memory_is_made_again(folders, settled, text):
    MEMORY.write_text(text)
    check(folders)
    assert set(json.loads(gzip.decompress(MEMORY.read_bytes()))) == {"first/big", "second/big"}
