"""What an entry of the catalogue says of a published set: its files, its lists, and how it is made from them.

A file has a size and a checksum, those that the publishers state or that several public projects record for the same
file. A file without a checksum cannot be entered, because nothing is kept that was not verified. Where only an MD5 sum
is published, that is what is checked: it finds damage, though not a deliberate forgery.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semiproto.data import layout

_CHECKSUM = re.compile(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Remote:
    """A file of known content, wherever it comes from.

    name: path below the download folder and below a mirror. checksum: `sha256:<hex>` or `md5:<hex>`. size: bytes, None
    where no figure was found. sources: URLs in the order in which they are tried. obtain: how to get the file where it
    has no source, because it needs an account.
    """

    name: str
    checksum: str
    size: int | None
    sources: tuple[str, ...] = ()
    obtain: str = ""

    def __post_init__(self) -> None:
        if not _CHECKSUM.fullmatch(self.checksum):
            raise ValueError(
                f"{self.name}: {self.checksum!r} is no checksum; give sha256:<64 digits> or md5:<32 digits>"
            )


@dataclass(frozen=True)
class Split:
    """A published pair of lists: which images are labelled, and which of the others are used without labels."""

    family: str
    labels: int
    labeled: Remote
    unlabeled: Remote


@dataclass(frozen=True)
class Protocol:
    """How the published results on a family of splits were made.

    experiment: the file in experiments/ with the paper's parameters, without its suffix. window: sliding windows that
    images were scored in, as size and stride in pixels; None: whole images.
    """

    experiment: str
    window: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Example:
    """An image file and its mask file, None where the mask is not to be used or does not exist."""

    image: Path
    mask: Path | None


Parts = Mapping[str, Mapping[str, Example]]
"""Examples by list (train, val, unlabeled) and id."""


@dataclass(frozen=True)
class Published:
    """The ids of the published lists: those of validation, and the labelled and unlabelled ones of each split."""

    validation: list[str]
    pairs: Mapping[Split, tuple[list[str], list[str]]]

    def training(self) -> set[str]:
        """All ids except those of validation."""
        return {image_id for pair in self.pairs.values() for ids in pair for image_id in ids}


@dataclass(frozen=True)
class Converter:
    """How a set is made from its archives.

    wanted: tells by its name whether a member of an archive is needed. examples: the set's images and masks, given the
    folders that the archives were unpacked into. read_mask: the class indices of a mask, uint8 [height, width], void
    255. read_list: the ids of a published list. Each raises UserError for a file that is not as published.
    """

    wanted: Callable[[str], bool]
    examples: Callable[[Sequence[Path], Published], Parts]
    read_mask: Callable[[Path], np.ndarray]
    read_list: Callable[[Path], list[str]] = layout.read_list


@dataclass(frozen=True)
class Dataset:
    """A published set.

    classes: names in the order of mask values. colours: RGB of each class. void: RGB of value 255. files: what is
    needed, images first. counts: images by list, as published. splits, validation: the published lists. protocols: by
    family of splits, how published results were made; empty where there are none on this set.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    void: tuple[int, int, int]
    files: tuple[Remote, ...]
    counts: Mapping[str, int]
    splits: tuple[Split, ...]
    validation: Remote
    protocols: Mapping[str, Protocol]
    converter: Converter
    homepage: str
    licence: str
    citation: str

    def lists(self) -> list[Remote]:
        """The files of all published lists: validation, then labelled and unlabelled of each split."""
        return [self.validation, *(remote for split in self.splits for remote in (split.labeled, split.unlabeled))]
