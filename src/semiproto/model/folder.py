"""A model is one folder: safetensors for the weights and a JSON card that describes the network and its classes.

card.json                classes, palette, normalisation, what its images were, the network's parameters, how it was
                         trained, and the licence of the weights that training started from
model.safetensors        the network to predict with (the teacher's average, or the pretrained network)
student.safetensors      semi-supervised runs: the student, whose features the prototypes follow
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from semiproto.data import layout
from semiproto.data.images.pixels import RGB8, PixelFormat
from semiproto.errors import UserError
from semiproto.model.encoders.encoder import IMAGENET
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.model.weights import built_within, read_tensors, require_whole, save_tensors
from semiproto.params import (
    MOST_CLASSES,
    RGB,
    ClassName,
    EncoderParams,
    ModelParams,
    NormalisationParams,
    first_problem,
)
from semiproto.provenance.artifacts import read_json, sha256_file, write_json

CARD, MODEL, STUDENT = "card.json", "model.safetensors", "student.safetensors"

NETWORK, BANK_SETTINGS = "network.", ("momentum", "temperature")
"""How the names of the network's tensors begin in STUDENT, and the scalars beside the prototypes there."""


@dataclass(frozen=True)
class Card:
    """What a model folder says about itself; checked, because people edit it."""

    classes: list[ClassName]
    model: ModelParams
    training: dict[str, Any]
    """How it was trained: step, method, seed, steps; facts for people and for the evaluation."""
    palette: list[RGB] | None = None
    """Red, green and blue of each class in predicted masks; None: VOC's colours, which are then written."""
    normalisation: NormalisationParams = IMAGENET
    """How the network normalises images. Models of version 0.1, whose cards do not say it, do so with ImageNet's."""
    pixels: PixelFormat = RGB8
    """What the samples of its training images were, and the range by which deep ones become 8 bits."""

    @model_validator(mode="after")
    def _a_value_for_each_class(self) -> Card:
        if len(self.classes) > MOST_CLASSES:
            raise ValueError(f"{len(self.classes)} classes, and a mask of 8 bits has room for {MOST_CLASSES}")
        if twice := {name for name in self.classes if self.classes.count(name) > 1}:
            raise ValueError(f"two classes are called {min(twice)}")
        return self

    @model_validator(mode="after")
    def _normalisation_of_its_bands(self) -> Card:
        if len(self.normalisation.mean) != self.pixels.bands:
            raise ValueError(f"normalisation has {len(self.normalisation.mean)} bands, and pixels {self.pixels.bands}")
        return self

    @model_validator(mode="after")
    def _a_colour_for_each_class(self) -> Card:
        if self.palette is not None and len(self.palette) != len(self.classes):
            raise ValueError(f"palette has {len(self.palette)} colours for {len(self.classes)} classes")
        return self


def save_weights(path: Path, module: nn.Module) -> None:
    save_tensors(path, module.state_dict())


def write_card(folder: Path, card: Card) -> None:
    fields = {
        "classes": card.classes,
        "model": card.model.model_dump(mode="json"),
        "training": card.training,
        "palette": card.palette or layout.voc_palette()[: len(card.classes)].tolist(),
        "normalisation": card.normalisation.model_dump(),
        **({} if card.pixels == RGB8 else {"pixels": card.pixels.model_dump(mode="json")}),
        "licence": licence(card.model.encoder),
    }
    write_json(folder / CARD, fields)


