"""COCO instances, read again by pycocotools."""

import json

import numpy as np
import pytest
from hard_masks import CLASSES, NAMES, masks

from semiproto.deploy.exchange import coco

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def read_again(path):
    """(classes, mask) of each image, by pycocotools: category ids as they are."""
    tools = pytest.importorskip("pycocotools.coco")
    found = tools.COCO(str(path))
    for image in found.loadImgs(found.getImgIds()):
        mask = np.zeros((image["height"], image["width"]), np.uint8)
        for annotation in found.loadAnns(found.getAnnIds(imgIds=[image["id"]])):
            covered = found.annToMask(annotation).astype(bool)
            assert not mask[covered].any() and covered.sum() == annotation["area"]
            rows, columns = covered.nonzero()
            box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
            assert annotation["bbox"] == box
            mask[covered] = annotation["category_id"]
        yield image["file_name"], mask


def test_pycocotools_reads_the_same_masks(predictions, save):
    path = save(coco.coco(predictions)) / coco.FILE
    again = dict(read_again(path))
    assert list(again) == list(NAMES)
    for mask, found in zip(masks(), again.values(), strict=True):
        np.testing.assert_array_equal(found, mask)
    categories = json.loads(path.read_text("utf-8"))["categories"]
    assert [(one["id"], one["name"]) for one in categories] == list(enumerate(CLASSES))[1:]


def test_without_background_categories_begin_at_1(make_predictions, save):
    mask = np.array([[0, 0, 1], [2, 2, 1]], np.uint8)
    path = save(coco.coco(make_predictions([mask], ["road", "sky", "tree"]))) / coco.FILE
    ((_, found),) = read_again(path)
    np.testing.assert_array_equal(found, mask + 1)
    assert [one["id"] for one in json.loads(path.read_text())["categories"]] == [1, 2, 3]


def test_an_image_of_background_is_counted(make_predictions):
    predictions = make_predictions([np.zeros((4, 5), np.uint8), np.ones((4, 5), np.uint8)])
    list(coco.coco(predictions))
    assert predictions.notes[coco.UNTOLD] == 1
