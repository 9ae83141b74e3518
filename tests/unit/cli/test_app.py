from __future__ import annotations

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
