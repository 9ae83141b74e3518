"""Folders of VOC and archives for CVAT."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hard_masks import CLASSES, NAMES, masks
from PIL import Image

from semiproto.deploy.exchange import masks as formats
from semiproto.errors import UserError

LABELMAP = (
    "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\ntraffic_light:0,128,0::\ndog:128,128,0::\n"
)
LIST = "a\ntwo words\nfaçade\n0001\ne\nf\nnoise\nsmooth\n"


def by_colour(picture, predictions):
    """Class indices of an RGB picture."""
    equal = (np.asarray(picture)[:, :, None] == predictions.colours).all(axis=-1)
    assert equal.any(axis=-1).all()
    return equal.argmax(axis=-1)


def test_a_voc_folder_has_images_palettes_list_and_colours(predictions, save):
    out = save(formats.voc(predictions))
    assert (out / "labelmap.txt").read_text("utf-8") == LABELMAP
    assert (out / "ImageSets/Segmentation/default.txt").read_text("utf-8") == LIST
    for name, mask in zip(NAMES, masks(), strict=True):
        picture = Image.open(out / "SegmentationClass" / f"{name.rpartition('.')[0]}.png")
        assert picture.mode == "P"
        np.testing.assert_array_equal(picture, mask)
        np.testing.assert_array_equal(by_colour(picture.convert("RGB"), predictions), mask)
        assert (out / "JPEGImages" / name).read_bytes() == predictions.of[NAMES.index(name)].image.read_bytes()


def test_an_archive_for_cvat_has_colours_for_classes_and_objects(predictions):
    ((name, content),) = formats.cvat(predictions)
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert name == "cvat.zip" and archive.read("labelmap.txt").decode() == LABELMAP
    assert archive.read("ImageSets/Segmentation/default.txt").decode() == LIST
    for name, mask in zip(NAMES, masks(), strict=True):
        classes, objects = (
            Image.open(io.BytesIO(archive.read(f"{folder}/{name.rpartition('.')[0]}.png")))
            for folder in ("SegmentationClass", "SegmentationObject")
        )
        np.testing.assert_array_equal(by_colour(classes, predictions), mask)
        packed = np.asarray(objects).astype(int) @ [65536, 256, 1]
        assert ((packed == 0) == (mask == 0)).all()
        assert all(len(np.unique(mask[packed == one])) == 1 for one in np.unique(packed))


def test_the_same_masks_make_the_same_archive(predictions):
    assert list(formats.cvat(predictions)) == list(formats.cvat(predictions))


def test_where_regions_outnumber_the_colours_a_class_is_one_object(make_predictions):
    spots = np.zeros((40, 40), np.uint8)
    spots[::2, ::2] = 1
    spots[1::4, 1::4] = 3
    predictions = make_predictions([spots])
    objects = formats._objects(spots, predictions)
    assert [np.unique(objects[spots == index]).tolist() for index in (0, 1, 3)] == [[0], [1], [3]]


def test_every_region_is_an_object(make_predictions):
    spots = np.zeros((9, 9), np.uint8)
    spots[1, 1] = spots[2, 2] = 1  # touch at a corner: one
    spots[5:7, 5:7] = spots[5, 1] = 3
    assert formats._objects(spots, make_predictions([spots])).max() == 3


@pytest.mark.parametrize("name", ["a:b", "#a"])
def test_a_name_that_a_labelmap_cannot_hold_is_refused(name, one_line):
    with pytest.raises(UserError) as error:
        formats.require_names([*CLASSES, name], [])
    one_line(error, name, "card.json", "--format")


def test_a_name_that_a_list_takes_for_a_comment_is_refused(one_line):
    with pytest.raises(UserError) as error:
        formats.require_names(CLASSES, [Path("photos/a.png"), Path("photos/#1.png")])
    one_line(error, "photos/#1.png", "rename it")
