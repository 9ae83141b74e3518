"""Label Studio: a file of tasks with predictions, a brush for each class, and the configuration of the labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from semiproto.deploy.exchange.predictions import File, Prediction, Predictions

TASKS, CONFIG = "tasks.json", "label_config.xml"
BITS = (3, 4, 8, 16)
"""Sizes of run lengths, as Label Studio's own brush writes them."""


def labelstudio(predictions: Predictions) -> Iterator[File]:
    """The tasks, and the labelling interface that they fit."""
    tasks = [_task(number, one, predictions) for number, one in enumerate(predictions.of, start=1)]
    yield TASKS, json.dumps(tasks, ensure_ascii=False).encode()
    yield CONFIG, _config(predictions).encode()


def _task(number: int, one: Prediction, predictions: Predictions) -> dict[str, Any]:
    classes = one.classes()
    found = [index for index in predictions.drawn() if (classes == index).any()]
    result = [_brush(classes == index, predictions.classes[index], f"class-{index}") for index in found]
    return {
        "id": number,
        "data": {"image": f"/data/local-files/?d={quote(f'{one.image.resolve().parent.name}/{one.image.name}')}"},
        "predictions": [{"model_version": "semiproto", "result": result}],
    }


def _brush(covered: np.ndarray, label: str, name: str) -> dict[str, Any]:
    height, width = covered.shape
    return {
        "id": name,
        "type": "brushlabels",
        "from_name": "tag",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {"format": "rle", "rle": run_lengths(covered), "brushlabels": [label]},
    }


def run_lengths(covered: np.ndarray) -> list[int]:
    """A mask, bool [H, W], as Label Studio's bytes: RGBA bytes, 255 where it covers, in runs of one byte.

    As bits: 32 for the number of bytes, 5 for the bits of a byte less one, four times 4 for the bits of each size of
    run length less one; then runs: 1 where one byte is repeated, 2 for the size, the length less one, the byte.
    """
    flat = covered.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=~flat[:1]))
    lengths = 4 * np.diff(starts, append=flat.size)
    bits = [f"{4 * flat.size:032b}{7:05b}", *(f"{size - 1:04b}" for size in BITS)]
    for length, value in zip(lengths.tolist(), flat[starts].tolist(), strict=True):
        bits += [_run(piece, 255 * value) for piece in _pieces(length)]
    digits = np.frombuffer("".join(bits).encode(), np.uint8) - ord("0")
    packed: list[int] = np.packbits(digits).tolist()
    return packed


def _pieces(length: int) -> Iterator[int]:
    longest = 1 << BITS[-1]
    yield from [longest] * (length // longest)
    if length % longest:
        yield length % longest


def _run(length: int, byte: int) -> str:
    size = next(number for number, bits in enumerate(BITS) if length <= 1 << bits)
    return f"1{size:02b}{length - 1:0{BITS[size]}b}{byte:08b}"


def _config(predictions: Predictions) -> str:
    labels = (
        f"    <Label value={quoteattr(predictions.classes[index])} background={quoteattr(_hex(colour))}/>"
        for index in predictions.drawn()
        for colour in [predictions.colours[index].tolist()]
    )
    return "\n".join(
        [
            "<View>",
            '  <Image name="image" value="$image" zoom="true"/>',
            '  <BrushLabels name="tag" toName="image">',
            *labels,
            "  </BrushLabels>",
            "</View>\n",
        ]
    )


def _hex(colour: list[int]) -> str:
    return f"#{bytes(colour).hex()}"
