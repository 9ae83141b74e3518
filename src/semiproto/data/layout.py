"""The one layout of a prepared set, that of PASCAL VOC, and how its files are found and read.

<root>/classes.txt                        one class name a line, line n is mask value n
<root>/palette.json                       red, green and blue of each class, where the masks had colours of their own
<root>/JPEGImages/<id>.jpg|.jpeg|.png
<root>/SegmentationClass/<id>.png         only for images with masks; palette PNG of class indices, 255 void
<root>/ImageSets/Segmentation/train.txt   ids with masks; unlabeled.txt and val.txt beside it
<root>/ImageSets/Segmentation/published/<family>/<labels>/labeled.txt, unlabeled.txt   where there are published splits
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from semiproto.errors import UserError
from semiproto.provenance.artifacts import write_json

IGNORE_INDEX = 255
FILES = "files"
"""Sub-folder of data/raw/<dataset> that holds the set, its <root>; the receipt is beside it."""
IMAGES, MASKS, LISTS = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation"
PUBLISHED = f"{LISTS}/published"
PALETTE = "palette.json"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")


def check_id(image_id: str, where: str) -> str:
    """`image_id` if it is a plain name that cannot leave its folder; UserError names `where` it stood."""
    if not _ID.fullmatch(image_id):
        shown = image_id if len(image_id) <= 60 else image_id[:57] + "..."
        raise UserError(
            f"{where}: {shown!r} cannot be an id; rename it: letters, digits, '_', '-' and '.' (not first), at most 200"
        )
    return image_id


def read_list(path: Path) -> list[str]:
    """The ids of a list file, one a line, in its order; UserError on a bad or repeated id."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such list file; name one that exists") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file of ids, one a line") from None
    ids: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        image_id = line.strip()
        if not image_id:
            continue
        check_id(image_id, f"{path}, line {number}")
        if image_id in ids:
            raise UserError(f"{path}, line {number}: id {image_id!r} is also on line {ids[image_id]}; remove one")
        ids[image_id] = number
    return list(ids)


def read_classes(root: Path) -> list[str]:
    return (root / "classes.txt").read_text(encoding="utf-8").split()


def images_by_id(folder: Path) -> dict[str, Path]:
    """Image files of a folder by stem, sorted; UserError where two files share a stem or a stem is no id."""
    found: dict[str, Path] = {}
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of images; correct dataset.path and dataset.images")
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        check_id(path.stem, str(path))
        if path.stem in found:
            raise UserError(f"{path}: {found[path.stem].name} has the same id {path.stem!r}; rename one")
        found[path.stem] = path
    return found


def read_image(path: Path) -> np.ndarray:
    """The whole image as RGB, uint8 [height, width, 3], turned as its EXIF says; UserError when it cannot be read."""
    try:
        with Image.open(path) as file:
            file.load()
            if file.mode.startswith("I;16"):
                return np.array(_eight_bits(file).convert("RGB"))
            ImageOps.exif_transpose(file, in_place=True)  # without in_place it copies even an image that needs no turn
            return np.array(file if file.mode == "RGB" else file.convert("RGB"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such image; remove its id from the list or restore the file") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be read as an image ({_short(error)}); replace or remove it") from None


def read_mask(path: Path) -> np.ndarray:
    """A mask's values as uint8 [height, width]: the indices of a palette or grey PNG, unchanged."""
    try:
        with Image.open(path) as file:
            file.load()
            mode, values = file.mode, np.array(file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such mask; remove its id from the list or restore the file") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be read as a mask ({_short(error)}); replace or remove it") from None
    if mode not in ("P", "L", "1"):
        raise UserError(
            f"{path}: mode {mode} is not a mask of class indices; save it as a palette or 8-bit grey PNG whose values"
            " are the lines of classes.txt"
        )
    return values.astype(np.uint8, copy=False)


def require_known(path: Path, values: np.ndarray, known: np.ndarray, meaning: str) -> None:
    """UserError with file, pixel and value where a mask, uint8, has a value that is not `known`, bool [256]."""
    if np.bincount(values.ravel(), minlength=256)[~known].any():
        row, column = np.argwhere(~known[values])[0].tolist()
        raise UserError(
            f"{path}: value {values[row, column]} at row {row}, column {column} is no class ({meaning}); correct the"
            " mask or get it again"
        )


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Writes class indices [height, width] uint8 as a palette PNG in VOC's colours."""
    image = Image.fromarray(mask)
    image.putpalette(voc_palette().ravel().tolist())
    image.save(path, format="PNG")


def write_palette(root: Path, colours: Sequence[Sequence[int]]) -> None:
    """Keeps the colours of the classes with the prepared set, so that predictions can be drawn in them."""
    write_json(root / PALETTE, colours)


def read_palette(root: Path) -> list[list[int]]:
    """Red, green and blue of each class of a prepared set: those of its masks, or VOC's where they had none."""
    if (root / PALETTE).is_file():
        colours: list[list[int]] = json.loads((root / PALETTE).read_text(encoding="utf-8"))
        return colours
    voc: list[list[int]] = voc_palette()[: len(read_classes(root))].tolist()
    return voc


def voc_palette() -> np.ndarray:
    """VOC's 256 colours, uint8 [256, 3]: the bits of the index dealt out to red, green and blue, high bits first."""
    index = np.arange(256, dtype=np.uint8)
    colours = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            source = 3 * bit + channel
            if source < 8:
                colours[:, channel] |= ((index >> source) & 1) << (7 - bit)
    return colours


def _eight_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray((np.asarray(image, dtype=np.uint32) >> 8).astype(np.uint8))


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 120 else text[:117] + "..."
