"""The commands that hand a model on: how they end. tests/unit/deploy has what they write."""

import sys

import pytest

from semiproto import cli
from semiproto.deploy import export


def test_an_interrupted_export_says_that_nothing_was_written(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "write_onnx", interrupted)
    monkeypatch.setattr(sys, "argv", ["semiproto", "export", str(tmp_path), "-o", "x.onnx"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130 and capsys.readouterr().err == "semiproto: x.onnx: stopped; nothing was written\n"
