"""A user's folder in small: images with two classes, masks for some, in any of the layouts that are understood."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from semiproto.params import FolderSource

SIZE = 40
COLOURS = {"background": (0, 0, 0), "square": (200, 30, 90)}
VOID = (224, 224, 192)


def make(base: Path, masked: int = 6, unmasked: int = 4) -> Path:
    """`base` with images/, masks/ for the first `masked` of them, and classes.txt."""
    (base / "images").mkdir(parents=True)
    (base / "masks").mkdir()
    (base / "classes.txt").write_text("background\nsquare\n")
    rng = np.random.default_rng(0)
    for number in range(masked + unmasked):
        image = rng.integers(0, 90, (SIZE, SIZE, 3), dtype=np.uint8)
        mask = np.zeros((SIZE, SIZE), np.uint8)
        top, left = rng.integers(0, SIZE - 16, 2)
        mask[top : top + 14, left : left + 14] = 1
        image[mask == 1] += 140
        Image.fromarray(image).save(base / "images" / f"photo{number}.png")
        if number < masked:
            Image.fromarray(mask).save(base / "masks" / f"photo{number}.png")
    return base


def indices(base: Path) -> dict[str, np.ndarray]:
    """The masks that `make` wrote, by stem."""
    return {path.stem: np.array(Image.open(path)) for path in sorted((base / "masks").glob("*.png"))}


def in_voc_layout(base: Path) -> Path:
    """Moves the files to VOC's places: two of the masked images validate, the lists name all."""
    (base / "images").rename(base / "JPEGImages")
    (base / "masks").rename(base / "SegmentationClass")
    lists = base / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    masked = sorted(path.stem for path in (base / "SegmentationClass").iterdir())
    unmasked = sorted({path.stem for path in (base / "JPEGImages").iterdir()} - set(masked))
    for name, ids in (("train", masked[:-2]), ("val", masked[-2:]), ("unlabeled", unmasked)):
        (lists / f"{name}.txt").write_text("".join(f"{i}\n" for i in ids))
    return base


def drawn_in_colours(base: Path, palette: bool = False) -> Path:
    """Redraws the masks in colours, with a column of void in each, and gives classes.txt the colours."""
    for path in (base / "masks").iterdir():
        pixels = np.array(list(COLOURS.values()), np.uint8)[np.array(Image.open(path))]
        pixels[:, -1] = VOID
        drawn = Image.fromarray(pixels)
        (drawn.quantize(8) if palette else drawn).save(path)
    lines = {**COLOURS, "void": VOID}.items()
    (base / "classes.txt").write_text("".join(f"{name} {r} {g} {b}\n" for name, (r, g, b) in lines))
    return base


def paired(base: Path) -> Path:
    """Renames the masks, so that only pairs.csv says which belongs to which image; the last two validate."""
    rows = ["image,mask,part"]
    masked = sorted((base / "masks").iterdir())
    for number, path in enumerate(masked):
        mask = path.rename(path.with_name(f"label {number}.png"))
        part = "val" if number >= len(masked) - 2 else "train"
        rows.append(f"images/{path.name},masks/{mask.name},{part}")
    (base / "pairs.csv").write_text("\n".join(rows) + "\n")
    return base


def outlined(base: Path) -> Path:
    """Replaces masks/ by annotations/instances.json: polygons, run lengths and packed run lengths by turns."""
    images, annotations = [], []
    for number, path in enumerate(sorted((base / "images").iterdir())):
        images.append({"id": number, "file_name": path.name, "width": SIZE, "height": SIZE})
        mask = base / "masks" / f"{path.stem}.png"
        if mask.exists():
            shape = np.array(Image.open(mask))
            outline = (_polygon, _runs, _packed_runs)[number % 3](shape)
            annotations.append({"id": 100 + number, "image_id": number, "category_id": 7, "segmentation": outline})
            mask.unlink()
    (base / "masks").rmdir()
    (base / "classes.txt").unlink()
    (base / "annotations").mkdir()
    content = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "square"}]}
    (base / "annotations/instances.json").write_text(json.dumps(content))
    return base


def _polygon(shape: np.ndarray) -> list[list[int]]:
    rows, columns = np.flatnonzero(shape.any(1)).tolist(), np.flatnonzero(shape.any(0)).tolist()
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return [[left, top, right, top, right, bottom, left, bottom]]


def _runs(shape: np.ndarray) -> dict[str, object]:
    flat = shape.T.ravel()
    borders = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *borders.tolist(), len(flat)]).tolist()
    return {"counts": counts if flat[0] == 0 else [0, *counts], "size": list(shape.shape)}


def _packed_runs(shape: np.ndarray) -> dict[str, object]:
    from pycocotools import mask as tools

    packed = tools.encode(np.asfortranarray(shape))
    return {"counts": packed["counts"].decode(), "size": list(shape.shape)}


def section(base: Path, **changes: object) -> dict[str, object]:
    """The dataset section that reads what `make` wrote."""
    return {
        "source": "folder",
        "name": "own",
        "path": str(base),
        "images": "images",
        "masks": "masks",
        "classes": ["background", "square"],
        "colours": None,
        "ignore": 255,
        "train_list": None,
        "validation_list": None,
        "unlabeled_list": None,
        **changes,
    }


def source(base: Path, **changes: object) -> FolderSource:
    """The same as parameters."""
    return FolderSource.model_validate(section(base, **changes))
