"""COCO instances: one JSON, a run-length mask for each connected region, so that every pixel comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from semiproto.deploy.exchange.predictions import File, Predictions
from semiproto.deploy.exchange.regions import EIGHT, Region, regions

FILE = "annotations/instances_default.json"
"""Where CVAT writes it, and where programs for COCO look for it."""
UNTOLD = "images that are all background, which COCO does not tell from unlabelled ones"


def coco(predictions: Predictions) -> Iterator[File]:
    """Categories are the classes that are drawn, by index; background is none."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, one in enumerate(predictions.of, start=1):
        classes = one.classes()
        height, width = classes.shape
        images.append({"id": number, "file_name": one.image.name, "width": width, "height": height})
        found = regions(classes, predictions.drawn(), EIGHT)
        predictions.notes[UNTOLD] += not found
        for region in found:
            annotations.append(_annotation(len(annotations) + 1, number, region, classes.shape))
    first = 1 if predictions.background is None else 0  # a category 0 is background to many programs
    for annotation in annotations:
        annotation["category_id"] += first
    categories = [
        {"id": index + first, "name": predictions.classes[index], "supercategory": ""} for index in predictions.drawn()
    ]
    content = {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
    yield FILE, json.dumps(content, ensure_ascii=False).encode()


def _annotation(number: int, image: int, region: Region, size: tuple[int, ...]) -> dict[str, Any]:
    height, width = region.inside.shape
    return {
        "id": number,
        "image_id": image,
        "category_id": region.index,
        "segmentation": {"size": list(size), "counts": run_lengths(region, size)},
        "area": int(region.inside.sum()),
        "bbox": [region.left, region.top, width, height],
        "iscrowd": 1,  # what COCO calls annotations by run lengths, and CVAT writes for every mask
    }


def run_lengths(region: Region, size: tuple[int, ...]) -> list[int]:
    """Numbers of pixels outside, inside, outside, ... column by column of an image of `size` (height, width)."""
    padded = np.pad(region.inside, ((1, 1), (0, 0)))
    change = np.diff(padded.astype(np.int8), axis=0).T
    columns, first = np.nonzero(change == 1)
    _, last = np.nonzero(change == -1)
    offset = (region.left + columns) * size[0] + region.top
    bounds = np.stack([offset + first, offset + last], axis=1).ravel()
    going_on = np.flatnonzero(bounds[1:-1:2] == bounds[2::2]) * 2 + 1  # from a column's last pixel to the next's first
    bounds = np.delete(bounds, [*going_on, *(going_on + 1)])
    counts: list[int] = np.diff(bounds, prepend=0, append=size[0] * size[1]).tolist()
    return counts if counts[-1] else counts[:-1]
