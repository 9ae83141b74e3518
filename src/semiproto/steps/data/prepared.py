"""What the steps that prepare a set have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semiproto.data import layout
from semiproto.data.layout import FILES
from semiproto.steps.job import Written


def written(out: Path, facts: dict[str, Any] | None = None) -> Written:
    """The set in out/files, with what `known` says of it and other facts."""
    return Written([FILES], facts=(facts or {}) | known(out / FILES))


def known(root: Path) -> dict[str, Any]:
    """The numbers of images, the classes, and what the images' samples are, by the files of a set."""
    lists = {path.stem: len(layout.read_list(path)) for path in sorted((root / layout.LISTS).glob("*.txt"))}
    facts: dict[str, Any] = {"images": lists, "classes": layout.read_classes(root)}
    if (root / layout.PIXELS).is_file():
        facts["pixels"] = layout.read_pixels(root).model_dump(mode="json")
    return facts
