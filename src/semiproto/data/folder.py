"""A user's own folder: found out about (`semiproto init`), checked, and copied into the layout of data/layout.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from semiproto.artifacts import write_text
from semiproto.data import layout
from semiproto.errors import UserError
from semiproto.params import FolderSource, Params, first_problem
from semiproto.progress import Progress

IMAGE_FOLDERS = ("JPEGImages", "images", "imgs", "image")
MASK_FOLDERS = ("SegmentationClass", "masks", "labels", "annotations", "mask")
LIST_FOLDERS = ("ImageSets/Segmentation", ".")
LIST_NAMES = {
    "train_list": ("train.txt", "labeled.txt"),
    "validation_list": ("val.txt", "validation.txt"),
    "unlabeled_list": ("unlabeled.txt",),
}


@dataclass(frozen=True)
class Lists:
    """Ids by part; `val` is empty where the set has no validation list of its own."""

    train: list[str]
    val: list[str]
    unlabeled: list[str]


# ------------------------------------------------------------------------------------------------- prepare


def prepare(root: Path, source: FolderSource) -> None:
    """Copies the images and rewrites the masks below `root`; UserError at the first fault, with the number of all."""
    lists = find_lists(source)
    faults = list(check(source, lists))
    if faults:
        more = f" ({len(faults)} faults in all; `semiproto check-data` lists them)" if len(faults) > 1 else ""
        raise UserError(faults[0] + more)
    images = layout.images_by_id(Path(source.path) / source.images)
    for folder in (layout.IMAGES, layout.MASKS):
        (root / folder).mkdir(parents=True)
    everything = [*lists.train, *lists.val, *lists.unlabeled]
    progress = Progress(f"data {source.name}: copying", len(everything), "images")
    masked = {*lists.train, *lists.val}
    for image_id in everything:
        file = images[image_id]
        shutil.copyfile(file, root / layout.IMAGES / file.name)
        if image_id in masked:
            layout.write_mask(root / layout.MASKS / f"{image_id}.png", _indices(source, image_id))
        progress.update()
    for name, ids in vars(lists).items():
        write_text(root / layout.LISTS / f"{name}.txt", "".join(f"{i}\n" for i in ids))
    write_text(root / "classes.txt", "".join(f"{name}\n" for name in source.classes))


def find_lists(source: FolderSource) -> Lists:
    """The ids of each part, from the list files or, where there is none, from which images have a mask."""
    base = Path(source.path)
    if not base.is_dir():
        raise UserError(f"{base}: no such folder; correct dataset.path")
    images = layout.images_by_id(base / source.images)
    masks = _mask_ids(source)
    train = _listed(base, source.train_list)
    val = _listed(base, source.validation_list) or []
    unlabeled = _listed(base, source.unlabeled_list)
    if train is None:
        train = [i for i in images if i in masks and i not in set(val)]
    if unlabeled is None:
        unlabeled = [i for i in images if i not in masks]
    return Lists(train, val, unlabeled)


def _listed(base: Path, name: str | None) -> list[str] | None:
    return None if name is None else layout.read_list(base / name)


def _mask_ids(source: FolderSource) -> set[str]:
    folder = Path(source.path) / source.masks
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of masks; correct dataset.masks")
    return {path.stem for path in folder.iterdir() if path.suffix.lower() == ".png" and not path.name.startswith(".")}


def _indices(source: FolderSource, image_id: str) -> np.ndarray:
    """The mask with the set's own ignore value turned into 255."""
    values = layout.read_mask(_mask_file(source, image_id))
    return np.where(values == source.ignore, np.uint8(layout.IGNORE_INDEX), values)


def _mask_file(source: FolderSource, image_id: str) -> Path:
    return Path(source.path) / source.masks / f"{image_id}.png"


# --------------------------------------------------------------------------------------------------- check


def check(source: FolderSource, lists: Lists) -> Iterator[str]:
    """Every fault of the folder as one line that names the file, the value and the remedy."""
    images = layout.images_by_id(Path(source.path) / source.images)
    yield from _list_faults(source, lists, images)
    everything = [i for i in dict.fromkeys([*lists.train, *lists.val, *lists.unlabeled]) if i in images]
    masked = {*lists.train, *lists.val} & _mask_ids(source)
    progress = Progress(f"data {source.name}: checking", len(everything), "images")
    for image_id in everything:
        try:
            size = layout.read_image(images[image_id]).size
            if image_id in masked:
                yield from _mask_faults(source, image_id, size)
        except UserError as error:
            yield str(error)
        progress.update()


