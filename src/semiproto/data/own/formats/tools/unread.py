"""Files of tools that are not read, so that `init` says what to export in their place."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from semiproto.data.own.formats import coco
from semiproto.provenance import reading

SUFFIXES = (".json", ".ndjson", ".geojson", ".xml", ".roi", ".zip", ".h5")
"""Of such files."""
PNGS = "save its labels as PNG, TIFF or BMP, one file for each image and called like it"
MARKS: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("item", "annotations"): ("V7 Darwin", "export it as COCO"),
    ("project_name", "label_classes"): ("Hasty", "export it as COCO"),
    ("metadata", "instances"): ("SuperAnnotate", "convert it to COCO with its Python SDK (sa.export_annotation)"),
    ("name", "dataset"): ("Segments.ai", "write it as coco-instance with its Python SDK (export_dataset)"),
    ("data_row", "projects"): ("Labelbox", "convert it to COCO, or save its masks as PNG"),
    ("image", "annotations"): ("Segment Anything", "its masks have no classes, so give each one in a labelling tool"),
    ("project", "config", "metadata", "view", "file"): ("VIA 3", "export it as COCO, or draw with VIA 2"),
    ("asset", "regions"): ("VoTT", "import it into a tool that exports COCO"),
    ("tags", "assets"): ("VoTT", "import it into a tool that exports COCO"),
    ("externalId", "labels"): ("Kili", "export it as COCO"),
    ("data_units", "label_hash"): ("Encord", "export it as COCO"),
    ("filename", "datasetId", "annotations"): ("Dataloop", "convert it to COCO with its Python SDK (dl.Converter)"),
    ("task_id", "response"): ("Scale", "convert it to COCO, or save its masks as PNG"),
    ("type", "features"): ("GeoJSON, as QuPath writes it", PNGS),
    ("imgHeight", "imgWidth", "objects"): (
        "Cityscapes' polygons",
        "draw them with its scripts (csCreateTrainIdLabelImgs), which write _labelTrainIds.png beside them",
    ),
}
"""Tool and remedy by keys of its JSON, or of the first of a list."""


def remedy(files: Iterable[Path]) -> str | None:
    """What the first file of such a tool is and what to do; None where there is none."""
    return next((found for path in files if (found := _remedy(path)) is not None), None)


def _remedy(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if suffix in (".json", ".ndjson", ".geojson"):
        return _of_json(path)
    if suffix == ".xml":
        return _of_xml(path)
    if suffix == ".roi" or (suffix == ".zip" and _has_regions(path)):
        return f"{path}: regions of ImageJ, which are not read; {PNGS}"
    return f"{path}: HDF5, which is not read; {PNGS}" if suffix == ".h5" else None


def _of_json(path: Path) -> str | None:
    text = reading.text(path)
    if path.suffix.lower() == ".ndjson":  # an object a line
        text = text.partition("\n")[0]
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if (task := coco.task_of(content)) is not None:
        return f"{path}: holds COCO's {task}, which are no masks; export the instances, which have outlines"
    first = content[0] if isinstance(content, list) and content else content
    keys = set(first) if isinstance(first, dict) else set()
    return next((f"{path}: of {tool}, which is not read; {what}" for marks, (tool, what) in MARKS.items()
                 if keys >= set(marks)), None)  # fmt: skip


def _of_xml(path: Path) -> str | None:
    text = reading.text(path)
    if "<annotation>" not in text or "<object>" not in text:
        return None
    if "<polygon>" in text:
        return f"{path}: polygons in XML, which are not read; export them as COCO, or import them into a tool that does"
    return f"{path}: boxes of PASCAL VOC, which are no outlines; export masks or polygons, e.g. as COCO"


def _has_regions(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(".roi") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
