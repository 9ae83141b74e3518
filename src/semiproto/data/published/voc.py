"""PASCAL VOC 2012 and SBD's masks as a prepared set; and what other published sets need for that, too.

VOC's own lists have 1,464 training and 1,449 validation images with masks. SBD annotates more of VOC's images; those
that are not of VOC's validation list join the training images, 10,582 in all. Where both have a mask, VOC's is taken:
it is the finer one, and has the void border around objects that SBD's lack.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from scipy.io import loadmat, matlab

from semiproto.data import layout
from semiproto.data.layout import PALETTE
from semiproto.data.published import archives
from semiproto.data.published.catalog import Dataset
from semiproto.data.published.download import Access, fetch_all
from semiproto.errors import UserError
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import write_json, write_text

_DEVKIT = "VOCdevkit/VOC2012"
_MASK_FOLDERS = ("benchmark_RELEASE/dataset/cls", "SegmentationClassAug")
_WANTED = {
    f"{_DEVKIT}/{layout.IMAGES}": ".jpg",
    f"{_DEVKIT}/{layout.MASKS}": ".png",
    f"{_DEVKIT}/{layout.LISTS}": ".txt",
    _MASK_FOLDERS[0]: ".mat",
    _MASK_FOLDERS[1]: ".png",
}
_NOT_SBD = (
    OSError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    NotImplementedError,
    zlib.error,
    matlab.MatReadError,
)
"""What scipy raises for files of other kinds and for damaged ones."""

_WHITE = (255, 255, 255)
_EXIF_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)


@dataclass(frozen=True)
class Example:
    """An image file and its mask file, None where the mask is not to be used or does not exist."""

    image: Path
    mask: Path | None


@dataclass(frozen=True)
class Published:
    """The ids of the published lists: of validation, and by number of labels the labelled and the unlabelled ones."""

    validation: list[str]
    pairs: dict[int, tuple[list[str], list[str]]]

    def training(self) -> set[str]:
        """All ids that are not of validation."""
        return {image_id for pair in self.pairs.values() for ids in pair for image_id in ids}


def prepare(root: Path, dataset: Dataset, downloads: Path, access: Access) -> None:
    """Makes the set below `root` (which exists), downloading what is not in `downloads` yet."""
    published, files = gather(dataset, downloads, access, layout.read_list)
    with unpacked(root, files, wanted) as folders:
        masks = next((f / name for f in folders for name in _MASK_FOLDERS if (f / name).is_dir()), None)
        convert(root, folders[0] / _DEVKIT, masks, published, dataset)


def gather(
    dataset: Dataset, downloads: Path, access: Access, read: Callable[[Path], list[str]]
) -> tuple[Published, list[Path]]:
    """The published lists, and the files that the set is made of; both downloaded where need be."""
    lists = dataset.lists()
    paths = fetch_all([*lists, *dataset.files], downloads, access)
    return read_published(dataset, paths[: len(lists)], read), paths[len(lists) :]


@contextmanager
def unpacked(root: Path, files: Sequence[Path], wanted: Callable[[str], bool]) -> Iterator[list[Path]]:
    """Folders below `root` with what is wanted of each archive, until the block ends; its UserErrors name archives."""
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


def wanted(name: str) -> bool:
    """Whether a member of one of VOC's or SBD's archives is needed."""
    folder, _, file = name.rpartition("/")
    return folder in _WANTED and file.endswith(_WANTED[folder])


def convert(root: Path, voc: Path, masks: Path | None, published: Published, dataset: Dataset) -> None:
    """Makes the set below `root` from the unpacked folder VOC2012, whose images it moves, and further masks.

    masks: folder of SBD's `<id>.mat` files or of PNG masks, used for the training images that the published lists name
    and VOC's own do not; None leaves those images without masks. UserError where the counts are not those of `dataset`.
    """
    for folder in (voc / layout.IMAGES, voc / layout.MASKS, voc / layout.LISTS):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; this is not an unpacked VOC2012, get the archive anew")
    train, val = (layout.read_list(voc / layout.LISTS / f"{part}.txt") for part in ("train", "val"))
    of_training = {image_id: voc / layout.MASKS / f"{image_id}.png" for image_id in train}
    validation = {image_id: voc / layout.MASKS / f"{image_id}.png" for image_id in val}
    named = published.training()
    for path in sorted(masks.iterdir()) if masks else []:
        if path.stem in named:
            of_training.setdefault(path.stem, path)
    unlabeled = dict.fromkeys(sorted(named - set(of_training) - set(val)))
    images = layout.images_by_id(voc / layout.IMAGES)
    parts = {
        part: {image_id: Example(_image(images, image_id, voc), mask) for image_id, mask in files.items()}
        for part, files in (("train", of_training), ("val", validation), ("unlabeled", unlabeled))
    }
    write_set(root, dataset, parts, published, read_mask)


def _image(images: Mapping[str, Path], image_id: str, voc: Path) -> Path:
    if image_id not in images:
        raise UserError(f"{voc / layout.IMAGES}: no image {image_id!r}, which a list or a mask names; get it anew")
    return images[image_id]


# ---------------------------------------------------------------------------------------------------- masks


def read_mask(path: Path) -> np.ndarray:
    """Class indices uint8 [height, width], void 255, of one of SBD's .mat files, or of a mask in indices or colours."""
    if path.suffix == ".mat":
        values = _read_sbd(path)
    else:
        colours = _colours(path)
        values = layout.read_mask(path) if colours is None else _by_colour(path, colours)
    known = np.zeros(256, dtype=bool)
    known[[*range(21), layout.IGNORE_INDEX]] = True
    require_known(path, values, known, "VOC has classes 0 to 20, and 255 for void")
    return values


