"""The commands that hand a model on: how they end. tests/unit/deploy has what they write."""

import sys

import pytest
from typer.testing import CliRunner

from semiproto import cli
from semiproto.cli import app
from semiproto.deploy import export
from semiproto.deploy.demo.server import Server
from semiproto.model.folder import MODEL, Card, save_weights, write_card


def test_an_interrupted_export_says_that_nothing_was_written(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "write_onnx", interrupted)
    monkeypatch.setattr(sys, "argv", ["semiproto", "export", str(tmp_path), "-o", "x.onnx"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130 and capsys.readouterr().err == "semiproto: x.onnx: stopped; nothing was written\n"


def test_a_card_says_whether_it_has_a_score(tmp_path, monkeypatch, tiny, make_net):
    monkeypatch.chdir(tmp_path)
    write_card(tmp_path / "model", Card([f"class{n}" for n in range(7)], tiny.model, {}))
    save_weights(tmp_path / "model" / MODEL, make_net())
    result = CliRunner().invoke(app, ["card", "model", "-o", "out"], catch_exceptions=False)
    assert result.exit_code == 0 and "out: README.md, config.json" in result.output
    assert "no score, since these weights were not evaluated here" in result.output


def test_a_demo_says_where_it_is_and_ends_with_ctrl_c(tmp_path, monkeypatch, tiny, make_net):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    write_card(tmp_path / "model", Card([f"class{n}" for n in range(7)], tiny.model, {}))
    save_weights(tmp_path / "model" / MODEL, make_net())
    result = CliRunner().invoke(app, ["demo", str(tmp_path / "model"), "--port", "0"], catch_exceptions=False)
    assert result.exit_code == 0 and result.output.endswith("stopped\n")
    assert f"{tmp_path / 'model'}: http://127.0.0.1:" in result.output and ":0/" not in result.output
