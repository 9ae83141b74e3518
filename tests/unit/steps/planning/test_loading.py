"""How long the images of a step take to load, where they are there."""

import pytest

from semiproto import paths
from semiproto.data import layout, loaders
from semiproto.steps.planning import loading
from semiproto.steps.planning.loading import seconds_of_loading
from semiproto.steps.planning.trainings import Training


@pytest.fixture
def prepared(tiny, digits_root, ids, tmp_path, monkeypatch):
    """A checkout in which the set of the tiny experiment and a split of it were made."""
    monkeypatch.chdir(tmp_path)
    names = {"dataset": tiny.dataset.name, "split": "8"}
    root, split = (tmp_path / place(**names) for place in (paths.DATA, paths.SPLIT))
    root.mkdir(parents=True)
    (root / layout.FILES).symlink_to(digits_root)
    split.mkdir(parents=True)
    for name, own in (("labeled", ids["train"]), ("unlabeled", ids["unlabeled"])):
        (split / f"{name}.txt").write_text("".join(f"{one}\n" for one in own))
    return split


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on by one second for each file that is read, and by a tenth for each view."""
    now, read, view = [0.0], loaders.WeakViews._read, loaders.WeakViews.__getitem__

    def later(seconds, work):
        def timed(*given):
            now[0] += seconds
            return work(*given)

        return timed

    monkeypatch.setattr(loaders.WeakViews, "_read", later(1.0, read))
    monkeypatch.setattr(loaders.WeakViews, "__getitem__", later(0.1, view))
    monkeypatch.setattr(loading.time, "process_time", lambda: now[0])


def test_of_images_that_are_not_there_nobody_knows(tiny, prepared):
    training = Training("prototype", "8", 1, 100)
    assert seconds_of_loading(tiny, training) > 0
    (prepared / "unlabeled.txt").unlink()
    assert seconds_of_loading(tiny, training) is None
    assert seconds_of_loading(tiny, Training("supervised", "8", 1, 100)) > 0


def test_images_that_are_kept_are_read_once(tiny, prepared, clock):
    """8 labelled and 10 unlabelled images, of which a step takes 2 of each list."""
    found = seconds_of_loading(tiny, Training("prototype", "8", 1, 100))
    assert found == pytest.approx(2 * (0.1 + 8 / 200) + 2 * (0.1 + 10 / 200))


def test_images_that_cannot_all_be_kept_are_read_again(tiny, prepared, clock, monkeypatch):
    """Half of the 8 images fit, all of those that are tried."""
    monkeypatch.setattr(loaders, "CACHE_BYTES", 4 * 64 * 64 * 4)
    monkeypatch.setattr(loading, "TRIED", 4)
    found = seconds_of_loading(tiny, Training("supervised", "8", 1, 100))
    assert found == pytest.approx(2 * (0.1 + 0.5 + 0.5 * 8 / 200))
