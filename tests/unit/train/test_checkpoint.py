"""Resume checkpoints survive interruption and damage."""

import pytest
import torch

from semiproto.train import checkpoint


def state(step):
    return {"step": step, "phase": {"w": torch.full((3,), float(step))}, "history": [{"step": 1, "loss": 0.5}]}


def truncate(path):
    path.write_bytes(path.read_bytes()[:-200])


def test_none_without_a_file(tmp_path):
    assert checkpoint.load(tmp_path / "absent", "key") is None


def test_the_latest_is_read_back(tmp_path):
    for step in (1, 2, 3):
        checkpoint.save(tmp_path / "run", "key", state(step))
    found = checkpoint.load(tmp_path / "run", "key")
    assert found["step"] == 3 and found["history"] == [{"step": 1, "loss": 0.5}]
    assert torch.equal(found["phase"]["w"], torch.full((3,), 3.0))
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["latest.pt", "previous.pt"]


def test_a_truncated_latest_falls_back_on_the_previous(tmp_path, capsys):
    checkpoint.save(tmp_path, "key", state(1))
    checkpoint.save(tmp_path, "key", state(2))
    truncate(tmp_path / "latest.pt")
    assert checkpoint.load(tmp_path, "key")["step"] == 1
    printed = capsys.readouterr().out
    assert "latest.pt" in printed and printed.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_nothing_usable_is_none(tmp_path, content):
    for name in ("latest.pt", "previous.pt"):
        (tmp_path / name).write_bytes(content)
    assert checkpoint.load(tmp_path, "key") is None


def test_a_file_of_another_shape_is_passed_over(tmp_path):
    torch.save([1, 2], tmp_path / "latest.pt")
    torch.save({"step": 4}, tmp_path / "previous.pt")
    assert checkpoint.load(tmp_path, "key") is None


def test_another_key_is_ignored(tmp_path, capsys):
    checkpoint.save(tmp_path, "key", state(1))
    assert checkpoint.load(tmp_path, "other") is None
    assert "other parameters, inputs or code" in capsys.readouterr().out
    assert checkpoint.load(tmp_path, "key")["step"] == 1


def test_an_interrupted_write_leaves_the_last_good_state(tmp_path):
    checkpoint.save(tmp_path, "key", state(1))
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(tmp_path, "key", {"step": 2, "bad": lambda: None})
    assert checkpoint.load(tmp_path, "key")["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["latest.pt"]


def test_remove_deletes_the_folder_if_nothing_else_is_in_it(tmp_path):
    for name in ("mine", "shared"):
        checkpoint.save(tmp_path / name, "key", state(1))
        checkpoint.save(tmp_path / name, "key", state(2))
    (tmp_path / "shared" / "note.txt").touch()
    for name in ("mine", "shared", "absent"):
        checkpoint.remove(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["shared"]
    assert [p.name for p in (tmp_path / "shared").iterdir()] == ["note.txt"]


def test_a_finished_run_leaves_nothing_not_even_a_half_written_checkpoint(tmp_path):
    folder = tmp_path / "run"
    checkpoint.save(folder, "key", {"step": 1})
    checkpoint.save(folder, "key", {"step": 2})
    (folder / ".latest.pt.123.tmp").write_bytes(b"half")
    checkpoint.remove(folder)
    assert not folder.exists()
