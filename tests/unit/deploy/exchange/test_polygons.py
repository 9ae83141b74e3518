"""Polygons of LabelMe and YOLO, drawn again as other programs draw them."""

import json

import numpy as np
import pytest
import yaml
from hard_masks import CLASSES, NAMES, masks
from PIL import Image, ImageDraw

from semiproto.deploy.exchange import polygons


def labelme_draws(path):
    """As labelme2voc: each shape with its outline, a later one on an earlier one."""
    content = json.loads(path.read_text("utf-8"))
    size = content["imageWidth"], content["imageHeight"]
    mask = np.zeros(size[::-1], np.uint8)
    for shape in content["shapes"]:
        assert shape["shape_type"] == "polygon" and len(shape["points"]) > 2
        layer = Image.new("L", size)
        ImageDraw.Draw(layer).polygon(xy=[tuple(point) for point in shape["points"]], outline=1, fill=1)
        mask[np.array(layer, bool)] = CLASSES.index(shape["label"].strip("_"))
    return mask, content


def drawn_with_outline(points, height, width):
    """As Ultralytics: whole pixels, the outline too (its polygon2mask)."""
    layer = Image.new("1", (width, height))
    ImageDraw.Draw(layer).polygon([tuple(point) for point in points.astype(int).tolist()], fill=1, outline=1)
    return np.array(layer)


def even_odd(points, height, width):
    """Pixels whose middle is inside a polygon: an odd number of its edges lies to the left."""
    inside = np.zeros((height, width), bool)
    x, y = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y1 != y2:
            inside ^= ((y1 > y) != (y2 > y)) & (x > x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return inside


def test_labelme_draws_the_same_masks(predictions, save):
    out = save(polygons.labelme(predictions))
    for name, mask in zip(NAMES, masks(), strict=True):
        found, content = labelme_draws((out / "images" / name).with_suffix(".json"))
        np.testing.assert_array_equal(found, mask)
        assert content["imagePath"] == name and content["imageData"] is None
        assert (out / "images" / name).is_file()


@pytest.mark.parametrize("drawn", [even_odd, drawn_with_outline])
def test_yolo_rows_enclose_the_same_pixels(predictions, save, drawn):
    out = save(polygons.yolo(predictions))
    description = yaml.safe_load((out / "data.yaml").read_text("utf-8"))
    assert description["names"] == dict(enumerate(CLASSES[1:]))
    for name, mask in zip(NAMES, masks(), strict=True):
        found = np.zeros_like(mask)
        for row in (out / "labels/train" / name).with_suffix(".txt").read_text().splitlines():
            number, *shares = row.split()
            points = np.array(shares, float).reshape(-1, 2)
            assert len(points) >= 4 and points.min() >= 0 and points.max() <= 1
            inside = drawn(points * mask.shape[::-1], *mask.shape)
            assert not found[inside].any()
            found[inside] = int(number) + 1
        np.testing.assert_array_equal(found, mask)
        assert (out / "images/train" / name).is_file()


def test_names_that_are_words_of_yaml_come_back(make_predictions, save):
    classes = ["background", "no", "null", "1"]
    out = save(polygons.yolo(make_predictions([np.ones((2, 2), np.uint8)], classes)))
    assert list(yaml.safe_load((out / "data.yaml").read_text())["names"].values()) == classes[1:]


def test_holes_are_counted_for_yolo(make_predictions):
    ring = np.ones((5, 5), np.uint8)
    ring[2, 2] = 0
    predictions = make_predictions([ring, np.ones((3, 3), np.uint8)])
    list(polygons.yolo(predictions))
    assert predictions.notes[polygons.SEAMS] == 1


@pytest.mark.parametrize("classes", [["road", "cat", "traffic_light", "dog"]])
def test_without_background_every_pixel_has_a_shape(make_predictions, save, classes):
    out = save(polygons.labelme(make_predictions(masks()[:1], classes)))
    labels = {shape["label"] for shape in json.loads((out / "images/a.json").read_text())["shapes"]}
    assert labels == set(classes)
