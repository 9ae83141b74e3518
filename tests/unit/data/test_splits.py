"""Stratified lists are the same on any machine and show every class."""

import hashlib
import shutil

import numpy as np
import pytest

from semiproto.data import splits
from semiproto.data.layout import IMAGES, LISTS, MASKS, read_mask, write_mask
from semiproto.data.splits import classes_in_masks, make_split, stratified
from semiproto.errors import UserError
from semiproto.params import SplitsParams
from semiproto.provenance.artifacts import write_text


def made_up(images=60, classes=7, seed=0):
    """Images that show background and one or two classes, low classes far more often than high ones."""
    rng = np.random.default_rng(seed)
    odds = 1 / np.arange(1, classes) ** 2
    drawn = {
        f"image_{n:03d}": {0, *rng.choice(np.arange(1, classes), 2, p=odds / odds.sum()).tolist()}
        for n in range(images - 1)
    }
    return drawn | {"rare": {0, classes - 1}}


@pytest.mark.parametrize("count", [1, 7, 20, 59, 60])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_so_many_ids_sorted_each_once(count, seed):
    chosen = stratified(made_up(), count, seed)
    assert len(chosen) == len(set(chosen)) == count
    assert chosen == sorted(chosen) and set(chosen) <= set(made_up())


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [7, 8, 20])
def test_every_class_is_present(seed, count):
    images = made_up(seed=seed)
    everything = set().union(*images.values())
    assert set().union(*(images[i] for i in stratified(images, count, 3))) == everything


def test_the_draw_does_not_depend_on_the_order_of_the_images():
    images = made_up()
    turned = dict(reversed(images.items()))
    assert stratified(images, 12, 0) == stratified(turned, 12, 0)


def test_the_seed_changes_the_draw():
    assert len({tuple(stratified(made_up(), 12, seed)) for seed in range(5)}) == 5


def test_the_draw_is_the_same_on_any_machine():
    """One class an image: the classes take turns, each with the next of its images by hash."""
    order = sorted((f"i{n}" for n in range(12)), key=lambda i: hashlib.sha256(f"0:{i}".encode()).hexdigest())
    by_class = [[i for i in order if int(i[1:]) % 3 == c] for c in range(3)]
    expected = sorted(by_class[0][:2] + by_class[1][:2] + by_class[2][:1])
    assert expected == ["i0", "i1", "i10", "i3", "i8"]
    assert stratified({f"i{n}": {n % 3} for n in range(12)}, 5, 0) == expected


def test_rare_classes_are_not_drowned():
    images = {f"common_{n:03d}": {0, 1} for n in range(95)} | {f"rare_{n}": {0, 2} for n in range(5)}
    chosen = stratified(images, 10, 0)
    assert sum(i.startswith("rare") for i in chosen) == 5


def test_images_of_void_alone_are_drawn_last():
    images = {f"shown_{n}": {0} for n in range(4)} | {f"void_{n}": set() for n in range(4)}
    assert all(i.startswith("shown") for i in stratified(images, 4, 0))
    assert len(stratified(images, 8, 0)) == 8


@pytest.mark.parametrize("count", [0, -1, 61])
def test_count_out_of_bounds(one_line, count):
    with pytest.raises(UserError) as error:
        stratified(made_up(), count, 0)
    one_line(error, count, 60)


def test_classes_are_read_from_masks_without_void(tmp_path):
    (tmp_path / MASKS).mkdir()
    write_mask(tmp_path / MASKS / "a.png", np.array([[0, 3, 255]], dtype=np.uint8))
    write_mask(tmp_path / MASKS / "b.png", np.array([[255]], dtype=np.uint8))
    assert classes_in_masks(tmp_path, ["a", "b"]) == {"a": {0, 3}, "b": frozenset()}


@pytest.mark.parametrize("split", ["7", "all"])
def test_a_split_of_the_digits(digits_root, ids, shipped, split):
    lists = make_split(digits_root, split, shipped.splits)
    assert set(lists) == {"labeled", "unlabeled", "val"}
    assert len(lists["labeled"]) == (8 if split == "all" else 7)
    assert set(lists["labeled"]) <= set(ids["train"])
    assert sorted(lists["labeled"] + lists["unlabeled"]) == sorted(ids["train"] + ids["unlabeled"])
    assert lists["val"] == ids["val"]
    assert lists == make_split(digits_root, split, shipped.splits)


def test_the_seed_of_the_split_changes_the_labelled_images(digits_root, shipped):
    drawn = [
        make_split(digits_root, "7", SplitsParams(family="generated", seed=seed, validation=0.2))["labeled"]
        for seed in range(12)
    ]
    assert len({tuple(labeled) for labeled in drawn}) > 1


