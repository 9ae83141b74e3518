"""Places below data/, models/ and results/, and the names that are read back from them."""

from pathlib import Path

import pytest

from semiproto import paths
from semiproto.paths import Place

PLACES = {name: place for name, place in vars(paths).items() if isinstance(place, Place)}
NAMES = {"dataset": "digits", "split": "30", "variant": "prototype", "seed": 2, "fold": 1, "shard": 3}


@pytest.mark.parametrize("name", PLACES)
def test_names_are_read_back_from_the_path_that_they_made(name):
    path = PLACES[name](**NAMES)
    assert "{" not in path and path.startswith(paths.WRITTEN)
    found = PLACES[name].names(path)
    assert found == {key: str(value) for key, value in NAMES.items() if f"{{{key}}}" in PLACES[name].pattern}


def test_no_path_is_of_two_places():
    """Or a receipt could be taken for that of another step."""
    for one in PLACES.values():
        assert [place for place in PLACES.values() if place.names(one(**NAMES)) is not None] == [one]


def test_names_that_are_not_given_stay_wildcards():
    assert paths.TRAINED(dataset="digits", seed=0) == "models/semi/digits/{split}/{variant}/seed0"


@pytest.mark.parametrize("path", ["models/semi/digits/30/prototype", "models/semi/digits/30/prototype/seed0/more", "x"])
def test_other_paths_have_no_names(path):
    assert paths.TRAINED.names(path) is None


def test_checkpoints_lie_under_the_path_of_their_model():
    assert paths.checkpoints_of(paths.TRAINED, **NAMES) == "checkpoints/semi/digits/30/prototype/seed2"
    assert paths.checkpoints_of(paths.PRETRAINED, seed=1) == "checkpoints/pretrain/{dataset}/{split}/seed1"


def test_a_run_is_read_from_the_end_of_its_folder():
    run = paths.run_of(Path("/somewhere/else/results/eval/digits/all/prototype-long/seed12"))
    assert run == paths.Run("digits", "all", "prototype-long", 12)


@pytest.mark.parametrize("folder", ["a/b/c/run1", "seed1", "a/b/c/seed", "a/b/c/seedx", "a/b/c/1"])
def test_other_folders_are_of_no_run(folder):
    with pytest.raises(ValueError):
        paths.run_of(Path(folder))
