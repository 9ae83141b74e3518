"""What a user's folder holds: its images, their masks, the part of the set that each image belongs to, and the rest.

Names from lists, tables and labelling tools are looked up among the files that are there (names.py). The faults met on
the way are collected, not raised.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, combinations, product
from pathlib import Path, PurePosixPath

import yaml

from semiproto.data import layout
from semiproto.data.own import account
from semiproto.data.own.account import PASSED_OVER
from semiproto.data.own.faults import Fault, fault_of, first_of_many
from semiproto.data.own.formats import class_files, instances, lists, per_class, readers, yolo
from semiproto.data.own.formats.coco import Segment
from semiproto.data.own.formats.outlines import Layers, Outlines, Record
from semiproto.data.own.formats.pairs import text_of
from semiproto.data.own.formats.tools import supervisely
from semiproto.data.own.masks import LOSSY, LOSSY_REMEDY, MASK_SUFFIXES, Mask, near_values
from semiproto.data.own.names import (
    FURTHER_PICTURES,
    PARTS,
    TEST,
    Ambiguous,
    Names,
    encoding_of,
    fold,
    main_encoding,
    part_of,
    part_of_folders,
    part_that_begins,
    parts_of,
    renumbered,
    shown,
    unimaged,
    unmasked,
)
from semiproto.errors import UserError
from semiproto.params import FolderSource
from semiproto.process.collector import no_search_for_cycles

__all__ = ["PARTS", "Contents", "Item", "read", "safe_id", "text_of"]

HELD_OUT = ("val", TEST)
LIST_SUFFIXES = (".txt", ".lst", *lists.TABLES, *lists.JSON)
CLASS_FILES = (*class_files.NAMES, *yolo.DESCRIPTIONS)
"""Files that name the classes; `init` reads them."""
UNREAD_SUFFIXES = (
    *(".gif", ".heic", ".heif", ".jp2", ".jxl", ".psd", ".svg"),
    *(".dng", ".raw", ".exr", ".hdr", ".dcm", ".nii", ".gz", ".npy", ".svs"),
)
"""Suffixes of pictures and volumes that are not read as images: they get a warning where an image could be."""
NO_IMAGES = (
    *(f"segmentation{what}{form}" for what in ("class", "object") for form in ("", "visualization", "npy", "raw")),
    "overlay",
)
"""Folders that hold no photographs, wherever they are; lower case."""
LISTS, PAIRS = "lists of images", "annotations (pairs)"
"""What such files are used as."""
OTHER_FOLDS = f"{PASSED_OVER}lists of other folds"
LISTS_OF = {"val": "validation_list", TEST: "test_list"}
"""The parameter of the lists of a part."""
OR_MOVE = "or if it is for no parts move it out of the folder, and run `semiproto init` again"
"""What else may be done with a file that is not understood."""
MANY = 5
"""Warnings of one kind from which one stands for all."""


@dataclass(frozen=True, slots=True)
class Item:
    """An image with a place in the set; `mask` is None for unlabelled ones."""

    id: str
    image: Path
    mask: Mask | None
    part: str


@dataclass(frozen=True)
class Contents:
    """The images by part, in the order of their lists (or of their names), and what is wrong with names and lists.

    files: what every file below the folder is used as. matched: how names were found, in sentences.
    """

    items: list[Item]
    faults: list[Fault]
    files: list[account.Row] = field(default_factory=list)
    matched: list[str] = field(default_factory=list)

    def of(self, part: str) -> list[Item]:
        return [item for item in self.items if item.part == part]

    def counts(self) -> dict[str, int]:
        return {part: len(self.of(part)) for part in PARTS}


@no_search_for_cycles()
def read(source: FolderSource) -> Contents:
    """The contents of the folder; UserError where the folder, or a file that everything depends on, is missing."""
    base = Path(source.path)
    if not base.is_dir():
        raise UserError(f"{base}: no such folder; correct dataset.path")
    found = _Found(source, base)
    found.look_for_images()
    found.read_labels()
    found.refuse_channel_files()
    parts = found.divide()
    ids = _ids(found.images, base)
    items = {
        path: Item(ids[path], path, None if part == "unlabeled" else found.masks[path], part)
        for part, paths in reversed(parts.items())  # an image in two lists belongs to the first; the fault is noted
        for path in paths
    }
    order = [path for part, paths in parts.items() for path in paths if items[path].part == part]
    found.warn_of_strangers()
    found.tell_uses(items)
    matched = [*found.image_names.lines("images"), *found.mask_names.lines("masks")]
    return Contents([items[path] for path in order], found.faults, account.rows(base, found.uses), matched)


def safe_id(stem: str) -> str:
    """The stem where it can be an id, otherwise its safe characters and eight digits of its SHA-256."""
    try:
        return layout.check_id(stem, "")
    except UserError:
        cleaned = re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip(".-")[:100]
        return f"{cleaned or '_'}-{hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]}"


def _ids(images: Iterable[Path], base: Path) -> dict[Path, str]:
    """An id for each image: its stem, and its folders too where another image has the same stem."""
    ids = {path: safe_id(path.stem) for path in images}
    count = Counter(map(fold, ids.values()))
    for path, one in ids.items():
        if count[fold(one)] > 1:
            ids[path] = safe_id(path.relative_to(base).with_suffix("").as_posix())
    return ids


# ------------------------------------------------------------------------------------------- images and labels


@dataclass
class _Found:
    """What is known of the folder, filled step by step."""

    source: FolderSource
    base: Path
    images: dict[Path, None] = field(default_factory=dict)
    masks: dict[Path, Mask] = field(default_factory=dict)
    """By image."""
    parts: dict[Path, str] = field(default_factory=dict)
    """By image, where a table, a file's name or a folder says it."""
    faults: list[Fault] = field(default_factory=list)
    strangers: list[Path] = field(default_factory=list)
    """Masks that are named like no image."""
    named: set[Path] = field(default_factory=set)
    """Images that a list, table or annotation file names."""
    lossy: list[Fault] = field(default_factory=list)
    """Masks of a table that do not keep values."""
    test: set[Path] = field(default_factory=set)
    """Images that are left out of everything by a list, table or folder."""
    unnamed: dict[Path, Path] = field(default_factory=dict)
    """By image that no table names, the mask that lies among those of the table."""

    def __post_init__(self) -> None:
        self.folders, self.uses = account.by_folder(self.base)
        self.files = [path for files in self.folders.values() for path in files]
        self._start = account.start_of(self.base)
        self._parts_of_folders: dict[str, str | None] = {}
        self._said: dict[Path, lists.Said] = {}
        self._calls: dict[Path, set[str]] = {}
        self.roots = _paths(self.base, self.source.images)
        self.labels = _paths(self.base, self.source.masks)
        self.format = readers.format_of(self.source)

    def _folder_part(self, path: Path) -> str | None:
        """The part that the folders of a file mean."""
        folder = str(path).rpartition(os.sep)[0]  # pathlib's is slow, and a set may have a million files
        if folder not in self._parts_of_folders:
            self._parts_of_folders[folder] = part_of_folders(path.relative_to(self.base))
        return self._parts_of_folders[folder]

    # What names may mean: images first, any picture after them; masks likewise.

    @cached_property
    def image_names(self) -> Names:
        return Names(self.base, list(self.images))

    @cached_property
    def picture_names(self) -> Names:
        inside = [path for path in self.files if path.suffix.lower() in layout.IMAGE_SUFFIXES]
        return Names(self.base, [path for path in inside if path not in self.uses])

    @cached_property
    def mask_names(self) -> Names:
        files = (path for path in self.files if path.suffix.lower() in MASK_SUFFIXES)
        return Names(self.base, [path for path in files if path not in self.images])

    @cached_property
    def _other_pictures(self) -> set[Path]:
        """Pictures that cannot be masks."""
        return {path for path in self.files if path.suffix.lower() in LOSSY and path not in self.images}

    @cached_property
    def file_names(self) -> Names:
        """Of any kind, to tell a name that means no image or mask from one that means nothing."""
        return Names(self.base, self.files)

    def said(self, file: Path) -> lists.Said:
        """What a file says that may be a list; each is read once."""
        if file not in self._said:
            self._said[file] = lists.read(file)
        return self._said[file]

    def error(self, kind: str, file: Path, found: str, remedy: str, line: int | None = None) -> None:
        self.faults.append(Fault(kind, str(file), found, remedy, line))

    def warning(self, kind: str, file: Path, found: str, remedy: str) -> None:
        self.faults.append(Fault(kind, str(file), found, remedy, warning=True))

    # ------------------------------------------------------------------------------------------------ images

    def look_for_images(self) -> None:
        for root in self.roots:
            if not root.is_dir():
                raise UserError(f"{root}: no such folder of images; correct dataset.path and dataset.images")
        unread = []
        for path in self._possible_images():
            suffix = path.suffix.lower()
            if suffix in layout.IMAGE_SUFFIXES:
                self.images[path] = None
            elif suffix in UNREAD_SUFFIXES and suffix not in readers.SUFFIXES[self.format]:
                unread.append(path)
        self._same_stems()
        self._warn_of_unread(unread)

    def _possible_images(self) -> Iterator[Path]:
        """What lies in folders of images, and is not a mask that lies there too."""
        for folder, files in self.folders.items():
            holds = self._holds_images(folder)
            if holds is None:
                yield from (path for path in files if not self._is_mask_beside(path))
            elif holds:
                yield from files

    def _holds_images(self, folder: Path) -> bool | None:
        """Whether a folder holds images; None where it holds masks too."""
        root = _deepest(folder, self.roots)
        if self.format == "instances" and fold(folder.name) == instances.MASKS:
            return False
        if root is None or any(part.lower() in NO_IMAGES for part in folder.relative_to(root).parts):
            return False
        label = _deepest(folder, [one for one in self.labels if one.suffix not in (".csv", ".json", ".xml")])
        if label is None or len(label.parts) < len(root.parts) or self.format not in readers.OF_FILES:
            return True
        return None if label == root else False

    def _is_mask_beside(self, path: Path) -> bool:
        """Whether the name is that of another picture in the same folder with what tools put behind it."""
        stem, suffix = unmasked(path.stem), path.suffix.lower()
        if self.format == "per-class":
            stem = fold(per_class.split_name(path.stem, self.source.classes[1:])[1])
        return stem != fold(path.stem) and suffix in (*MASK_SUFFIXES, *LOSSY) and (path.parent, stem) in self._beside

    @cached_property
    def _beside(self) -> set[tuple[Path, str]]:
        """Folder and folded stem of every picture, and the stem without a word for an image."""
        pictures = [path for path in self.files if path.suffix.lower() in layout.IMAGE_SUFFIXES]
        return {(path.parent, form(path.stem)) for path in pictures for form in (fold, unimaged)}

    def _same_stems(self) -> None:
        first: dict[str, Path] = {}
        for path in list(self.images):
            other = first.setdefault(str(path).removesuffix(path.suffix), path)
            if other != path:
                remedy = (
                    f"rename one, or if it is a mask, put it into the folder of masks or call it {path.stem}_mask.png"
                )
                self.error("same-stem", path, f"{other} has the same id {path.stem!r}", remedy)
                self.uses[path] = f"{PASSED_OVER}images that have the name of another"
                del self.images[path]

    def _warn_of_unread(self, unread: list[Path]) -> None:
        by_kind: dict[str, list[Path]] = defaultdict(list)
        for path in unread:
            by_kind[account.kind_of(path)].append(path)
            self.uses[path] = f"{PASSED_OVER}{account.kind_of(path)} files, which are not read as images"
        for kind, paths in by_kind.items():
            more = f" ({len(paths)} of them)" if len(paths) > 1 else ""
            self.warning("image-suffix", paths[0], f"{kind} files are passed over{more}", "save it as JPEG or PNG")

    # ------------------------------------------------------------------------------------------------ labels

    def read_labels(self) -> None:
        for path in self.labels:
            if not path.exists():
                what, name = (
                    ("file", "annotations") if path.suffix in (".csv", ".json", ".xml") else ("folder", "masks")
                )
                raise UserError(f"{path}: no such {what} of {name}; correct dataset.masks")
        if self.format in ("masks", "pairs"):
            self._require_one_meaning()
        if self.format == "masks":
            self._mask_files()
        else:
            below = [path for path in self._below(self.labels) if self.format != "per-class" or path not in self.images]
            found = readers.records(self.format, self.source, self.labels, below)
            of_all = [fault for fault in found.faults if fault.kind == yolo.COORDINATE]
            self.faults += [*(fault for fault in found.faults if fault not in of_all), *first_of_many(of_all, MANY)]
            self.uses |= dict.fromkeys(found.files, f"annotations ({self.format})")
            self.uses |= found.passed_over
            for record in found.records:
                self._take(record)
            self.faults += first_of_many(self.lossy, 1)
        if self.format == "pairs":
            self._masks_that_no_table_names()
        if self.format == "yolo":
            self._take_parts(yolo.parts(self.base))
        for path in self.images:
            folder_part = self._folder_part(path)
            if folder_part is not None and not self._contradicts(path, folder_part, path):
                self.parts.setdefault(path, folder_part)

    def _require_one_meaning(self) -> None:
        """Files of class names, one in each folder as Roboflow writes them, must contradict neither each other nor the
        parameters, which `init` made of them: files and folders change afterwards."""
        try:
            others = class_files.folders(self.folders)
            table = class_files.find(class_files.places(self.base, self.labels, self.roots, others))
        except UserError as error:
            place = Path(str(error).partition(": ")[0])
            self.faults.append(fault_of("class-files", place, error))
            return
        if table is None:
            return
        if difference := class_files.contradiction(table, self.source):
            remedy = (
                "correct dataset.classes, or this file; the pixels of a class have the name of another by one of them"
            )
            self.error("class-files", table.file, f"{difference} by dataset.classes", remedy)
        elif strangers := class_files.unknown(table, self.source):
            found = f"names {', '.join(strangers[:5])}, which dataset.classes does not have"
            remedy = "rename them there or in this file, or run `semiproto init` again once an image shows them"
            self.warning("class-files", table.file, found, remedy)

    def _masks_that_no_table_names(self) -> None:
        """Masks among those of the tables whose images no table names: neither is taken for an unlabelled image."""
        known = {mask for mask in self.masks.values() if isinstance(mask, Path)}
        folders = {mask.parent for mask in known} - {image.parent for image in self.named}
        beside = any(self._is_mask_beside(mask) for mask in known)
        for path in [path for path in self.images if path not in self.named]:
            if path in known or path.parent in folders or (beside and self._is_mask_beside(path)):
                del self.images[path]
        tops = {mask.relative_to(self.base).parts[0] for mask in known}
        images = Names(self.base, list(self.images))
        for path in self.files:
            relative = path.relative_to(self.base)
            if relative.parts[0] not in tops or path.suffix.lower() not in MASK_SUFFIXES or path in self.images:
                continue
            image = images.namesake(PurePosixPath(relative)) if path not in known else None
            if isinstance(image, Path) and image not in self.named:
                self.unnamed[image] = path

    def _take_parts(self, named: dict[str, list[Path]]) -> None:
        """The parts that folders and lists of images have by a file of the tool; test and validation come first."""
        for part in (TEST, "val", "train"):
            for place in named.get(part, []):
                inside = [path for path in self.images if path.is_relative_to(place)] if place.is_dir() else []
                if place.is_file():
                    self.uses[place] = LISTS
                    inside = list(self._images_of(place, readers.names_in(place)))
                for image in inside:
                    if not (part == "train" and image in self.parts) and not self._contradicts(image, part, place):
                        self.parts[image] = part

    def _below(self, folders: list[Path]) -> list[Path]:
        inside = [folder for folder in self.folders if _deepest(folder, folders) is not None]
        return [path for folder in inside for path in self.folders[folder]]

    def _contradicts(self, image: Path, part: str, where: Path, line: int | None = None) -> bool:
        """Notes where two names give an image different parts, and one of them keeps it out of training."""
        known = self.parts.get(image, part)
        if known == part or not {known, part} & set(HELD_OUT):
            return False
        found = f"{image} is of part {known} there and of part {part} by the name of its folder or list"
        self.error("held-out", where, found, "keep it in one part, or rename the folder", line)
        return True

    def _take(self, record: Record) -> None:
        """An image and mask that a tool's file names."""
        image = self._image(record)
        if image is None:
            return
        if image in self.masks or (record.line is not None and image in self.parts):
            kind = "pairs" if record.line is not None else "coco-image"
            remedy = "remove one row" if record.line is not None else "remove one"
            if self.format == "labelme":
                remedy = f"correct its imagePath if it is of an image named like {record.file.name}, or remove one"
            first = self.masks.get(image)
            by = f" (first by {first.file})" if isinstance(first, Outlines) and first.file != record.file else ""
            self.error(kind, record.file, f"image {shown(record.image)} is named twice{by}", remedy, record.line)
            return
        self._drawn_on_another(image, record.file)
        self.images[image] = None
        self.named.add(image)
        if record.part is not None or record.line is not None:
            self.parts[image] = record.part or ""
        mask = self._mask(record, image) if record.mask_name else record.mask
        if mask is not None:
            self.masks[image] = mask

    def _drawn_on_another(self, image: Path, file: Path) -> None:
        """Says where a file of labels of one image lies beside another image of its name, as when it was copied."""
        if self.format != "labelme" or file.stem in (image.stem, image.name):
            return
        if (file.parent, fold(file.stem)) in self._beside:
            found = f"its imagePath is {image.name}, on which it is drawn, and an image {file.stem} lies beside it"
            self.warning("labels-of-another", file, found, "if it is of that one, correct its imagePath")

    def _image(self, record: Record) -> Path | None:
        near = record.file if record.file.is_dir() else record.file.parent
        written = [root / parts_of(record.image) for root in self.roots]
        equal = [path for path in dict.fromkeys(written) if path in self.images]
        found: Path | Ambiguous | None = Ambiguous(equal)
        if len(equal) < 2 or near / parts_of(record.image) in self.images:
            folders = [near, *self.roots]
            found = self.image_names.find(record.image, folders) or self.picture_names.find(record.image, folders)
        image = self._named(record, record.image, "image", self._meant(found, record.file, record.part))
        return None if image is not None and self._is_of_another(image, record) else image

    def _meant(self, found: Path | Ambiguous | None, file: Path, part: str | None) -> Path | Ambiguous | None:
        """Of several images of one name the one that is nearest to the file, of its part, or in the folder that the
        file is called after: `instances_Camera A.json`."""
        if not isinstance(found, Ambiguous):
            return found
        inside = next(kept for place in (file, *file.parents) if (kept := _below(found.candidates, place)))
        kept = [path for path in inside if part and self._folder_part(path) == part] or inside
        kept = [path for path in kept if self._called_after(file) & self._folders_of(path)] or kept
        return kept[0] if len(kept) == 1 else Ambiguous(kept)

    def _called_after(self, file: Path) -> set[str]:
        """The folded names of the folders of images that a file of labels is called after, but those for a part."""
        if file not in self._calls:
            stem = fold(file.stem)
            self._calls[file] = {name for name in self._folder_names if re.search(_alone(name), stem)}
        return self._calls[file]

    @cached_property
    def _folder_names(self) -> set[str]:
        names = {name for folder in self.folders for name in folder.relative_to(self.base).parts}
        return {fold(name) for name in names if part_of(name) is None}

    def _folders_of(self, path: Path) -> set[str]:
        return {fold(name) for name in path.relative_to(self.base).parts[:-1]}

    def _is_of_another(self, image: Path, record: Record) -> bool:
        """Notes where the only image of a name lies in the folder that another file of labels is called after."""
        own, files = self._called_after(record.file), [path for path in self.labels if path.suffix]
        if not own or len(files) < 2 or len(parts_of(record.image).parts) > 1 or own & self._folders_of(image):
            return False
        if not any(self._called_after(other) & self._folders_of(image) for other in files):
            return False
        found = f"image {shown(record.image)} is only in {image.parent}, and another file is called after that folder"
        self.error(
            "missing-file", record.file, found, "add the image, or write its folder before its name", record.line
        )
        return True

    def _mask(self, record: Record, image: Path) -> Path | None:
        text = record.mask_name or ""
        written = [
            folder / text for folder in (record.file.parent, self.base) if (folder / text) in self._other_pictures
        ]
        found = next(iter(written), None) or self.mask_names.find(text, [record.file.parent])
        return self._named(record, text, "mask", found or self.file_names.find(text))

    def _named(self, record: Record, text: str, what: str, found: Path | Ambiguous | None) -> Path | None:
        """The file that an entry names, or None and a fault."""
        suffixes = layout.IMAGE_SUFFIXES if what == "image" else MASK_SUFFIXES
        if isinstance(found, Path) and found.suffix.lower() in suffixes:
            return found
        name = f"{what} {shown(text)}"
        if isinstance(found, Ambiguous):
            self.error("ambiguous-name", record.file, f"{name} may be {found}", "write its folder too", record.line)
        elif (file := found or self._other_file(text)) is not None:
            strange = f"{name} is none of {', '.join(suffixes)}"
            if what == "mask" and file.suffix.lower() in LOSSY:
                self.lossy.append(Fault("mask-suffix", str(record.file), strange, LOSSY_REMEDY, record.line))
            else:
                self.error("suffix", record.file, strange, "convert it", record.line)
        else:
            of_one_image = self.format in ("labelme", "supervisely", "yolo")
            remedy = "add it, or delete this file" if of_one_image else "add it or remove its entry"
            self.error("missing-file", record.file, f"{name} is not in {self.base}", remedy, record.line)
        return None

    def _other_file(self, text: str) -> Path | None:
        """A file of the name that is of another kind; annotations, which may be named like their image, are none."""
        found = self.file_names.find(text)
        return found if isinstance(found, Path) and found not in self.uses else None

    def _mask_files(self) -> None:
        """Masks that are files, each with the name of its image."""
        files = [path for path in self._below(self.labels) if path not in self.images and path not in self.uses]
        masks = [path for path in files if path.suffix.lower() in MASK_SUFFIXES]
        encoding = main_encoding(path.stem for path in masks)
        others = [path for path in masks if encoding is not None and encoding_of(path.stem) != encoding]
        for path in masks if encoding is None else [path for path in masks if encoding_of(path.stem) == encoding]:
            image = self._namesake(path)
            if isinstance(image, Ambiguous):
                self.error("ambiguous-name", path, f"the mask may be of {image}", "put both in folders of one name")
            elif image is None:
                self.strangers.append(path)
            else:
                self._pair(image, path)
        self._pass_over_encodings(others, encoding)
        self._refuse_lossy([path for path in files if path.suffix.lower() not in MASK_SUFFIXES])

    def _namesake(self, mask: Path) -> Path | Ambiguous | None:
        return self.image_names.namesake(PurePosixPath(str(mask)[self._start :]))

    def _pass_over_encodings(self, others: list[Path], encoding: str | None) -> None:
        """Further pictures of an image, and masks whose values mean something else than those of the other masks."""
        for path in others:
            if FURTHER_PICTURES.search(path.stem):
                self.uses[path] = f"{PASSED_OVER}masks in colours or of objects, beside those of classes"
                continue
            self.uses[path] = f"{PASSED_OVER}masks in another form than {encoding}"
            image = self._namesake(path)
            if isinstance(image, Path) and image not in self.masks:
                found = f"its image has no mask in the form {encoding} of the other masks, and values differ in meaning"
                self.error("mask-form", path, found, f"add the mask in the form {encoding}, or delete this one")

    def _pair(self, image: Path, mask: Path) -> None:
        first = self.masks.setdefault(image, mask)
        part = self._folder_part(mask)
        if part is not None and not self._contradicts(image, part, mask):
            self.parts.setdefault(image, part)
        if first == mask or not isinstance(first, Path):
            return
        if first.suffix.lower() == mask.suffix.lower():
            self.error("same-stem", mask, *_two_masks(first, mask))
            return
        best, worse = sorted((first, mask), key=lambda path: MASK_SUFFIXES.index(path.suffix.lower()))
        self.masks[image] = best
        self.uses[worse] = f"{PASSED_OVER}{worse.suffix} masks of images that have a {best.suffix} mask"

    def refuse_channel_files(self) -> None:
        """nnU-Net's images of several channels: the files x_0000, x_0001 and so on are one image, whose mask is x."""
        first = [(image, mask) for image, mask in self.masks.items() if image.stem.endswith("_0000")]
        for image, mask in first:
            second = image.with_name(f"{image.stem[:-1]}1{image.suffix}")
            if isinstance(mask, Path) and image.stem == f"{mask.stem}_0000" and second in self.images:
                found = f"{image.name} and {second.name} are channels of one image, each in a file of its own"
                self.error("channel-files", image, found, "save the channels of each image as the bands of one TIFF")
                return

    def warn_of_strangers(self) -> None:
        """Masks that are named like no image, and that no list or table names either."""
        faults = []
        named = {mask for mask in self.masks.values() if isinstance(mask, Path)}
        for path in self.strangers:
            if path in named:
                continue
            self.uses[path] = f"{PASSED_OVER}masks without an image"
            remedy = "add the image, name the mask like it, or delete the mask"
            faults.append(
                Fault("mask-without-image", str(path), f"no image has the stem {path.stem!r}", remedy, warning=True)
            )
        self.faults += first_of_many(faults, MANY)

    def _refuse_lossy(self, others: list[Path]) -> None:
        """JPEGs and the like where a mask should be, all in one line."""
        pictures = (*layout.IMAGE_SUFFIXES, *UNREAD_SUFFIXES)
        faults = []
        for path in others:
            image = self._namesake(path) if path.suffix.lower() in pictures else None
            if image is None or image in self.masks:
                continue
            found, remedy = f"a mask cannot be a {path.suffix} file", "save it as PNG"
            if path.suffix.lower() in LOSSY:
                found, remedy = (
                    f"{found}: its values are changed where it is compressed{near_values(path)}",
                    LOSSY_REMEDY,
                )
            self.uses[path] = f"{PASSED_OVER}{path.suffix} files where a mask should be"
            faults.append(Fault("mask-suffix", str(path), found, remedy))
        self.faults += first_of_many(faults, 1)

    # ------------------------------------------------------------------------------------------------- parts

    def divide(self) -> dict[str, list[Path]]:
        """Images by part: from the list files where there are any, then from tables and names of files and folders,
        then by whether there is a mask."""
        source = self.source
        named = {"train": source.train_list, "val": source.validation_list, "unlabeled": source.unlabeled_list}
        lists_of = {part: _paths(self.base, names) for part, names in named.items() if names is not None}
        by_file = {part: {file: self._listed(file, part) for file in files} for part, files in lists_of.items()}
        listed = {part: list(dict.fromkeys(chain(*files.values()))) for part, files in by_file.items()}
        test = {path for file in _paths(self.base, source.test_list or []) for path in self._listed(file, TEST)}
        test |= {path for path in self.images if self.parts.get(path) == TEST}
        self.test = test
        images = sorted(path for path in self.images if path not in test)
        labeled = {path for path in images if path in self.masks and not _without_instances(self.masks[path])}
        val = listed.get("val", [path for path in images if path in labeled and self.parts.get(path) == "val"])
        free = {path for path in labeled if self.parts.get(path) in (None, "", "train")}
        free -= {*val, *listed.get("unlabeled", [])}
        train = listed.get("train", [path for path in images if path in free])
        unmasked = {
            path
            for path in images
            if (path not in labeled and self.parts.get(path) != "val") or self.parts.get(path) == "unlabeled"
        } - {*train, *val, *self.unnamed}
        parts = {
            "train": train, "val": val,
            "unlabeled": listed.get("unlabeled", [path for path in images if path in unmasked]),
        }  # fmt: skip
        files = {part: lists_of.get(part, self.labels)[0] for part in named}
        self._overlaps(by_file)
        self._require_held_out(parts, test, files)
        self._unread_lists(parts, set(listed.get("train", [])))
        doubtful = self._doubtful(parts, listed)
        self._names_that_begin_with_parts(doubtful)
        self._unknown_lists(parts, doubtful)
        self._unread_pairs(parts, doubtful)
        self._unknown_words(doubtful)
        self._unread_tables(doubtful)
        if not val and not test:
            self._unread_parts()
        if not train and all(fault.warning for fault in self.faults):
            self._no_labels(labeled & set(listed.get("unlabeled", [])), files)
        return parts

    def _no_labels(self, unlabeled: set[Path], files: dict[str, Path]) -> None:
        """unlabeled: the images with masks that a list calls unlabelled."""
        if unlabeled:
            found = f"names {len(unlabeled)} images with masks, and no other image with a mask is for training"
            self.error("no-labels", files["unlabeled"], found, "take out those to train on with their masks")
            return
        remedy = "give masks for some images (one PNG per image, same stem)"
        self.error("no-labels", files["train"], "no labelled image", remedy)

    def _unread_parts(self) -> None:
        """Where everything with labels would be trained on, files of labels that call some of it by another part."""
        for file in dict.fromkeys(mask.file for mask in self.masks.values() if isinstance(mask, Outlines)):
            if (word := lists.part_inside(file)) is not None:
                found = f"says {word!r} of an image, which is not read: all images with labels would be trained on"
                remedy = (
                    "name the images for validation in val.txt and those for test in test.txt, one a line, in"
                    f" {self.base}, and run `semiproto init` again"
                )
                self.error("part-unread", file, found, remedy)
                return

    def _listed(self, file: Path, part: str) -> list[Path]:
        """The images that a list file of a part names (and, but for unlabelled and test ones, that have masks)."""
        self.uses[file] = LISTS
        try:
            entries = lists.entries(file, part)
        except UserError as error:
            self.faults.append(fault_of("list-unreadable", file, error))
            return []
        seen: dict[Path | str, str] = {}
        for number, (line, text) in enumerate(entries, start=1):
            where = f"on line {line}" if line else f"at place {number}"
            keys: Sequence[Path | str] = self._entry(file, line, text, part) or [text]
            for key in keys:
                if key in seen:
                    self.error("list-twice", file, f"id {text!r} is also {seen[key]}", "remove one", line)
                seen.setdefault(key, where)
        if not seen:
            (self.warning if part == "unlabeled" else self.error)(
                "list-empty", file, "names no id", "write one a line, or set the list to null"
            )
        named = [key for key in seen if isinstance(key, Path)]
        self.named.update(named)
        return [path for path in named if part in ("unlabeled", TEST) or path in self.masks]

    def _entry(self, file: Path, line: int | None, text: str, part: str) -> list[Path]:
        """The image that an entry names, alone or before its mask, or those of a folder; none and a fault otherwise."""
        found, mask = self._one_or_two(text, file)
        if found is None and (inside := self._inside(text)):
            self.parts |= {path: part for path in inside if not self._contradicts(path, part, file, line)}
            return inside
        if isinstance(found, Ambiguous):
            self.error("ambiguous-name", file, f"{shown(text)} may be {found}", "write its folder too", line)
            return []
        if found is None or (".." in text.replace("\\", "/").split("/") and text not in (found.name, found.stem)):
            self.faults.append(_no_image(file, line, text, found))
            return []
        if isinstance(mask, Path) and part not in ("unlabeled", TEST):
            self.masks.setdefault(found, mask)
        if line is None:  # the file describes a set, of which not every image need be labelled
            self.parts.setdefault(found, part)
        elif part not in ("unlabeled", TEST) and found not in self.masks:
            self.error("list-mask", file, f"id {text!r} has no mask", "add it or take out the id", line)
        return [found]

    def _inside(self, text: str) -> list[Path]:
        """The images in the folders that a name means: DAVIS and others list videos."""
        wanted = tuple(map(fold, parts_of(text).parts))
        return [path for path in self._by_folder.get(wanted[-1], []) if _ends(path, wanted)] if wanted else []

    @cached_property
    def _by_folder(self) -> dict[str, list[Path]]:
        """The images by the folded name of each folder that they lie in below the folder of images."""
        found: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(self.images):
            root = _deepest(path, self.roots) or self.base
            for name in {fold(name) for name in path.relative_to(root).parts[:-1]}:
                found[name].append(path)
        return found

    def _listed_image(self, text: str, file: Path) -> Path | Ambiguous | None:
        """The image that a name in a list means."""
        found = self.image_names.find(text, self.roots)
        if len(self.roots) > 1 and isinstance(found, Path):
            written = (root / parts_of(text) for root in self.roots)
            equal = [path for path in dict.fromkeys(written) if path in self.images]
            found = Ambiguous(equal) if len(equal) > 1 else found
        return self._meant(found, file, None)

    def _one_or_two(self, text: str, file: Path) -> tuple[Path | Ambiguous | None, Path | Ambiguous | None]:
        """The image, and where the text in a list is a pair the mask; a blank may also be part of a name."""
        alone = self._listed_image(text, file)
        if (
            not isinstance(alone, Path) and len(text) > 2 and text[0] == text[-1] == '"'
        ):  # CVAT quotes names with blanks
            alone = self._listed_image(text[1:-1], file)
        if isinstance(alone, Path):
            return alone, None
        for blank in re.finditer(r"\s+|,", text):
            image = self._listed_image(text[: blank.start()], file)
            if isinstance(image, Path):
                return image, self.mask_names.find(text[blank.end() :])
        return alone, None

    def _overlaps(self, by_file: dict[str, dict[Path, list[Path]]]) -> None:
        """Lists of different parts that have images in common."""
        for (_, files), (other, others) in combinations(reversed(by_file.items()), 2):
            for (file, images), (known, taken) in product(files.items(), others.items()):
                if both := sorted(set(images) & set(taken)):
                    found = f"names {len(both)} images that {known} names for {other}, such as {both[0].name}"
                    self.error("list-overlap", file, found, "take them out of one of the two")

    def _require_held_out(self, parts: dict[str, list[Path]], test: set[Path], files: dict[str, Path]) -> None:
        """An image that a list, table or folder keeps for test or validation must not be trained on."""
        for part in parts:
            for path in parts[part]:
                said = TEST if path in test else self.parts.get(path)
                if said == TEST or (said == "val" and part != "val"):
                    remedy = f"take it out of {files[part].name}, or rename what says {said}"
                    self.error("held-out", files[part], f"{path} is of part {said}, and part {part} has it too", remedy)

    def _unread_lists(self, parts: dict[str, list[Path]], listed: set[Path]) -> None:
        """Lists, tables and annotations that keep images for test or validation, and that the parameters do not name.

        A file says so by its own name, or by what it says of each image. listed: the images that lists of training
        images name: a list that is called like those but for a number may be of another fold.
        """
        trained = {path for part in ("train", "unlabeled") for path in parts[part]}
        unread: dict[str, dict[Path, list[Path]]] = {part: {} for part in HELD_OUT}
        for file, part, names in self._unread_held_out():
            hit = [path for path in dict.fromkeys(self._images_of(file, names)) if path in trained]
            if hit and listed.issuperset(hit) and self._is_of_another_fold(file, part):
                self.uses[file] = OTHER_FOLDS
            elif hit:
                unread[part][file] = hit
        for part, files in unread.items():
            for file, hit in files.items():
                found = f"names {len(hit)} images that would be trained on, such as {hit[0].name}"
                if part != part_of(file.stem):
                    found = f"keeps {len(hit)} images for {part} that would be trained on, such as {hit[0].name}"
                remedy = self._remedy_for_list(file, part, files)
                self.error("held-out", file, found, f"{remedy}, or if it is not for that move it out of the folder")

    def _is_of_another_fold(self, file: Path, part: str) -> bool:
        """Whether the lists in use are called fold0_train.txt and fold0_val.txt, say, and this one fold1_val.txt with a
        fold1_train.txt beside it."""
        used, trained = (_paths(self.base, getattr(self.source, key) or []) for key in (LISTS_OF[part], "train_list"))
        twins = (renumbered(train, one, file) for one in used for train in trained)
        found = [twin for twin in twins if twin is not None and twin in self.folders.get(twin.parent, ())]
        self.uses |= {twin: OTHER_FOLDS for twin in found if twin not in self.uses}
        return bool(found)

    def _names_that_begin_with_parts(self, doubtful: set[Path]) -> None:
        """Images that only the first words of their names tell apart: test_6.jpg beside train_0.jpg."""
        begins: dict[str, list[Path]] = defaultdict(list)
        for path in doubtful:
            if (part := part_that_begins(path.stem)) is None:
                return
            begins[part].append(path)
        for part in HELD_OUT if len(begins) > 1 else ():
            if images := begins.get(part):
                found = f"the names of {len(images)} images that would be trained on begin with a word for {part}"
                remedy = f"write them, one a line, into {self.base / part}.txt, and run `semiproto init` again"
                self.error("held-out", min(images), found, f"{remedy}, or if they are not for that rename them")

    def _doubtful(self, parts: dict[str, list[Path]], listed: dict[str, list[Path]]) -> set[Path]:
        """The images that would be trained on although no list, table or folder calls them training images."""
        said = {path for part in ("train", "unlabeled") for path in listed.get(part, [])}
        said |= {path for path in self.images if self.parts.get(path) in ("train", "unlabeled")}
        return {path for part in ("train", "unlabeled") for path in parts[part]} - said

    def _unknown_lists(self, parts: dict[str, list[Path]], doubtful: set[Path]) -> None:
        """Lists of some of the images that would be trained on, whose names say no part: they may be for validation.

        One that names all labelled images around it tells none apart.
        """
        for file in self._possible_lists() if doubtful else ():
            images = self._plainly_listed(file)
            if not images & doubtful:
                continue
            place = next(place for place in file.parents if any(path.is_relative_to(place) for path in images))
            if images >= {*(_below(parts["train"], place) or doubtful)}:
                self.uses[file] = f"{PASSED_OVER}lists of all labelled images"
                continue
            found = f"names {len(images)} images, such as {min(images).name}, and its name does not say of which part"
            how, suffix = "rename it to", file.suffix
            if suffix.lower() in lists.JSON:
                how, suffix = "write its names, one a line, into", ".txt"
            names = f"val{suffix}, test{suffix}, train{suffix} or unlabeled{suffix}"
            self.error("list-unknown", file, found, f"{how} {names}, {OR_MOVE}")

    def _unread_pairs(self, parts: dict[str, list[Path]], doubtful: set[Path]) -> None:
        """Lists of unlabelled images that no parameter names, of which some would be trained on with their masks: there
        are several, and the choice is the user's."""
        trained = doubtful & set(parts["train"])
        if not trained or self.source.unlabeled_list is not None:
            return
        hits: dict[Path, int] = {}
        for file in self.files:
            known = file in self.uses or file.suffix.lower() not in lists.LINES
            if not known and part_of(file.stem) == "unlabeled":
                hits[file] = len(trained & set(self._images_of(file, readers.names_in(file))))
        if not any(hits.values()):
            return
        files = [file.relative_to(self.base) for file, count in hits.items() if count]
        beside = [path.relative_to(self.base) for path in self.folders[self.base / files[0].parent]]
        labeled = next(
            (path for path in beside if path.suffix == files[0].suffix and part_of(path.stem) == "train"), None
        )
        others = f"; so do {', '.join(map(str, files[1:MANY]))}" if files[1:] else ""
        found = f"keeps {max(hits.values())} images without masks that would be trained on with them{others}"
        first = f"dataset.train_list to {labeled} and " if labeled else ""
        remedy = (
            f"set {first}dataset.unlabeled_list to {files[0]}, or to another of these, or move them out of the folder"
        )
        self.error("list-unread", self.base / files[0], found, remedy)

    def _unknown_words(self, doubtful: set[Path]) -> None:
        """Words that stand where a part should and mean none, in files that are read for parts or might have been."""
        for file in self.files:
            is_read = self.uses.get(file) == LISTS
            if file.suffix.lower() not in (*lists.JSON, *lists.TABLES) or (file in self.uses and not is_read):
                continue
            counts: Counter[str] = Counter()
            for word, names in self.said(file).unknown.items():
                images = set(self._images_of(file, names))
                counts[word] = len(images if is_read else images & doubtful)
            if +counts:
                words = ", ".join(f"{shown(word)} ({count})" for word, count in (+counts).most_common(MANY))
                found = f"says of {counts.total()} images a part that there is not: {words}"
                remedy = f"write {', '.join(PARTS)} or {TEST}, which is left out, {OR_MOVE}"
                self.error("part-unknown", file, found, remedy)

    def _unread_tables(self, doubtful: set[Path]) -> None:
        """Tables with a column that is not read and may keep images for validation or test."""
        for file in self.files:
            if file.suffix.lower() not in (*lists.JSON, *lists.TABLES) or self.uses.get(file) not in (None, PAIRS):
                continue
            column, names = self.said(file).telling
            if hit := set(self._images_of(file, names)) & doubtful:
                found = (
                    f"the column {column!r} is not read, and {len(hit)} images of it would be trained on, such as"
                    f" {min(hit).name}"
                )
                remedy = f"call the column split and write train, val or {TEST} in each row"
                or_not = "or if it is for no parts call it note, and run `semiproto init` again"
                self.error("list-unknown", file, found, f"{remedy}, {or_not}")

    def _possible_lists(self) -> Iterator[Path]:
        """Files that may be lists of images but do not say of which part; one called like an image is of that image."""
        stems = {fold(path.stem) for path in self.images}
        for file in self.files:
            if file in self.uses or file.suffix.lower() not in LIST_SUFFIXES or part_of(file.stem) is not None:
                continue
            if not lists.is_of_another_task(file.parent.relative_to(self.base)) and fold(file.stem) not in stems:
                yield file

    def _plainly_listed(self, file: Path) -> set[Path]:
        """The images that a file lists; empty where most of it is no image's name, alone or before that of a mask."""
        names = [name for name in self.said(file).plain if name not in self.source.classes]
        images: set[Path] = set()
        known = 0
        for name in names:
            found, mask = self._one_or_two(name, file)
            if isinstance(found, Path) and (isinstance(mask, Path) or isinstance(self._listed_image(name, file), Path)):
                images.add(found)
                known += 1
            elif found is None and (inside := self._inside(name)):
                images.update(inside)
                known += 1
        return images if 2 * known > len(names) else set()

    def _remedy_for_list(self, file: Path, part: str, unread: dict[Path, list[Path]]) -> str:
        """unread: the lists of the part that are not read, with their images; the parameter must name them all, besides
        those it has, but of several folds one."""
        key, name = LISTS_OF[part], file.relative_to(self.base).as_posix()
        if file.suffix in lists.LINES or self.said(file).assigned or self.said(file).plain:
            if (train := self._trained_on_beside(file, unread)) is not None:
                beside = train.relative_to(self.base).as_posix()
                return f"set dataset.train_list to {beside} and dataset.{key} to {name}"
            known = getattr(self.source, key) or []
            more = [one.relative_to(self.base).as_posix() for one in unread]
            names = list(dict.fromkeys([*([known] if isinstance(known, str) else known), *more]))
            several = yaml.safe_dump(names, default_flow_style=True, width=10**6).strip()
            return f"set dataset.{key} to {name if len(names) == 1 else several}"
        if readers.is_table(file):
            return f"add {name} to dataset.masks"
        return f"write its names into {part}.txt, one a line, and set dataset.{key} to that"

    def _trained_on_beside(self, file: Path, unread: dict[Path, list[Path]]) -> Path | None:
        """The list of training images of the same fold, which names what lists of other folds keep; None without."""
        kept = {path for other, images in unread.items() if other != file for path in images}
        for path in self.folders[file.parent]:
            alike = path.suffix == file.suffix and re.findall(r"\d+", path.stem) == re.findall(r"\d+", file.stem)
            if alike and part_of(path.stem) == "train" and kept & set(self._images_of(path, readers.names_in(path))):
                return path
        return None

    def _unread_held_out(self) -> Iterator[tuple[Path, str, Iterable[str]]]:
        """Such files with the part and the names that they hold."""
        for path in self.files:
            if path in self.uses or not _may_list(path):
                continue
            folder, part = path.parent.relative_to(self.base), part_of(path.stem)
            if part in HELD_OUT:
                # VOC's other tasks validate on images that segmentation trains on; what one tests on, all test on.
                if part == TEST or not lists.is_of_another_task(folder):
                    yield path, part, readers.names_in(path)
            elif part is None:
                yield from ((path, held, names) for held, names in self.said(path).assigned.items() if held in HELD_OUT)

    def _images_of(self, file: Path, names: Iterable[str]) -> Iterator[Path]:
        """The images that the names in a file mean."""
        for name in names:
            found, _ = self._one_or_two(name, file)
            yield from [found] if isinstance(found, Path) else self._inside(name)

    # -------------------------------------------------------------------------------------------------- uses

    def tell_uses(self, items: dict[Path, Item]) -> None:
        """What every file is used as, or why it is passed over."""
        words = {"train": "labelled training images", "val": "validation images", "unlabeled": "unlabelled images"}
        for path in self.images:
            item = items.get(path)
            self.uses[path] = words[item.part] if item else PASSED_OVER + self._why_left_out(path)
            if item and item.part == "unlabeled" and path not in self.named and self._are_named():
                self.uses[path] = "unlabelled images, which no list, table or annotation file names"
        for image, mask in self.masks.items():
            used = image in items and items[image].mask is not None
            for file in _files_of(mask):
                if file.suffix.lower() in MASK_SUFFIXES:
                    kind = "masks" if file.suffix.lower() == ".png" else f"masks ({file.suffix})"
                    self.uses[file] = kind if used else f"{PASSED_OVER}masks of images that are not used as labelled"
        for path in self.unnamed.values():
            self.uses.setdefault(path, f"{PASSED_OVER}masks of images that are not used as labelled")
        for path in self.files:
            if path not in self.uses:
                self.uses[path] = self._other(path)

    def _are_named(self) -> bool:
        """Whether lists, tables or annotation files of many images say which images are used."""
        by_files = self.format == "pairs" or self.format in readers.OF_MANY_IMAGES
        return by_files or bool(self.source.train_list or self.source.validation_list)

    def _why_left_out(self, path: Path) -> str:
        part = self.parts.get(path)
        if path in self.test:
            return "test images, left out of everything"
        if path not in self.masks and part == "val":
            return "validation images without a mask"
        if (path in self.masks or path in self.unnamed) and part != "val":
            return "images with masks that no list or table names"
        return "images that no list names"

    def _other(self, path: Path) -> str:
        relative = path.relative_to(self.base)
        if path.name.lower() in CLASS_FILES or (self.format == "supervisely" and path.name == supervisely.META):
            return "class names"
        if path.suffix.lower() in (*layout.IMAGE_SUFFIXES, *UNREAD_SUFFIXES, *MASK_SUFFIXES):
            part = part_of_folders(relative)
            folder = f"{relative.parts[0]}/" if len(relative.parts) > 1 else "the folder itself"
            if part == TEST:
                return f"{PASSED_OVER}test images, left out of everything"
            return f"{PASSED_OVER}pictures in {folder}, which is neither in dataset.images nor in dataset.masks"
        if path.suffix.lower() == ".json" and (task := self.said(path).task) is not None:
            return f"{PASSED_OVER}COCO's {task}, which are no masks"
        if _may_list(path) and part_of(path.stem) is not None:
            return f"{PASSED_OVER}lists that the parameters do not name"
        return f"{PASSED_OVER}other files ({account.kind_of(path)})"