def test_without_a_validation_list_a_share_is_held_back(digits_root, shipped, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(digits_root, root)
    (root / LISTS / "val.txt").write_text("")
    both = [
        make_split(root, split, SplitsParams(family="generated", seed=0, validation=0.13)) for split in ("all", "7")
    ]
    assert both[0]["val"] == both[1]["val"] and len(both[0]["val"]) == 1
    for lists in both:
        assert not set(lists["val"]) & set(lists["labeled"] + lists["unlabeled"])
        assert (root / IMAGES / f"{lists['val'][0]}.png").exists()


def test_more_labels_than_masks(digits_root, shipped, one_line):
    with pytest.raises(UserError) as error:
        make_split(digits_root, "9", shipped.splits)
    one_line(error, "split 9", 8)


def test_a_class_without_a_labelled_pixel_is_named(digits_root, shipped, one_line):
    with pytest.raises(UserError) as error:
        make_split(digits_root, "1", shipped.splits)
    one_line(error, "no labelled pixel of class")


def test_a_split_is_described_by_images_pixels_and_classes(digits_root, tmp_path):
    lists = make_split(digits_root, "7", SplitsParams(family="generated", seed=0, validation=0.2))
    folder = tmp_path / "digits/7"
    for name, ids in lists.items():
        write_text(folder / f"{name}.txt", "".join(f"{image_id}\n" for image_id in ids))
    head, *classes = splits.describe(digits_root, folder)
    assert head.startswith("digits/7: 7 labeled, 11 unlabeled, 3 val; ") and head.endswith(" labelled pixels")
    masks = np.concatenate([read_mask(digits_root / MASKS / f"{i}.png").ravel() for i in lists["labeled"]])
    share = 100 * (masks == 0).sum() / (masks != 255).sum()
    assert classes[0] == f"  background: {share:.1f} % of the pixels, 7 images" and len(classes) == 7


def test_generated_lists_are_nested(digits_root):
    drawn = [make_split(digits_root, str(n), SplitsParams(family="generated", seed=3, validation=0.2)) for n in (7, 8)]
    assert set(drawn[0]["labeled"]) < set(drawn[1]["labeled"])


@pytest.mark.parametrize("count", [2, 3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_folds_leave_every_class_to_the_others(count, seed):
    images = made_up(seed=seed)
    everything = set().union(*images.values())
    parts = splits.folds(images, count, seed)
    held_out = [i for part in parts for i in part]
    assert len(held_out) == len(set(held_out)) and set(held_out) <= set(images)
    assert all(part == sorted(part) for part in parts)
    for part in parts:
        assert set().union(*(images[i] for i in images if i not in part)) == everything
    alone = {i for c in everything if len(shows := [i for i in images if c in images[i]]) == 1 for i in shows}
    assert alone.isdisjoint(held_out)


def test_folds_spread_a_rare_class():
    images = {f"i{n:02d}": {0, 1} for n in range(27)} | {f"rare{n}": {0, 1, 2} for n in range(3)}
    parts = splits.folds(images, 3, 0)
    assert [len(part) for part in parts] == [10, 10, 10]
    assert [sum(i.startswith("rare") for i in part) for part in parts] == [1, 1, 1]
    assert splits.folds(dict(reversed(images.items())), 3, 0) == parts
    assert splits.folds(images, 3, 1) != parts


def test_an_image_of_void_alone_is_in_no_fold():
    assert splits.folds({"a": {0}, "b": {0}, "void": set()}, 2, 0) == [["a"], ["b"]]


@pytest.mark.parametrize("images", [{"a": {0}, "b": {0}}, {"a": {0}, "b": {1}, "c": {2}}])
def test_folds_that_cannot_be_made(images, one_line):
    with pytest.raises(UserError) as error:
        splits.folds(images, 3, 0)
    one_line(error, "forecast.folds", len(images), "set forecast.images to validation")


# ------------------------------------------------------------------------------------------------ published lists


@pytest.fixture
def published(tmp_path, shipped):
    """A set with two published splits of one family, and the parameters that ask for the family."""
    lists = {"val": ["v"], "published/classic/2/labeled": ["b", "a"], "published/classic/2/unlabeled": ["c"]}
    lists |= {"published/classic/10/labeled": ["c"], "published/classic/10/unlabeled": ["a", "b"]}
    for name, ids in lists.items():
        write_text(tmp_path / LISTS / f"{name}.txt", "".join(f"{image_id}\n" for image_id in ids))
    return tmp_path, shipped.splits.model_copy(update={"family": "classic"})


def test_a_published_split_is_as_it_came(published):
    root, params = published
    assert make_split(root, "2", params) == {"labeled": ["b", "a"], "unlabeled": ["c"], "val": ["v"]}


@pytest.mark.parametrize("split", ["3", "all"])
def test_a_split_that_was_not_published(published, one_line, split):
    root, params = published
    with pytest.raises(UserError) as error:
        make_split(root, split, params)
    one_line(error, f"split {split} is not a published classic split; take one of 2, 10, or set")


def test_a_family_of_another_set(published, one_line):
    root, params = published
    with pytest.raises(UserError) as error:
        make_split(root, "2", params.model_copy(update={"family": "blended"}))
    one_line(error, root, "splits.family", "blended", "take one of classic, or generated")


def test_a_set_without_published_lists(digits_root, shipped, one_line):
    with pytest.raises(UserError) as error:
        make_split(digits_root, "2", shipped.splits.model_copy(update={"family": "classic"}))
    one_line(error, digits_root, "splits.family", "set it to generated")


def params_of(validation, seed=0):
    return SplitsParams(family="generated", seed=seed, validation=validation)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_class_always_keeps_an_image_for_training(share, seed):
    images = {f"i{n}": {0, 1} for n in range(6)} | {"rare": {0, 2}, "few0": {0, 3}, "few1": {0, 3}}
    val = splits.held_out(images, params_of(share, seed))
    assert val and "rare" not in val and not {"few0", "few1"} <= set(val)


def test_where_nothing_is_alone_the_draw_is_the_rules():
    images = {f"i{n}": {0, n % 3} for n in range(15)}
    assert splits.held_out(images, params_of(0.2)) == stratified(images, 3, 0)


@pytest.mark.parametrize(("images", "words"), [({"a": {0}}, "there are 1"), ({"a": {0}, "b": {1}}, "can be spared")])
def test_images_that_cannot_be_spared_are_one_line(one_line, images, words):
    with pytest.raises(UserError) as error:
        splits.held_out(images, params_of(0.2))
    one_line(error, words, "give masks for")