def _read_sbd(path: Path) -> np.ndarray:
    """The mask in a .mat file, which is from a verified archive: scipy's reader can crash on forged ones."""
    try:
        values = np.asarray(loadmat(path)["GTcls"][0, 0]["Segmentation"])
    except FileNotFoundError:
        raise UserError(f"{path}: no such mask; get the archive of masks anew") from None
    except _NOT_SBD as error:
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{path}: not a mask of SBD ({why}); get the archive of masks anew") from None
    if values.ndim != 2 or values.dtype != np.uint8:
        raise UserError(
            f"{path}: not a mask of SBD ({values.dtype} of {values.ndim} dimensions); get the archive of masks anew"
        )
    return values


def _colours(path: Path) -> np.ndarray | None:
    """The colours uint8 [height, width, 3] of a mask drawn in colours; None for any other file."""
    try:
        with Image.open(path) as file:
            return np.asarray(file.convert("RGB")) if file.mode in ("RGB", "RGBA") else None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None


def _by_colour(path: Path, colours: np.ndarray) -> np.ndarray:
    """The class that each of VOC's colours stands for; VOC's void and white are void."""
    palette = layout.voc_palette()
    meaning = {tuple(palette[index].tolist()): index for index in (*range(21), layout.IGNORE_INDEX)}
    meaning[_WHITE] = layout.IGNORE_INDEX
    packed = colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    numbers, place = np.unique(packed, return_inverse=True)
    seen = [(int(n) >> 16, int(n) >> 8 & 255, int(n) & 255) for n in numbers]
    for number, colour in zip(numbers, seen, strict=True):
        if colour not in meaning:
            row, column = np.argwhere(packed == number)[0].tolist()
            raise UserError(
                f"{path}: colour {colour} at row {row}, column {column} is not one of VOC's; correct the mask"
            )
    return np.array([meaning[colour] for colour in seen], dtype=np.uint8)[place].reshape(packed.shape)


def require_known(path: Path, values: np.ndarray, known: np.ndarray, meaning: str) -> None:
    """UserError with file, pixel and value where uint8 `values` has one that is not `known`, bool [256]."""
    if np.bincount(values.ravel(), minlength=256)[~known].any():
        row, column = np.argwhere(~known[values])[0].tolist()
        raise UserError(
            f"{path}: value {values[row, column]} at row {row}, column {column} is no class ({meaning}); correct the"
            " mask or get it anew"
        )


# ---------------------------------------------------------------------------------------------- prepared set


