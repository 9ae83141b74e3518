"""Files of tools that are not read, so that `init` says what to export in their place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from semiproto.data.own.formats import coco
from semiproto.provenance import reading

MARKS: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("item", "annotations"): ("V7 Darwin", "export it as COCO"),
    ("project_name", "label_classes"): ("Hasty", "export it as COCO"),
    ("metadata", "instances"): ("SuperAnnotate", "convert it to COCO with its Python SDK (sa.export_annotation)"),
    ("name", "dataset"): (
        "Segments.ai",
        "write it as coco-instance with its Python SDK (export_dataset)",
    ),
    ("data_row", "projects"): ("Labelbox", "convert it to COCO, or save its masks as PNG"),
    ("image", "annotations"): ("Segment Anything", "its masks have no classes, so give each one in a labelling tool"),
    ("project", "config", "metadata", "view", "file"): ("VIA 3", "export it as COCO, or draw with VIA 2"),
}
"""Tool and remedy by keys of its JSON."""


def remedy(files: Iterable[Path]) -> str | None:
    """What the first file of such a tool is and what to do; None where there is none."""
    return next((found for path in files if (found := _remedy(path)) is not None), None)


def _remedy(path: Path) -> str | None:
    text = reading.text(path)
    if path.suffix.lower() != ".json":  # an object a line
        text = text.partition("\n")[0]
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if (task := coco.task_of(content)) is not None:
        return f"{path}: holds COCO's {task}, which are no masks; export the instances, which have outlines"
    keys = set(content) if isinstance(content, dict) else set()
    return next((f"{path}: of {tool}, which is not read; {what}" for marks, (tool, what) in MARKS.items()
                 if keys >= set(marks)), None)  # fmt: skip
