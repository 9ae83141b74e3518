"""The one layout of a prepared set, that of PASCAL VOC, and how its files are found and read.

<root>/classes.txt                        one class name a line, line n is mask value n
<root>/palette.json                       red, green and blue of each class, where the masks had colours of their own
<root>/pixels.json                        what the images' samples are, where they are not 8-bit colour
<root>/JPEGImages/<id>.<suffix>           any of IMAGE_SUFFIXES; references.py has what stands for them
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
from PIL import Image
from pydantic import ValidationError

from semiproto.data.images import opening, pixels
from semiproto.data.images.pixels import RGB8, PixelFormat, SetPixels
from semiproto.errors import UserError
from semiproto.params import MOST_CLASSES, first_problem
from semiproto.provenance.artifacts import write_json

IGNORE_INDEX = 255
FILES = "files"
"""Sub-folder of data/raw/<dataset> that holds the set, its <root>; the receipt is beside it."""
IMAGES, MASKS, LISTS = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation"
PUBLISHED = f"{LISTS}/published"
PALETTE, PIXELS = "palette.json", "pixels.json"
IMAGE_SUFFIXES = opening.SUFFIXES

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


def read_image(path: Path, form: PixelFormat = RGB8) -> np.ndarray:
    """The whole image as the network takes it, uint8 [height, width, bands], turned as its EXIF says.

    form: what the set's samples are and how they become 8 bits. UserError where the image cannot be read or is not so.
    """
    return pixels.to_bytes(path, pixels.decode(path, form.bands), form)


def read_mask(path: Path) -> np.ndarray:
    """A mask's values as uint8 [height, width]: the indices of a palette or grey picture, as they are in the file."""
    values = read_values(path)
    return values if values.dtype == np.uint8 else _narrowed(path, values)


def read_values(path: Path) -> np.ndarray:
    """A mask's values as they are in the file, [height, width]: uint8, or integers of 16 or 32 bits.

    Whole numbers that are stored as floating-point ones are integers of 32 bits.

    Grey of 1, 2 or 4 bits holds 0 to 1, 3 or 15: not 255, 170 and so on, which decoders make of them to show them.
    """
    mode, values, _ = _stored(path)
    return _require_indices(path, mode, values)


def read_with_palette(path: Path) -> tuple[np.ndarray, list[int] | None]:
    """`read_values`, and red, green and blue of each value of a palette PNG in a row; None for any other mask.

    Grey that was saved with several equal channels, as OpenCV does it, is grey.
    """
    mode, values, palette = _stored(path)
    grey = _grey(values) if mode in ("RGB", "RGBA", "LA") else None
    return (_require_indices(path, mode, values), palette) if grey is None else (grey, None)


def _stored(path: Path) -> tuple[str, np.ndarray, list[int] | None]:
    """Pillow's mode, the values as they are in the file, and the palette of a PNG."""
    with opening.opened(path, opening.LOSSLESS, "a mask") as file:
        spread, inverted = _shown_by(file)
        file.load()
        values = np.array(file)
        palette = file.getpalette() if file.format == "PNG" else None
        if inverted:
            values = np.uint8(255) - values
        return file.mode, values if spread == 1 else values // np.uint8(spread), palette


def _grey(values: np.ndarray) -> np.ndarray | None:
    """The one channel of several equal ones, uint8 [height, width]; None where they differ or alpha shows something."""
    colours, alpha = (values[..., :3], values[..., 3:]) if values.shape[2] > 2 else (values[..., :1], values[..., 1:])
    return colours[..., 0] if (colours == colours[..., :1]).all() and (alpha == 255).all() else None


def _require_indices(path: Path, mode: str, values: np.ndarray) -> np.ndarray:
    if mode == "I" or mode.startswith("I;"):
        return values
    if mode == "F" and (np.abs(values) < 2**31).all() and (values == np.rint(values)).all():
        return values.astype(np.int32)  # as GIS tools write them
    if mode not in ("P", "L", "1"):
        raise UserError(
            f"{path}: mode {mode} is not a mask of class indices; save it as a palette or 8-bit grey PNG whose values"
            " are the lines of classes.txt"
        )
    return values.astype(np.uint8, copy=False)


def _shown_by(file: Image.Image) -> tuple[int, bool]:
    """How Pillow shows the grey values of an open picture: times what, and whether then taken from 255.

    2 and 4 bits are spread to 8. Where 0 is white in a TIFF, as ImageJ saves masks, a value stays what it is for us.
    """
    tiles = getattr(file, "tile", [])
    args = tiles[0].args if tiles else ""
    raw = args[0] if isinstance(args, tuple) else str(args)
    return {"L;2": 85, "L;4": 17, "L;2I": 85, "L;4I": 17}.get(raw, 1), raw in ("L;I", "L;2I", "L;4I")


def _narrowed(path: Path, values: np.ndarray) -> np.ndarray:
    """The values of a mask of 16 or 32 bits as uint8."""
    highest = int(values.max(initial=0))
    if highest > IGNORE_INDEX or values.min(initial=0) < 0:
        raise UserError(
            f"{path}: value {highest}; masks are kept in 8 bits, where 0 to {MOST_CLASSES - 1} are classes and"
            f" {IGNORE_INDEX} is void: merge rare classes, or number them from 0"
        )
    return values.astype(np.uint8)


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


def write_pixels(root: Path, measured: SetPixels) -> None:
    """Keeps what was measured of the images with the prepared set, where they are not 8-bit colour."""
    if measured != SetPixels():
        write_json(root / PIXELS, measured.model_dump(mode="json"))


def read_pixels(root: Path) -> SetPixels:
    """What the samples of a prepared set's images are; UserError where its file is damaged."""
    try:
        return SetPixels.model_validate_json((root / PIXELS).read_bytes())
    except FileNotFoundError:
        return SetPixels()
    except ValidationError as error:
        raise UserError(
            f"{root / PIXELS}: {first_problem(error)}; delete {root.parent} and run `snakemake --cores all`"
        ) from None


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
