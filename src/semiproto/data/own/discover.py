"""What a user's folder looks like, for `semiproto init` and `semiproto check-data FOLDER`.

Each labelling tool has a function here that recognises its export and says how to read it.
"""

from __future__ import annotations

import json
import re
import shlex
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from semiproto.data import layout
from semiproto.data.images import opening, pixels
from semiproto.data.own import account, contents, masks, values
from semiproto.data.own.contents import Contents, is_of_another_task
from semiproto.data.own.formats import (
    class_files,
    coco,
    instances,
    lists,
    outlines,
    pairs,
    per_class,
    published,
    readers,
    rle,
    yolo,
)
from semiproto.data.own.formats.class_files import ClassTable, Colour
from semiproto.data.own.formats.tools import cvat, datumaro, labelme, labelstudio, supervisely, unread, via
from semiproto.data.own.names import (
    MASK_WORDS,
    TEST,
    Names,
    bare,
    but_for_case,
    encoding_of,
    fold,
    main_encoding,
    numbered,
    part_of,
    part_of_file,
    part_of_folders,
    unimaged,
    unmasked,
    words_of,
)
from semiproto.errors import UserError
from semiproto.params import FolderSource, LabelFormat, first_problem
from semiproto.provenance import reading

IMAGE_FOLDERS = (
    *("JPEGImages", "images", "imgs", "image", "img", "img_dir", "photos", "leftImg8bit"),
    *("Bilder", "Bild", "Fotos"),
)
MASK_FOLDERS = (
    *("SegmentationClass", "SegmentationClassPNG", "masks", "labels", "annotations", "mask", "label", "annotation"),
    *(
        "ann_dir",
        "annot",
        "gt",
        "gtFine",
        "ground_truth",
        "gtCoarse",
        "segmentation",
        "segmentations",
        "SegmentationClassAug",
        "Masken",
        "Maske",
    ),
)
"""Names of folders of masks, the likeliest first. Split names beside them (train_masks, labelsTr) do not matter."""
IMAGE_HINTS = {"image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "originals", "frames"}
MASK_HINTS = {"mask", "masks", "label", "labels", "annotation", "annotations", "segmentation", "gt", "groundtruth"}
"""Words in names of folders, where none is called as above: original_images, label_images_semantic."""
COCO_FOLDERS = ("annotations", "annotation")
COCO_KEYS = ("images", "annotations", "categories")
INTO_FOLDERS = r"""for f in *\\*; do d="${f//\\//}"; mkdir -p "$(dirname "$d")" && mv "$f" "$d"; done"""
"""For bash: a\\b.jpg becomes b.jpg in the folder a."""
FILES = (*layout.IMAGE_SUFFIXES, *masks.MASK_SUFFIXES)
"""Suffixes that may be part of a folder's name, as in masks_png."""
OF_OBJECTS = "write classes.txt with the two lines background and object, then run init again"
OF_CLASSES = "if they are classes, write classes.txt with the name of each, then run init again"
DOWN_COLUMNS, ALONG_ROWS = (
    f"run lengths go {how} from pixel 1, as {whose} do (--format {other} for the other way); pixels outside all are"
    " background"
    for how, whose, other in (
        ("down the columns", "most of Kaggle's", "rle-rows"), ("along the rows", "Sartorius' and UW-Madison's", "rle"),
    )
)  # fmt: skip
UNSEEN = "classes that no image shows, left out: with labels of them run init again"
SAMPLE = 200
"""Masks whose values are looked at where a file names the classes."""
LIST_PARTS = {"train_list": "train", "validation_list": "val", "unlabeled_list": "unlabeled", "test_list": TEST}


@dataclass
class _Layout:
    """How a folder may be read. notes: in sentences, for people."""

    tool: str
    format: LabelFormat
    images: list[str]
    masks: list[str]
    names: list[str] = field(default_factory=list)
    why: str = ""
    colours: list[Colour] | None = None
    void: Colour | None = None
    values: dict[str, str] | None = None
    ignore: int | None = layout.IGNORE_INDEX
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Tree:
    """The files below a folder, by what they could be. Paths are relative to it. wanted: the format to look for."""

    base: Path
    wanted: LabelFormat | None = None

    @cached_property
    def folders(self) -> dict[Path, list[Path]]:
        """The files of each folder: a set may have a million files, so what can be is asked of folders."""
        return account.by_folder(self.base, relative=True)[0]

    @cached_property
    def files(self) -> list[Path]:
        return [path for found in self.folders.values() for path in found]

    @cached_property
    def _by_suffix(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in sorted(self.files, key=str):
            found.setdefault(path.suffix.lower(), []).append(path)
        return found

    def suffixed(self, *suffixes: str) -> list[Path]:
        found = [self._by_suffix[suffix] for suffix in suffixes if suffix in self._by_suffix]
        return found[0] if len(found) == 1 else sorted((path for one in found for path in one), key=str)

    def inside(self, folder: Path, *suffixes: str) -> list[Path]:
        """The files of these kinds in a folder, without those in folders below."""
        return [path for path in self.folders.get(folder, ()) if path.suffix.lower() in suffixes]

    def below(self, roots: list[Path], *suffixes: str) -> list[Path]:
        kept = [folder for folder in self.folders if _is_below(folder, roots)]
        return [path for folder in kept for path in self.inside(folder, *suffixes)]

    def outside(self, roots: list[Path], *suffixes: str) -> list[Path]:
        """The files of these kinds that lie below none of the roots."""
        kept = [folder for folder in self.folders if not _is_below(folder, roots)]
        return [path for folder in kept for path in self.inside(folder, *suffixes)]

    @cached_property
    def _kinds_of_json(self) -> dict[Path, str | None]:
        return {path: _kind_of_json(self.base / path) for path in self.suffixed(".json")}

    def json_of(self, kind: LabelFormat) -> list[Path]:
        """The JSON files of a tool; each is looked into once, since there may be as many as images."""
        return [path for path, found in self._kinds_of_json.items() if found == kind]

    @cached_property
    def pictures(self) -> Counter[Path]:
        """Number of images by folder."""
        return self._counted(*layout.IMAGE_SUFFIXES)

    @cached_property
    def mask_files(self) -> Counter[Path]:
        return self._counted(*masks.MASK_SUFFIXES)

    def _counted(self, *suffixes: str) -> Counter[Path]:
        counts = {folder: len(self.inside(folder, *suffixes)) for folder in self.folders}
        return Counter({folder: count for folder, count in counts.items() if count})

    @cached_property
    def image_roots(self) -> list[Path]:
        """The uppermost folders whose name is that of a folder of images."""
        return self._roots(self.pictures, IMAGE_FOLDERS)

    def mask_roots(self, counts: Counter[Path]) -> list[Path]:
        """The uppermost folders of masks, and in one that has others beside them, as BDD100K's `labels/`, those."""
        roots: dict[Path, None] = {}
        for folder in sorted(counts):
            if found := _named(folder, MASK_FOLDERS):
                roots[found[0]] = None
        for root in list(roots):
            below = [folder for folder in sorted(counts) if folder.is_relative_to(root)]
            inner = [found[1] for folder in below if len(found := _named(folder, MASK_FOLDERS)) > 1]
            if inner and len(inner) < len(below):
                del roots[root]
                roots |= dict.fromkeys(inner)
        return list(roots)

    def _roots(self, counts: Counter[Path], known: tuple[str, ...]) -> list[Path]:
        return list(dict.fromkeys(root[0] for folder in sorted(counts) if (root := _named(folder, known))))

    def split_folders(self, taken: list[Path]) -> list[Path]:
        """Folders of pictures that are named like a part of the set and lie in none of `taken`."""
        found: dict[Path, None] = {}
        for folder in sorted(self.pictures):
            inside = any(folder.is_relative_to(root) for root in taken)
            part = next((path for path in (folder, *folder.parents) if part_of(path.name) is not None), None)
            if inside or part is None or _is_mask_folder(folder):
                continue
            # train/depth beside train/images is no folder of images
            if part == folder or not any(root != part and root.is_relative_to(part) for root in taken):
                found[folder] = None
        return list(found)


def _kind_of_json(path: Path) -> str | None:
    """The tool that a JSON file is of; one that is broken is taken for COCO's where it has the words."""
    text = reading.text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = {key: None for key in COCO_KEYS if f'"{key}"' in text}
    if isinstance(content, dict) and set(COCO_KEYS) <= set(content):
        return "coco"
    if labelme.is_labelme(content):
        return "labelme"
    if datumaro.is_datumaro(content):
        return "datumaro"
    if supervisely.is_supervisely(content):
        return "supervisely"
    if via.is_via(content):
        return "via"
    return "labelstudio" if labelstudio.is_labelstudio(content) else None


def _role(name: str) -> str:
    """A folder's name, folded, without words for a part or kind of file: train_masks, masks_png are masks."""
    words = words_of(name)
    rest = [word for word in words if part_of(word) is None and f".{word}" not in FILES]
    return "".join(rest) if len(rest) < len(words) else fold(name)


def _folded(names: tuple[str, ...]) -> list[str]:
    return [re.sub(r"[^a-z0-9]", "", fold(name)) for name in names] + [fold(name) for name in names]


def _named(folder: Path, known: tuple[str, ...]) -> list[Path]:
    """The folder and those above it whose name is one of the known ones, the uppermost first."""
    above = [Path(*folder.parts[:depth]) for depth in range(1, len(folder.parts) + 1)]
    return [path for path in above if _role(path.name) in _folded(known)]


def _is_mask_folder(folder: Path) -> bool:
    return any(_role(part) in _folded(MASK_FOLDERS) for part in folder.parts)


# --------------------------------------------------------------------------------------------------- the answer


class Discovery(NamedTuple):
    """A folder as the dataset section that would read it, what was assumed, in sentences, and what it then holds."""

    source: FolderSource
    assumed: list[str]
    contents: Contents


def discover(base: Path, name: str, wanted: LabelFormat | None = None) -> Discovery:
    """What `base` holds. wanted: the format that it must have; None: the first that fits."""
    source, found, notes = _recognised(base, name, wanted)
    read = contents.read(source)
    return Discovery(source, list(_assumed(source, found, notes, read)), read)


def section_of(base: Path, name: str) -> FolderSource:
    """The dataset section that would read what `base` holds."""
    return _recognised(base, name, None)[0]


def _recognised(base: Path, name: str, wanted: LabelFormat | None) -> tuple[FolderSource, _Layout, list[str]]:
    _require_folder(base)
    tree = _inner(_Tree(base, wanted))
    base = tree.base
    tools = TOOLS if wanted is None else {wanted: TOOLS[wanted]}
    fitting = ((tool, one) for tool, recognise in tools.items() if (one := recognise(tree)) is not None)
    _, found = next(fitting, (None, None))
    if found is None:
        raise _not_understood(base, tree, wanted)
    by_part, notes = _lists(tree, found)
    source = _with_bands(tree, _source(base, name=name, **_section(found), **by_part))
    others = [f"{other.tool} in {', '.join(other.masks[:2])} (--format {tool})" for tool, other in fitting]
    if others:
        notes.append(f"also there, and not read: {'; '.join(others)}")
    return source, found, notes


def _inner(tree: _Tree) -> _Tree:
    """The tree, or the only folder in it that everything lies in, as archives are unpacked."""
    first = {folder.parts[0] for folder, files in tree.folders.items() if files and folder.parts}
    if len(first) != 1 or tree.folders.get(Path()):
        return tree
    (name,) = first
    plain = _role(name) not in _folded((*IMAGE_FOLDERS, *MASK_FOLDERS)) and part_of(name) is None
    return _inner(replace(tree, base=tree.base / name)) if plain else tree


def _require_folder(base: Path) -> None:
    kind = archive(base)
    if kind is not None:
        folder = base.with_name(re.sub(r"(\.tar)?\.\w+$", "", base.name) or f"{base.name}-files")
        command = f"python -m {kind} -e {shlex.quote(str(base))} {shlex.quote(str(folder))}"
        raise UserError(f"{base}: an archive, not a folder; unpack it: `{command}`, then name {folder}")
    if not base.is_dir():
        what = "not a folder" if base.exists() else "no such folder"
        raise UserError(f"{base}: {what}; name the folder of your images")


def archive(path: Path) -> str | None:
    """The module of Python that unpacks a file; None for what is no archive."""
    if not path.is_file():
        return None
    return "zipfile" if zipfile.is_zipfile(path) else "tarfile" if tarfile.is_tarfile(path) else None


def _not_understood(base: Path, tree: _Tree, wanted: LabelFormat | None) -> UserError:
    crossed = [path for path in tree.files if "\\" in path.name]
    if crossed:
        return UserError(
            f"{base}: {crossed[0].name} has backslashes in its name, as an archive made on Windows leaves; make folders"
            f" of them: `cd {shlex.quote(str(base))} && {INTO_FOLDERS}`"
        )
    if remedy := unread.remedy(base / path for path in tree.suffixed(".json", ".ndjson")):
        return UserError(remedy)
    archives = [path for path in tree.files if re.search(r"(?i)\.(zip|tar|tgz|tar\.\w+)$", path.name)]
    if archives and not tree.pictures:
        return UserError(f"{base / archives[0]}: is not unpacked; unpack it and name the folder that it makes")
    if twins := _twins(tree):
        first, second = twins
        return UserError(
            f"{base / first}: {second.name} beside it has the same name; if one is the mask of the other, put images"
            f" into a folder images and masks into a folder masks, or call each mask like {second.stem}_mask.png"
        )
    if alike := _alike(tree):
        return UserError(
            f"{base}: {alike[0]} and {alike[1]} have pictures of the same names, and neither is called like a folder of"
            f" images or masks; {_renaming(tree, alike)}"
        )
    if beside := _yolo_beside_images(tree):
        return UserError(
            f"{base / beside}: a label of YOLO beside its image; put the images into the folder images and the .txt"
            f" into the folder labels of {base}, with a data.yaml, e.g. `names: [cat, dog]`"
        )
    if not tree.pictures or (wanted is None and not _image_folders(tree, [])):
        return UserError(f"{base}: no folder of images found; name it {' or '.join(IMAGE_FOLDERS[:2])}")
    if wanted is not None:
        return UserError(f"{base}: nothing of the format {wanted} found; leave --format out, or name another")
    return UserError(
        f"{base}: no folder of masks found, nor a .csv of pairs (image,mask), a .json of COCO instances, or the files"
        f" of a labelling tool; name the folder {' or '.join(('SegmentationClass', 'masks'))}"
    )


def _twins(tree: _Tree) -> tuple[Path, Path] | None:
    """Two pictures of one name in one folder, if most of its pictures come in such pairs."""
    for folder in tree.pictures:
        by_stem: dict[str, list[Path]] = {}
        for path in tree.inside(folder, *layout.IMAGE_SUFFIXES):
            by_stem.setdefault(fold(path.stem), []).append(path)
        pairs_of = [found for found in by_stem.values() if len(found) > 1]
        if 2 * len(pairs_of) > len(by_stem):
            first, second = sorted(pairs_of[0], key=lambda path: (path.suffix.lower() in masks.MASK_SUFFIXES, path))[:2]
            return first, second
    return None


def _yolo_beside_images(tree: _Tree) -> Path | None:
    """A .txt of YOLO that is called like an image in the same folder."""
    images = {path.with_suffix("") for path in tree.suffixed(*layout.IMAGE_SUFFIXES)}
    texts = (path for path in tree.suffixed(".txt") if path.with_suffix("") in images)
    return next((path for path in texts if yolo.is_yolo(tree.base / path)), None)


def _alike(tree: _Tree) -> tuple[Path, Path] | None:
    """Two folders whose pictures have names in common, of which none is called like one of images or masks."""
    if tree.image_roots or any(_is_mask_folder(folder) for folder in tree.pictures):
        return None
    stems = {folder: {fold(path.stem) for path in tree.inside(folder, *FILES)} for folder in sorted(tree.pictures)}
    common = ((one, other) for one, other in combinations(stems, 2) if stems[one] & stems[other])
    return next(common, None)


def _renaming(tree: _Tree, alike: tuple[Path, Path]) -> str:
    """How to rename two such folders, and where they are of a part of the set, those of the other parts likewise."""
    part_of_folder = {folder: part_of_folders(folder / "picture") for folder in tree.pictures}
    if part_of_folder[alike[0]] is None:
        return "rename the one with the images to images, and the one with the masks to masks"
    counts = Counter(part for part in part_of_folder.values() if part is not None)
    images, labels = (
        ", ".join(f"{name}/{part}" for part, count in counts.items() if count >= least)
        for name, least in (("images", 1), ("masks", 2))
    )
    return f"rename the folders with images to {images}, and those with masks to {labels}"


def _section(found: _Layout) -> dict[str, Any]:
    drawn = found.colours is not None
    return {
        "images": _one_or_list(found.images),
        "masks": _one_or_list(found.masks),
        "format": found.format,
        "classes": found.names,
        "colours": [list(colour) for colour in found.colours] if found.colours else None,
        "values": found.values,
        "ignore": (found.void and list(found.void)) if drawn else found.ignore,
    }


def _with_bands(tree: _Tree, source: FolderSource) -> FolderSource:
    """With the bands of the first image; 3 where it cannot be read, which `check-data` says."""
    if not tree.suffixed(".tif", ".tiff"):  # the only ones with other numbers of them
        return source
    try:
        first = next(iter(contents.read(source).items), None)
        bands = 3 if first is None else pixels.bands_of(first.image)
    except UserError:
        return source
    return source.model_copy(update={"bands": bands})


def _one_or_list(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names


def _source(base: Path, **fields: object) -> FolderSource:
    try:
        return FolderSource.model_validate({"source": "folder", "path": str(base), **fields})
    except ValidationError as error:
        where = base / "classes.txt"
        place = where if where.is_file() else base
        raise UserError(f"{place}: {first_problem(error)}; correct the class names") from None


def _assumed(source: FolderSource, found: _Layout, notes: list[str], read: Contents) -> Iterator[str]:
    number = read.counts()
    lossy = [fault for fault in read.faults if fault.kind == "mask-suffix"]
    if lossy and not number["train"] + number["val"]:  # there is no other mask
        raise UserError(str(lossy[0]))
    yield f"layout: {found.tool}; {_place(found)}"
    yield from found.notes
    yield from notes
    yield f"{len(source.classes)} classes {found.why}: {', '.join(source.classes)}"
    for names in but_for_case(source.classes):
        yield f"classes that differ only in case: {', '.join(names)}; `semiproto check-data` says how often they occur"
    if source.colours:
        yield f"masks are drawn in colours, those {found.why}"
    if source.values:
        yield f"mask values mean {', '.join(f'{value}: {name}' for value, name in source.values.items())}"
    if source.bands != 3:
        yield f"images have {source.bands} bands"
    what = "value" if source.colours is None else "colour"
    yield f"mask {what} {source.ignore} is void" if source.ignore is not None else "no mask value is void"
    yield f"{number['train']} images with masks to train with, {_origin(source, source.train_list, 'train')}"
    listed = f"from {_names(source.unlabeled_list)}" if source.unlabeled_list else "those without any"
    yield f"{number['unlabeled']} images without masks, {listed}"
    if number["val"] or source.validation_list:
        yield f"{number['val']} validation images, {_origin(source, source.validation_list, 'val')}"
    else:
        yield "no validation list: splits.validation of the images with masks are kept for validation"
    yield from read.matched
    if renamed := [item for item in read.items if item.id != item.image.stem]:
        first = renamed[0]
        yield f"images whose id is made from their name: {len(renamed)}, such as {first.id} for {first.image.name}"
    if read.faults:
        yield f"faults in names and lists: {len(read.faults)}; `semiproto check-data` names them"
    yield from account.lines(read.files)


def _place(found: _Layout) -> str:
    images, labels = (", ".join(f"{name}/" for name in names) for names in (found.images, found.masks))
    if found.format == "pairs":
        return f"pairs of images and masks from {', '.join(found.masks)}; further images in {images}"
    if found.format == "coco":
        return f"images in {images}, COCO outlines from {', '.join(found.masks)}; images without any are unlabelled"
    if found.format in ("cvat", "labelstudio", "rle", "rle-rows", "via"):
        labels = ", ".join(found.masks)
    return f"images in {images}, masks in {labels}"


def _origin(source: FolderSource, files: str | list[str] | None, part: str) -> str:
    if files:
        return f"from {_names(files)}"
    if readers.format_of(source) == "masks":
        return "told apart by their mask files"
    names = [source.masks] if isinstance(source.masks, str) else source.masks
    return f"from {_names([name for name in names if part_of_file(Path(name)) in (part, None)] or names)}"


def _names(files: str | list[str]) -> str:
    return files if isinstance(files, str) else ", ".join(files)


def _lists(tree: _Tree, found: _Layout) -> tuple[dict[str, str | list[str] | None], list[str]]:
    """The list files of each part, and in words which ones are not read."""
    beside = [Path(name) for name in found.masks] if found.format == "masks" else []  # as Oxford's pets have them
    folders = list(dict.fromkeys([*map(Path, contents.LIST_FOLDERS), *_further_lists(tree), *beside]))
    lists_of, notes = _chosen(tree, found, [*folders, *_pair_of_lists(tree, folders)])
    if not any(lists_of.values()):  # exports side by side, each with its own
        tops = dict.fromkeys(Path(name).parent for name in found.images)
        each = [_chosen(tree, found, [top / name for name in contents.LIST_FOLDERS]) for top in tops]
        lists_of = {key: [name for one, _ in each for name in one[key]] for key in LIST_PARTS}
        notes = [note for _, told in each for note in told]
    chosen: dict[str, str | list[str] | None] = {
        key: _one_or_list(names) if names else None for key, names in lists_of.items()
    }
    if not any(chosen.values()) and (file := _assigning(tree, folders, found)) is not None:
        parts, count = lists.read(tree.base / file).assigned, lists.folds(tree.base / file)
        notes += [f"parts from the first of {count} folds in {file.as_posix()}"] if count > 1 else []
        chosen = {key: file.as_posix() if part in parts else None for key, part in LIST_PARTS.items()}
    return chosen, notes


def _chosen(tree: _Tree, found: _Layout, folders: list[Path]) -> tuple[dict[str, list[str]], list[str]]:
    """The list file of each part in some folders; and in words which others of the part are not read.

    CVAT's default list, beside lists of parts, is of the images without a part, to train with.
    """
    near = [path for folder in folders for path in _plain_lists(tree, found, folder)]
    by_part = {
        key: [path.as_posix() for path in near if part_of(path.stem) == part] for key, part in LIST_PARTS.items()
    }
    notes = [
        f"{LIST_PARTS[key]} list: {names[0]}; not read: {', '.join(names[1:])}"
        for key, names in by_part.items()
        if len(names) > 1
    ]
    chosen = {key: names[:1] for key, names in by_part.items()}
    if chosen["train_list"]:
        chosen["train_list"] += [path.as_posix() for path in near if fold(path.stem) == "default"][:1]
    return chosen, notes


def _plain_lists(tree: _Tree, found: _Layout, folder: Path) -> list[Path]:
    """Files in a folder with a name a line; tables of one column are such too."""
    tables = [path for path in tree.inside(folder, *lists.TABLES) if path.as_posix() not in found.masks]
    tables = [path for path in tables if part_of(path.stem) is not None and lists.read(tree.base / path).plain]
    return [*(path for suffix in lists.LINES for path in tree.inside(folder, suffix)), *tables]


def _further_lists(tree: _Tree) -> list[Path]:
    """Folders of lists as DAVIS has them: ImageSets/2017."""
    inner = sorted({path.parent for path in tree.suffixed(".txt") if path.parts[0] == "ImageSets"})
    return [path for path in inner if path.as_posix() not in contents.LIST_FOLDERS and not is_of_another_task(path)]


def _pair_of_lists(tree: _Tree, folders: list[Path]) -> list[Path]:
    """The only folder below those of lists that has one of unlabelled images, as UniMatch's splits/1_8, and those
    between; none where there are several such, which `check-data` names, or the lists lie further up."""
    tops = [folder for folder in folders if folder != Path()]
    said = {folder: {part_of(path.stem) for path in tree.inside(folder, *lists.LINES)} for folder in tree.folders}
    if any({"train", "unlabeled"} & said.get(folder, set()) for folder in folders):
        return []
    inner = [folder for folder in said if "unlabeled" in said[folder] and _is_below(folder, tops)]
    return [inner[0], *(above for above in inner[0].parents if _is_below(above, tops))] if len(inner) == 1 else []


def _assigning(tree: _Tree, folders: list[Path], found: _Layout) -> Path | None:
    """The first JSON file or table beside those of the layout that gives images their parts, if most are there."""
    files = [path for folder in folders for path in tree.inside(folder, *lists.JSON, *lists.TABLES)]
    files = [path for path in files if path.as_posix() not in found.masks]
    if not files:
        return None
    names = Names(tree.base, [tree.base / path for path in tree.suffixed(*layout.IMAGE_SUFFIXES)])
    for path in files:
        parts = lists.read(tree.base / path).assigned
        texts = [text for part in ("train", "val") for text in parts.get(part, [])]
        known = sum(names.find(text) is not None for text in texts)
        if 2 * known > len(texts):
            return path
    return None


# -------------------------------------------------------------------------------------------------- image folders


def _image_folders(tree: _Tree, labels: list[Path]) -> list[str]:
    """Where images are: folders of that name, folders of the parts, and where the labels lie; empty if nowhere."""
    roots = [root for root in tree.image_roots if root not in labels]
    if not roots:
        near = [label if (tree.base / label).is_dir() else label.parent for label in labels]
        beside = [folder for folder in dict.fromkeys((*near, *(label.parent for label in labels)))
                  if tree.pictures[folder] and folder not in labels]  # fmt: skip
        roots = beside or ([Path()] if tree.pictures[Path()] else [])
    extra = tree.split_folders([*roots, *labels]) if Path() not in roots else []
    return [root.as_posix() for root in [*roots, *extra]]


def _by_split(files: list[Path], images: Callable[[Path], set[str]]) -> tuple[list[Path], list[str]]:
    """Of several files those that name a part, where some do, and of the others those of other images: CVAT's default
    subset is what is in no other. And in words which are not read, and which of them are trained on.

    images: the names of the images in a file.
    """
    named = [path for path in files if part_of_file(path) is not None]
    if not named or len(named) == len(files):
        return files, []
    known = set[str]().union(*map(images, named))
    more = [path for path in files if path not in named and images(path) - known]
    left = [path.as_posix() for path in files if path not in (*named, *more)]
    notes = [f"not read, since other files name the parts of its images: {', '.join(left)}"] if left else []
    if more:
        notes.append(f"to train with, since its name says no part: {', '.join(path.as_posix() for path in more)}")
    return [path for path in files if path in (*named, *more)], notes


# ------------------------------------------------------------------------------------------------ tools, one each


def _pairs(tree: _Tree) -> _Layout | None:
    tables = [path for path in tree.inside(Path(), ".csv") if pairs.is_pairs(tree.base / path)]
    if not tables:
        return None
    kept, notes = _by_split(tables, lambda path: {one.image for one in pairs.records(tree.base / path, tree.base)[0]})
    images = _image_folders(tree, [path.parent for path in kept]) or _folders_in(tree, kept) or ["."]
    found = _Layout("table of pairs", "pairs", images, [path.as_posix() for path in kept], notes=notes)
    return _with_classes(tree, found)


def _folders_in(tree: _Tree, tables: list[Path]) -> list[str]:
    """The uppermost folders of the images that tables name; empty where masks lie in one of them too."""
    records = [record for path in tables for record in pairs.records(tree.base / path, tree.base)[0]]
    names = Names(tree.base, [tree.base / path for path in tree.suffixed(*layout.IMAGE_SUFFIXES, *masks.MASK_SUFFIXES)])
    tops: list[set[str]] = []
    for texts in ([record.image for record in records], [record.mask_name or "" for record in records]):
        found = (names.find(text) for text in texts)
        tops.append({path.relative_to(tree.base).parts[0] for path in found if isinstance(path, Path)})
    folders = sorted(tops[0])
    return [] if tops[0] & tops[1] or not all((tree.base / name).is_dir() for name in folders) else folders


def _instances(tree: _Tree) -> _Layout | None:
    if not instances.is_layout(tree.folders):
        return None
    tops = sorted({(folder.parts[0] if len(folder.parts) > 2 else ".") for folder in tree.pictures})
    masked = [top for top in tops if any(folder.is_relative_to(top) for folder in instances.folders(tree.folders))]
    names = list(instances.NAMES)
    note = "the masks of all objects of an image are one class; pixels that none covers are background"
    found = _Layout("a folder per image with masks of its objects", "instances", tops, masked, names, notes=[note])
    return replace(found, why="since nothing names them")


def _masks(tree: _Tree) -> _Layout | None:
    panoptic = {name for path in tree.json_of("coco") for name in coco.folders_of(path)}
    counts = Counter({
        folder: count for folder, count in tree.mask_files.items()
        if not _holds_no_masks(folder) and folder.name not in panoptic
    })  # fmt: skip
    roots = tree.mask_roots(counts)
    empty = False
    if not roots:
        if beside := _beside(tree):
            if _classes_by_name(tree, beside):
                return None
            images = [folder.as_posix() for folder in beside]
            return _with_classes(tree, _Layout(_tool_of(tree, "masks beside images"), "masks", images, images))
        if (apart := _apart(tree)) is not None:
            return _with_classes(tree, apart)
        roots = [Path(name) for name in MASK_FOLDERS if (tree.base / name).is_dir()][:1]
        empty, worded = True, _by_words(tree)
        if not (roots or worded) or any(recognise(tree) for name, recognise in TOOLS.items() if name != "masks"):
            return None
        if unread.remedy(tree.base / path for path in tree.below(roots, ".json")) is not None:
            return None
        if worded:
            return _with_classes(tree, worded)
    order = _folded(MASK_FOLDERS)
    likeliest = min((_role(root.name) for root in roots), key=order.index)
    kept = [root for root in roots if _role(root.name) == likeliest]
    images = _image_folders(tree, kept)
    if not images:
        return None
    left = [root.as_posix() for root in roots if root not in kept]
    notes = [f"not read: masks in {', '.join(left)}; those in {kept[0].as_posix()} are"] if left else []
    found = _Layout(_tool_of(tree, "folder of masks"), "masks", images, [root.as_posix() for root in kept], notes=notes)
    if not empty and (_classes_by_folder(tree, kept) or _classes_by_name(tree, kept)):
        return None
    return _with_classes(tree, found)


def _holds_no_masks(folder: Path) -> bool:
    return any(part.lower() in contents.NO_IMAGES and part.lower() != "segmentationclass" for part in folder.parts)


def _tool_of(tree: _Tree, otherwise: str) -> str:
    """The tool whose marks lie in the folder."""
    names = {path.name for path in tree.files}
    if "labelmap.txt" in names:
        return "CVAT segmentation mask"
    if "_classes.csv" in names:
        return "Roboflow semantic segmentation masks"
    if "class_names.txt" in names:
        return "labelme2voc"
    if any(root.name == "imagesTr" for root in tree.image_roots):
        return "nnU-Net"
    return "PASCAL VOC" if any(root.name == "JPEGImages" for root in tree.image_roots) else otherwise


def _beside(tree: _Tree) -> list[Path]:
    """Folders where at least half of the images have a picture beside them that is called like their mask."""
    found = []
    for folder, count in sorted(tree.pictures.items()):
        stems = [path.stem for path in tree.inside(folder, *layout.IMAGE_SUFFIXES)]
        plain = {form(stem) for stem in stems for form in (fold, unimaged)}
        masked = [stem for stem in stems if unmasked(stem) != fold(stem) and unmasked(stem) in plain]
        if masked and 2 * len(masked) >= count - len(masked):
            found.append(folder)
    if not found:
        return []
    return [*found, *(folder for folder in tree.split_folders(found) if folder not in found)]


def _apart(tree: _Tree) -> _Layout | None:
    """Folders of any name, such as CamVid's, in which all pictures are called like the masks of images elsewhere."""
    stems: dict[Path, set[str]] = {}
    for path in tree.suffixed(*layout.IMAGE_SUFFIXES):
        stems.setdefault(path.parent, set()).add(fold(path.stem))
    plain = {folder: {unmasked(stem) for stem in found} for folder, found in stems.items()}
    labels = [
        folder
        for folder, found in sorted(stems.items())
        if tree.mask_files[folder] and not plain[folder] & found
        and any(plain[folder] & others for other, others in stems.items() if other != folder)
    ] or [folder for folder in sorted(stems) if any(_is_of_masks(folder, other) for other in stems)]  # fmt: skip
    wanted = set().union(*(plain[folder] for folder in labels))
    images = [folder for folder, found in sorted(stems.items()) if folder not in labels and found & wanted]
    if not images:
        return None
    extra = tree.split_folders([*images, *labels])
    places, masked = ([folder.as_posix() for folder in found] for found in ([*images, *extra], labels))
    return _Layout("folder of masks", "masks", places, masked)


def _by_words(tree: _Tree) -> _Layout | None:
    """Folders with words for images and for masks in their names, and stems in common; of masks those of values come
    before those in colours."""
    stems = {folder: {unmasked(path.stem) for path in tree.inside(folder, *FILES)} for folder in sorted(tree.pictures)}
    words = {folder: set(words_of(folder.name)) for folder in stems}
    labels = [folder for folder in words if words[folder] & MASK_HINTS and tree.mask_files[folder]]
    images = [folder for folder in words if words[folder] & IMAGE_HINTS and folder not in labels]
    labels = [folder for folder in labels if any(stems[folder] & stems[other] for other in images)]
    first = {folder: tree.base / tree.inside(folder, *masks.MASK_SUFFIXES)[0] for folder in labels}
    labels = [folder for folder in labels if _mode(first[folder]) not in ("RGB", "RGBA")] or labels
    wanted = set().union(*(stems[folder] for folder in labels))
    places, masked = ([folder.as_posix() for folder in found if stems[folder] & wanted] for found in (images, labels))
    return _Layout("folder of masks", "masks", places, masked) if places else None


def _is_of_masks(folder: Path, images: Path) -> bool:
    """Whether the folder beside one of images is called like it, and like masks: defaultannot, as CVAT's CamVid."""
    rest = folder.name.removeprefix(images.name)
    return folder.parent == images.parent and rest != folder.name and _role(rest.strip("-_. ")) in _folded(MASK_FOLDERS)


def _per_class(tree: _Tree) -> _Layout | None:
    roots, pictured = tree.mask_roots(tree.mask_files) or _beside(tree), list[Path]()
    note = "of two masks that share a pixel the smaller is on top; pixels that no mask covers are background"
    found = _Layout("a folder of masks per class", "per-class", [], [], why="from their folders", notes=[note])
    if not (folders := _classes_by_folder(tree, roots)):
        folders = _classes_by_name(tree, roots)
        found = replace(found, tool="several masks of one image", why="from the names of the masks")
        if folders == [values.OBJECT]:
            found.why = "since nothing names them"
    if not folders and not roots:
        roots = _class_roots(tree)
        folders = sorted({root.name for root in roots})
        found = replace(found, tool="a folder of masks per class", why="from their folders")
    if not folders and not roots:
        roots, pictured = _named_apart(tree)
        folders = _classes_by_name(tree, roots)
        found = replace(found, tool="several masks of one image", why="from the names of the masks")
    images = [root.as_posix() for root in roots if tree.pictures[root]] if roots == _beside(tree) else []
    images = images or [folder.as_posix() for folder in pictured] or _image_folders(tree, roots)
    labels = [root.as_posix() for root in roots]
    return (
        replace(found, images=images, masks=labels, names=outlines.class_names(folders, tree.base))
        if folders and images
        else None
    )


def _class_roots(tree: _Tree) -> list[Path]:
    """Folders beside that of the images, two or more, with binary masks that are called like the images."""
    outside = tree.outside(tree.image_roots, *readers.MASKS)
    stems = {fold(path.stem) for path in tree.below(tree.image_roots, *layout.IMAGE_SUFFIXES)}
    strange = {path.parent for path in outside if fold(path.stem) not in stems}
    kept = [path for path in outside if path.parent not in strange and part_of(path.parent.name) is None]
    folders = sorted({path.parent for path in kept})
    sample = [tree.base / path for path in kept[:: max(1, len(kept) // 20)]]
    several = len({folder.name for folder in folders}) > 1 and Path() not in folders
    return folders if several and all(map(_is_binary, sample)) else []


def _named_apart(tree: _Tree) -> tuple[list[Path], list[Path]]:
    """Folders of any name whose masks are called like images elsewhere with more behind, and those of the images."""
    stems: dict[Path, set[str]] = {}
    for path in tree.suffixed(*layout.IMAGE_SUFFIXES, *readers.MASKS):
        stems.setdefault(path.parent, set()).add(fold(path.stem))
    known = set().union(*stems.values())
    labels: dict[Path, set[str]] = {}
    for folder in (folder for folder in stems if tree.mask_files[folder]):
        behind = {stem: _behind(stem, known, whole=False) for stem in stems[folder]}
        if all(behind.values()):
            labels[folder] = {stem[: -len(text) - 1] for stem, text in behind.items() if text}
    wanted = set().union(*labels.values())
    return sorted(labels), sorted(folder for folder, found in stems.items() if folder not in labels and found & wanted)


def _classes_by_name(tree: _Tree, roots: list[Path]) -> list[str]:
    """The classes in the names of binary masks of which an image has several; empty where there are none such.

    A mask is called like its image, with a class or a number behind: `photo_cat.png`, `photo_mask_1.png`.
    """
    pictures = tree.outside(roots, *layout.IMAGE_SUFFIXES)
    files = tree.below(roots, *readers.MASKS)
    if not pictures:  # they lie beside their masks
        pictures = [path for path in files if unmasked(path.stem) == fold(path.stem)]
        files = [path for path in files if unmasked(path.stem) != fold(path.stem)]
    stems = {fold(path.stem) for path in pictures}
    if any(fold(path.stem) in stems for path in files) or main_encoding(path.stem for path in files):
        return []  # as in most sets, or by their names they are of all classes
    behind = {path: text for path in files if (text := _behind(path.stem, stems)) is not None}
    masks_of = Counter(path.stem.removesuffix(text) for path, text in behind.items())
    names = {_class_in(text) for text in behind.values()}
    if not all(behind.values()) or max(masks_of.values(), default=0) < 2 or (len(names) > 1 and "" in names):
        return []
    sample = [tree.base / path for path in sorted(behind)[:: max(1, len(behind) // 20)]]
    return sorted(name or values.OBJECT for name in names) if all(map(_is_binary, sample)) else []


def _is_below(path: Path, folders: list[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _behind(stem: str, images: set[str], *, whole: bool = True) -> str | None:
    """What stands in a mask's stem behind the longest of the images' stems that it begins with; None without one.

    whole: an image's stem may be all of it.
    """
    cuts = [match.start() for match in reversed([*re.finditer(r"[-_. ]", stem)])]
    cuts = [len(stem), *cuts] if whole else cuts
    place = next((cut for cut in cuts if fold(stem[:cut]) in images), None)
    return None if place is None else stem[place + 1 :]


def _class_in(text: str) -> str:
    """The name of a class in what stands behind an image's: without words for a mask and numbers."""
    return "_".join(word for word in re.split(r"[-_. ]+", text) if not re.fullmatch(rf"(?i)\d*|{MASK_WORDS}", word))


def _is_binary(mask: Path) -> bool:
    found = values.tally([mask], per_class.values)
    return found.total > 0 and (len(found.seen()) <= 2 or values.meaning(found, None).ignore is None)


def _classes_by_folder(tree: _Tree, roots: list[Path]) -> list[str]:
    """The classes of folders of binary masks below the roots; empty where masks are not kept by class."""
    below = {root: tree.below([root], *readers.MASKS) for root in roots}
    by_root = [per_class.class_folders(root, files) for root, files in below.items()]
    if not by_root or not all(by_root):
        return []
    folders = sorted({name for found in by_root for name in found})
    files = [path for found in below.values() for path in found]
    sample = [tree.base / path for path in files[:: max(1, len(files) // 20)]]
    binary = all(map(_is_binary, sample))
    masks_of_classes = set(files)
    pictures = [path for path in tree.suffixed(*layout.IMAGE_SUFFIXES) if path not in masks_of_classes]
    images = {bare(path.stem) for path in pictures}
    several = any(
        count > 1 and bare(stem) in images
        for found in below.values()
        for stem, count in _masks_of(found, folders).items()
    )
    named = {fold(name) for name in folders} & {fold(name) for name in _known_names(tree)}
    of_images = {part for path in pictures for part in path.parts}  # images may lie in the same folders as their masks
    apart = len(folders) > 1 and not set(folders) & of_images
    return folders if binary and (several or named or apart) else []


def _masks_of(files: list[Path], folders: list[str]) -> Counter[str]:
    """The number of classes that have a mask of each stem."""
    return Counter(stem for stem, _ in {(path.stem, part) for path in files for part in path.parts if part in folders})


def _known_names(tree: _Tree) -> list[str]:
    table = class_files.find([tree.base])
    return table.names if table else []


def _coco(tree: _Tree) -> _Layout | None:
    files = tree.json_of("coco")
    if not files:
        return None
    instances = [path for path in files if path.name.startswith("instances")]
    rest = [path for path in files if path not in instances]
    others = {path: task for path in rest if (task := coco.other_task(tree.base / path)) is not None}
    read = cache(lambda path: coco.read(tree.base / path))
    instances = instances or [path for path in files if path not in others]
    instances = instances or [path for path in files if any(one.segmentation for one in read(path).annotations)]
    if not instances:
        return None
    kept, notes = _by_split(instances, lambda path: {one.file_name for one in read(path).images})
    if left := [path for path in files if path not in instances]:
        notes.append(f"not read: {', '.join(_said(path, others) for path in left)}")
    folders = [path.parent for path in kept if path.parent.name.lower() not in COCO_FOLDERS]
    images = _image_folders(tree, folders or [path.parent.parent / "none" for path in kept])
    images = [
        name for name in images if Path(name).name not in {one for path in files for one in coco.folders_of(path)}
    ]
    trained = [path for path in kept if part_of_file(path) != TEST] or kept
    names = list(dict.fromkeys(name for path in trained for name in read(path).class_names(tree.base / path)))
    if unused := sorted({name for path in trained for name in read(path).unused()} - set(names)):
        notes.append(f"categories without an outline, left out of the classes: {', '.join(unused)}")
    notes.append(
        f"of two outlines that overlap the smaller is on top; pixels outside all are {(names or ['class 0'])[0]}"
    )
    labels = [path.as_posix() for path in kept]
    return _Layout("COCO", "coco", images or ["."], labels, names, "from the categories", notes=notes)


def _said(path: Path, others: dict[Path, str]) -> str:
    return f"{path.as_posix()}{f' (holds {others[path]}, no masks)' if path in others else ''}"


def _datumaro(tree: _Tree) -> _Layout | None:
    files = tree.json_of("datumaro")
    if not files:
        return None
    note = "a later shape, and one of a higher z_order, is on top; pixels outside all are background"
    return _annotated(tree, _Layout("Datumaro", "datumaro", [], [], notes=[note]), files, datumaro.names)


def _cvat(tree: _Tree) -> _Layout | None:
    files = [path for path in tree.suffixed(".xml") if cvat.is_cvat(tree.base / path)]
    if not files:
        return None
    note = "a later shape, and one of a higher z_order, is on top; pixels outside all are background"
    found = _annotated(tree, _Layout("CVAT for images", "cvat", [], [], notes=[note]), files, cvat.names)
    tags = sorted({label for path in files for label in cvat.without_area(tree.base / path)})
    if tags := [label for label in tags if outlines.class_name(label) not in found.names]:
        found.notes.append(f"labels without an area (tags, points, lines), left out of the classes: {', '.join(tags)}")
    return found


def _labelstudio(tree: _Tree) -> _Layout | None:
    pngs = [path for path in tree.suffixed(".png") if labelstudio.PNG.fullmatch(path.name)]
    if pngs:
        folder = pngs[0].parent
        names = labelstudio.png_labels(pngs)
        images = _image_folders(tree, [folder]) or ["."]
        tool = "Label Studio brushes (PNG)"
        return _Layout(tool, "labelstudio", images, [folder.as_posix()], names, "from the names of the PNGs")
    files = tree.json_of("labelstudio")
    if not files:
        return None
    notes = ["a later region is on top; pixels outside all are background"]
    if predicted := [path.as_posix() for path in files if labelstudio.is_predicted(tree.base / path)]:
        notes.append(f"predictions that nobody has corrected, taken for labels: {', '.join(predicted)}")
    return _annotated(tree, _Layout("Label Studio", "labelstudio", [], [], notes=notes), files, labelstudio.names)


def _annotated(tree: _Tree, found: _Layout, files: list[Path], names: Callable[[Path], list[str]]) -> _Layout:
    """The layout of a tool whose files say all. names: of the classes in one of them."""
    found.names = list(dict.fromkeys(name for path in files for name in names(tree.base / path)))
    found.why = "from the labels"
    found.images = _image_folders(tree, [path.parent for path in files]) or ["."]
    found.masks = [path.as_posix() for path in files]
    return found


def _labelme(tree: _Tree) -> _Layout | None:
    files = tree.json_of("labelme")
    if not files:
        return None
    found = dict.fromkeys(path.parent for path in files)
    names = labelme.names([tree.base / path for path in files])
    images = _image_folders(tree, list(found)) or ["."]
    images = [folder.as_posix() for folder in found if tree.pictures[folder]] or images
    note = "a later shape is on top; pixels outside all are background; an image with a JSON but no shape is background"
    labels = [folder.as_posix() for folder in found]
    extra = [folder.as_posix() for folder in tree.split_folders([Path(name) for name in images])]
    return _Layout("LabelMe", "labelme", [*images, *extra], labels, names, "from the labels", notes=[note])


def _yolo(tree: _Tree) -> _Layout | None:
    texts = [path for path in tree.suffixed(".txt") if any(fold(part) == "labels" for part in path.parts[:-1])]
    if not any(yolo.is_yolo(tree.base / path) for path in texts[:20]):
        return None
    roots = list(dict.fromkeys(_up_to(path.parent, "labels") for path in texts))
    images = _image_folders(tree, roots) or ["."]
    names = yolo.names(tree.base)
    notes = ["of two polygons that overlap the smaller is on top; an image without a .txt is unlabelled"]
    drawn = yolo.drawn(tree.base, [tree.base / path for path in texts if part_of_folders(path) != TEST])
    if drawn and (unused := [name for name in names[1:] if name not in drawn]):
        names = [name for name in names if name not in unused]
        notes.append(f"{UNSEEN}: {', '.join(unused)}")
    labels = [root.as_posix() for root in roots]
    return _Layout("YOLO segmentation", "yolo", images, labels, names, "from the names of the data set", notes=notes)


def _via(tree: _Tree) -> _Layout | None:
    tables = [path for path in tree.suffixed(".csv") if via.is_table(tree.base / path)]
    by_folder: dict[Path, list[Path]] = {}
    for path in [*tree.json_of("via"), *tables]:
        by_folder.setdefault(path.parent, []).append(path)
    if not by_folder:
        return None
    named = {folder: [path for path in found if part_of(path.stem)] for folder, found in by_folder.items()}
    kept = [path for folder, found in by_folder.items() for path in named[folder] or _of_other_images(tree, found)]
    notes = ["of two regions that overlap the smaller is on top; pixels outside all are background"]
    if left := [path.as_posix() for found in by_folder.values() for path in found if path not in kept]:
        notes.append(f"not read, since {kept[0].as_posix()} is: {', '.join(left)}")
    attributes = {one.attribute: one.others for one in (via.read(tree.base / path) for path in kept)}
    for name, others in attributes.items():
        notes.append(
            f"labels are the attribute {name!r}{'; not read: ' if others else ''}{', '.join(others)}" if name
            else f"regions have no attribute: all are of the class {via.OBJECT}"
        )  # fmt: skip
    return _annotated(tree, _Layout("VGG Image Annotator", "via", [], [], notes=notes), sorted(kept), via.names)


def _of_other_images(tree: _Tree, files: list[Path]) -> list[Path]:
    """The files but those of images that an earlier one has: one project is often there in several forms."""
    kept, seen = [], set[str]()
    for path in files:
        images = {name for name, _ in via.read(tree.base / path).images}
        if not images & seen:
            kept.append(path)
            seen |= images
    return kept


def _rle(tree: _Tree) -> _Layout | None:
    found = _run_lengths(tree)
    return None if found is None or (tree.wanted is None and _along_rows(tree, found)) else found


def _rle_rows(tree: _Tree) -> _Layout | None:
    found = _run_lengths(tree)
    if found is None or (tree.wanted is None and not _along_rows(tree, found)):
        return None
    return replace(found, format="rle-rows", notes=[ALONG_ROWS, *found.notes[1:]])


def _run_lengths(tree: _Tree) -> _Layout | None:
    tables = [path for path in tree.suffixed(".csv") if rle.is_table(tree.base / path)]
    files = [path for path in tables if not rle.is_sample(path)]
    if not files:
        return None
    notes = [DOWN_COLUMNS]
    if samples := [path.as_posix() for path in tables if path not in files]:
        notes.append(f"not read, since it is a sample of what is handed in: {', '.join(samples)}")
    return _annotated(tree, _Layout("table of run lengths", "rle", [], [], notes=notes), files, rle.names)


def _along_rows(tree: _Tree, found: _Layout) -> bool:
    names = Names(tree.base, [tree.base / path for path in tree.suffixed(*layout.IMAGE_SUFFIXES)])
    return any(rle.goes_along_rows(tree.base / name, partial(_size, names)) for name in found.masks)


def _size(names: Names, text: str) -> tuple[int, int] | None:
    """Width and height of the image of a name; None where there is none, or it cannot be read."""
    path = names.find(text)
    try:
        return opening.outline(path).size if isinstance(path, Path) else None
    except UserError:
        return None


def _supervisely(tree: _Tree) -> _Layout | None:
    files = tree.json_of("supervisely")
    if not files:
        return None
    folders = list(dict.fromkeys(path.parent for path in files))
    meta = next((tree.base / path for path in tree.suffixed(".json") if path.name == supervisely.META), None)
    names = supervisely.names([tree.base / path for path in files], meta)
    pictures = [folder.parent / "img" for folder in folders if tree.pictures[folder.parent / "img"]]
    beside = [
        folder for folder in tree.pictures if folder.parent in {one.parent for one in folders}
    ]  # masks to look at
    images = [folder.as_posix() for folder in [*pictures, *tree.split_folders([*pictures, *beside])]] or ["."]
    note = "a later object is on top; pixels outside all are background; an image without an object is unlabelled"
    labels = [folder.as_posix() for folder in folders]
    return _Layout("Supervisely", "supervisely", images, labels, names, "from the labels", notes=[note])


def _up_to(folder: Path, name: str) -> Path:
    depth = next(number for number, part in enumerate(folder.parts) if fold(part) == name)
    return Path(*folder.parts[: depth + 1])


TOOLS: dict[LabelFormat, Callable[[_Tree], _Layout | None]] = {
    "pairs": _pairs,
    "labelstudio": _labelstudio,
    "instances": _instances,
    "masks": _masks,
    "per-class": _per_class,
    "cvat": _cvat,
    "datumaro": _datumaro,
    "coco": _coco,
    "yolo": _yolo,
    "labelme": _labelme,
    "supervisely": _supervisely,
    "via": _via,
    "rle": _rle,
    "rle-rows": _rle_rows,
}
"""In the order in which a folder is tried."""


# ------------------------------------------------------------------------------------------- classes of mask files


def _with_classes(tree: _Tree, found: _Layout) -> _Layout:
    """The layout with the classes of its mask files, from a file that names them and from the masks themselves."""
    labels, images = ([tree.base / name for name in names] for names in (found.masks, found.images))
    around = [tree.base / folder for folder in class_files.folders(tree.folders)]
    table = class_files.find(class_files.places(tree.base, labels, images, around))
    paths = _mask_paths(tree, found)
    example = _drawn_in_colours(paths[:: max(1, len(paths) // SAMPLE)], table)
    if example is not None:
        _take_colours(tree.base, found, table, example)
        drawn = zip(found.names, found.colours or [], strict=True)
        _leave_out_unseen(found, {name: {colour} for name, colour in drawn}, paths, _colours)
        return found
    why = f"from {table.file.name}" if table else ""
    numbered = table is not None and table.values == list(range(len(table.names)))
    regions = table is not None and bool(table.note)
    if table and table.values is not None and (not numbered or regions or any(map(class_files.is_void, table.names))):
        found.names = [name for name in table.names if not class_files.is_void(name)]
        if regions:
            found.notes.append(table.note)
            found.names = list(dict.fromkeys(found.names))
        found.values = {str(value): name for value, name in zip(table.values, table.names, strict=True)}
        if 0 not in table.values:
            found.values = {"0": "void"} | found.values
        found.why = why
        _leave_out_unseen(found, _values_of(found), paths, _values)
        return found
    encoding = None
    if table is None:
        encoding = published.of_folders(labels) or main_encoding(path.stem for path in paths)
    complete = len(paths) <= SAMPLE
    sample = paths
    if (table is not None or encoding is not None) and not complete:
        sample = paths[:: len(paths) // SAMPLE]  # check-data reads all of them and names those that do not fit
    seen = values.tally(sample)
    names = table.names if table else None
    of_set = published.meaning(encoding, seen, complete=complete)
    meant = of_set or _of_objects(found, seen, sample, names, why) or values.meaning(seen, names, why)
    found.names, found.why, found.values, found.ignore = meant.names, meant.why, meant.values, meant.ignore
    if table is not None:
        keys = {name: own for name, own in _values_of(found).items() if not own & set(seen.seen())}
        _leave_out_unseen(found, keys, [] if complete else paths, _values)
    return found


def _values_of(found: _Layout) -> dict[str, set[int]]:
    """The mask values of each class."""
    if found.values is None:
        return {name: {value} for value, name in enumerate(found.names)}
    meant: dict[str, set[int]] = {name: set() for name in found.names}
    for key, name in found.values.items():
        first, _, last = key.partition("-")
        if name in meant:
            meant[name].update(range(int(first), int(last or first) + 1))
    return meant


def _values(mask: Path) -> set[int]:
    seen: set[int] = set(np.unique(masks.values(mask)).tolist())
    return seen


def _leave_out_unseen(
    found: _Layout, keys: Mapping[str, set[Any]], paths: list[Path], shown: Callable[[Path], set[Any]]
) -> None:
    """Leaves out the classes that no mask shows: what a model predicts seldom has all of them, and no training can
    learn one from nothing. keys: the values or colours of each class; masks are looked at until each has been seen."""
    left = dict(keys)
    for path in paths:
        if not left:
            return
        try:
            here = shown(path)
        except UserError:  # check-data says why
            continue
        left = {name: own for name, own in left.items() if not own & here}
    if not left or len(found.names) - len(left) < 2:
        return
    found.notes.append(f"{UNSEEN}: {', '.join(left)}")
    if found.colours:
        kept = [(name, colour) for name, colour in zip(found.names, found.colours, strict=True) if name not in left]
        found.names, found.colours = [name for name, _ in kept], [colour for _, colour in kept]
        return
    table = found.values or {str(value): name for value, name in enumerate(found.names)}
    found.names = [name for name in found.names if name not in left]
    meant = {key: name for key, name in table.items() if name not in left}
    found.values = None if meant == {str(value): name for value, name in enumerate(found.names)} else meant


def _of_objects(
    found: _Layout, seen: values.Tally, paths: list[Path], names: list[str] | None, why: str
) -> values.Meaning | None:
    """The meaning of masks that number the objects of each image; None where their values are taken for classes."""
    may_be = names is None or (len(names) == 2 and not set(seen.seen()) <= {0, 1, layout.IGNORE_INDEX})
    if not may_be or not values.number_objects(seen, paths):
        return None
    fewest, most = (choose(number for number in seen.objects if number) for choose in (min, max))
    like = f"the masks have the values 1 to {fewest}, ... and 1 to {most}, each one region"
    if names is None and not values.surely(seen):
        found.notes.append(f"values are taken for classes, but {like}: if they number objects, {OF_OBJECTS}")
        return None
    meant = values.objects(seen, names, why)
    found.notes.append(
        f"mask values number the objects of each image, which are all {meant.names[1]}: {like}"
        + ("" if names else f"; {OF_CLASSES}")
    )
    return meant


def _mask_paths(tree: _Tree, found: _Layout) -> list[Path]:
    """The mask files of the images; of a table of pairs, read with stand-ins for the classes."""
    base = tree.base
    if found.format == "pairs":
        fields = {"images": _one_or_list(found.images), "masks": _one_or_list(found.masks), "format": found.format}
        stand_in = _source(base, name="set", classes=["a", "b"], colours=None, ignore=None,
                           train_list=None, validation_list=None, unlabeled_list=None, **fields)  # fmt: skip
        return [item.mask for item in contents.read(stand_in).items if isinstance(item.mask, Path)]
    beside = found.images == found.masks
    roots = [Path(name) for name in found.masks]
    folders = [folder for folder in tree.mask_files if _is_below(folder, roots)]
    places = [folder for folder in tree.pictures if beside or folder not in folders]
    stems = {numbered(path.stem) for folder in places for path in tree.inside(folder, *layout.IMAGE_SUFFIXES)}
    files = [path for folder in sorted(folders) for path in tree.inside(folder, *masks.MASK_SUFFIXES)]
    named = [path for path in files if not beside or unmasked(path.stem) != fold(path.stem)]
    if (encoding := main_encoding(path.stem for path in named)) is not None:
        named = [path for path in named if encoding_of(path.stem) == encoding]
    masked = [path for path in named if numbered(path.name) in stems or numbered(path.stem) in stems]
    test = {folder for folder in folders if part_of_folders(folder / "mask") == TEST}
    kept = [path for path in masked if path.parent not in test] or masked  # those of test images may be empty
    return [base / path for path in kept]


def _take_colours(base: Path, found: _Layout, table: ClassTable | None, example: Path) -> None:
    if table is None or not table.drawn():
        raise UserError(
            f"{base / 'classes.txt'}: gives no colour for every class, and {example} is drawn in colours; write a line"
            f" `name red green blue` for each class (colours in that mask: {sorted(_colours(example))[:20]})"
        )
    rows = list(zip(table.names, table.colours, strict=True))
    found.void = next((colour for name, colour in rows if class_files.is_void(name)), None)
    kept = [(name, colour) for name, colour in rows if colour and not class_files.is_void(name)]
    found.names, found.colours = [name for name, _ in kept], [colour for _, colour in kept]
    found.why = f"from {table.file.name}"


def _mode(path: Path) -> str | None:
    """Pillow's mode of a mask (P, L, RGB, ...), None where it cannot be read: `check-data` says why."""
    try:
        with opening.opened(path, opening.LOSSLESS, "a mask") as file:
            return file.mode
    except UserError:
        return None


def _drawn_in_colours(paths: list[Path], table: ClassTable | None) -> Path | None:
    """The first mask that is RGB, even with alpha (a fault), and not grey; or a palette mask where all colours of such
    masks are those of the table. None where the values of the masks mean something."""
    known: set[Colour | None] = {*table.colours} if table else set()
    modes = {path: _mode(path) for path in paths}
    shown = {path: _colours(path) for path, mode in modes.items() if mode in ("RGB", "RGBA", "P")}
    palettes = [path for path in shown if modes[path] == "P"]
    others = (path for path in shown if modes[path] != "P")
    first = next((path for path in others if shown[path] <= known or any(len({*one}) > 1 for one in shown[path])), None)
    if first is None and all(shown[path] <= known for path in palettes):
        return next(iter(palettes), None)
    return first


def _colours(mask: Path) -> set[Colour]:
    found = masks.colours(mask).reshape(-1, 3)
    return {(r, g, b) for r, g, b in np.unique(found, axis=0).tolist()}
