"""What is found in a user's folder, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from semiproto.data.own.contents.folder import Folder
from semiproto.data.own.contents.lookup import Lookup
from semiproto.data.own.faults import Fault
from semiproto.data.own.masks import Mask
from semiproto.data.own.names import TEST

HELD_OUT = ("val", TEST)
"""Parts that are not trained on."""
MANY = 5
"""Faults of one kind from which one stands for all, and files or words that one names."""


@dataclass
class Found:
    """Images, masks, parts and faults so far, and what each file is used as."""

    folder: Folder
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
    test: set[Path] = field(default_factory=set)
    """Images that are left out of everything by a list, table or folder."""
    unnamed: dict[Path, Path] = field(default_factory=dict)
    """By image that no table names, the mask that lies among those of the table."""

    def __post_init__(self) -> None:
        self.uses = dict(self.folder.passed_over)
        self.lookup = Lookup(self.folder, self.images, self.uses)

    def error(self, kind: str, file: Path, found: str, remedy: str, line: int | None = None) -> None:
        self.faults.append(Fault(kind, str(file), found, remedy, line))

    def warning(self, kind: str, file: Path, found: str, remedy: str) -> None:
        self.faults.append(Fault(kind, str(file), found, remedy, warning=True))

    def contradicts(self, image: Path, part: str, where: Path, line: int | None = None) -> bool:
        """Notes where two names give an image different parts, and one of them keeps it out of training."""
        known = self.parts.get(image, part)
        if known == part or not {known, part} & set(HELD_OUT):
            return False
        found = f"{image} is of part {known} there and of part {part} by the name of its folder or list"
        self.error("held-out", where, found, "keep it in one part, or rename the folder", line)
        return True
