"""`predict --format`: masks first, as always, and from them the files of a labelling tool.

<out>/.semiproto/<stem>.png   the masks, which an interrupted command keeps
<out>/...                     the tool's files
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from semiproto.deploy import files, predict
from semiproto.deploy.exchange import ToolFormat, masks
from semiproto.deploy.exchange.coco import coco
from semiproto.deploy.exchange.labelstudio import labelstudio
from semiproto.deploy.exchange.polygons import labelme, yolo
from semiproto.deploy.exchange.predictions import Content, File, Prediction, Predictions, distinct
from semiproto.errors import UserError, printable
from semiproto.model import folder as model_folder
from semiproto.provenance.artifacts import atomic_write, sha256_file, write_bytes, write_json

WRITERS: dict[ToolFormat, tuple[Callable[[Predictions], Iterator[File]], str]] = {
    "voc": (masks.voc, "open the folder in a tool that reads PASCAL VOC"),
    "coco": (coco, "import annotations/instances_default.json"),
    "cvat": (masks.cvat, "import cvat.zip into a task of the same images, as Segmentation mask 1.1"),
    "labelme": (labelme, "run `labelme` on the folder images"),
    "labelstudio": (labelstudio, "set up a project with label_config.xml and import tasks.json"),
    "yolo": (yolo, "import the folder as Ultralytics YOLO segmentation"),
}
"""What writes each format, and what to do with it."""
LABELMAPS = ("voc", "cvat")
WORK, RECORD = ".semiproto", "written.json"


def predict_for(form: ToolFormat, model: Path, paths: list[Path], out: Path, window: int) -> predict.Outcome:
    """Writes the predictions in a tool's format; files that were changed since are not overwritten.

    UserError, before anything is predicted, where the format has no place for an image or a class.
    """
    card = model_folder.read_card(model)
    require_place(form, card.classes, files.images(paths))
    outcome = predict.predict_files(model, paths, out / WORK, files.Options(window))
    finished = [Prediction(one.image, one.mask) for one in outcome.finished]
    predictions = Predictions(finished, card.classes, distinct(card.classes, predict.palette(card)))
    write, what_next = WRITERS[form]
    with _Folder(out) as folder:
        for name, content in write(predictions):
            folder.put(name, content)
    outcome.notes += [f"{what}: {count}" for what, count in predictions.notes.items() if count]
    outcome.notes.append(f"{out}: predictions for {form}; {what_next}")
    return outcome


def require_place(form: ToolFormat, classes: list[str], images: list[Path]) -> None:
    """UserError where a format has no place for an image or a class."""
    if form in LABELMAPS:
        masks.require_names(classes, images)
    for image in images:
        if files.is_scene(image):
            raise UserError(
                f"{image}: a GeoTIFF or larger than a picture may be, which labelling tools do not take; predict it"
                " without --format, or cut it into pictures"
            )
        try:
            image.name.encode()
            plain = "\n" not in image.name and "\r" not in image.name
        except UnicodeEncodeError:
            plain = False
        if not plain:
            raise UserError(
                f"{printable(str(image))}: its name has a line break or is not UTF-8, and labels go by names; rename it"
            )


class _Folder:
    """The output folder. What lies there is replaced only where it is as an earlier command wrote it."""

    def __init__(self, out: Path) -> None:
        self.out, self.record = out, out / WORK / RECORD
        self.written: dict[str, str] = json.loads(self.record.read_text("utf-8")) if self.record.is_file() else {}

    def __enter__(self) -> _Folder:
        return self

    def __exit__(self, *_: object) -> None:
        write_json(self.record, self.written)

    def put(self, name: str, content: Content) -> None:
        path = self.out / name
        if isinstance(content, Path):
            self._copy(name, content, path)
            return
        digest = hashlib.sha256(content).hexdigest()
        if self._is_new(name, path, digest):
            write_bytes(path, content)
        self.written[name] = digest

    def _copy(self, name: str, image: Path, path: Path) -> None:
        if path.is_file() and path.samefile(image):
            return
        facts, digest = image.stat(), sha256_file(image)
        if self._is_new(name, path, digest):
            with atomic_write(path) as temporary:
                shutil.copyfile(image, temporary)
                os.utime(temporary, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        self.written[name] = digest

    def _is_new(self, name: str, path: Path, digest: str) -> bool:
        """Whether the file is to be written; UserError where that would lose what someone else wrote."""
        found = sha256_file(path) if path.is_file() else None
        if found is not None and found not in (digest, self.written.get(name)):
            raise UserError(
                f"{path}: differs from the prediction and may hold corrections, so it is not overwritten; give another"
                " folder with --out, or move it away"
            )
        return found != digest
