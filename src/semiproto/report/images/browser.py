"""The images of the report: a row of pictures beside the verdict, and up to sixty images to look through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from semiproto.report.drawing.style import ERRORS, VOID, class_colour
from semiproto.report.evaluations import Evaluation
from semiproto.report.images.encoding import errors_uri, mask_uri, picture_uri
from semiproto.report.images.ranking import compared, first_seeds, image_errors, image_scores, ranked
from semiproto.report.images.sample import Array, PreparedSet, Sample, regions
from semiproto.report.verdict import signed

SIZES = ((320, 60), (240, 60), (160, 60), (112, 60), (112, 30), (112, 15), (112, 6))
"""(longest side in pixels, images) in the order in which they are tried: first smaller images, then fewer."""
HIGHLIGHT_SIDE = 200
"""Longest side of a picture beside the verdict."""


@dataclass(frozen=True)
class Highlight:
    """One image in the row of pictures."""

    kind: str
    """median, best or worst."""
    image: str
    score: str
    pictures: list[str]
    """Data URIs: the image, the truth, and the prediction of each run that is compared."""


@dataclass(frozen=True)
class Browser:
    """What the page needs to look through images."""

    rule: str
    """Which images these are and how they were made small, in a sentence."""
    data: str
    """JSON for browser.js."""


@dataclass(frozen=True)
class ValidationImages:
    """The validation images of the runs of one data set and number of labels."""

    runs: list[Evaluation]
    prepared: PreparedSet

    @cached_property
    def compared(self) -> list[Evaluation]:
        return compared(self.runs)

    @cached_property
    def shown(self) -> list[Evaluation]:
        """The variants to look at; first seeds."""
        return first_seeds(self.runs)

    @cached_property
    def ranking(self) -> tuple[pd.Series[float], str]:
        return ranked(self.compared)

    @property
    def classes(self) -> list[str]:
        return list(self.runs[0].iou)

    @property
    def full_method(self) -> list[Evaluation]:
        """All runs of the variant that is compared with labelled images alone."""
        return [run for run in self.runs if run.variant == self.compared[-1].variant]

    @property
    def rule(self) -> str:
        """How images are ranked, in words."""
        return f"ranked {self.ranking[1]}"

    @property
    def names(self) -> list[str]:
        """The variants in the row of pictures."""
        return [run.variant for run in self.compared]

    @cached_property
    def highlights(self) -> list[Highlight]:
        """The images with the median, the best and the worst score; of few images, each once."""
        scores, _ = self.ranking
        places = {(len(scores) - 1) // 2: "median", 0: "best", len(scores) - 1: "worst"} if len(scores) else {}
        return [self._highlight(kind, str(scores.index[place]), scores.iloc[place]) for place, kind in places.items()]

    def browser(self, room: int) -> Browser | None:
        """At most `room` bytes of data, with the first of SIZES that fits; None if none does, or there is no image."""
        scores, rule = self.ranking
        images = {str(image): self._image(str(image)) for image in scores.index[evenly(len(scores), SIZES[0][1])]}
        ids = list(images)
        for side, most in SIZES if images else ():
            chosen = [ids[place] for place in evenly(len(ids), most)]
            if (data := self._data([images[one] for one in chosen], side, room)) is not None:
                return Browser(_sentence(len(chosen), len(scores), rule, side), data)
        return None

    def _highlight(self, kind: str, image: str, score: float) -> Highlight:
        sample = self.prepared.sample(image, self.compared).small(HIGHLIGHT_SIDE)
        masks = [mask_uri(mask, len(self.classes)) for mask in (sample.truth, *sample.predictions)]
        return Highlight(kind, image, self._in_words(score), [picture_uri(sample.picture), *masks])

    def _in_words(self, score: float) -> str:
        return f"{signed(score)} points" if len(self.compared) > 1 else f"mIoU {score:.1f}"

    @cached_property
    def _numbers(self) -> tuple[list[pd.Series[float]], pd.Series[float]]:
        """mIoU by image of each variant that is shown, and the wrong share by image of the full method."""
        return [image_scores(run) for run in self.shown], image_errors(self.compared[-1])

    def _image(self, image: str) -> _Image:
        scores, wrong = self._numbers
        sample = self.prepared.sample(image, self.shown).small(SIZES[0][0])
        return _Image(
            sample,
            [_places(mask, len(self.classes)) for mask in (sample.truth, *sample.predictions)],
            {
                "id": image,
                "rank": round(float(self.ranking[0][image]), 1),
                "wrong": round(float(wrong[image]), 1),
                "scores": [round(float(one[image]), 1) if image in one.index else None for one in scores],
            },
        )

    def _data(self, images: list[_Image], side: int, room: int) -> str | None:
        """JSON of all that browser.js reads, None if it is larger than `room` bytes."""
        head = {
            "classes": self.classes,
            "colours": [to_hex(class_colour(index)) for index in range(len(self.classes))],
            "void": to_hex(VOID),
            "wrong": to_hex(ERRORS[1]),
            "variants": [run.variant for run in self.shown],
            "ranked": "gain" if len(self.compared) > 1 else "mIoU",
            "full": self.compared[-1].variant,
        }
        return _within(room, head, (image.entry(side, len(self.classes)) for image in images))


@dataclass(frozen=True)
class _Image:
    sample: Sample
    places: list[tuple[list[int], list[tuple[int, float, float]]]]
    """Of the truth and of each prediction, as `_places` finds them."""
    about: dict[str, Any]

    def entry(self, side: int, classes: int) -> dict[str, Any]:
        """`about`, and the layers: truth first, then each variant's prediction, and the errors of each."""
        small = self.sample.small(side)
        layers = [
            {"mask": mask_uri(mask, classes), "shows": shows, "names": names}
            for mask, (shows, names) in zip((small.truth, *small.predictions), self.places, strict=True)
        ]
        errors = [errors_uri(small.errors(run)) for run in range(len(small.predictions))]
        size = {"width": small.truth.shape[1], "height": small.truth.shape[0]}
        return self.about | size | {"picture": picture_uri(small.picture), "layers": layers, "errors": errors}


