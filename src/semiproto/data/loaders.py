"""Batches as a function of (seed, step): the same after an interruption, and with any number of workers."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter, _MultiProcessingDataLoaderIter

from semiproto.data import augment, layout
from semiproto.data.augment import Colour, Padding
from semiproto.data.dataset import Images
from semiproto.errors import UserError
from semiproto.params import AugmentParams
from semiproto.process.parent import end_children

Batch = tuple[torch.Tensor, torch.Tensor]


Key = tuple[int, int, int, int]
"""(position in the list, seed, step, slot in the batch): everything that a view depends on."""

CACHE_BYTES = 256 * 2**20
"""Most bytes of decoded images that a set of views keeps: small sets are read from disk once."""


NO_WORKERS = {errno.ENOSPC, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE}
"""What the system says where it has no room for another process, or for a queue to it in /dev/shm."""


class WeakViews(torch.utils.data.Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Weak views: `[key]` gives uint8 [bands, crop, crop] and a label uint8 [crop, crop].

    labeled: the label is the mask, `padding_label` outside the image. Without `labeled` it is 0 inside the image and
    255 outside, and no mask file is opened. The random choices are a function of the key alone, so neither the number
    of workers nor an interruption changes a view.
    """

    def __init__(
        self, root: Path, ids: Sequence[str], augment: AugmentParams, colour: Colour, *, labeled: bool
    ) -> None:
        """colour: of what lies outside the image, the network's mean colour."""
        self.images, self.augment, self.labeled = Images(root, ids), augment, labeled
        self._padding = Padding(colour, augment.padding_label if labeled else layout.IGNORE_INDEX)
        self._cache: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: Key) -> tuple[torch.Tensor, torch.Tensor]:
        position, *draw = key
        image, label = self._cache.get(position) or self._read(position)
        rng = np.random.default_rng([*draw, self.labeled])
        view, target = augment.weak_view(image, label, self.augment, rng, self._padding)
        return torch.from_numpy(view).permute(2, 0, 1), torch.from_numpy(target)

    def _read(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        image = self.images.image(position)
        label = self.images.mask(position) if self.labeled else np.zeros(image.shape[:2], np.uint8)
        size = image.nbytes + label.nbytes
        if self._cached_bytes + size <= CACHE_BYTES:
            self._cache[position] = image, label
            self._cached_bytes += size
        return image, label


class StepBatches(torch.utils.data.Sampler[list[Key]]):
    """The keys of every step's batch from step `start` on.

    The list repeats, each time in a new order, so that all images are used equally often. `share`: the slots of the
    batch that this process takes; a view depends on its slot, so several processes make the batch that one would.
    """

    def __init__(
        self, images: int | np.ndarray, batch: int, seed: int, start: int, stop: int, share: slice = slice(None)
    ) -> None:
        """images: how many the list has; or, of each, how often a turn has it on average (`repeat_factors`)."""
        self.repeats = np.ones(images) if isinstance(images, int) else images
        self.batch, self.seed = batch, seed
        self.start, self.stop, self.slots = start, stop, range(batch)[share]

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[Key]]:
        drawn = islice(self._drawn(), self.start * self.batch, None)
        for step in range(self.start, self.stop):
            positions = list(islice(drawn, self.batch))
            yield [(positions[slot], self.seed, step, slot) for slot in self.slots]

    def _drawn(self) -> Iterator[int]:
        """Positions in the list, drawn without end since the start of training, turn by turn.

        A factor of 2.3 puts an image twice into a turn and, with odds of 0.3, a third time [LVIS].
        """
        for turn in count():
            coins = np.random.default_rng([self.seed, turn, 1]).random(len(self.repeats))
            copies = np.floor(self.repeats + coins).astype(int)
            positions = np.repeat(np.arange(len(copies)), copies)
            yield from np.random.default_rng([self.seed, turn]).permutation(positions).tolist()


class Loader(DataLoader[Batch]):
    """Batches (uint8 [B, bands, crop, crop], uint8 [B, crop, crop])."""

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """As without workers, a file that cannot be read ends in the one line that says so. torch puts the worker's
        whole traceback into the error's message, whose end that line is. Workers that cannot be started do too."""
        try:
            yield from super().__iter__()
        except UserError as error:
            raise UserError(
                str(error).rpartition(f"\n{UserError.__module__}.{UserError.__name__}: ")[2].rstrip()
            ) from None
        except OSError as error:
            if error.errno not in NO_WORKERS:
                raise
            raise UserError(
                f"compute.workers: {self.num_workers} processes of a loader cannot be started"
                f" ({os.strerror(error.errno)}), as happens where shared memory (/dev/shm), memory, processes or open"
                " files run out; end other processes, or lower it (0 starts none), and run the same command again"
            ) from None

    def _get_iterator(self) -> _BaseDataLoaderIter:
        return _Iterator(self) if self.num_workers else super()._get_iterator()


class _Iterator(_MultiProcessingDataLoaderIter):
    """torch's, which says nothing when it is given up half made, or while another one's workers die: the error that led
    to that is the one to report."""

    def __del__(self) -> None:
        with suppress(AttributeError, RuntimeError):
            super().__del__()


def loader(views: WeakViews, keys: StepBatches, workers: int, *, pin: bool = False) -> Loader:
    """The views in the order of `keys`. pin: in memory that a GPU reads by itself, which makes a context of CUDA."""
    if workers:
        atexit.register(end_children)
    return Loader(
        views,
        batch_sampler=keys,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=pin,
        worker_init_fn=_start_worker,
    )


def _start_worker(worker: int) -> None:
    """One thread. Signals that stop the training are ignored: it needs its workers until it has saved its state."""
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.excepthook = _say_nothing_of_a_lost_training


def _say_nothing_of_a_lost_training(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """multiprocessing hands tensors over in a thread, which shows its errors here, also that the training ended while
    it took one: the training says why by itself."""
    if not issubclass(kind, EOFError | ConnectionError):
        sys.__excepthook__(kind, error, trace)
