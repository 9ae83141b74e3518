"""What is written for a labelling tool: finished masks, with the names and colours of their classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from semiproto.data import layout
from semiproto.data.own.formats.outlines import class_name

Content = bytes | Path
"""What a file holds, or the file that it is a copy of."""
File = tuple[str, Content]
"""A file to write: its path below the output folder, and what it holds."""


@dataclass(frozen=True)
class Prediction:
    """An image and the file of its mask."""

    image: Path
    mask: Path

    def classes(self) -> np.ndarray:
        """Class indices, uint8 [height, width]."""
        return layout.read_mask(self.mask)


@dataclass(frozen=True)
class Predictions:
    """All that one command predicts. colours: uint8 [classes, 3]. notes: what to tell the user, and how often."""

    of: list[Prediction]
    classes: list[str]
    colours: np.ndarray
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def background(self) -> int | None:
        """The class that tools do not draw; None where every pixel is of a thing with a name."""
        return 0 if class_name(self.classes[0]) == "background" else None

    def drawn(self) -> list[int]:
        """The classes that are drawn, by index."""
        return [index for index in range(len(self.classes)) if index != self.background]

    def copies(self, folder: str) -> Iterator[File]:
        """The images, for tools that open a folder."""
        yield from ((f"{folder}/{one.image.name}", one.image) for one in self.of)


def distinct(classes: list[str], palette: np.ndarray) -> np.ndarray:
    """A colour of its own for each class, uint8 [classes, 3], black for background alone.

    The palette's, or VOC's where it gives two classes one colour. Tools tell classes apart by colour, and CVAT takes
    black for background.
    """
    first = 0 if class_name(classes[0]) == "background" else 1
    for table in (palette, layout.voc_palette()[first:]):
        colours = table[: len(classes)].copy()
        colours[: 1 - first] = 0
        things = {tuple(colour) for colour in colours[1 - first :].tolist()}
        if len(things) == len(classes) - 1 + first and (0, 0, 0) not in things:
            break
    return colours
