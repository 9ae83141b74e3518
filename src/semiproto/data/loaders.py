"""Batches as a function of (seed, step): the same after an interruption, and with any number of workers."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from semiproto.data.dataset import Key, WeakViews
from semiproto.params import Augment

Batch = tuple[torch.Tensor, torch.Tensor]


class StepBatches(torch.utils.data.Sampler[list[Key]]):
    """The keys of every step's batch from step `start` on.

    The list repeats, each time in a new order, so that all images are used equally often. `share`: the slots of the
    batch that this process takes; a view depends on its slot, so several processes make the batch that one would.
    """

    def __init__(self, images: int, batch: int, seed: int, start: int, stop: int, share: slice = slice(None)) -> None:
        self.images, self.batch, self.seed = images, batch, seed
        self.start, self.stop, self.slots = start, stop, range(batch)[share]
        self._order: tuple[int, list[int]] = (-1, [])

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[Key]]:
        for step in range(self.start, self.stop):
            yield [(self._image(step * self.batch + slot), self.seed, step, slot) for slot in self.slots]

    def _image(self, drawn: int) -> int:
        """Position in the list of the image drawn as number `drawn` since the start of training."""
        turn, within = divmod(drawn, self.images)
        if self._order[0] != turn:
            self._order = (turn, np.random.default_rng([self.seed, turn]).permutation(self.images).tolist())
        return self._order[1][within]


def loader(
    root: Path, ids: list[str], augment: Augment, keys: StepBatches, *, labeled: bool, workers: int
) -> DataLoader[Batch]:
    """Weak views of the images `ids` in the order of `keys`: (uint8 [B, 3, crop, crop], uint8 [B, crop, crop])."""
    return DataLoader(
        WeakViews(root, ids, augment, labeled=labeled),
        batch_sampler=keys,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_start_worker,
    )


def _start_worker(worker: int) -> None:
    """One thread, and deaf to what stops the training: that needs its workers until it has saved its state."""
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
