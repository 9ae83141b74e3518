"""A model is one folder: safetensors for the weights and a JSON card that says what they are weights of.

card.json                classes, the network's parameters, what trained it
model.safetensors        the network to predict with (the teacher's average, or the pretrained network)
student.safetensors      semi-supervised runs: the student, whose features the prototypes follow
prototypes.safetensors   prototype runs: the bank [classes, per_class, dim]
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from semiproto.artifacts import write_bytes, write_json
from semiproto.errors import UserError
from semiproto.model.deeplab import DeepLab
from semiproto.model.prototypes import PrototypeBank
from semiproto.params import Model

CARD, MODEL, STUDENT, PROTOTYPES = "card.json", "model.safetensors", "student.safetensors", "prototypes.safetensors"


@dataclass(frozen=True)
class Card:
    classes: list[str]
    model: Model
    training: dict[str, Any]
    """What trained it: step, method, split, seed; free facts for people."""


def save_weights(path: Path, module: nn.Module) -> None:
    save_tensors(path, module.state_dict())


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    # As bytes, because safetensors' own writer does not say "disk full" as an OSError.
    write_bytes(path, save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file; UserError when it is missing or damaged."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; name a folder that a training step wrote") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: damaged ({error}); delete its folder and run `snakemake --cores all`") from None


def write_card(folder: Path, card: Card) -> None:
    fields = {"classes": card.classes, "model": card.model.model_dump(mode="json"), "training": card.training}
    write_json(folder / CARD, fields)


def read_card(folder: Path) -> Card:
    path = folder / CARD
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Card(fields["classes"], Model.model_validate(fields["model"]), fields["training"])
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; name a folder that a training step wrote") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a model card ({' '.join(str(error).split())[:120]}); train again") from None


def load_model(folder: Path) -> DeepLab:
    """The network to predict with, in eval mode."""
    return _network(folder, MODEL, read_tensors(folder / MODEL))


def save_student(folder: Path, student: DeepLab, bank: PrototypeBank | None) -> None:
    tensors = {f"network.{name}": value for name, value in student.state_dict().items()}
    save_tensors(folder / STUDENT, tensors if bank is None else tensors | {"prototypes": bank.prototypes})


def load_student(folder: Path) -> tuple[DeepLab, PrototypeBank | None]:
    """The student of a semi-supervised run, in eval mode, and its prototypes where it has them."""
    tensors = read_tensors(folder / STUDENT)
    prototypes = tensors.pop("prototypes", None)
    student = _network(folder, STUDENT, {name.removeprefix("network."): value for name, value in tensors.items()})
    return student, None if prototypes is None else bank_of(prototypes)


def bank_of(prototypes: Tensor, momentum: float = 0.99, temperature: float = 0.1) -> PrototypeBank:
    """A bank that holds `prototypes` [classes, per_class, dim]."""
    classes, per_class, dim = prototypes.shape
    bank = PrototypeBank(classes, per_class, dim, momentum, temperature)
    bank.prototypes.copy_(prototypes)
    return bank


def _network(folder: Path, file: str, tensors: dict[str, Tensor]) -> DeepLab:
    card = read_card(folder)
    model = DeepLab(card.model, len(card.classes), pretrained=False)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(
            f"{folder / file}: not weights of the network in {CARD} ({' '.join(str(error).split())[:120]})"
        ) from None
    return model.eval()
