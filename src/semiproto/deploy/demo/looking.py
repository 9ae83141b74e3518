"""What a model says of one picture, as pictures for a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from semiproto.data.images.pixels import shown
from semiproto.deploy import predict, segment
from semiproto.errors import UserError
from semiproto.model import folder as model_folder
from semiproto.model import reading
from semiproto.model.layers import resize
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank

Array = np.ndarray
MOST = 2048
"""Larger pictures are shrunk to so many pixels a side, which bounds time and memory; the mask is enlarged again."""
WINDOW = 1024
"""Side of the teacher's windows, as in `predict`, and of the largest picture that the student sees, which is whole."""
SEEN = 960
"""The longest side of a picture on the page, pixels."""
THUMBNAIL = 320
PROTOTYPES = 24
"""The most prototypes that are shown, those that fire on most pixels."""


@dataclass
class Answer:
    """What the page shows; pictures are data URLs."""

    size: tuple[int, int]
    """Width and height of the picture, pixels."""
    looked_at: tuple[int, int]
    mask: str
    """PNG of class indices at the picture's size."""
    views: list[dict[str, str]]
    classes: list[dict[str, Any]]
    prototypes: list[dict[str, Any]] = field(default_factory=list)


class Viewer:
    """A model that is ready to look at pictures. Not for several threads at once."""

    def __init__(self, model: Path) -> None:
        self.student: SegmentationNetwork | None = None
        self.bank: PrototypeBank | None = None
        with reading.unchanged(model, *reading.files_of(model)):
            self.card = model_folder.read_card(model)
            self.colours = predict.palette(self.card)
            self.teacher = segment.placed(model_folder.load_model(model))
            if (model / model_folder.STUDENT).is_file():
                student, bank = model_folder.load_student(model)
                if bank is not None:
                    self.student, self.bank = segment.placed(student), bank.to(segment.device())

    def look(self, name: str, data: bytes) -> Answer:
        """name: what the picture is called in messages. UserError where it cannot be read."""
        whole = self._read(name, data)
        image = shrunk(whole, MOST)
        (classes,), (confidence,) = segment.whole(self.teacher, image[None], WINDOW)
        height, width = whole.shape[:2]
        mask = Image.fromarray(classes)
        mask.putpalette(self.colours.ravel().tolist())
        mask = mask.resize((width, height), Image.Resampling.NEAREST)
        under = shrunk(image, SEEN)
        views = [
            _view("Picture", Image.fromarray(shown(under))),
            _view("Mask, of the linear head of the teacher", self._over(under, classes)),
            _view("Confidence: white is certain", _fit(Image.fromarray(confidence), under)),
        ]
        found = Answer((width, height), (image.shape[1], image.shape[0]), _url(mask), views, self._shares(classes))
        if self.student is not None and self.bank is not None:
            self._add_heads(self.student, self.bank, image, found)
        return found

    def _read(self, name: str, data: bytes) -> Array:
        """The picture, uint8 [H, W, bands]; messages call it by its name, not by the place where it was put."""
        with TemporaryDirectory() as work:
            file = Path(work, "picture")
            file.write_bytes(data)
            try:
                return predict.read(file, self.card.pixels)
            except UserError as error:
                raise UserError(str(error).replace(str(file), name)) from None

    def _tensor(self, image: Array) -> Tensor:
        return torch.from_numpy(image).permute(2, 0, 1)[None].to(self.teacher.mean.device)

    def _over(self, under: Array, classes: Array) -> Image.Image:
        fitted = np.asarray(_fit(Image.fromarray(classes), under))
        return segment.overlay(under, fitted, self.colours)

    def _shares(self, classes: Array) -> list[dict[str, Any]]:
        counts = np.bincount(classes.ravel(), minlength=len(self.card.classes))
        return [
            {"name": name, "colour": f"#{bytes(self.colours[index]).hex()}", "share": counts[index] / classes.size}
            for index, name in enumerate(self.card.classes)
        ]

    @torch.inference_mode()
    def _add_heads(self, student: SegmentationNetwork, bank: PrototypeBank, image: Array, found: Answer) -> None:
        """The student's two heads, and the pixels on which each prototype fires: those whose class it decides."""
        small = shrunk(image, WINDOW)
        output = student(self._tensor(small))
        linear = resize(output.logits.float(), small.shape[:2]).argmax(1)[0].byte().cpu().numpy()
        features = output.representation[0].flatten(1).T
        scores, nearest = bank.logits(features)
        classes = scores.argmax(1)
        fires = nearest.gather(1, classes[:, None])[:, 0] + classes * bank.prototypes.shape[1]
        shape = output.representation.shape[-2:]
        under, by_class = shrunk(image, SEEN), classes.view(shape).byte().cpu().numpy()
        found.views += [
            _view("Linear head of the student", self._over(under, linear)),
            _view("Prototype head of the student", self._over(under, by_class)),
        ]
        found.prototypes = list(self._prototypes(fires.view(shape).cpu().numpy(), bank, shrunk(image, THUMBNAIL)))

    def _prototypes(self, fires: Array, bank: PrototypeBank, under: Array) -> Iterator[dict[str, Any]]:
        """Those that fire on most pixels first; the rest of the picture is darkened. fires: [h, w], one of all."""
        each = bank.prototypes.shape[1]
        counts = np.bincount(fires.ravel(), minlength=bank.prototypes.shape[0] * each)
        order = [number for number in np.argsort(-counts, kind="stable")[:PROTOTYPES].tolist() if counts[number]]
        for number in order:
            lit = np.asarray(_fit(Image.fromarray((fires == number).astype(np.uint8)), under)).astype(bool)
            drawn = np.where(lit[:, :, None], shown(under), shown(under) // 5)
            title = f"{self.card.classes[number // each]}, prototype {number % each + 1} of {each}"
            yield _view(title, Image.fromarray(drawn)) | {"share": counts[number] / fires.size}


def shrunk(image: Array, most: int) -> Array:
    """The image [H, W, bands] with no side of more than `most` pixels; one that has none is returned as it is."""
    height, width = image.shape[:2]
    if max(height, width) <= most:
        return image
    size = (max(1, round(width * most / max(height, width))), max(1, round(height * most / max(height, width))))
    planes = [Image.fromarray(np.ascontiguousarray(image[:, :, band])) for band in range(image.shape[2])]
    return np.stack([np.asarray(plane.resize(size, Image.Resampling.BOX)) for plane in planes], axis=2)


def _fit(picture: Image.Image, under: Array) -> Image.Image:
    """A map at the size of what it is laid over, without new values."""
    return picture.resize((under.shape[1], under.shape[0]), Image.Resampling.NEAREST)


def _view(title: str, picture: Image.Image) -> dict[str, Any]:
    return {"title": title, "src": _url(picture)}


def _url(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
