"""What `predict` reads and writes: the images that paths name, and where the results of each go."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from semiproto.data import layout
from semiproto.data.images import opening, raster, tiff
from semiproto.data.own import account
from semiproto.errors import UserError
from semiproto.provenance.artifacts import sha256_file

TEXT = "semiproto"
"""Name of the text that a result carries: what it was made of. In a JPEG it is the comment."""
SCENE = ".tif"
"""Suffix of the results of a scene: a picture with a place on Earth, or with too many pixels to hold."""


class Shard(NamedTuple):
    """One of the parts of many images that are predicted side by side; `number` counts from 0."""

    number: int
    of: int

    def share(self, images: Iterable[Path]) -> list[Path]:
        """The images of this part: by their names, so that an image more changes no other's place."""
        return [image for image in images if self._of_name(image) == self.number]

    def _of_name(self, image: Path) -> int:
        return int.from_bytes(hashlib.sha256(os.fsencode(image.name)).digest()[:8], "big") % self.of


@dataclass(frozen=True)
class Options:
    """window: side of the sliding window for larger images, pixels. palette: false writes masks without colours.

    shard: the part of the images to predict; others may write theirs beside it. None: all.
    """

    window: int = 1024
    palette: bool = True
    overlay: bool = False
    confidence: bool = False
    shard: Shard | None = None


@dataclass(frozen=True)
class Files:
    """Where the results of one image go, and the text that they must carry."""

    image: Path
    mask: Path
    overlay: Path | None
    confidence: Path | None
    palette: bool
    key: str
    """Of the model, the options and the code."""

    @cached_property
    def text(self) -> str:
        """What the results are made of. Asked for before the image is read: what changes meanwhile makes them old."""
        try:
            content = " ".join(sha256_file(file) for file in self._read())
        except (UserError, OSError):  # whoever reads it says why
            content = "unreadable"
        return hashlib.sha256(os.fsencode(f"{self.key} {self.image.name} {content}")).hexdigest()

    def _read(self) -> list[Path]:
        """The files that the image is read from: beside a scene others may say where it lies and what it lacks."""
        if not self.is_scene:
            return [self.image]
        with raster.dataset(self.image, "GTiff") as data:
            return sorted(map(Path, data.files))

    @property
    def is_scene(self) -> bool:
        """Whether the results are GeoTIFFs."""
        return self.mask.suffix == SCENE

    def outputs(self) -> list[Path]:
        return [path for path in (self.mask, self.overlay, self.confidence) if path is not None]

    def done(self) -> bool:
        """Whether every result is there, and made of what it has to be made of."""
        texts = [text_of(path) for path in self.outputs()]  # first, since an image need not be read for its first mask
        return None not in texts and set(texts) == {self.text}

    def foreign(self) -> Path | None:
        """A picture in the place of a result that no `predict` wrote: somebody's own mask, or a corrected one."""
        there = (path for path in self.outputs() if path.exists())
        return next((path for path in there if text_of(path) is None and _is_picture(path)), None)

    def remove_stale(self) -> None:
        """Removes the overlay and the confidence of a former mask, which are not asked for and would not go with it."""
        for path in beside(self.mask):
            if path not in self.outputs() and text_of(path) not in (None, self.text):
                path.unlink()


def text_of(path: Path) -> str | None:
    """What a result says that it was made of; None where there is no such file, or it says nothing."""
    try:
        if path.suffix == SCENE:
            with raster.dataset(path, "GTiff") as data:
                found: str | None = data.tags().get(TEXT)
                return found
        with opening.opened(path, ("PNG", "JPEG"), "a result") as file:
            comment = file.info.get("comment", b"") if file.format == "JPEG" else b""
            return comment.decode("ascii", "replace") or file.info.get(TEXT)
    except UserError:
        return None


def _is_picture(path: Path) -> bool:
    try:
        opening.outline(path)
    except UserError:
        return False
    return True


def left_over(out: Path, names: Collection[str]) -> list[Path]:
    """The masks in a folder that a `predict` wrote, but for those of these names."""
    others = (path for path in out.iterdir() if path.suffix in (".png", SCENE) and path.name not in names)
    return sorted(path for path in others if path.is_file() and text_of(path) is not None)


@contextmanager
def alone_in(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Holds a folder of results, which is made where it is missing; UserError where another process holds it.

    shared: by processes that write different files, as those of shards do.
    The lock ends with the process, however it ends. File systems that know no locks of folders have none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: another command writes into it; wait for it, or give another --out") from None
        except OSError:
            pass
        yield
    finally:
        os.close(handle)


def files_of(image: Path, out: Path, options: Options, key: str) -> Files:
    """Where the results of an image go. key: of the model, the options and the code."""
    mask = out / f"{image.stem}{SCENE if is_scene(image) else '.png'}"
    overlay, confidence = beside(mask)
    return Files(
        image,
        mask,
        overlay if options.overlay else None,
        confidence if options.confidence else None,
        options.palette,
        key,
    )


def beside(mask: Path) -> tuple[Path, Path]:
    """Where the overlay and the confidence of a mask go."""
    overlay = mask.name if mask.suffix == SCENE else f"{mask.stem}.jpg"
    return mask.parent / "overlay" / overlay, mask.parent / "confidence" / mask.name


def is_scene(path: Path) -> bool:
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


def images(paths: list[Path]) -> list[Path]:
    """The files, and the images in the folders, that `paths` name."""
    files: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            no_such = UserError(f"{path}: no such file or folder of images; correct the name")
            raise dead_link(path) if path.is_symlink() else no_such
        for file in in_folder(path) if path.is_dir() else [path]:
            if os.path.realpath(files.setdefault(file.stem, file)) != os.path.realpath(file):
                raise UserError(
                    f"{file}: {files[file.stem]} would give the mask the same name; predict them one by one"
                )
    if not files:
        there = "; ".join(f"{row.count} {row.use}" for row in uses(paths))
        raise UserError(
            f"{paths[0]}: no image in it ({', '.join(layout.IMAGE_SUFFIXES)}){there and f', but {there}'}; name a"
            " folder of images"
        )
    return list(files.values())


def in_folder(folder: Path) -> list[Path]:
    """The images in a folder, sorted; hidden files are not read."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in layout.IMAGE_SUFFIXES)
    return sorted(path for path in files if not path.name.startswith("."))


def uses(paths: list[Path]) -> list[account.Row]:
    """What the files below the folders of `paths` are used as; those of subfolders are passed over."""
    rows = []
    for folder in filter(Path.is_dir, paths):
        files, found = account.survey(folder)
        used = set(in_folder(folder))
        for path in files:
            if path.suffix.lower() not in layout.IMAGE_SUFFIXES:
                found[path] = f"{account.PASSED_OVER}{account.kind_of(path)} files"
            elif path not in used:
                found[path] = f"{account.PASSED_OVER}images in subfolders; name the subfolders too"
            else:
                found[path] = "images"
        rows += account.rows(folder, found)
    return rows


def dead_link(path: Path) -> UserError:
    """Of a link whose target is missing."""
    return UserError(f"{path}: a link to a file that is not there; restore the file or remove the link")
