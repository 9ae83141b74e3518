"""How a folder may be read, and the dataset section that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from semiproto.data import layout
from semiproto.data.own.formats import lists
from semiproto.data.own.formats.class_files import Colour
from semiproto.errors import UserError
from semiproto.params import FolderSource, LabelFormat, first_problem

OneOrMore = str | list[str]
UNSEEN = "classes that no image shows, left out: with labels of them run init again"


@dataclass
class Layout:
    """How a folder may be read. Folders and files are relative to it. notes: in sentences, for people."""

    tool: str
    format: LabelFormat
    images: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Of the classes."""
    why: str = ""
    """Where these names are from."""
    colours: list[Colour] | None = None
    void: Colour | None = None
    values: dict[str, str] | None = None
    ignore: int | None = layout.IGNORE_INDEX
    notes: list[str] = field(default_factory=list)

    def section(self, base: Path, name: str, listed: Mapping[str, OneOrMore | None] | None = None) -> FolderSource:
        """The dataset section that reads a folder so. listed: the list files by parameter. UserError where there are
        fewer than two classes, or their names or colours cannot be."""
        drawn = self.colours is not None
        fields = {
            "source": "folder",
            "name": name,
            "path": str(base),
            "images": one_or_list(self.images),
            "masks": one_or_list(self.masks),
            "format": self.format,
            "classes": self.names,
            "colours": [list(colour) for colour in self.colours] if self.colours else None,
            "values": self.values,
            "ignore": (self.void and list(self.void)) if drawn else self.ignore,
        }
        try:
            return FolderSource.model_validate(fields | dict.fromkeys(lists.PARAMETERS.values()) | dict(listed or {}))
        except ValidationError as error:
            where = base / "classes.txt"
            place = where if where.is_file() else base
            raise UserError(f"{place}: {first_problem(error)}; correct the class names") from None


def one_or_list(names: list[str]) -> OneOrMore:
    """As parameters have them: the only one by itself."""
    return names[0] if len(names) == 1 else names
