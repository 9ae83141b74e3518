"""Batches depend on (seed, step) and nothing else."""

import shutil
import socket
from multiprocessing.resource_sharer import DupFd

import numpy as np
import pytest
import torch
from PIL import Image

from semiproto.data.layout import IMAGES, MASKS, read_mask
from semiproto.data.loaders import StepBatches, WeakViews, loader
from semiproto.errors import UserError

COLOUR = (124, 116, 104)


def batches(root, ids, tiny, start=0, stop=6, labeled=True, workers=0, seed=3, batch=3):
    keys = StepBatches(len(ids), batch, seed, start, stop)
    return list(loader(WeakViews(root, ids, tiny.augment, COLOUR, labeled=labeled), keys, workers))


def equal(first, second):
    assert len(first) == len(second) > 0
    return all(torch.equal(a, b) for one, two in zip(first, second, strict=True) for a, b in zip(one, two, strict=True))


def positions(keys):
    return [key[0] for step in keys for key in step]


def test_a_batch_has_bytes_and_labels(digits_root, ids, tiny):
    found = batches(digits_root, ids["train"], tiny)
    assert len(found) == 6
    for images, labels in found:
        assert images.shape == (3, 3, 32, 32) and images.dtype == torch.uint8
        assert labels.shape == (3, 32, 32) and labels.dtype == torch.uint8
        assert set(labels.unique().tolist()) <= {*range(7), 255}


@pytest.mark.parametrize("start", [1, 3, 5])
def test_a_later_start_gives_the_tail(digits_root, ids, tiny, start):
    whole = batches(digits_root, ids["train"], tiny)
    assert equal(batches(digits_root, ids["train"], tiny, start=start), whole[start:])


def test_workers_change_nothing(digits_root, ids, tiny):
    alone = batches(digits_root, ids["train"], tiny)
    assert equal(batches(digits_root, ids["train"], tiny, workers=2), alone)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("broken", ["truncated", "gone"])
def test_an_image_that_cannot_be_read_ends_in_one_line(digits_root, ids, tiny, tmp_path, workers, broken):
    root = shutil.copytree(digits_root, tmp_path / "set")
    image = root / IMAGES / f"{ids['train'][0]}.png"
    views = WeakViews(root, ids["train"], tiny.augment, COLOUR, labeled=True)
    image.unlink() if broken == "gone" else image.write_bytes(image.read_bytes()[:300])
    with pytest.raises(UserError) as error:
        list(loader(views, StepBatches(len(ids["train"]), 3, 0, 0, 6), workers))
    assert str(error.value).startswith(f"{image}: ") and len(str(error.value).splitlines()) == 1


class DroppedViews(WeakViews):
    """Of which one is asked for by a training that ends at that moment."""

    def __getitem__(self, key):
        with socket.socket(socket.AF_UNIX) as training:
            training.connect(DupFd(1)._id[0])
        DupFd(1).detach()  # served after it
        return super().__getitem__(key)


def test_a_worker_shows_no_traceback_where_the_training_ends(digits_root, ids, tiny, capfd):
    views = DroppedViews(digits_root, ids["train"], tiny.augment, COLOUR, labeled=True)
    assert len(list(loader(views, StepBatches(len(ids["train"]), 3, 0, 0, 2), workers=1))) == 2
    assert capfd.readouterr().err == ""


def test_another_seed_gives_other_batches(digits_root, ids, tiny):
    first, second = (batches(digits_root, ids["train"], tiny, seed=seed) for seed in (0, 1))
    assert not equal(first, second)


def test_the_same_image_is_seen_differently_later(digits_root, ids, tiny):
    first, second = batches(digits_root, ids["train"][:1], tiny, stop=2, batch=1)
    assert not torch.equal(first[0], second[0])


@pytest.mark.parametrize(("images", "batch"), [(10, 4), (3, 8), (1, 2), (7, 7)])
def test_each_image_is_used_equally_often(images, batch):
    keys = positions(StepBatches(images, batch, 0, 0, images * 5))
    assert np.bincount(keys, minlength=images).tolist() == [5 * batch] * images
    for turn in range(0, len(keys), images):
        assert sorted(keys[turn : turn + images]) == list(range(images))


def test_the_order_changes_from_turn_to_turn():
    keys = positions(StepBatches(12, 4, 0, 0, 9))
    assert keys[:12] != keys[12:24] != keys[24:]
    assert keys[:12] != sorted(keys[:12])


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("start", [0, 3])
def test_the_shares_of_processes_in_order_are_the_global_batch(world, start):
    alone = list(StepBatches(11, 8, 5, start, 9))
    n = 8 // world
    ranks = [list(StepBatches(11, 8, 5, start, 9, slice(rank * n, rank * n + n))) for rank in range(world)]
    for step, whole in enumerate(alone):
        assert [key for rank in ranks for key in rank[step]] == whole


