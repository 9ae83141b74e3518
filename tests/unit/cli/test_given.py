"""Each command with each of its paths wrong: one line that names the option, the path and what it must be."""

import re
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from semiproto import cli
from semiproto.cli import app, given
from semiproto.errors import UserError

KINDS = {
    given.existing_folder: {"nowhere": "no such folder", "file": "a file, not a folder", "": None},
    given.existing_file: {"nowhere": "no such file", "folder": "a folder, not a file", "": "a folder, not a file"},
    given.existing: {"nowhere": "no such file or folder"},
    given.new_folder: {"file": "a file, not a folder", "file/below": "file is a file, not a folder", "": "are in"},
    given.new_file: {"folder": "a folder, not a file", "file/below": "file is a file, not a folder"},
}
"""By kind of path, what is wrong and what is said of it."""


def parameters():
    """(command, parameter) of every parameter of the command line."""
    return [(command, one) for command in typer.main.get_command(app).commands.values() for one in command.params]


def kind_of(parameter):
    """The check of a path; None for other parameters. typer wraps callbacks, and keeps what it wrapped."""
    return getattr(parameter.callback, "__wrapped__", None)


def cases():
    for command, parameter in parameters():
        for wrong, said in KINDS.get(kind_of(parameter), {}).items():
            if said:
                yield pytest.param(command, parameter, wrong, said, id=f"{command.name} {parameter.opts[0]} {wrong}")


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    Path("folder").mkdir()


def test_every_path_is_checked():
    hints = [get_type_hints(command.callback) for command in app.registered_commands]
    paths = [name for one in hints for name, hint in one.items() if "Path" in str(hint)]
    checked = [one.name for _, one in parameters() if kind_of(one) in KINDS]
    assert len(paths) > 50 and sorted(paths) == sorted(checked)


@pytest.mark.parametrize(("command", "parameter", "wrong", "said"), list(cases()))
def test_a_wrong_path_is_one_line(places, command, parameter, wrong, said, one_line):
    option = parameter.opts[0] if parameter.param_type_name == "option" else None
    arguments = [one.name for one in command.params if one.param_type_name == "argument"]
    before = [option] if option else ["folder"] * arguments.index(parameter.name)
    with pytest.raises(UserError) as error:
        CliRunner().invoke(app, [command.name, *before, wrong], catch_exceptions=False)
    one_line(error, option or wrong, wrong or ".", said, "; give ")
    assert Path("file").read_text() == "mine" and not Path("nowhere").exists()


@pytest.mark.parametrize("command", ["explain x", "reproduced", "unlock"])
def test_in_a_folder_of_the_checkout_the_checkout_is_named(places, monkeypatch, command, one_line):
    Path("params.yaml").touch()
    monkeypatch.chdir("folder")
    with pytest.raises(UserError) as error:
        CliRunner().invoke(app, command.split(), catch_exceptions=False)
    one_line(error, Path.cwd(), f"`cd {Path.cwd().parent}` first")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["split"], "Missing option '--config'; see `semiproto split --help`"),
        (["predict", "--window", "3"], "--window 3: input should be greater than or equal to 64"),
        (["predict", "--window", "x"], "--window x: input should be a valid integer"),
        (["tables", "--nope"], "No such option: --nope"),
    ],
)
def test_a_command_line_that_is_none_is_one_line(monkeypatch, capsys, words, said):
    monkeypatch.setattr(sys, "argv", ["semiproto", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and line.startswith("semiproto: ") and said in line


@pytest.mark.parametrize("command", [command.name for command in typer.main.get_command(app).commands.values()])
def test_an_example_can_be_pasted(monkeypatch, capsys, command):
    """Each line but the last of a command ends in a backslash, and nothing is behind it."""
    monkeypatch.setattr(sys, "argv", ["semiproto", command, "--help"])
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # restored after the test
    with pytest.raises(SystemExit):
        cli.main()
    lines = re.search(r"Example: (.*?)\n\n", capsys.readouterr().out, re.DOTALL)[1].splitlines()
    for line, following in zip(lines, [*lines[1:], " semiproto"], strict=True):
        assert line.endswith("\\") or following.startswith(" semiproto"), line
