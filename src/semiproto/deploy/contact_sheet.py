"""The picture of what `suggest` chose: each image, the model's prediction laid over it, and why it was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from semiproto.data.images.pixels import Array, shown
from semiproto.deploy import segment
from semiproto.provenance.artifacts import atomic_write

MOST = 300
"""Images of a sheet: about 100 MB of memory and 10 MB of file."""
ACROSS, SIDE, GAP, LINE = 3, 240, 8, 17
"""Cells in a row, and in pixels: the longest side of a picture in them, the space between, and a line of text."""
WIDTH, HEIGHT = 2 * SIDE + 3 * GAP, SIDE + 3 * GAP + 3 * LINE
"""Of a cell: two pictures, three lines below them."""


@dataclass(frozen=True)
class Cell:
    """What is shown of one image. image: uint8 [H, W, bands]. classes: uint8 [H, W]; None where it has no mask."""

    image: Array
    classes: Array | None
    name: str
    why: str


def write(path: Path, cells: Iterator[Cell], count: int, colours: Array) -> None:
    """Writes the sheet of `count` cells as a JPEG. colours: of the classes, uint8 [256, 3]."""
    sheet = Image.new("RGB", (min(ACROSS, count) * WIDTH, -(-count // ACROSS) * HEIGHT), "white")
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), 12)
    for place, cell in enumerate(cells):
        row, column = divmod(place, ACROSS)
        _draw(sheet, (column * WIDTH + GAP, row * HEIGHT + GAP), _pictures(cell, colours), _lines(cell, font))
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="JPEG", quality=88)


def _pictures(cell: Cell, colours: Array) -> list[Image.Image]:
    """The image and its overlay, each at most SIDE pixels a side."""
    image = Image.fromarray(shown(cell.image))
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST)
    if cell.classes is None:
        return [small]
    classes = np.asarray(Image.fromarray(cell.classes).resize(size, Image.Resampling.NEAREST))
    return [small, segment.overlay(np.asarray(small), classes, colours)]


def _lines(cell: Cell, font: ImageFont.FreeTypeFont) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """The name in one line and the reason in at most two, none wider than the cell."""
    width = WIDTH - 2 * GAP
    first, rest = _split(cell.why, font, width)
    return [(_cut(text, font, width), font) for text in (cell.name, first, rest)]


def _split(text: str, font: ImageFont.FreeTypeFont, width: int) -> tuple[str, str]:
    """As many words as fit, and the others."""
    words = text.split()[:width]
    fitting = next((n for n in range(len(words), 1, -1) if font.getlength(" ".join(words[:n])) <= width), 1)
    return " ".join(words[:fitting]), " ".join(words[fitting:])


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The text, or as much of it as fits before three dots."""
    if len(text) <= width and font.getlength(text) <= width:
        return text
    fewest = min(len(text), width // 3)  # few letters are narrower than three pixels
    return next(cut for n in range(fewest, -1, -1) if font.getlength(cut := f"{text[:n]}...") <= width)


def _draw(
    sheet: Image.Image,
    corner: tuple[int, int],
    pictures: Sequence[Image.Image],
    lines: Sequence[tuple[str, ImageFont.FreeTypeFont]],
) -> None:
    left, top = corner
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (left + number * (SIDE + GAP), top))
    draw = ImageDraw.Draw(sheet)
    for number, (text, font) in enumerate(lines):
        draw.text((left, top + SIDE + GAP + number * LINE), text, fill="black", font=font)
