"""The embedded set: handwritten digits as stickers on coloured backgrounds, made in seconds without a network.

scikit-learn's 8x8 digits (UCI, "Optical Recognition of Handwritten Digits", real handwriting, CC BY 4.0) are enlarged,
turned a little, and pasted over gradients, stripes, noise and clutter. The digit instances of training and validation
images are disjoint. The images are a function of the parameters alone: same seed, same bytes; on another CPU a value
may differ by one grey level where floating point rounds otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from sklearn.datasets import load_digits

from semiproto.data import layout, splits
from semiproto.params import DigitsSource
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import write_text

CLASSES = ["background", "zero", "one", "two", "three", "four", "five"]
TRAINING_SHARE = 0.65
MOST_OVERLAP = 0.12
SIDE = (24, 32)
"""Smallest and largest side of a sticker, pixels."""
RARE, RARE_SIDE, RARE_INSTANCES = 5, (9, 12), 6
"""With rare_five: the digit, its side, and that one in six of its instances is used. Its class has 0.2 % of the pixels
and is shown by about one image in nine (docs/rare-classes.md)."""

Rng = np.random.Generator
Array = np.ndarray


@dataclass(frozen=True)
class Sticker:
    """A digit ready to paste: `body` bool [n, n] is its mask, `stroke` float [n, n] in 0..1 its ink."""

    digit: int
    body: Array
    stroke: Array


def make(root: Path, source: DigitsSource) -> None:
    """Writes the set in VOC layout below `root`; only the labelled and the validation images get mask files."""
    training, validation = _instances(source)
    for folder in (layout.IMAGES, layout.MASKS, layout.LISTS):
        (root / folder).mkdir(parents=True)
    masks: dict[str, Array] = {}
    parts = [("train", training, source.labeled + source.unlabeled), ("val", validation, source.validation)]
    progress = Progress(f"data {source.name}", sum(part[2] for part in parts), "images")
    for part, instances, count in parts:
        for number in range(count):
            image_id = f"{part}_{number:05d}"
            rng = np.random.default_rng([source.seed, part == "val", number])
            image, masks[image_id] = draw_image(rng, instances, source)
            Image.fromarray(image).save(root / layout.IMAGES / f"{image_id}.png")
            progress.update()
    _write_lists(root, source, masks)


def _write_lists(root: Path, source: DigitsSource, masks: dict[str, Array]) -> None:
    shown = {i: frozenset(np.unique(m).tolist()) for i, m in masks.items() if i.startswith("train")}
    labeled = splits.stratified(shown, source.labeled, source.seed)
    if source.rare_five:  # the choice above favours images of a rare class, and its remedies would have less to do
        labeled = sorted(shown)[: source.labeled]
    val = [i for i in masks if i.startswith("val")]
    lists = {"train": labeled, "unlabeled": sorted(set(shown) - set(labeled)), "val": val}
    for image_id in labeled + val:
        layout.write_mask(root / layout.MASKS / f"{image_id}.png", masks[image_id])
    for name, ids in lists.items():
        write_text(root / layout.LISTS / f"{name}.txt", "".join(f"{i}\n" for i in ids))
    write_text(root / "classes.txt", "".join(f"{name}\n" for name in CLASSES))


def _instances(source: DigitsSource) -> tuple[list[tuple[int, Array]], list[tuple[int, Array]]]:
    """Digits 0 to 5 as (digit, glyph [8, 8] in 0..1), divided into those of training and of validation images."""
    digits = load_digits()
    chosen = np.flatnonzero(digits.target < len(CLASSES) - 1)
    order = np.random.default_rng([source.seed, 1_000_003]).permutation(chosen)
    glyphs = [(int(digits.target[i]), digits.images[i] / 16.0) for i in order]
    if source.rare_five:
        fives = [n for n, (digit, _) in enumerate(glyphs) if digit == RARE]
        left_out = set(fives) - set(fives[::RARE_INSTANCES])
        glyphs = [glyph for n, glyph in enumerate(glyphs) if n not in left_out]
    training, validation = _cut(glyphs)
    return _cut(training) if source.held_back else (training, validation)


def _cut(glyphs: list[tuple[int, Array]]) -> tuple[list[tuple[int, Array]], list[tuple[int, Array]]]:
    border = round(TRAINING_SHARE * len(glyphs))
    return glyphs[:border], glyphs[border:]


def draw_image(rng: Rng, instances: list[tuple[int, Array]], source: DigitsSource) -> tuple[Array, Array]:
    """One image, uint8 [size, size, 3], and its mask, uint8 [size, size] (0 background, 1 + digit)."""
    size = source.image_size
    canvas = _background(rng, size)
    mask = np.zeros((size, size), dtype=np.uint8)
    for _ in range(int(rng.integers(3, 5))):
        digit, glyph = instances[int(rng.integers(len(instances)))]
        side = RARE_SIDE if source.rare_five and digit == RARE else SIDE
        _paste(rng, canvas, mask, _sticker(rng, digit, glyph, side))
    canvas = canvas * rng.uniform(0.7, 1.15) + rng.uniform(-0.08, 0.08) + rng.normal(0, 0.03, canvas.shape)
    return (np.clip(canvas, 0, 1) * 255).round().astype(np.uint8), mask


def _sticker(rng: Rng, digit: int, glyph: Array, sides: tuple[int, int]) -> Sticker:
    """Enlarges a glyph by a cubic affine map with a little rotation, shear and change of aspect."""
    side = int(rng.integers(sides[0], sides[1] + 1))
    angle, shear = np.deg2rad(rng.uniform(-8, 8)), rng.uniform(-0.1, 0.1)
    aspect = np.array([1.0, rng.uniform(0.9, 1.1)])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotation @ np.array([[1.0, shear], [0.0, 1.0]]) * (8.0 / side / aspect)
    canvas = side + 12
    centre = np.array([3.5, 3.5]) - matrix @ np.array([(canvas - 1) / 2] * 2)
    large = np.clip(ndimage.affine_transform(glyph, matrix, centre, (canvas, canvas), order=3, cval=0.0), 0, 1)
    body = ndimage.gaussian_filter(large, 0.8) > 0.2
    body = ndimage.binary_dilation(ndimage.binary_fill_holes(ndimage.binary_closing(body)))
    return Sticker(digit, body, large)


def _paste(rng: Rng, canvas: Array, mask: Array, sticker: Sticker) -> None:
    """Pastes the sticker where at most 12 % of it covers other stickers; gives up after 40 places."""
    rows, columns = np.flatnonzero(sticker.body.any(1)), np.flatnonzero(sticker.body.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    body, stroke = sticker.body[box], sticker.stroke[box]
    height, width = body.shape
    if height > mask.shape[0] or width > mask.shape[1]:
        return
    for _ in range(40):
        top = int(rng.integers(mask.shape[0] - height + 1))
        left = int(rng.integers(mask.shape[1] - width + 1))
        place = np.s_[top : top + height, left : left + width]
        covered = (mask[place] > 0) & body
        if covered.sum() <= MOST_OVERLAP * body.sum():
            break
    else:
        return
    light = 0.55 + 0.45 * rng.random(3)
    ink = light * rng.uniform(0.1, 0.35)
    colour = light + np.clip(stroke * 1.5, 0, 1)[..., None] * (ink - light)
    canvas[place] = np.where(body[..., None], colour, canvas[place])
    mask[place] = np.where(body, 1 + sticker.digit, mask[place])


def _background(rng: Rng, size: int) -> Array:
    """Gradient, coarse noise, stripes or fine noise between two colours, and up to two clutter shapes."""
    row, column = np.mgrid[0:size, 0:size] / size
    angle = rng.uniform(0, 2 * np.pi)
    along = row * np.sin(angle) + column * np.cos(angle)
    kind = int(rng.integers(4))
    if kind == 0:
        blend = (along - along.min()) / np.ptp(along)
    elif kind == 1:
        blend = np.clip(ndimage.zoom(rng.random((6, 6)), size / 6, order=1), 0, 1)
    elif kind == 2:
        blend = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(2, 8) * along)
    else:
        blend = rng.random((size, size))
    first, second = rng.random(3), rng.random(3)
    canvas = first + blend[..., None] * (second - first)
    picture = Image.fromarray((canvas * 255).round().astype(np.uint8))
    for _ in range(int(rng.integers(3))):
        _clutter(rng, ImageDraw.Draw(picture), size)
    return np.asarray(picture, dtype=np.float64) / 255


def _clutter(rng: Rng, draw: ImageDraw.ImageDraw, size: int) -> None:
    """A line, ring, disc or rectangle in a random colour."""
    colour = tuple(int(v) for v in rng.integers(0, 256, 3))
    x, y = (float(v) for v in rng.uniform(0, size, 2))
    width, height = (float(v) for v in rng.uniform(size / 8, size / 2.5, 2))
    thick = int(rng.integers(1, 4))
    kind = int(rng.integers(4))
    if kind == 0:
        x_end, y_end = (float(v) for v in rng.uniform(0, size, 2))
        draw.line((x, y, x_end, y_end), fill=colour, width=thick)
    elif kind == 1:
        draw.ellipse((x, y, x + width, y + width), outline=colour, width=thick)
    elif kind == 2:
        draw.ellipse((x, y, x + width / 2, y + width / 2), fill=colour)
    else:
        draw.rectangle((x, y, x + width, y + height), outline=colour, width=thick)
