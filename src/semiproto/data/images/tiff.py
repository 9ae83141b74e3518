"""The header of a TIFF: how many bands of which depth, and whether it is one page.

Read with Pillow's parser of tags, which knows more kinds of TIFF than Pillow decodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from PIL.TiffImagePlugin import PREFIXES, ImageFileDirectory_v2

from semiproto.errors import UserError

SUBFILE_TYPE, WIDTH, LENGTH, BITS, PHOTOMETRIC, ORIENTATION, SAMPLES = 254, 256, 257, 258, 262, 274, 277
EXTRA_SAMPLES, SAMPLE_FORMAT, NODATA = 338, 339, 42113
GEOGRAPHIC = (33550, 33922, 34264, 34735)
"""ModelPixelScale, ModelTiepoint, ModelTransformation, GeoKeyDirectory (GeoTIFF 1.1)."""
READ = (SUBFILE_TYPE, WIDTH, LENGTH, BITS, PHOTOMETRIC, ORIENTATION, SAMPLES, EXTRA_SAMPLES, SAMPLE_FORMAT)
NOTED = (NODATA, *GEOGRAPHIC)
"""Tags whose values are looked at, and tags that need only be there: others may hold anything."""
REDUCED, TRANSPARENCY = 1, 4
"""Bits of SUBFILE_TYPE: the page is a smaller copy or the transparency of another, as in cloud-optimised GeoTIFFs."""
MOST_PAGES = 64
ALPHA = (1, 2)
"""Values of EXTRA_SAMPLES that say: the band is alpha."""


@dataclass(frozen=True)
class TiffHeader:
    """What the tags of the first page say."""

    width: int
    height: int
    """As stored."""
    orientation: int
    """As of EXIF: 1 to 8."""
    samples: int
    """Bands of a pixel, alpha included."""
    bits: int
    """Of the deepest band."""
    kind: int
    """SampleFormat: 1 unsigned, 2 signed, 3 floating point."""
    alpha: bool
    photometric: int
    nodata: bool
    """Whether a value is said to mean that nothing is known of a pixel."""
    geographic: bool
    """Whether it says where on Earth its pixels are."""

    @property
    def data_bands(self) -> int:
        """Bands without alpha."""
        return self.samples - self.alpha

    @property
    def plain(self) -> bool:
        """Whether Pillow reads all bands at their full depth."""
        if self.samples == 1:
            deep = (16, 1), (12, 1), (16, 2), (32, 2), (32, 3)
            return (self.bits <= 8 and self.kind == 1) or ((self.bits, self.kind) in deep and not self.nodata)
        inks = self.photometric == 5 and self.samples == 4
        return self.bits == 8 and self.kind == 1 and (self.data_bands == 3 or self.data_bands == 1 or inks)


def is_tiff(start: bytes) -> bool:
    """Whether a file that begins so is a TIFF."""
    return start.startswith(tuple(PREFIXES))


def read_header(path: Path, stream: IO[bytes]) -> TiffHeader:
    """The header of a TIFF; the stream's place is kept. UserError where it has several pages."""
    place = stream.tell()
    first: dict[int, Any] | None = None
    for number, tags in enumerate(_pages(stream)):
        if first is None:
            first = tags
        elif number >= MOST_PAGES or not tags.get(SUBFILE_TYPE, 0) & (REDUCED | TRANSPARENCY):
            raise UserError(f"{path}: a TIFF of several pages; save each page to use as a file of its own")
    stream.seek(place)
    return _header(first or {})


def _pages(stream: IO[bytes]) -> Iterator[dict[int, Any]]:
    """The tags of each page; pages that lead back to an earlier one end the file."""
    stream.seek(0)
    start = stream.read(8)
    tags = ImageFileDirectory_v2(start + stream.read(8) if start[2] == 43 else start)  # 43: BigTIFF
    seen: set[int] = set()
    while (place := int(tags.next)) and place not in seen:
        seen.add(place)
        stream.seek(place)
        tags.load(stream)
        yield {tag: tags[tag] for tag in READ if tag in tags} | {tag: True for tag in NOTED if tag in tags}


def _header(tags: dict[int, Any]) -> TiffHeader:
    bits, kinds, extra = (_numbers(tags.get(tag)) for tag in (BITS, SAMPLE_FORMAT, EXTRA_SAMPLES))
    samples = int(tags.get(SAMPLES) or len(bits) or 1)
    photometric, turn = int(tags.get(PHOTOMETRIC) or 0), tags.get(ORIENTATION)
    return TiffHeader(
        width=int(tags.get(WIDTH) or 0),
        height=int(tags.get(LENGTH) or 0),
        orientation=turn if isinstance(turn, int) and 1 <= turn <= 8 else 1,
        samples=samples,
        bits=max(bits, default=1),
        kind=max(kinds, default=1),
        alpha=any(value in ALPHA for value in extra) or (photometric == 2 and samples == 4 and not extra),
        photometric=photometric,
        nodata=NODATA in tags,
        geographic=any(tag in tags for tag in GEOGRAPHIC),
    )


def _numbers(value: Any) -> tuple[int, ...]:
    """A tag's numbers, whether it holds one, several or none."""
    return () if value is None else tuple(map(int, value)) if isinstance(value, tuple) else (int(value),)