REPEATS = np.array([1.0, 2.5, 1.0, 3.0, 1.25])


def test_the_order_without_repeats_is_that_of_a_plain_permutation():
    keys = positions(StepBatches(11, 4, 5, 0, 11))
    turns = [np.random.default_rng([5, turn]).permutation(11).tolist() for turn in range(4)]
    assert keys == [position for turn in turns for position in turn]


def test_images_are_repeated_by_their_factors():
    keys = positions(StepBatches(REPEATS, 5, 3, 0, 700))
    turns = len(keys) / REPEATS.sum()
    assert np.bincount(keys) / turns == pytest.approx(REPEATS, rel=0.05)
    # Where the factor is a whole number, each turn has exactly so many.
    assert 0.97 < keys.count(0) / turns < 1.03 and keys.count(3) == pytest.approx(3 * keys.count(0), abs=4)


@pytest.mark.parametrize("start", [1, 7, 29])
def test_repeated_images_after_an_interruption_and_in_several_processes(start):
    alone = list(StepBatches(REPEATS, 4, 5, 0, 40))
    assert list(StepBatches(REPEATS, 4, 5, start, 40)) == alone[start:]
    ranks = [list(StepBatches(REPEATS, 4, 5, start, 40, slice(2 * rank, 2 * rank + 2))) for rank in range(2)]
    assert [one + two for one, two in zip(*ranks, strict=True)] == alone[start:]
    assert list(StepBatches(REPEATS, 4, 6, 0, 40)) != alone


def test_the_length_is_the_number_of_steps():
    keys = StepBatches(11, 8, 5, 3, 9)
    assert len(keys) == len(list(keys)) == 6


def test_unlabelled_views_open_no_mask(digits_root, ids, tiny, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(digits_root, root)
    both = ids["train"] + ids["unlabeled"]
    with_masks = batches(root, both, tiny, labeled=False)
    shutil.rmtree(root / MASKS)
    without = batches(root, both, tiny, labeled=False)
    assert equal(with_masks, without)
    assert all(set(labels.unique().tolist()) <= {0, 255} for _, labels in without)
    with pytest.raises(UserError):
        batches(root, ids["train"], tiny)


def test_an_unlabelled_view_says_what_is_outside(tmp_path, tiny):
    """A white image smaller than the crop: label 0 inside, 255 outside."""
    root = one_image(tmp_path, 20)
    params = tiny.augment.model_copy(update={"rotation": 0.0, "padding_label": 0})
    keys = StepBatches(1, 4, 0, 0, 2)
    for images, labels in loader(WeakViews(root, ["a"], params, COLOUR, labeled=False), keys, workers=0):
        white = (images == 255).all(1)
        assert torch.equal(white, labels == 0)
        assert torch.equal(~white, labels == 255)


@pytest.mark.parametrize("padding_label", [0, 255])
def test_labelled_padding_is_what_the_parameters_say(tmp_path, tiny, padding_label):
    root = one_image(tmp_path, 20, value=4)
    params = tiny.augment.model_copy(update={"rotation": 10.0, "padding_label": padding_label})
    views = WeakViews(root, ["a"], params, COLOUR, labeled=True)
    for _, labels in loader(views, StepBatches(1, 4, 0, 0, 2), workers=0):
        assert set(labels.unique().tolist()) == {4, padding_label}


def test_padding_pixels_have_the_colour_that_was_asked_for(tmp_path, tiny):
    params = tiny.augment.model_copy(update={"rotation": 0.0})
    mean = torch.tensor(COLOUR, dtype=torch.uint8).view(1, 3, 1, 1)
    keys = StepBatches(1, 4, 0, 0, 2)
    views = WeakViews(one_image(tmp_path, 20), ["a"], params, COLOUR, labeled=True)
    for images, labels in loader(views, keys, workers=0):
        outside = (labels == 255).unsqueeze(1).expand_as(images)
        assert torch.equal(images[outside], mean.expand_as(images)[outside])


def one_image(root, side, value=0):
    """A set of one white image, its mask full of `value`."""
    for folder in (IMAGES, MASKS):
        (root / folder).mkdir()
    Image.new("RGB", (side, side), (255, 255, 255)).save(root / IMAGES / "a.png")
    Image.new("L", (side, side), value).save(root / MASKS / "a.png")
    assert (read_mask(root / MASKS / "a.png") == value).all()
    return root
