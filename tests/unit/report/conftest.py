"""Results as the pipeline writes them, tiny and made up."""

from __future__ import annotations

from pathlib import Path

import pytest
from results_folder import ResultsFolder, Scores


@pytest.fixture
def results(tmp_path: Path) -> ResultsFolder:
    return ResultsFolder(tmp_path)


@pytest.fixture
def three_variants() -> Scores:
    return {"supervised": [50.0, 52.0, 54.0], "consistency": [60.0, 70.0, 50.0], "prototype": [63.0, 64.0, 65.0]}


@pytest.fixture
def paper() -> Path:
    """The parameter file with the paper's values."""
    return Path(__file__).parents[3] / "experiments" / "voc-classic.yaml"
