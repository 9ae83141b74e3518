"""Masks for images, from a model folder alone.

<out>/<stem>.png             the mask: class indices, with the palette of the model's card
<out>/overlay/<stem>.jpg     on request: the mask laid over the image
<out>/confidence/<stem>.png  on request: 255 times the probability of the predicted class

Each mask carries, in its PNG text `semiproto`, a hash of the model, the options and the image's name, size and time.
A mask with the right hash is kept, so that an interrupted command resumes where it was.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from semiproto.data import layout
from semiproto.data.own import account
from semiproto.errors import UserError
from semiproto.measure.inference import BATCH, bands, linear_scores
from semiproto.model import folder as model_folder
from semiproto.model.heads import LINEAR
from semiproto.model.network import SegmentationNetwork
from semiproto.params import WindowParams
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import atomic_write, sha256_file

TEXT = "semiproto"
OPACITY = 0.5


@dataclass(frozen=True)
class Options:
    """window: side of the sliding window for larger images, pixels. palette: false writes grey PNGs."""

    window: int = 1024
    palette: bool = True
    overlay: bool = False
    confidence: bool = False


@dataclass
class Outcome:
    """Number of masks written, number of masks kept, and why images could not be read or were passed over."""

    written: int = 0
    kept: int = 0
    unreadable: list[str] = field(default_factory=list)
    files: list[account.Row] = field(default_factory=list)
    """What every file of the folders is used as, or why it is passed over."""


@dataclass(frozen=True)
class _Files:
    """Where the results of one image go, and the text that its mask must carry."""

    image: Path
    mask: Path
    overlay: Path | None
    confidence: Path | None
    palette: bool
    text: str

    def outputs(self) -> list[Path]:
        return [path for path in (self.mask, self.overlay, self.confidence) if path is not None]

    def done(self) -> bool:
        """Whether everything is there; the mask is written last, so only its text is looked at."""
        if not all(path.is_file() for path in self.outputs()):
            return False
        try:
            with Image.open(self.mask) as file:
                return file.info.get(TEXT) == self.text
        except (OSError, SyntaxError, ValueError):
            return False


def predict_files(model: Path, paths: list[Path], out: Path, options: Options) -> Outcome:
    """Writes a mask for each image that has none of this model and these options.

    Images with more than `options.window` pixels a side are looked at in overlapping windows, so memory is bounded.
    UserError, before anything is written, where there is no image or a result would replace an input.
    """
    images = _images(paths)
    _require_apart([_files_of(image, out, options, "") for image in images], paths)
    card, network = model_folder.read_card(model), model_folder.load_model(model)
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    weights, names = (sha256_file(model / name) for name in (model_folder.MODEL, model_folder.CARD))
    key = f"{weights} {names} {options.window} {options.palette}"
    files = [_files_of(image, out, options, key) for image in images]
    todo = [one for one in files if not one.done()]
    outcome = Outcome(kept=len(files) - len(todo), files=_uses(paths))
    progress = Progress("predict", len(files), "images", done=outcome.kept)
    colours = palette(card)
    together = BATCH if network.mean.is_cuda else 1
    for batch in _batches(todo, together, options.window**2, outcome.unreadable, progress):
        results = _segment(network, np.stack([image for _, image in batch]), options.window)
        for (one, image), classes, confidence in zip(batch, *results, strict=True):
            _write(one, image, classes, confidence, colours)
        outcome.written += len(batch)
        progress.update(len(batch))
    return outcome


def _require_apart(files: list[_Files], paths: list[Path]) -> None:
    inputs = {one.image.resolve() for one in files}
    folders = {path.resolve() for path in paths if path.is_dir()}
    for one in files:
        if mixed := [path.parent for path in one.outputs() if path.parent.resolve() in folders]:
            raise UserError(f"{mixed[0]}: masks would lie among the images of this folder; give another with --out")
        if any(path.resolve() in inputs for path in one.outputs()):
            raise UserError(f"{one.image}: its mask would overwrite an input image; give another folder with --out")


def palette(card: model_folder.Card) -> np.ndarray:
    """256 colours, uint8 [256, 3]: the card's for its classes, VOC's for the others."""
    colours = layout.voc_palette()
    if card.palette is not None:
        colours[: len(card.palette)] = card.palette
    return colours


@torch.inference_mode()
def _segment(network: SegmentationNetwork, images: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Class and confidence (255 times the largest softmax probability) of uint8 [B, H, W, 3]: uint8 [B, H, W] each."""
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2).to(network.mean.device)
    tiles = WindowParams(size=window, stride=window * 2 // 3) if max(tensor.shape[-2:]) > window else None
    rows: list[tuple[Tensor, Tensor]] = []
    try:
        for band in bands(linear_scores(network), tensor, tiles):
            scores = band[LINEAR]
            best, classes = scores.max(dim=1)
            confidence = scores.sub_(best.unsqueeze(1)).exp_().sum(dim=1).reciprocal_()
            rows.append((classes.byte().cpu(), confidence.mul_(255).round_().byte().cpu()))
    except torch.OutOfMemoryError:
        raise UserError(f"--window: {window} pixels a side are too many for this GPU's memory; give fewer") from None
    all_classes, all_confidences = (torch.cat(parts, dim=1).numpy() for parts in zip(*rows, strict=True))
    return all_classes, all_confidences


def _batches(
    todo: list[_Files], together: int, most_pixels: int, unreadable: list[str], progress: Progress
) -> Iterator[list[tuple[_Files, np.ndarray]]]:
    """Up to `together` neighbours of one size, of `most_pixels` in all, unless one has more.

    One at a time on a CPU, where batches save no time for most sizes and an image's mask is then the same to the last
    bit whatever its neighbours are. Nothing is padded, so on a GPU too only pixels may differ where two classes tie.
    """
    waiting: list[tuple[_Files, np.ndarray]] = []
    for one in todo:
        try:
            image = _read(one.image)
        except UserError as error:
            unreadable.append(_printable(str(error)))
            progress.update()
            continue
        fitting = min(together, 3 * most_pixels // image.size)
        if waiting and (len(waiting) >= fitting or waiting[0][1].shape != image.shape):
            yield waiting
            waiting = []
        waiting.append((one, image))
    if waiting:
        yield waiting


def _read(path: Path) -> np.ndarray:
    if path.is_symlink() and not path.exists():
        raise _dead_link(path)
    if path.exists() and not path.is_file():  # reading a pipe would block
        raise UserError(f"{path}: not a regular file; remove it")
    return layout.read_image(path)


def _dead_link(path: Path) -> UserError:
    return UserError(f"{path}: a link to a file that is not there; restore the file or remove the link")


def _printable(text: str) -> str:
    """`text` on one line: a file's name may hold newlines, or bytes that are not text."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _write(files: _Files, image: np.ndarray, classes: np.ndarray, confidence: np.ndarray, colours: np.ndarray) -> None:
    if files.overlay is not None:
        mixed = Image.blend(Image.fromarray(image), Image.fromarray(colours[classes]), OPACITY)
        if not colours[0].any():  # a black background would only darken the image
            mixed.paste(Image.fromarray(image), mask=Image.fromarray(classes == 0))
        with atomic_write(files.overlay) as temporary:
            mixed.save(temporary, format="JPEG", quality=90)
    if files.confidence is not None:
        with atomic_write(files.confidence) as temporary:
            Image.fromarray(confidence).save(temporary, format="PNG")
    mask, text = Image.fromarray(classes), PngInfo()
    if files.palette:
        mask.putpalette(colours.ravel().tolist())
    text.add_text(TEXT, files.text)
    with atomic_write(files.mask) as temporary:
        mask.save(temporary, format="PNG", pnginfo=text)


def _files_of(image: Path, out: Path, options: Options, key: str) -> _Files:
    facts = image.stat() if image.exists() else None  # a dangling link is reported when it is read
    text = f"{key} {image.name} {facts and (facts.st_size, facts.st_mtime_ns)}"
    return _Files(
        image,
        out / f"{image.stem}.png",
        out / "overlay" / f"{image.stem}.jpg" if options.overlay else None,
        out / "confidence" / f"{image.stem}.png" if options.confidence else None,
        options.palette,
        hashlib.sha256(os.fsencode(text)).hexdigest(),
    )


def _images(paths: list[Path]) -> list[Path]:
    """The files, and the images in the folders, that `paths` name."""
    files: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            no_such = UserError(f"{path}: no such file or folder of images; correct the name")
            raise _dead_link(path) if path.is_symlink() else no_such
        for file in _in_folder(path) if path.is_dir() else [path]:
            if files.setdefault(file.stem, file).resolve() != file.resolve():
                raise UserError(
                    f"{file}: {files[file.stem]} would give the mask the same name; predict them one by one"
                )
    if not files:
        there = "; ".join(f"{row.count} {row.use}" for row in _uses(paths))
        raise UserError(
            f"{paths[0]}: no image in it ({', '.join(layout.IMAGE_SUFFIXES)}){there and f', but {there}'}; name a"
            " folder of images"
        )
    return list(files.values())


def _in_folder(folder: Path) -> list[Path]:
    files = (path for path in folder.iterdir() if path.suffix.lower() in layout.IMAGE_SUFFIXES)
    return sorted(path for path in files if not path.name.startswith("."))


def _uses(paths: list[Path]) -> list[account.Row]:
    """What the files below the folders of `paths` are used as; those of subfolders are passed over."""
    rows = []
    for folder in filter(Path.is_dir, paths):
        files, uses = account.survey(folder)
        used = set(_in_folder(folder))
        for path in files:
            if path.suffix.lower() not in layout.IMAGE_SUFFIXES:
                uses[path] = f"{account.PASSED_OVER}{account.kind_of(path)} files"
            elif path not in used:
                uses[path] = f"{account.PASSED_OVER}images in subfolders; name the subfolders too"
            else:
                uses[path] = "images"
        rows += account.rows(folder, uses)
    return rows
