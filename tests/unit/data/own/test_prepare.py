"""A user's folder, in any layout, becomes the prepared set."""

import errno
import os
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from pipeline import own_folder
from semiproto.data import layout
from semiproto.data.layout import IGNORE_INDEX, LISTS, MASKS, read_classes, read_list, read_mask
from semiproto.data.own import check, masks
from semiproto.data.own import prepare as folder
from semiproto.data.own.contents import contents
from semiproto.data.own.layouts.discover import discover
from semiproto.errors import UserError
from semiproto.provenance.artifacts import sha256_tree

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'

CHANGES = {
    "images and masks": lambda base: base,
    "VOC": own_folder.in_voc_layout,
    "pairs": own_folder.paired,
    "COCO": own_folder.outlined,
    "colours": own_folder.drawn_in_colours,
    "a palette of colours": lambda base: own_folder.drawn_in_colours(base, palette=True),
}


@pytest.fixture
def base(tmp_path):
    return own_folder.make(tmp_path / "own")


@pytest.fixture
def change(request, base):
    """Changes the folder to the layout that the test names; COCO needs its library."""
    if request.param == "COCO":
        pytest.importorskip("pycocotools")
    return lambda: CHANGES[request.param](base)


def prepared(root, source):
    """The prepared masks by id."""
    folder.prepare(root, source)
    return {path.stem: read_mask(path) for path in (root / MASKS).iterdir()}


def lists_of(root):
    return {part: read_list(root / LISTS / f"{part}.txt") for part in contents.PARTS}


def test_images_are_linked_where_that_is_asked_for_and_copied_where_it_cannot_be(base, tmp_path, capsys, monkeypatch):
    (base / "images/photo9.png").rename(tmp_path / "elsewhere.png")
    (base / "images/photo9.png").symlink_to(tmp_path / "elsewhere.png")
    for name, storage in (("copies", "copy"), ("links", "link")):
        folder.prepare(tmp_path / name, own_folder.source(base, storage=storage))
    own = {path.name: path.stat().st_ino for path in (base / "images").iterdir()}
    assert {path.name: path.lstat().st_ino for path in (tmp_path / "links" / layout.IMAGES).iterdir()} == own
    assert sha256_tree(tmp_path / "links") == sha256_tree(tmp_path / "copies")
    assert "images copied, not linked" not in capsys.readouterr().err
    monkeypatch.setattr(os, "link", Mock(side_effect=OSError(errno.EXDEV, "Invalid cross-device link")))
    folder.prepare(tmp_path / "refused", own_folder.source(base, storage="link"))
    assert sha256_tree(tmp_path / "refused") == sha256_tree(tmp_path / "copies")
    assert "10 of 10 images copied, not linked" in capsys.readouterr().err


@pytest.mark.parametrize("change", CHANGES, indirect=True)
def test_every_layout_gives_the_same_classes_images_and_masks(base, change, tmp_path):
    expected = own_folder.indices(base)
    images = {path.name: path.read_bytes() for path in (base / "images").iterdir()}
    change()
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}
    source = discover(base, "own")[0]
    found = prepared(tmp_path / "raw", source)
    assert found.keys() == expected.keys()
    for stem, mask in found.items():
        if source.colours:
            expected[stem][:, -1] = IGNORE_INDEX
        np.testing.assert_array_equal(mask, expected[stem])
    assert read_classes(tmp_path / "raw") == ["background", "square"]
    assert {p.name: p.read_bytes() for p in (tmp_path / "raw" / layout.IMAGES).iterdir()} == images
    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("change", "train", "val"), [("images and masks", 6, 0), ("VOC", 4, 2), ("pairs", 4, 2), ("COCO", 6, 0)],
    indirect=["change"],
)  # fmt: skip
def test_the_parts_are_those_of_the_layout(base, change, train, val, tmp_path):
    change()
    prepared(tmp_path / "raw", discover(base, "own")[0])
    ids = [f"photo{n}" for n in range(10)]
    expected = {"train": ids[:train], "val": ids[train : train + val], "unlabeled": ids[6:]}
    assert lists_of(tmp_path / "raw") == expected


@pytest.mark.parametrize("ignore", [0, 1, 7, 255, None])
def test_any_value_may_be_void(base, ignore, tmp_path):
    for path in (base / "masks").iterdir():
        mask = np.array(Image.open(path))
        mask[:3] = mask[:3] if ignore is None else ignore
        Image.fromarray(mask).save(path)
    original = own_folder.indices(base)
    source = own_folder.source(base, ignore=ignore)
    rules = masks.rules(source)
    for stem, mask in original.items():
        found = masks.read(base / "masks" / f"{stem}.png", (40, 40), rules)
        np.testing.assert_array_equal(
            found, np.where(mask == ignore, IGNORE_INDEX, mask) if ignore is not None else mask
        )


def test_images_without_masks_may_lie_beside_those_with(base, tmp_path):
    (base / "masks/photo0.png").unlink()
    prepared(tmp_path / "raw", own_folder.source(base))
    assert "photo0" in lists_of(tmp_path / "raw")["unlabeled"]


def test_the_colours_of_the_masks_are_kept_for_predictions(base, tmp_path):
    assert layout.read_palette(base) == [[0, 0, 0], [128, 0, 0]]
    source = discover(own_folder.drawn_in_colours(base), "own")[0]
    prepared(tmp_path / "raw", source)
    assert layout.read_palette(tmp_path / "raw") == [[0, 0, 0], [200, 30, 90]]


