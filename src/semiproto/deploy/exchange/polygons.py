"""Formats of polygons: LabelMe's JSON files and YOLO's text files.

A polygon has no hole. LabelMe draws shapes in their order, so that what lies in a hole is a shape on top of it; of YOLO
the outline leads to each hole and back along a seam without width.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import yaml
from scipy import spatial

from semiproto.deploy.exchange.predictions import File, Prediction, Predictions
from semiproto.deploy.exchange.regions import Region, enclosed, regions

LABELME_FOLDER, YOLO_SET = "images", "train"
LABELME_BACKGROUND = "_background_"
MARGIN = 0.05
"""Pixels by which YOLO's outlines lie within the edges. Programs that fill up to the edge then find the same pixels as
Ultralytics, which cuts coordinates to whole pixels and draws the outline too (polygon2mask)."""
SEAMS = "regions with holes, whose outlines lead to each hole and back along a seam"
LABELME_VERSION = "5.5.0"
"""Whose fields the files have."""


def labelme(predictions: Predictions) -> Iterator[File]:
    """A JSON beside each image."""
    yield from predictions.copies(LABELME_FOLDER)
    for one in predictions.of:
        classes = one.classes()
        height, width = classes.shape
        content = {
            "version": LABELME_VERSION,
            "flags": {},
            "shapes": [_shape(region, predictions) for region in painted(classes, predictions)],
            "imagePath": one.image.name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        yield f"{LABELME_FOLDER}/{one.image.stem}.json", json.dumps(content, ensure_ascii=False).encode()


def painted(classes: np.ndarray, predictions: Predictions) -> list[Region]:
    """The regions in the order in which filled outlines give the mask: what lies in a hole of another one is later."""
    drawn = regions(classes, predictions.drawn())
    if predictions.background is not None:
        drawn += enclosed(regions(classes, [predictions.background]), drawn, classes.shape)
    return sorted(drawn, key=lambda region: -int(region.filled.sum()))


def _shape(region: Region, predictions: Predictions) -> dict[str, Any]:
    """LabelMe draws the outline too, so it runs through the middles of pixels."""
    background = region.index == predictions.background
    points = region.loops[0].middles().tolist()
    return {
        "label": LABELME_BACKGROUND if background else predictions.classes[region.index],
        "points": points if len(points) > 2 else points * 3,
        "group_id": None,
        "description": "",
        "shape_type": "polygon",
        "flags": {},
        "mask": None,
    }


def yolo(predictions: Predictions) -> Iterator[File]:
    """images/train, labels/train and data.yaml; classes are numbered without background."""
    names = [predictions.classes[index] for index in predictions.drawn()]
    content = {"train": f"images/{YOLO_SET}", "names": dict(enumerate(names))}
    yield "data.yaml", yaml.safe_dump(content, allow_unicode=True, sort_keys=False).encode()
    yield from predictions.copies(f"images/{YOLO_SET}")
    for one in predictions.of:
        yield f"labels/{YOLO_SET}/{one.image.stem}.txt", _rows(one, predictions).encode()


def _rows(one: Prediction, predictions: Predictions) -> str:
    classes = one.classes()
    sides, number = classes.shape[::-1], {index: n for n, index in enumerate(predictions.drawn())}
    rows = []
    for region in regions(classes, predictions.drawn()):
        predictions.notes[SEAMS] += len(region.loops) > 1
        shares = (seamed(region) / sides).ravel()
        rows.append(f"{number[region.index]} {' '.join(f'{share:.7g}' for share in shares)}\n")
    return "".join(rows)


def seamed(region: Region) -> np.ndarray:
    """One polygon with the holes cut out, float [n, 2] as x and y."""
    outline, *holes = (loop.within(MARGIN) for loop in region.loops)
    for hole in holes:
        distances, places = spatial.KDTree(outline).query(hole)  # the shortest seam, since some programs draw it
        first = int(distances.argmin())
        near, turned = int(places[first]), np.roll(hole, -first, axis=0)
        outline = np.concatenate([outline[: near + 1], turned, turned[:1], outline[near:]])
    return outline
