import pytest
from typer.testing import CliRunner

from semiproto.cli import app


@pytest.fixture
def run():
    """Runs a command in this process; what it raises is in `exception`."""
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])
