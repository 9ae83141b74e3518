"""The embedded set."""

import filecmp

import numpy as np
import pytest
from PIL import Image

from semiproto.data import digits
from semiproto.data.layout import IMAGES, LISTS, MASKS, read_classes, read_list, read_mask
from semiproto.provenance.artifacts import sha256_tree


def source(shipped, **changes):
    return shipped.dataset.model_copy(update={"labeled": 3, "unlabeled": 2, "validation": 2} | changes)


@pytest.fixture
def make(shipped, tmp_path):
    """Makes a small set and gives its folder."""

    def run(name, **changes):
        digits.make(tmp_path / name, source(shipped, **changes))
        return tmp_path / name

    return run


def test_the_same_seed_gives_the_same_bytes(make):
    assert sha256_tree(make("a")) == sha256_tree(make("b"))


@pytest.mark.parametrize("changes", [{"seed": 1}, {"held_back": True}])
def test_other_parameters_give_other_images(make, changes):
    first, second = make("a"), make("b", **changes)
    names = sorted(p.name for p in (first / IMAGES).iterdir())
    assert names == sorted(p.name for p in (second / IMAGES).iterdir())
    assert set(filecmp.cmpfiles(first / IMAGES, second / IMAGES, names, shallow=False)[1]) == set(names)


def test_more_images_leave_the_others_as_they_are(make):
    few, many = make("few"), make("many", unlabeled=4, validation=3)
    for path in (few / IMAGES).iterdir():
        assert path.read_bytes() == (many / IMAGES / path.name).read_bytes()


def test_lists_images_and_masks_agree(digits_root):
    lists = {name: read_list(digits_root / LISTS / f"{name}.txt") for name in ("train", "unlabeled", "val")}
    assert [len(lists[name]) for name in ("train", "unlabeled", "val")] == [8, 10, 3]
    everything = [i for ids in lists.values() for i in ids]
    assert len(set(everything)) == 21
    assert {p.stem for p in (digits_root / IMAGES).iterdir()} == set(everything)
    assert {p.stem for p in (digits_root / MASKS).iterdir()} == set(lists["train"] + lists["val"])
    assert read_classes(digits_root) == ["background", "zero", "one", "two", "three", "four", "five"]


def test_images_and_masks_have_the_size_and_values(digits_root):
    seen = set()
    for path in (digits_root / MASKS).iterdir():
        mask = read_mask(path)
        image = np.asarray(Image.open(digits_root / IMAGES / path.name))
        assert mask.shape == (64, 64) and image.shape == (64, 64, 3)
        assert image.std() > 5
        values = set(np.unique(mask).tolist())
        assert 0 in values and values <= set(range(7)) and len(values) > 1
        assert 0.1 < (mask > 0).mean() < 0.7
        seen |= values
    assert seen == set(range(7))


@pytest.mark.parametrize("side", [32, 96])
def test_the_image_size_is_a_parameter(make, side):
    root = make("a", image_size=side)
    assert {Image.open(path).size for path in (root / IMAGES).iterdir()} == {(side, side)}
    assert {read_mask(path).shape for path in (root / MASKS).iterdir()} == {(side, side)}


@pytest.mark.parametrize("held_back", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_training_digit_is_shown_in_validation(shipped, held_back, seed):
    training, validation = digits._instances(source(shipped, held_back=held_back, seed=seed))
    first, second = ({glyph.tobytes() for _, glyph in part} for part in (training, validation))
    assert first and second and not first & second
    assert {digit for digit, _ in training} == {digit for digit, _ in validation} == set(range(6))
    assert len(training) / (len(training) + len(validation)) == pytest.approx(0.65, abs=0.01)


def test_tuning_never_sees_the_validation_digits(shipped):
    _, reported = digits._instances(source(shipped))
    training, tuned = digits._instances(source(shipped, held_back=True))
    held = {glyph.tobytes() for _, glyph in reported}
    assert not held & {glyph.tobytes() for _, glyph in training + tuned}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_rare_five_has_a_five_hundredth_of_the_pixels(shipped, seed):
    rare = source(shipped, rare_five=True, seed=seed)
    training, validation = digits._instances(rare)
    for part, instances in enumerate((training, validation)):
        rngs = (np.random.default_rng([seed, part, number]) for number in range(250))
        masks = np.stack([digits.draw_image(rng, instances, rare)[1] for rng in rngs])
        assert 0.001 < (masks == 1 + digits.RARE).mean() < 0.003
        assert min((masks == value).mean() for value in range(6)) > 0.04
        assert 0.05 < (masks == 1 + digits.RARE).any((1, 2)).mean() < 0.2


def test_with_a_rare_five_the_labelled_images_are_the_first(make):
    root = make("rare", rare_five=True)
    assert read_list(root / LISTS / "train.txt") == [f"train_{n:05d}" for n in range(3)]
    assert read_list(root / LISTS / "unlabeled.txt") == [f"train_{n:05d}" for n in range(3, 5)]
