"""What a check of a user's data found, for people and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from semiproto.data.images.pixels import RGB8, PixelFormat
from semiproto.data.own import account
from semiproto.data.own.account import Row
from semiproto.data.own.faults import Fault

NAMES = {"train": "training", "val": "validation"}


@dataclass(frozen=True)
class ClassShare:
    """A class's share of the labelled pixels of a part; `share` is 0..1."""

    part: str
    name: str
    images: int
    pixels: int
    share: float


@dataclass(frozen=True)
class Findings:
    """faults: worst first. images: number by part. looks: by `labelled` and `unlabelled`, see check.py.

    pixels: what the images' samples are, and the range by which deep ones become 8 bits.
    files: what every file is used as. matched: how names were found. digests: length in bytes and SHA-256 of each image
    that was read, by id.
    """

    folder: str
    faults: list[Fault]
    images: dict[str, int]
    classes: list[ClassShare]
    looks: dict[str, dict[str, float]]
    pixels: PixelFormat = RGB8
    files: list[Row] = field(default_factory=list)
    matched: list[str] = field(default_factory=list)
    digests: dict[str, tuple[int, str]] = field(default_factory=dict)

    def errors(self) -> int:
        return sum(not fault.warning for fault in self.faults)

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": self.folder,
            "errors": self.errors(),
            "warnings": len(self.faults) - self.errors(),
            "kinds": _kinds(self.faults),
            "faults": [fault.as_json() for fault in self.faults],
            "images": self.images,
            "classes": [vars(share) for share in self.classes],
            "looks": self.looks,
            "pixels": self.pixels.model_dump(mode="json"),
            "files": [row.as_json() for row in self.files],
        }

    def lines(self) -> Iterator[str]:
        """Every fault, the classes, how the images look, and how many faults of which kind there are."""
        for fault in self.faults:
            line = f"{'warning' if fault.warning else 'error'}: {fault}"
            yield line.encode("utf-8", "backslashreplace").decode()  # a file's name may not be valid text
        for part in dict.fromkeys(share.part for share in self.classes):
            yield from self._table(part)
        yield from self._looks()
        yield ""
        yield from self.matched
        if self.files:
            yield from account.lines(self.files)
        for severity in ("error", "warning"):
            kinds = _kinds([fault for fault in self.faults if fault.warning == (severity == "warning")])
            if kinds:
                yield f"{severity}s: {', '.join(f'{kind} {count}' for kind, count in kinds.items())}"

    def _table(self, part: str) -> Iterator[str]:
        rows = [share for share in self.classes if share.part == part]
        width = max(len("class"), *(len(row.name) for row in rows))
        yield ""
        yield f"{'class':<{width}}  {'images':>8}  {'pixels':>14}  {'share':>8}   {NAMES[part]}"
        for row in rows:
            yield f"{row.name:<{width}}  {row.images:>8,}  {row.pixels:>14,}  {100 * row.share:>6.2f} %"

    def _looks(self) -> Iterator[str]:
        yield ""
        for kind, look in self.looks.items():
            text = f"{kind:<10}  {look['images']:>8,} images"
            if look["images"]:
                text += f", {look['megapixels_mean']:.3g} ± {look['megapixels_sd']:.2g} megapixels"
                text += f", brightness {look['brightness_mean']:.0f} ± {look['brightness_sd']:.0f} of 255"
            yield text


def _kinds(faults: list[Fault]) -> dict[str, int]:
    """Number of faults by kind, the most frequent first."""
    return dict(Counter(fault.kind for fault in faults).most_common())
