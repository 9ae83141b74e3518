"""From the archives of a published set to a prepared set; the same for every set, given its converter."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from semiproto.data import layout
from semiproto.data.images import opening
from semiproto.data.published import archives
from semiproto.data.published.download import Access, fetch_all
from semiproto.data.published.entry import Dataset, Parts, Published
from semiproto.errors import UserError
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import write_text


def prepare(root: Path, dataset: Dataset, downloads: Path, access: Access) -> None:
    """Makes the set below `root` (which exists), downloading what is not in `downloads` yet."""
    lists, converter = dataset.lists(), dataset.converter
    paths = fetch_all([*lists, *dataset.files], downloads, access)
    published = _read_published(dataset, paths[: len(lists)])
    with _unpacked(root, paths[len(lists) :], converter.wanted) as folders:
        _write_set(root, dataset, converter.examples(folders, published), published)


@contextmanager
def _unpacked(root: Path, files: Sequence[Path], wanted: Callable[[str], bool]) -> Iterator[list[Path]]:
    """Folders below `root` with the wanted members of each archive, until the block ends.

    A UserError of the block names the archive in place of its folder.
    """
    folders = [root / "unpacked" / str(number) for number in range(len(files))]
    for file, folder in zip(files, folders, strict=True):
        archives.extract(file, folder, wanted)
    try:
        yield folders
    except UserError as error:
        text = str(error)
        for file, folder in zip(files, folders, strict=True):
            text = text.replace(str(folder), str(file))
        raise UserError(text) from None
    shutil.rmtree(root / "unpacked")


# ---------------------------------------------------------------------------------------------- prepared set


def _write_set(root: Path, dataset: Dataset, parts: Parts, published: Published) -> None:
    """Writes a prepared set: moves the images, converts the masks, writes lists, classes and colours.

    UserError where the counts are not those of `dataset`, an id is in two lists, the published lists name other images,
    or a mask and its image differ in size.
    """
    _require_counts(dataset, parts)
    _write_published(root, published, parts)
    for folder in (layout.IMAGES, layout.MASKS):
        (root / folder).mkdir(parents=True)
    progress = Progress(f"data {dataset.name}: converting", sum(map(len, parts.values())), "images")
    palette = _palette(dataset)
    for image_id, example in (item for examples in parts.values() for item in examples.items()):
        if example.mask is not None:
            values = _fitting(example.image, example.mask, dataset.converter.read_mask)
            _write_mask(root / layout.MASKS / f"{image_id}.png", values, palette)
        shutil.move(example.image, root / layout.IMAGES / f"{image_id}{example.image.suffix}")
        progress.update()
    for part, examples in parts.items():
        _write_list(root / layout.LISTS / f"{part}.txt", examples)
    write_text(root / "classes.txt", "".join(f"{name}\n" for name in dataset.classes))
    layout.write_palette(root, dataset.colours)


def _require_counts(dataset: Dataset, parts: Parts) -> None:
    for part, expected in dataset.counts.items():
        if len(parts[part]) != expected:
            raise UserError(
                f"{dataset.name}: {len(parts[part]):,} images for {part}, but {expected:,} are published; its files are"
                " not complete, get them again"
            )
    seen: set[str] = set()
    for examples in parts.values():
        if twice := sorted(seen & set(examples)):
            raise UserError(f"{dataset.name}: image {twice[0]!r} is in two lists; get the files again")
        seen |= set(examples)


def _fitting(image: Path, mask: Path, read: Callable[[Path], np.ndarray]) -> np.ndarray:
    """The mask's values; UserError where its size differs from that of the image as it is shown."""
    values = read(mask)
    (width, height), orientation = opening.outline(image)
    if values.shape != (height, width):
        raise UserError(
            f"{mask}: {values.shape[1]}x{values.shape[0]} pixels, its image {image.name} has {width}x{height}"
            f"{' when turned by its EXIF orientation' if orientation >= 5 else ''}; get both again"
        )
    return values


def _palette(dataset: Dataset) -> list[int]:
    """The colours of the classes and of void at their mask values, VOC's colours at the other values."""
    palette = layout.voc_palette()
    palette[: len(dataset.colours)] = dataset.colours
    palette[layout.IGNORE_INDEX] = dataset.void
    numbers: list[int] = palette.ravel().tolist()
    return numbers


def _write_mask(path: Path, values: np.ndarray, palette: list[int]) -> None:
    image = Image.fromarray(values)
    image.putpalette(palette)
    image.save(path, format="PNG")


def _write_list(path: Path, ids: Iterable[str]) -> None:
    write_text(path, "".join(f"{image_id}\n" for image_id in ids))


# ------------------------------------------------------------------------------------------- published lists


def _read_published(dataset: Dataset, files: Sequence[Path]) -> Published:
    """The ids in the files of `dataset.lists()`; UserError where a list is longer or shorter than published."""
    training = dataset.counts["train"] + dataset.counts["unlabeled"]
    counts = [dataset.counts["val"]]
    for split in dataset.splits:
        counts += [split.labels, training - split.labels]
    ids = [dataset.converter.read_list(file) for file in files]
    for file, found, expected in zip(files, ids, counts, strict=True):
        if len(found) != expected:
            raise UserError(f"{file}: {len(found):,} ids, but {expected:,} are published; delete it to get it again")
    pairs = zip(ids[1::2], ids[2::2], strict=True)
    return Published(ids[0], dict(zip(dataset.splits, pairs, strict=True)))


def _write_published(root: Path, published: Published, parts: Parts) -> None:
    """Writes the published lists below a prepared set; UserError where one does not fit the set's images."""
    _require_same("the published validation list", published.validation, parts["val"])
    for split, (labeled, unlabeled) in published.pairs.items():
        name = f"the published lists of {split.labels}"
        _require_same(name, [*labeled, *unlabeled], [*parts["train"], *parts["unlabeled"]])
        if unmasked := sorted(set(labeled) - set(parts["train"])):
            raise UserError(
                f"{name}: image {unmasked[0]!r} is labelled, and there is no mask of it; get the files again"
            )
        folder = root / layout.PUBLISHED / split.family / str(split.labels)
        _write_list(folder / "labeled.txt", labeled)
        _write_list(folder / "unlabeled.txt", unlabeled)


def _require_same(name: str, listed: Sequence[str], there: Collection[str]) -> None:
    """UserError unless the list names exactly the images that are there."""
    if strange := sorted(set(listed) ^ set(there)):
        where = "is not listed" if strange[0] in there else "is listed, and the set has no such image there"
        raise UserError(f"{name}: image {strange[0]!r} {where} ({len(strange):,} such ids); get the files again")
