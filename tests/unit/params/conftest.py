"""The shipped parameters as a tree to edit, and a check of the line that a fault gives."""

import copy
from pathlib import Path

import pytest
import yaml

from semiproto import params as parameters
from semiproto.errors import UserError


@pytest.fixture(scope="session")
def shipped_file():
    return Path(__file__).resolve().parents[3] / "params.yaml"


@pytest.fixture
def edited(shipped_file):
    """Makes the parsed tree of the shipped parameters with changes: values by dotted key, `...` removes the key."""
    tree = yaml.safe_load(shipped_file.read_text())

    def edit(changes):
        changed = copy.deepcopy(tree)
        for key, value in changes.items():
            *path, last = key.split(".")
            section = changed
            for name in path:
                section = section[int(name)] if isinstance(section, list) else section[name]
            if value is ...:
                del section[last]
            else:
                section[last] = value
        return changed

    return edit


@pytest.fixture
def refused(one_line):
    """Checks that a tree is refused in one line that names the file and all of the given words; returns the line."""

    def check(tree, *words):
        with pytest.raises(UserError) as error:
            parameters.validate(tree, "params.yaml")
        assert str(error.value).startswith("params.yaml: ")
        one_line(error, *words)
        return str(error.value)

    return check
