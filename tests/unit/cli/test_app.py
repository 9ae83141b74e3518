from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from semiproto.cli import app

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)


@pytest.mark.parametrize("command", [name.replace("explain_params", "params") for name in COMMANDS])
def test_every_command_has_help_with_an_example(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: semiproto {command}" in " ".join(result.output.split())


def test_help_imports_no_torch():
    code = "import sys; from semiproto.cli import app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_parameter_is_explained():
    lines = CliRunner().invoke(app, ["params"]).output.splitlines()
    assert any(line.startswith("semi.tau: float, >= 0, <= 1; ") for line in lines)
    assert all("; " in line for line in lines), [line for line in lines if "; " not in line]


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_a_name_that_the_terminal_cannot_show_is_escaped(encoding, tmp_path):
    command = [
        sys.executable,
        "-m",
        "semiproto",
        "init",
        str(tmp_path / "фото"),
        "--template",
        str(tmp_path / "猫.yaml"),
    ]
    result = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding})
    assert result.returncode == 1
    assert result.stderr.startswith(b"semiproto: ") and b"\\u732b.yaml: no such file" in result.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("RuntimeError('DataLoader worker (pid 1) is killed')", "a worker process was killed"),
        ("KeyError('x')", "KeyError"),
    ],
)
def test_an_error_ends_the_processes_that_would_not_end_by_themselves(error, said):
    """A loader's workers ignore SIGTERM; Python waits for what multiprocessing started."""
    code = (
        "import importlib, multiprocessing, signal, sys, time\n"
        "module = importlib.import_module('semiproto.cli.app')\n"
        "def work():\n    signal.signal(signal.SIGTERM, signal.SIG_IGN); ready.set(); time.sleep(3600)\n"
        "ready = multiprocessing.Event()\n"
        "multiprocessing.get_context('fork').Process(target=work, daemon=True).start(); ready.wait()\n"
        f"def fail(*_, **__): raise {error}\n"
        "module.app = fail\nmodule.main()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1 and said in result.stderr.splitlines()[-1]
