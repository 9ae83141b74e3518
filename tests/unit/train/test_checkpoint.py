"""Resume checkpoints survive interruption and damage."""

import threading

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


@pytest.fixture
def held(monkeypatch):
    """An event that writes wait for, and the number of those that are at work or were at once."""
    free, at_work, most, save = threading.Event(), [], [], checkpoint.save

    def slow(*args):
        at_work.append(args)
        most.append(len(at_work))
        free.wait()
        save(*args)
        at_work.pop()

    monkeypatch.setattr(checkpoint, "save", slow)
    return free, most


def test_a_writer_saves_what_the_state_was_while_the_training_goes_on(tmp_path, held):
    free, most = held
    own = state(1) | {"optimizer": {"groups": [{"lr": 0.1, "moments": [torch.zeros(2)]}]}}
    with checkpoint.Writer(tmp_path, "key") as writer:
        writer.save(own)
        own["phase"]["w"] += 1
        own["optimizer"]["groups"][0]["moments"][0] += 1
        own["history"].append("later")
        writer.check()
        assert not list(tmp_path.iterdir())
        free.set()
        writer.save(state(2))  # waits for the first
    assert checkpoint.load(tmp_path, "key")["step"] == 2 and most == [1, 1]
    first = checkpoint._read(tmp_path / "previous.pt")
    assert first["phase"]["w"].tolist() == [1, 1, 1] and first["history"] == state(1)["history"]
    assert first["optimizer"]["groups"][0]["moments"][0].tolist() == [0, 0]


@pytest.mark.parametrize("next_call", ["check", "save", "wait", "end"])
def test_a_write_that_fails_raises_its_error_in_what_is_called_next(tmp_path, next_call):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError), checkpoint.Writer(tmp_path / "file", "key") as writer:
        writer.save(state(1))
        if next_call == "check":
            writer._thread.shutdown()
            writer.check()
            pytest.fail("no error")
        elif next_call != "end":
            writer.save(state(2)) if next_call == "save" else writer.wait()
            pytest.fail("no error")


def test_an_error_in_the_training_is_not_hidden_by_a_write_that_fails(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(KeyError), checkpoint.Writer(tmp_path / "file", "key") as writer:
        writer.save(state(1))
        raise KeyError


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