def _places(mask: Array, classes: int) -> tuple[list[int], list[tuple[int, float, float]]]:
    """The classes that a mask shows, and (class, left, top) of its regions, in percent of the image."""
    height, width = mask.shape
    names = [
        (index, round(100 * (column + 0.5) / width, 1), round(100 * (row + 0.5) / height, 1))
        for index, row, column in regions(mask, classes)
    ]
    return [int(value) for value in np.unique(mask) if value < classes], names


def evenly(count: int, most: int) -> list[int]:
    """At most `most` of the places 0 to count - 1, evenly over them, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most)).tolist()})


def _within(room: int, head: dict[str, Any], entries: Iterator[dict[str, Any]]) -> str | None:
    """JSON of `head` with the list `images`; None as soon as it is longer than `room`."""
    parts, size = [], len(_json(head)) + len('"images":[]')
    for entry in entries:
        parts.append(_json(entry))
        size += len(parts[-1]) + 1
        if size > room:
            return None
    return f'{_json(head)[:-1]},"images":[{",".join(parts)}]}}'


def _json(value: dict[str, Any]) -> str:
    """ASCII that may stand in an HTML script element: a class may be called </script>."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sentence(chosen: int, scored: int, rule: str, side: int) -> str:
    which = "All" if chosen == scored else f"{chosen} of"
    how = "" if chosen == scored else ", chosen evenly over the ranking"
    small = f" So that the page stays small, they have at most {side} pixels a side" if side < SIZES[0][0] else ""
    fewer = f", and there are fewer than {SIZES[0][1]}" if small and chosen < min(scored, SIZES[0][1]) else ""
    full_stop = "." if small else ""
    return f"{which} {scored:,} scored validation images{how}, ranked {rule}.{small}{fewer}{full_stop}"


def images_by_group(evaluations: list[Evaluation], data: Path) -> dict[tuple[str, int], ValidationImages]:
    """By data set and number of labels. data: the prepared set, in the layout of data/layout.py."""
    groups: dict[tuple[str, int], list[Evaluation]] = {}
    for run in evaluations:
        groups.setdefault((run.dataset, run.labels), []).append(run)
    return {group: ValidationImages(runs, PreparedSet(data)) for group, runs in groups.items()}