def write_set(
    root: Path,
    dataset: Dataset,
    parts: Mapping[str, Mapping[str, Example]],
    published: Published,
    read: Callable[[Path], np.ndarray],
) -> None:
    """Writes a prepared set: moves the images, converts the masks with `read`, writes lists, classes and colours.

    parts: examples by list and id. UserError where the counts are not those of `dataset`, an id is in two lists, the
    published lists name other images, or a mask is not of its image's size.
    """
    _require_counts(dataset, parts)
    _write_published(root, published, parts)
    for folder in (layout.IMAGES, layout.MASKS):
        (root / folder).mkdir(parents=True)
    progress = Progress(f"data {dataset.name}: converting", sum(map(len, parts.values())), "images")
    palette = _palette(dataset)
    for image_id, example in (item for examples in parts.values() for item in examples.items()):
        if example.mask is not None:
            values = _fitting(example.image, example.mask, read)
            _write_mask(root / layout.MASKS / f"{image_id}.png", values, palette)
        shutil.move(example.image, root / layout.IMAGES / f"{image_id}{example.image.suffix}")
        progress.update()
    for part, examples in parts.items():
        _write_list(root / layout.LISTS / f"{part}.txt", examples)
    write_text(root / "classes.txt", "".join(f"{name}\n" for name in dataset.classes))
    write_json(root / PALETTE, dataset.colours)


def _require_counts(dataset: Dataset, parts: Mapping[str, Mapping[str, Example]]) -> None:
    for part, expected in dataset.counts.items():
        if len(parts[part]) != expected:
            raise UserError(
                f"{dataset.name}: {len(parts[part]):,} images for {part}, but {expected:,} are published; its files are"
                " not whole, get them anew"
            )
    seen: set[str] = set()
    for examples in parts.values():
        if twice := sorted(seen & set(examples)):
            raise UserError(f"{dataset.name}: image {twice[0]!r} is in two lists; get the files anew")
        seen |= set(examples)


def _fitting(image: Path, mask: Path, read: Callable[[Path], np.ndarray]) -> np.ndarray:
    """The mask's values; UserError where it is not of the image's size as the image is shown."""
    values = read(mask)
    try:
        with Image.open(image) as file:
            width, height = file.size
            turned = file.getexif().get(_EXIF_ORIENTATION) in _TURNED
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise UserError(f"{image}: cannot be read as an image; get its archive anew") from None
    if turned:
        width, height = height, width
    if values.shape != (height, width):
        raise UserError(
            f"{mask}: {values.shape[1]}x{values.shape[0]} pixels, its image {image.name} has {width}x{height}"
            f"{' once turned as its EXIF data say' if turned else ''}; get both anew"
        )
    return values


def _palette(dataset: Dataset) -> list[int]:
    """The dataset's colours at its class indices and 255, VOC's elsewhere."""
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


def read_published(dataset: Dataset, files: Sequence[Path], read: Callable[[Path], list[str]]) -> Published:
    """The ids in the files of `dataset.lists()`; UserError where one has not as many as are published."""
    training = dataset.counts["train"] + dataset.counts["unlabeled"]
    counts = [dataset.counts["val"]]
    for split in dataset.splits:
        counts += [split.labels, training - split.labels]
    ids = [read(file) for file in files]
    for file, found, expected in zip(files, ids, counts, strict=True):
        if len(found) != expected:
            raise UserError(f"{file}: {len(found):,} ids, but {expected:,} are published; delete it to get it anew")
    pairs = zip(ids[1::2], ids[2::2], strict=True)
    return Published(ids[0], {split.labels: pair for split, pair in zip(dataset.splits, pairs, strict=True)})


def _write_published(root: Path, published: Published, parts: Mapping[str, Mapping[str, Example]]) -> None:
    """Writes the published lists below a prepared set; UserError where one does not fit the set's images."""
    _require_same("the published validation list", published.validation, parts["val"])
    for labels, (labeled, unlabeled) in published.pairs.items():
        name = f"the published lists of {labels}"
        _require_same(name, [*labeled, *unlabeled], [*parts["train"], *parts["unlabeled"]])
        if unmasked := sorted(set(labeled) - set(parts["train"])):
            raise UserError(
                f"{name}: image {unmasked[0]!r} is labelled, and there is no mask of it; get the files anew"
            )
        _write_list(root / layout.PUBLISHED / str(labels) / "labeled.txt", labeled)
        _write_list(root / layout.PUBLISHED / str(labels) / "unlabeled.txt", unlabeled)


def _require_same(name: str, listed: Sequence[str], there: Collection[str]) -> None:
    """UserError unless the list has the images that are there and no other."""
    if strange := sorted(set(listed) ^ set(there)):
        where = "is not listed" if strange[0] in there else "is listed, and the set has no such image there"
        raise UserError(f"{name}: image {strange[0]!r} {where} ({len(strange):,} such ids); get the files anew")