def read_card(folder: Path) -> Card:
    """The card of a model folder. Where one of an earlier version lacks a field, its default holds."""
    path = folder / CARD
    try:
        fields = read_json(path)
        return Card(**{name: fields[name] for name in Card.__dataclass_fields__ if name in fields})
    except NotADirectoryError:
        raise UserError(f"{folder}: a file, not a model folder; name the folder that holds it") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; name a folder that a training step wrote") from None
    except ValidationError as error:
        raise UserError(
            f"{path}: not a card of this version of semiproto ({first_problem(error)}); correct it, or train again"
        ) from None
    except (IsADirectoryError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a model card ({' '.join(str(error).split())[:120]}); train again") from None


def licence(encoder: EncoderParams) -> str:
    """What is known about the licence of the weights that training started from."""
    if encoder.weights is None:
        return "started from random weights; only the licence of the training images bears on these"
    if encoder.weights != "timm":
        return f"started from the file {Path(encoder.weights).name}; its licence is that of its source"
    return f"started from timm's {encoder.name}: {stated_licence(encoder) or 'no licence stated'}"


def stated_licence(encoder: EncoderParams) -> str | None:
    """The licence that timm states of the weights that training started from; None where it states none."""
    if encoder.weights != "timm":
        return None
    from timm import get_pretrained_cfg  # here, because it takes long to import, and training has done so

    config = get_pretrained_cfg(encoder.name)
    return (config and config.license) or None


def start_from(student: SegmentationNetwork, folder: Path) -> None:
    """Gives a network that is to be trained further the weights of a saved one, and the way it normalises images."""
    student.load_state_dict(read_tensors(folder / MODEL))
    student.normalise_by(read_card(folder).normalisation)


def digests(folder: Path, names: Collection[str]) -> str:
    """The SHA-256 sums of a card and of files of weights; UserError where one is missing or damaged."""
    for name in names:
        if name != CARD:
            require_whole(folder / name)
    return " ".join(sha256_file(folder / name) for name in names)


def load_model(folder: Path) -> SegmentationNetwork:
    """The network to predict with, in eval mode.

    It takes images uint8 [B, 3, H, W], RGB, of any height and width, and normalises them itself. Its output's `.logits`
    are class scores [B, classes, h, w] at the decoder's stride, 4 with DeepLabV3+; `layers.resize` brings them to the
    image's size.
    UserError names the file that is missing or does not fit.
    """
    return _network(folder, MODEL, read_tensors(folder / MODEL))


def save_student(folder: Path, student: SegmentationNetwork, bank: PrototypeBank | None) -> None:
    """The student, and its bank with the momentum and the temperature that it was trained with."""
    tensors = {f"{NETWORK}{name}": value for name, value in student.state_dict().items()}
    if bank is not None:
        settings = {name: torch.tensor(getattr(bank, name), dtype=torch.float64) for name in BANK_SETTINGS}
        tensors |= settings | {"prototypes": bank.prototypes}
    save_tensors(folder / STUDENT, tensors)


def load_student(folder: Path) -> tuple[SegmentationNetwork, PrototypeBank | None]:
    """The student of a semi-supervised run, in eval mode, and its bank where it has one.

    Models of version 0.1 do not say the bank's momentum and temperature; they get the paper's, 0.99 and 0.1.
    """
    tensors = read_tensors(folder / STUDENT)
    network = {name.removeprefix(NETWORK): value for name, value in tensors.items() if name.startswith(NETWORK)}
    student = _network(folder, STUDENT, network)
    if "prototypes" not in tensors:
        return student, None
    settings = {name: float(tensors[name]) for name in BANK_SETTINGS if name in tensors}
    return student, bank_of(tensors["prototypes"], **settings)


def bank_of(prototypes: Tensor, momentum: float = 0.99, temperature: float = 0.1) -> PrototypeBank:
    """A bank that holds `prototypes` [classes, per_class, dim]; by default with the paper's settings."""
    classes, per_class, dim = prototypes.shape
    bank = PrototypeBank(classes, per_class, dim, momentum, temperature)
    bank.prototypes.copy_(prototypes)
    return bank


def _network(folder: Path, file: str, tensors: dict[str, Tensor]) -> SegmentationNetwork:
    card, held = read_card(folder), sum(value.nbytes for value in tensors.values())
    many = f"{folder / CARD}: its network has many more weights than {file}; correct model.encoder, or train again"
    with built_within(2 * held, UserError(many)):  # twice, because the file may hold halves
        model = SegmentationNetwork(card.model, len(card.classes), pretrained=False, bands=card.pixels.bands)
    model.normalise_by(card.normalisation)
    _require_numbers(folder / file, tensors, model)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(
            f"{folder / file}: not weights of the network in {CARD} ({' '.join(str(error).split())[:120]})"
        ) from None
    return model.eval()


def _require_numbers(path: Path, tensors: dict[str, Tensor], model: SegmentationNetwork) -> None:
    """UserError where a weight is not finite or is a whole number: it would be loaded, and masks be made of it."""
    for name, own in model.state_dict().items():
        given = tensors.get(name)
        if given is None or not own.is_floating_point():
            continue
        if not given.is_floating_point():
            raise UserError(
                f"{path}: {name} holds {given.dtype}, not floating-point weights; restore it, or train again"
            )
        if not given.isfinite().all():
            raise UserError(f"{path}: {name} holds NaN or infinity; restore it, or train again")
