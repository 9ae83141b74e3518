"""Tensors in files: our own as safetensors, and the weights of encoders that other projects publish."""

from __future__ import annotations

import hashlib
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from semiproto.errors import UserError, reason
from semiproto.provenance.artifacts import write_bytes
from semiproto.provenance.reading import regular

FEATURES, PROTOTYPES = "features.safetensors", "prototypes.safetensors"
"""Names of the files of the steps features and prototypes."""
MOST = 2**35
"""Bytes of a file of weights: those of eight thousand million numbers, more than any encoder here has."""
MOST_NAMES = 2**22
"""Bytes of the header of such a file: names, shapes and places of 40,000 tensors."""
SPARE = 2**30
"""Bytes of weights that a network may have while it is built and lose again, as a classifier's last layer."""


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    # As bytes, because safetensors' own writer does not say "disk full" as an OSError.
    write_bytes(path, save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}))


def digest(module: nn.Module) -> str:
    """sha256 of the names and values of all that a module would save."""
    found = hashlib.sha256()
    for name, value in module.state_dict().items():
        found.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file; UserError when it is missing or damaged."""
    require_whole(path)
    return load_file(path)


def require_whole(path: Path) -> None:
    """UserError unless a safetensors file is there, and as long as its header says: a sparse one of a terabyte would
    be read for minutes."""
    try:
        with regular(path) as file:
            _require_bounded(file)
            with safe_open(path, "pt"):
                pass
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; name a folder that a training step wrote") from None
    except PermissionError:
        raise  # nothing of it was read, so nothing should be deleted
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path}: damaged ({error}); delete its folder and run `snakemake --cores all`") from None


def _require_bounded(file: BinaryIO) -> None:
    """ValueError where a safetensors file, or its header, which begins with its length, is longer than weights have."""
    if int.from_bytes(file.read(8), "little") > MOST_NAMES:
        raise ValueError(f"a header of more than {MOST_NAMES // 2**20} MiB")
    if file.seek(0, os.SEEK_END) > MOST:
        raise ValueError(f"longer than {MOST // 2**30} GiB")


@contextmanager
def built_within(most: int, refusal: UserError) -> Iterator[None]:
    """Raises `refusal` where the modules that the block builds have more than `most` bytes of weights, or SPARE more.

    They are counted as they are registered, when they have their places and no memory was filled yet.
    """
    total = 0

    def count(_module: nn.Module, _name: str, weights: nn.Parameter | None) -> None:
        nonlocal total
        total += 0 if weights is None else weights.nbytes
        if total > most + SPARE:
            raise refusal

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


Convert = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
"""Tensors of a published file -> the same under the names and in the shapes of a net; `dict` changes nothing."""


def load_what_fits(net: nn.Module, path: Path, convert: Convert = dict) -> None:
    """Loads the tensors of a checkpoint whose names and shapes fit, and prints which of the net's were not in it.

    The first convolution of three bands is fitted to a net of another number by timm's rule.
    UserError when the file cannot be read or nothing in it fits.
    """
    given, own = convert(read_weights(path)), net.state_dict()
    given = {name: _of_as_many_bands(value, own[name]) if name in own else value for name, value in given.items()}
    fitting = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    learned = [name for name in own if not name.endswith("num_batches_tracked")]
    missing = [name for name in learned if name not in fitting]
    if len(missing) == len(learned):
        raise UserError(
            f"{path}: none of its {len(given)} tensors fits the encoder ({len(learned)} tensors, first {learned[0]});"
            " give weights of the encoder named in model.encoder.name, or null"
        )
    net.load_state_dict(fitting, strict=False)
    print(f"{path}: {len(learned) - len(missing)} of the encoder's {len(learned)} tensors loaded", flush=True)
    if missing:
        print(f"{path}: not in the file, left random: {', '.join(missing)}", flush=True)


def _of_as_many_bands(given: Tensor, own: Tensor) -> Tensor:
    """A convolution of three bands for as many as `own` takes; any other tensor as it is."""
    of_images = given.ndim == own.ndim == 4 and given.shape[1] == 3 != own.shape[1]
    if not of_images or given.shape[0] != own.shape[0] or given.shape[2:] != own.shape[2:]:
        return given
    from timm.models import adapt_input_conv  # here, because it takes long to import

    widened: Tensor = adapt_input_conv(own.shape[1], given)
    return widened


def _require_stored(file: BinaryIO) -> None:
    """ValueError where a .pth was compressed, as torch compresses none: it may unpack to more than the memory has."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as members:
            if any(one.file_size > one.compress_size for one in members.infolist()):
                raise ValueError("compressed, which torch does not do")


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a .pth or .safetensors file by name, without the wrappers that training scripts put around them.

    UserError when there is no such file or it is no file of weights.
    """
    try:
        with regular(path) as file:
            if path.suffix == ".safetensors":
                _require_bounded(file)
                return load_file(path)
            _require_stored(file)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such weights file; correct model.encoder.weights, or set it to null") from None
    except PermissionError:
        raise
    except Exception as error:  # unpickling and safetensors raise many kinds, all meaning the same here
        found = reason(error)
        if isinstance(error, pickle.UnpicklingError):  # torch's own text tells how to run what the file holds
            found = "it holds something else than tensors, which is not loaded"
        raise UserError(f"{path}: not a file of weights ({found}); give a .pth or .safetensors file") from None
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise UserError(
            f"{path}: not a file of weights (holds a {type(loaded).__name__}); give a .pth or .safetensors file"
        )
    return {str(name).removeprefix("module."): value for name, value in loaded.items() if isinstance(value, Tensor)}
