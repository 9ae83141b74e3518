"""The images of a user's folder: what lies in folders of images, and is not a mask that lies there too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from semiproto.data import layout
from semiproto.data.own import account
from semiproto.data.own.account import PASSED_OVER
from semiproto.data.own.contents.folder import Folder, deepest
from semiproto.data.own.contents.found import Found
from semiproto.data.own.formats import instances, per_class, readers
from semiproto.data.own.masks import LOSSY, MASK_SUFFIXES
from semiproto.data.own.names import FURTHER_PICTURES, fold, unmasked
from semiproto.errors import UserError

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


def look_for(found: Found) -> None:
    """Notes the images; UserError where a folder of images is not there."""
    folder = found.folder
    for root in folder.roots:
        if not root.is_dir():
            raise UserError(f"{root}: no such folder of images; correct dataset.path and dataset.images")
    unread = []
    for path in _candidates(folder):
        suffix = path.suffix.lower()
        if suffix in layout.IMAGE_SUFFIXES:
            found.images[path] = None
        elif suffix in UNREAD_SUFFIXES and suffix not in readers.SUFFIXES[folder.format]:
            unread.append(path)
    _refuse_same_stems(found)
    _warn_of_unread(found, unread)


def is_mask_beside(folder: Folder, path: Path) -> bool:
    """Whether the name is that of another picture in the same folder with what tools put behind it."""
    stem, suffix = unmasked(FURTHER_PICTURES.sub("", path.stem)), path.suffix.lower()
    if folder.format == "per-class":
        stem = fold(per_class.split_name(path.stem, folder.source.classes[1:])[1])
    return stem != fold(path.stem) and suffix in (*MASK_SUFFIXES, *LOSSY) and (path.parent, stem) in folder.stems


def _candidates(folder: Folder) -> Iterator[Path]:
    for place, files in folder.folders.items():
        holds = _holds_images(folder, place)
        if holds is None or (holds and folder.format not in readers.OF_FILES):  # others lie beside for a look
            yield from (path for path in files if not is_mask_beside(folder, path))
        elif holds:
            yield from files


def _holds_images(folder: Folder, place: Path) -> bool | None:
    """Whether a folder holds images; None where it holds masks too."""
    root = deepest(place, folder.roots)
    if folder.format == "instances" and fold(place.name) == instances.MASKS:
        return False
    if root is None or any(part.lower() in NO_IMAGES for part in place.relative_to(root).parts):
        return False
    label = deepest(place, [one for one in folder.labels if one.suffix not in (".csv", ".json", ".xml")])
    if label is None or len(label.parts) < len(root.parts) or folder.format not in readers.OF_FILES:
        return True
    return None if label == root else False


def _refuse_same_stems(found: Found) -> None:
    first: dict[str, Path] = {}
    for path in list(found.images):
        other = first.setdefault(str(path).removesuffix(path.suffix), path)
        if other != path:
            remedy = f"rename one, or if it is a mask, put it into the folder of masks or call it {path.stem}_mask.png"
            found.error("same-stem", path, f"{other} has the same id {path.stem!r}", remedy)
            found.uses[path] = f"{PASSED_OVER}images that have the name of another"
            del found.images[path]


def _warn_of_unread(found: Found, unread: list[Path]) -> None:
    by_kind: dict[str, list[Path]] = defaultdict(list)
    for path in unread:
        by_kind[account.kind_of(path)].append(path)
        found.uses[path] = f"{PASSED_OVER}{account.kind_of(path)} files, which are not read as images"
    for kind, paths in by_kind.items():
        more = f" ({len(paths)} of them)" if len(paths) > 1 else ""
        found.warning("image-suffix", paths[0], f"{kind} files are passed over{more}", "save it as JPEG or PNG")
