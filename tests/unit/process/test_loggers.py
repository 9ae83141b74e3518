"""Logs that other programs show: DVC itself finds DVCLive's while it is written; what is missing is said."""

import subprocess
import sys

import pytest

from semiproto.errors import UserError
from semiproto.process.loggers import LogFolders, loggers


def test_dvc_shows_the_values_of_a_run_that_goes_on(tmp_path, monkeypatch):
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    Repo.init().close()
    author = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *author, "commit", "--quiet", "--message", "begun"], check=True)
    with loggers(LogFolders(dvclive=tmp_path / "dvclive"), "pretrain digits/60/seed0", 0) as log:
        log(10, {"loss": 0.5}, {"use/class0": 1.0})
        log(20, {"validation/miou": 61.0}, {})
        with Repo(str(tmp_path)) as repo:
            (shown,) = repo.metrics.show().values()
    ((file, found),) = shown["data"].items()
    assert file == "dvclive/pretrain/digits/60/seed0/metrics.json"
    assert found["data"] == {"loss": 0.5, "validation": {"miou": 61.0}, "step": 20}


@pytest.mark.parametrize(("name", "module"), [("tensorboard", "torch.utils.tensorboard"), ("dvclive", "dvclive.live")])
def test_a_missing_package_is_one_line_with_its_remedy(name, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    wanted = loggers(LogFolders(**{name: tmp_path}), "run", 0)
    with pytest.raises(UserError, match=rf"compute.{name}: .* pip install 'semiproto\[{name}\]'"), wanted:
        pass


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with loggers(LogFolders(), "run", 0) as log:
        log(1, {"loss": 0.5}, {})
    assert not list(tmp_path.iterdir())
