"""The image files of a prepared set, by id: its own, or those of the user's folder, which are used where they are.

<root>/JPEGImages/   images of the set's own, or
<root>/images.csv    id, length in bytes and SHA-256 of each image: what the set is, whatever machine it is on
<root>/../places.csv id and path of each image on this machine; no part of the set, so DVC does not version it

A file that is read for the first time in a process, or has changed since it was, must have the manifest's digest.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semiproto.data import layout
from semiproto.data.images.pixels import RGB8, PixelFormat
from semiproto.errors import UserError
from semiproto.provenance.artifacts import sha256_file, write_bytes
from semiproto.provenance.integrity import state_of

MANIFEST, PLACES = "images.csv", "places.csv"
REMEDY = "run `snakemake --cores all` where the folder dataset.path is"


@dataclass(slots=True)
class ImageFile:
    """An image of a set."""

    path: Path
    length: int = 0
    digest: str | None = None
    """SHA-256 that the file must have; None for an image of the set's own."""
    compared: str = ""
    """State of the file in which its digest was compared."""

    def read(self, form: PixelFormat = RGB8) -> np.ndarray:
        """As layout.read_image; UserError too where the file is not the one that the set was prepared from."""
        if self.digest is not None:
            self._require_same()
        image = layout.read_image(self.path, form)
        if self.digest is not None and self._state() != self.compared:
            self._require_same()  # changed while it was read: the same content, or an error
        return image

    def _require_same(self) -> None:
        state = self._state()
        if state == self.compared:
            return
        if not self.is_same():
            raise UserError(f"{self.path}: changed since the set was prepared; restore it, or {REMEDY} to prepare anew")
        self.compared = state

    def _state(self) -> str:
        try:
            return state_of(self.path.stat())
        except OSError:
            raise UserError(
                f"{self.path}: no such image any more; restore it, or {REMEDY}: it finds images that were moved"
            ) from None

    def is_same(self) -> bool:
        """Whether the file is there with the content that the manifest names."""
        try:
            return self.path.stat().st_size == self.length and sha256_file(self.path) == self.digest
        except OSError:
            return False


def image_files(root: Path, ids: Collection[str] | None = None) -> dict[str, ImageFile]:
    """The images of a prepared set by id, in the order of their ids; UserError where it is not known where they are.

    ids: of those that are wanted, which spares memory where the set refers to a million images.
    """
    if not refers(root):
        return {name: ImageFile(path) for name, path in layout.images_by_id(root / layout.IMAGES).items()}
    wanted = None if ids is None else set(ids)
    rows = (row for row in _rows(root.parent / PLACES, "id", "path") if wanted is None or row[0] in wanted)
    places, found = dict(rows), {}
    for image_id, length, digest in _rows(root / MANIFEST, "id", "bytes", "sha256"):
        if wanted is not None and image_id not in wanted:
            continue
        if image_id not in places or not length.isdecimal():
            raise UserError(f"{root.parent / PLACES}: does not say where image {image_id[:60]!r} is; {REMEDY}")
        found[image_id] = ImageFile(Path(places[image_id]), int(length), digest)
    return found


def refers(root: Path) -> bool:
    """Whether a prepared set has a manifest in place of images."""
    return (root / MANIFEST).is_file()


def unplaced(root: Path) -> bool:
    """Whether a set refers to images of which it is not known where they are, as in a clone."""
    return refers(root) and not (root.parent / PLACES).is_file()


def write(root: Path, digests: Mapping[str, tuple[int, str]]) -> None:
    """Writes the manifest of a set: length and SHA-256 of each image by id."""
    rows = ((image_id, length, digest) for image_id, (length, digest) in sorted(digests.items()))
    _write(root / MANIFEST, ("id", "bytes", "sha256"), rows)


def write_places(prepared: Path, images: Mapping[str, Path]) -> None:
    """Writes where each image of the set in `prepared`/files is on this machine."""
    rows = ((image_id, os.path.abspath(path)) for image_id, path in sorted(images.items()))  # noqa: PTH100 -- links stay
    _write(prepared / PLACES, ("id", "path"), rows)


def changed(root: Path) -> Iterator[Path]:
    """The images that are gone or not those of the manifest; every one is read."""
    return (image.path for image in image_files(root).values() if not image.is_same())


def _write(file: Path, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_bytes(file, text.getvalue().encode("utf-8", "surrogateescape"))


def _rows(file: Path, *columns: str) -> Iterator[list[str]]:
    """The rows of one of our tables; UserError where it is missing or damaged."""
    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(stream)
            if next(reader, None) != list(columns):
                raise ValueError(f"its first line is not {','.join(columns)}")
            for row in reader:
                if len(row) != len(columns):
                    raise ValueError(f"line {reader.line_num} has {len(row)} fields")
                yield row
    except FileNotFoundError:
        raise UserError(f"{file}: no such file; {REMEDY}") from None
    except PermissionError:
        raise
    except (ValueError, csv.Error, OSError) as error:
        raise UserError(f"{file}: not a table of images ({error}); delete {file.parent} and {REMEDY}") from None