# ----------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("stem", ["my photo (1)", "-rf", "фото", "a'b\"c;d", "x" * 240, "naïve", "\\..\\x", "@home"])
def test_a_file_with_an_odd_name_gets_a_safe_id(base, stem, tmp_path):
    for part in ("images", "masks"):
        (base / part / "photo0.png").rename(base / part / f"{stem}.png")
    (base / "train.txt").write_text(f"{stem}\nphoto1\n")
    found = prepared(tmp_path / "raw", own_folder.source(base, train_list="train.txt"))
    first, second = lists_of(tmp_path / "raw")["train"]
    assert first == contents.safe_id(stem) and second == "photo1"
    assert layout.check_id(first, "") and first in found
    assert set(layout.images_by_id(tmp_path / "raw" / layout.IMAGES)) >= {first, second}


# -------------------------------------------------------------------------------------------------- COCO, CSV


def test_an_image_of_a_coco_file_without_outlines_is_unlabelled_unless_a_list_names_it(base, tmp_path):
    pytest.importorskip("pycocotools")
    own_folder.outlined(base)
    (base / "train.txt").write_text("photo0\nphoto9\n")
    source = own_folder.source(base, masks="annotations/instances.json")
    assert "photo9" in [item.id for item in contents.read(source).of("unlabeled")]
    found = prepared(tmp_path / "raw", source.model_copy(update={"train_list": "train.txt"}))
    assert found["photo9"].max() == 0
    assert "photo9" not in lists_of(tmp_path / "raw")["unlabeled"]


# ------------------------------------------------------------------------------------------------- prepare


def test_nothing_is_prepared_from_a_faulty_folder_and_the_first_fault_is_told(base, tmp_path, one_line):
    for number in (1, 2):
        Image.fromarray(np.full((40, 40), 9, np.uint8)).save(base / f"masks/photo{number}.png")
    with pytest.raises(UserError) as error:
        prepared(tmp_path / "raw", own_folder.source(base))
    one_line(error, base / "masks/photo1.png", "value 9", "2 faults in all", "semiproto check-data")
    assert not (tmp_path / "raw").exists()


def test_warnings_stop_nothing_and_are_told(base, tmp_path, capfd):
    (base / "masks/stray.png").write_bytes((base / "masks/photo0.png").read_bytes())
    prepared(tmp_path / "raw", own_folder.source(base))
    assert "warnings: 1; `semiproto check-data` lists them" in capfd.readouterr().err


def test_each_file_is_looked_at_once(base, tmp_path, monkeypatch):
    """The check before a run is the one of `check-data`, and it runs once."""
    looked = []
    real = check.look
    monkeypatch.setattr(check, "look", lambda rules, bands, item: looked.append(item.id) or real(rules, bands, item))
    prepared(tmp_path / "raw", own_folder.source(base))
    assert sorted(looked) == [f"photo{n}" for n in range(10)]


def test_an_image_turned_by_its_exif_tag_goes_with_a_mask_as_it_is_shown(base, tmp_path):
    turned = Image.open(base / "images/photo0.png").crop((0, 0, 40, 30))
    exif = turned.getexif()
    exif[0x0112] = 6
    (base / "images/photo0.png").unlink()
    turned.save(base / "images/photo0.jpg", exif=exif)
    shown = np.zeros((40, 30), np.uint8)
    shown[5:20, 3:9] = 1
    Image.fromarray(shown).save(base / "masks/photo0.png")
    np.testing.assert_array_equal(prepared(tmp_path / "raw", own_folder.source(base))["photo0"], shown)


def test_what_is_measured_of_the_images_is_kept_with_the_set(base, tmp_path):
    for path in (base / "images").glob("*.png"):
        Image.open(path).convert("RGBA").save(path)
    prepared(tmp_path / "raw", own_folder.source(base, bands=4))
    found = layout.read_pixels(tmp_path / "raw")
    images = np.stack([np.asarray(Image.open(path)) for path in sorted((base / "images").iterdir())])
    assert found.format.bands == 4 and found.mean[3] == 1.0 and found.std[3] == pytest.approx(1 / 255)
    np.testing.assert_allclose(found.mean, images.mean(axis=(0, 1, 2)) / 255, rtol=1e-6)
    np.testing.assert_allclose(found.std[:3], images.std(axis=(0, 1, 2))[:3] / 255, rtol=1e-6)


def test_eight_bit_colour_leaves_no_file_of_what_was_measured(base, tmp_path):
    prepared(tmp_path / "raw", own_folder.source(base))
    assert not (tmp_path / "raw" / layout.PIXELS).exists()


def test_images_of_the_new_formats_keep_their_suffix(base, tmp_path):
    for path, suffix in zip(
        sorted((base / "images").iterdir()), (".tif", ".webp", ".bmp", ".ppm", ".jpg"), strict=False
    ):
        Image.open(path).save(path.with_suffix(suffix), **({"lossless": True} if suffix == ".webp" else {}))
        path.unlink()
    prepared(tmp_path / "raw", own_folder.source(base))
    names = {path.name for path in (tmp_path / "raw" / layout.IMAGES).iterdir()}
    assert names == {path.name for path in (base / "images").iterdir()}
