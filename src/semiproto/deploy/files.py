"""What `predict` reads and writes: the images that paths name, and where the results of each go."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from semiproto.data import layout
from semiproto.data.images import opening, raster, tiff
from semiproto.errors import UserError

TEXT = "semiproto"
"""Name of the text that a mask carries: what it was made of."""
SCENE = ".tif"
"""Suffix of the results of a scene: a picture with a place on Earth, or with too many pixels to hold."""


@dataclass(frozen=True)
class Options:
    """window: side of the sliding window for larger images, pixels. palette: false writes masks without colours."""

    window: int = 1024
    palette: bool = True
    overlay: bool = False
    confidence: bool = False


@dataclass(frozen=True)
class Files:
    """Where the results of one image go, and the text that its mask must carry."""

    image: Path
    mask: Path
    overlay: Path | None
    confidence: Path | None
    palette: bool
    text: str

    @property
    def is_scene(self) -> bool:
        """Whether the results are GeoTIFFs."""
        return self.mask.suffix == SCENE

    def outputs(self) -> list[Path]:
        return [path for path in (self.mask, self.overlay, self.confidence) if path is not None]

    def done(self) -> bool:
        """Whether everything is there; the mask is written last, so only its text is looked at."""
        if not all(path.is_file() for path in self.outputs()):
            return False
        try:
            if self.is_scene:
                with raster.dataset(self.mask, "GTiff") as data:
                    return bool(data.tags().get(TEXT) == self.text)
            with opening.opened(self.mask, ("PNG",), "a mask") as file:
                return file.info.get(TEXT) == self.text
        except UserError:
            return False


def files_of(image: Path, out: Path, options: Options, key: str) -> Files:
    """Where the results of an image go. key: of the model and the options."""
    facts = image.stat() if image.exists() else None  # a dangling link is reported when it is read
    text = f"{key} {image.name} {facts and (facts.st_size, facts.st_mtime_ns)}"
    mask, overlay = (SCENE, SCENE) if _is_scene(image) else (".png", ".jpg")
    return Files(
        image,
        out / f"{image.stem}{mask}",
        out / "overlay" / f"{image.stem}{overlay}" if options.overlay else None,
        out / "confidence" / f"{image.stem}{mask}" if options.confidence else None,
        options.palette,
        hashlib.sha256(os.fsencode(text)).hexdigest(),
    )


def _is_scene(path: Path) -> bool:
    """Whether a file is a TIFF with a place on Earth, in it or in a world file, or with too many pixels to hold.

    False where its header cannot be read: reading the picture says why.
    """
    try:
        with opening.door(path) as stream:
            if not tiff.is_tiff(stream.read(64)):
                return False
            header = tiff.read_header(path, stream)
    except UserError:
        return False
    large = header.width * header.height > opening.MOST_PIXELS
    return header.geographic or large or path.with_suffix(".tfw").is_file()


def images(paths: list[Path]) -> tuple[list[Path], list[str]]:
    """The files, and the images in the folders, that `paths` name; and what in the folders is passed over, in lines."""
    files: dict[str, Path] = {}
    others: list[Path] = []
    for path in paths:
        if not path.exists():
            no_such = UserError(f"{path}: no such file or folder of images; correct the name")
            raise dead_link(path) if path.is_symlink() else no_such
        named, rest = _in_folder(path) if path.is_dir() else ([path], [])
        others += rest
        for file in named:
            if os.path.realpath(files.setdefault(file.stem, file)) != os.path.realpath(file):
                raise UserError(
                    f"{file}: {files[file.stem]} would give the mask the same name; predict them one by one"
                )
    if not files:
        raise UserError(f"{paths[0]}: no image in it ({', '.join(layout.IMAGE_SUFFIXES)}); name a folder of images")
    return list(files.values()), _counted(others)


def _in_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    """The images of a folder, and everything else in it, sorted."""
    images: list[Path] = []
    others: list[Path] = []
    for path in sorted(folder.iterdir()):
        is_image = path.suffix.lower() in layout.IMAGE_SUFFIXES and not path.name.startswith(".")
        (images if is_image else others).append(path)
    return images, others


def _counted(others: list[Path]) -> list[str]:
    """How many files and folders of which kind there are, each kind with an example, in lines."""
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in others:
        kinds[_kind(path)].append(path)
    return [printable(f"{len(found)} {kind}, such as {found[0].name}") for kind, found in sorted(kinds.items())]


def _kind(path: Path) -> str:
    if path.name.startswith("."):
        return "hidden"
    if path.is_dir():
        return "folders, whose images are predicted when they are named too"
    return f"{path.suffix} files" if path.suffix else "files without a suffix"


def dead_link(path: Path) -> UserError:
    """Of a link whose target is missing."""
    return UserError(f"{path}: a link to a file that is not there; restore the file or remove the link")


def printable(text: str) -> str:
    """`text` on one line: a file's name may hold newlines, or bytes that are not text."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
