"""Which images a model's labels were of: what its receipt says, or what the user names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from semiproto import paths
from semiproto.data import layout, references
from semiproto.data.dataset import Images
from semiproto.deploy import files
from semiproto.errors import UserError
from semiproto.provenance.artifacts import RECEIPT
from semiproto.provenance.receipts import input_digests, read_receipt


@dataclass(frozen=True)
class Labelled:
    """Images that have labels: those of training, and those held out for validation."""

    training: list[Path] = field(default_factory=list)
    validation: list[Path] = field(default_factory=list)

    @property
    def images(self) -> list[Path]:
        return [*self.training, *self.validation]


class Sets(NamedTuple):
    """Labelled images with their masks, of training and of validation."""

    training: Images
    validation: Images


def named(given: list[Path]) -> Labelled:
    """The image files, and the images in the folders, that a user names; UserError where there is none."""
    found = [file for path in given for file in (files.in_folder(path) if path.is_dir() else [path])]
    if not found:
        raise UserError(f"--labelled {given[0]}: no image in it; name the folder of the images that have labels")
    return Labelled(found)


def of_model(model: Path) -> Labelled | None:
    """The images of the split that a model was trained on; None where they are not here, or were changed since."""
    sets = sets_of_model(model)
    return None if sets is None else Labelled(sets.training.files, sets.validation.files)


def sets_of_model(model: Path) -> Sets | None:
    """The same with their masks.

    The receipt beside the model names the prepared set and the split, relative to the checkout that trained it.
    """
    if not (model / RECEIPT).is_file():
        return None
    receipt = read_receipt(model)
    root = _checkout(model, str(receipt.get("artefact", "")))
    data, split = (_input(receipt["inputs"], root, place) for place in (paths.DATA, paths.SPLIT))
    if data is None or split is None:
        return None
    if references.unplaced(data / layout.FILES):
        return None
    by_id = references.image_files(data / layout.FILES)
    training, validation = (layout.read_list(split / f"{name}.txt") for name in ("labeled", "val"))
    if not by_id.keys() >= {*training, *validation}:
        return None
    return Sets(Images(data / layout.FILES, training), Images(data / layout.FILES, validation))


def _checkout(model: Path, artefact: str) -> Path:
    """The checkout that a model lies in; the working directory where the model was moved since."""
    here, parts = model.resolve(), Path(artefact).parts
    return here.parents[len(parts) - 1] if parts and here.parts[-len(parts) :] == parts else Path()


def _input(inputs: dict[str, dict[str, str]], root: Path, place: paths.Place) -> Path | None:
    """The folder of a place that a receipt names, where it is as it was; None for any other."""
    for name, digests in inputs.items():
        folder = root / name
        if place.names(name) and (folder / RECEIPT).is_file() and input_digests(folder) == digests:
            return folder
    return None
