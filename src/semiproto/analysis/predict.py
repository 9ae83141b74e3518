"""Masks for images, from a model folder alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from semiproto import model_folder
from semiproto.analysis.evaluate import linear_scores, predict
from semiproto.artifacts import atomic_write
from semiproto.data import layout
from semiproto.errors import UserError
from semiproto.params import Window
from semiproto.progress import Progress


def predict_files(model: Path, paths: list[Path], out: Path, window: int) -> list[str]:
    """Writes out/<stem>.png for each image; returns why for those that could not be read.

    Images larger than `window` on a side are looked at in overlapping windows, so memory stays bounded. UserError,
    before anything is written, where there is no image or a mask would take the place of an input.
    """
    files = _files(paths)
    inputs = {file.resolve() for file in files}
    if covered := [file for file in files if (out / f"{file.stem}.png").resolve() in inputs]:
        raise UserError(f"{covered[0]}: its mask would overwrite an input image; give another folder with --out")
    network = model_folder.load_model(model)
    scores = linear_scores(network)
    progress = Progress("predict", len(files), "images")
    unreadable = []
    for file in files:
        try:
            image = torch.from_numpy(np.array(layout.read_image(file))).permute(2, 0, 1).unsqueeze(0)
        except UserError as error:
            unreadable.append(str(error))
        else:
            tiles = Window(size=window, stride=window * 2 // 3) if max(image.shape[-2:]) > window else None
            (classes,) = predict(scores, image, tiles)
            with atomic_write(out / f"{file.stem}.png") as temporary:
                layout.write_mask(temporary, classes[0].numpy().astype(np.uint8))
        progress.update()
    return unreadable


def _files(paths: list[Path]) -> list[Path]:
    files: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder of images")
        for file in _images(path) if path.is_dir() else [path]:
            if file.stem in files:
                raise UserError(f"{file}: {files[file.stem]} would give the mask the same name; predict them apart")
            files[file.stem] = file
    if not files:
        raise UserError(f"{paths[0]}: no image in it ({', '.join(layout.IMAGE_SUFFIXES)}); name a folder of images")
    return list(files.values())


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in layout.IMAGE_SUFFIXES)