def _may_list(path: Path) -> bool:
    """Whether a file may be a list; without a suffix, only one that is called after a part."""
    suffix = path.suffix.lower()
    return suffix in LIST_SUFFIXES or (not suffix and part_of(path.stem) is not None)


def _paths(base: Path, names: str | list[str]) -> list[Path]:
    return [base / name for name in ([names] if isinstance(names, str) else names)]


def _below(paths: Sequence[Path], place: Path) -> list[Path]:
    return [path for path in paths if path.is_relative_to(place)]


def _alone(name: str) -> str:
    """A pattern of a name with neither letters nor digits beside it."""
    return rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"


def _deepest(path: Path, folders: list[Path]) -> Path | None:
    """The folder of several that the path lies in most closely; None where it lies in none."""
    inside = [folder for folder in folders if path.is_relative_to(folder)]
    return max(inside, key=lambda folder: len(folder.parts), default=None)


def _ends(path: Path, folders: tuple[str, ...]) -> bool:
    """Whether the folders of a path hold these, folded, one behind the other."""
    own = tuple(map(fold, path.parent.parts))
    return any(own[start : start + len(folders)] == folders for start in range(len(own)))


def _without_instances(mask: Mask) -> bool:
    return isinstance(mask, Outlines) and not mask.instances and not mask.whole


def _two_masks(first: Path, second: Path) -> tuple[str, str]:
    """What is wrong with two masks of one image, and the remedy."""
    if first.stem == second.stem:
        return f"another mask has the same id {second.stem!r}", "rename one"
    return f"{first} is a mask of the same image", "join them into one file, with a value for each class, or keep one"


def _files_of(mask: Mask) -> list[Path]:
    if isinstance(mask, Path):
        return [mask]
    if isinstance(mask, Layers):
        return [path for _, path in mask.layers]
    return list({shape.png for _, _, shape in mask.instances if isinstance(shape, Segment)})


def _no_image(file: Path, line: int | None, text: str, found: Path | None) -> Fault:
    if found is not None:
        return Fault("list-path", str(file), f"{shown(text)} leads out of the folder", f"write {found.stem}", line)
    try:
        layout.check_id(text, "")
    except UserError:
        what = f"{shown(text)} cannot be an id, and no image has that name"
        return Fault("list-id", str(file), what, "add the image or take out the line", line)
    return Fault("list-image", str(file), f"id {shown(text)} has no image", "add it or take out the id", line)
