"""The folder that tests of layouts begin with, and what is assumed of one."""

import pytest

from pipeline import own_folder
from semiproto.data.own.layouts.discover import discover


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


@pytest.fixture
def discovered():
    """The dataset section that would read a folder, and what was assumed."""

    def found(base):
        source, said, _ = discover(base, "own")
        return source, "\n".join(said)

    return found