def _list_faults(source: FolderSource, lists: Lists, images: dict[str, Path]) -> Iterator[str]:
    base = Path(source.path)
    if not lists.train:
        where = base / source.train_list if source.train_list else base / source.masks
        yield f"{where}: no labelled image; give masks for some images (one PNG per image, same stem)"
    masks = _mask_ids(source)
    parts = {"train": source.train_list, "val": source.validation_list, "unlabeled": source.unlabeled_list}
    for part, name in parts.items():
        where = base / name if name else base
        for image_id in getattr(lists, part):
            if image_id not in images:
                yield f"{where}: id {image_id!r} has no image in {base / source.images}; add it or take out the id"
            elif part != "unlabeled" and image_id not in masks:
                yield f"{where}: id {image_id!r} has no mask in {base / source.masks}; add it or take out the id"
    for part, others in (("val", lists.train), ("unlabeled", [*lists.train, *lists.val])):
        for image_id in sorted(set(getattr(lists, part)) & set(others)):
            yield f"{base / (parts[part] or '')}: id {image_id!r} is in another list too; keep it in one of them"


def _mask_faults(source: FolderSource, image_id: str, size: tuple[int, int]) -> Iterator[str]:
    path = _mask_file(source, image_id)
    values = layout.read_mask(path)
    if values.shape != (size[1], size[0]):
        mine = f"{values.shape[1]}x{values.shape[0]}"
        yield f"{path}: {mine} pixels, its image has {size[0]}x{size[1]}; make the mask anew at the image's size"
        return
    allowed = {*range(len(source.classes)), source.ignore}
    strange = sorted(set(np.unique(values).tolist()) - allowed)
    if strange:
        yield (
            f"{path}: value {strange[0]} is no class (dataset.classes has {len(source.classes)} names, values 0 to"
            f" {len(source.classes) - 1}, and dataset.ignore is {source.ignore}); correct the mask or the classes"
        )


def experiment_faults(params: Params, lists: Lists) -> Iterator[str]:
    """What the experiments ask of the folder that it does not have."""
    train, validation = len(lists.train), len(lists.val)
    kept = 0 if validation else min(train - 1, max(1, round(params.splits.validation * train)))
    if not validation and train < 2:
        yield "experiments: one image with a mask, and one must validate; give masks for two or more"
    for experiment in params.experiments:
        labeled = train - kept if experiment.split == "all" else experiment.split
        if labeled > train - kept:
            yield f"experiments: split {labeled} asks for more than the {train - kept} labelled images; ask for fewer"
        needing = [name for name in experiment.variants if params.variants[name].method != "supervised"]
        if needing and not lists.unlabeled and labeled >= train - kept:
            yield f"experiments: {needing[0]} on split {experiment.split} has no unlabelled image; add some"


# ---------------------------------------------------------------------------------------------------- init


def discover(base: Path, name: str) -> tuple[FolderSource, list[str]]:
    """What `base` holds, as the dataset section that would read it, and what was assumed, in sentences."""
    if not base.is_dir():
        raise UserError(f"{base}: no such folder; name the folder of your images")
    images = _first(base, IMAGE_FOLDERS, "images")
    masks = _first(base, MASK_FOLDERS, "masks")
    lists = {key: _first_list(base, names) for key, names in LIST_NAMES.items()}
    ignore = layout.IGNORE_INDEX
    classes, why = _classes(base, base / masks, ignore)
    fields = {"name": name, "path": str(base), "images": images, "masks": masks, "classes": classes, "ignore": ignore}
    try:
        source = FolderSource.model_validate({"source": "folder", **fields, **lists})
    except ValidationError as error:
        raise UserError(f"{base / 'classes.txt'}: {first_problem(error)}; correct the class names") from None
    found = find_lists(source)
    assumed = [
        f"images in {images}/, masks in {masks}/",
        f"{len(classes)} classes {why}: {', '.join(classes)}",
        f"mask value {ignore} counts for nothing",
        f"{len(found.train)} images with masks {_origin(lists['train_list'])} to train with",
        f"{len(found.unlabeled)} images without masks {_origin(lists['unlabeled_list'])}",
        f"{len(found.val)} validation images from {lists['validation_list']}"
        if lists["validation_list"]
        else "no validation list: splits.validation of the images with masks are kept for validation",
    ]
    return source, assumed


def _first(base: Path, candidates: tuple[str, ...], what: str) -> str:
    for candidate in candidates:
        if (base / candidate).is_dir():
            return candidate
    raise UserError(f"{base}: no folder of {what} found; name it {' or '.join(candidates[:2])}")


def _first_list(base: Path, names: tuple[str, ...]) -> str | None:
    candidates = [(Path(folder) / name).as_posix() for folder in LIST_FOLDERS for name in names]
    return next((candidate for candidate in candidates if (base / candidate).is_file()), None)


def _classes(base: Path, masks: Path, ignore: int) -> tuple[list[str], str]:
    file = base / "classes.txt"
    if file.is_file():
        names = [
            line.strip().replace(" ", "_") for line in file.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
        return names, "from classes.txt"
    highest = 0
    for path in sorted(masks.glob("*.png")):
        values = np.unique(layout.read_mask(path))
        highest = max(highest, int(values[values != ignore].max(initial=0)))
    return ["background", *(f"class{i}" for i in range(1, max(highest, 1) + 1))], "from the highest mask value"


def _origin(name: str | None) -> str:
    return f"from {name}" if name else "by whether a mask file is there"
