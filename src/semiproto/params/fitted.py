"""What `semiproto init` fits to the machine and to the user's images: network, crop, batches and steps."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, NamedTuple

LARGEST_CROP = {True: 321, False: 129}
"""With and without a GPU: VOC's in the paper, and that of the photographs in docs/evidence.md."""
SMALLEST_CROP = 65
MULTIPLE, STRIDE = 32, 16
"""A crop is a multiple and one pixel, so that the corners of the encoder's map, of this stride, lie on the crop's."""
WIDE, NARROW, FOR_WIDE = [6, 12, 18], [3, 6, 9], 257
"""The decoder's rates, and the crop from which the wider ones have room on its map."""
BATCH = {True: 8, False: 4}
PRETRAIN_PASSES, PRETRAIN_IMAGES = 90, {True: (16_000, 64_000), False: (4_800, 16_000)}
"""Passes over the labelled images, and at least and at most so many images. On photographs with 54 labels, supervised
training no longer improved after 1,200 steps of 4 and as long again (docs/evidence.md)."""
SEMI_PASSES, SEMI_IMAGES = {True: 20, False: 3}, {True: (32_000, 320_000), False: (8_000, 16_000)}
"""The same of the unlabelled images. The paper makes 80 passes, which take days."""
EQUAL_COMPUTE = 2.33
"""Supervised steps that take the arithmetic of one step of the method prototype (`semiproto plan`)."""


@dataclass(frozen=True)
class Found:
    """The user's set, and the machine.

    labeled, unlabeled: number of images. side: median of the images' shorter sides, pixels. gpu: whether there is one.
    """

    labeled: int
    unlabeled: int
    side: int
    gpu: bool


class Fit(NamedTuple):
    """The value of a parameter, and why."""

    value: Any
    why: str


def fitted(found: Found, given: Container[str] = ()) -> dict[str, Fit]:
    """By the path of the parameter, without those that are given. The rules are chosen, with the numbers above."""
    machine = "with a GPU" if found.gpu else "without a GPU"
    crop = MULTIPLE * ((min(found.side, LARGEST_CROP[found.gpu]) - 1) // MULTIPLE) + 1
    crop, batch = max(crop, SMALLEST_CROP), BATCH[found.gpu]
    places = (crop - 1) // STRIDE + 1
    pretrain = _steps(PRETRAIN_PASSES * found.labeled, PRETRAIN_IMAGES[found.gpu], batch)
    semi = _steps(SEMI_PASSES[found.gpu] * found.unlabeled, SEMI_IMAGES[found.gpu], batch)
    largest = f"{LARGEST_CROP[found.gpu]} at most {machine}"
    fits = {
        "augment.crop": Fit(crop, f"{largest}; the images' shorter sides have {found.side} pixels"),
        "model.decoder.rates": Fit(WIDE if crop >= FOR_WIDE else NARROW, f"for maps of {places} x {places}"),
        "pretrain.batch": Fit(batch, machine),
        "pretrain.steps": Fit(pretrain, _passes(pretrain * batch, found.labeled, "labelled")),
        "semi.batch": Fit(batch, machine),
        "semi.steps": Fit(semi, _passes(semi * batch, found.unlabeled, "unlabelled") + "; the paper makes 80"),
    }
    if not found.gpu and "model.encoder.name" not in given:
        fits |= LIGHT
    return {path: fit for path, fit in fits.items() if path not in given}


def equal_compute(steps: int) -> int:
    """Supervised steps with the arithmetic of so many of the method prototype."""
    return round(EQUAL_COMPUTE * steps)


LIGHT = {
    "model.encoder.name": Fit("tf_efficientnet_lite0.in1k", "light enough for a CPU: experiments/evidence/"),
    "model.decoder.planes": Fit(64, "without a GPU"),
    "optimizer.lr": Fit(0.002, "of 0.0005, 0.002 and 0.006 the best for this encoder on photographs"),
}
"""Without a GPU: network and rate of experiments/evidence/animals-lite.yaml."""


def _steps(images: int, bounds: tuple[int, int], batch: int) -> int:
    """Steps, in hundreds, that see so many images, but no fewer and no more than the bounds."""
    least, most = bounds
    return round(min(max(images, least), most) / batch / 100) * 100


def _passes(seen: int, images: int, kind: str) -> str:
    passes = seen / max(images, 1)
    return f"{passes:,.{0 if passes >= 10 else 1}f} passes over {images:,} {kind} images"
