"""The folder that tests of contents begin with."""

import pytest

from pipeline import own_folder


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")
