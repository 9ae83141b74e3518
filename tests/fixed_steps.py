"""Twenty steps of the full method on a fixed small set: losses that a change which leaves the maths alone must keep.

`make proof REV=<commit>` runs this file of two commits side by side on one machine, where the losses must be equal to
the last bit. tests/unit/train/test_fixed_steps.py holds expected values, with the tolerance that other machines need.

    python tests/fixed_steps.py        # prints step, loss and the loss's exact bits; at the end a hash of the weights
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from semiproto import params as P
from semiproto.data import digits
from semiproto.data.augment import mean_colour
from semiproto.data.layout import LISTS, read_list
from semiproto.data.loaders import StepBatches, WeakViews, loader
from semiproto.model.network import SegmentationNetwork
from semiproto.model.prototypes import PrototypeBank
from semiproto.process import distributed
from semiproto.train.engine import Run, fit
from semiproto.train.semi import SemiPhase

CPU = torch.device("cpu")
STEPS, BATCH, SEED = 20, 4, 7
CLASSES = ["background", *map(str, range(1, 7))]
EXPERIMENT = Path(__file__).parents[1] / "experiments/embedded.yaml"


def settings(dropout: float = 0.1) -> P.Params:
    """The embedded experiment with what it leaves out: dropout, OHEM, CutMix on half the steps, a low tau."""
    tree = P.load(EXPERIMENT).model_dump()
    tree["dataset"] |= {"labeled": 8, "unlabeled": 16, "validation": 2}
    tree["model"]["decoder"]["dropout"] = dropout
    tree["optimizer"] |= {"lr": 0.01, "warmup_steps": 0}  # at a high rate rounding grows a thousandfold in 20 steps
    tree["semi"] |= {"batch": BATCH, "tau": 0.17, "cutmix_probability": 0.5}
    tree["semi"]["labeled_loss"] |= {"kind": "ohem", "ohem_min_kept_per_image": 1000}
    return P.Params.model_validate(tree)


def make_set(folder: Path) -> None:
    """The digits of `settings` in folder/digits."""
    digits.make(folder / "digits", settings().dataset)


def train(
    folder: Path, settled: P.Params, device: torch.device = CPU, **options: bool
) -> tuple[list[float], SemiPhase]:
    """The losses of the steps, and what was trained. Several processes share the batches. options: of the run."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    student = SegmentationNetwork(settled.model, len(CLASSES), pretrained=False)
    bank = PrototypeBank(len(CLASSES), 3, student.dim)
    bank.prototypes.copy_(torch.rand(bank.prototypes.shape))
    phase = SemiPhase(student, settled.semi, bank)

    def one(name: str, start: int) -> DataLoader:
        ids = read_list(folder / "digits" / LISTS / f"{name}.txt")
        keys = StepBatches(len(ids), BATCH, SEED, start, STEPS, distributed.share(BATCH))
        colour = mean_colour(student.normalisation)
        views = WeakViews(folder / "digits", ids, settled.augment, colour, labeled=name == "train")
        return loader(views, keys, workers=0)

    checkpoints = folder / "checkpoints"
    run = Run("fixed steps", "key", SEED, STEPS, 1, STEPS, checkpoints, device, CLASSES, **options)
    lists = ("train", "unlabeled")
    result = fit(
        phase,
        settled.optimizer,
        run,
        lambda start: [one(name, start) for name in lists],
        lambda network: {"miou": [0.0]},
    )
    return [row["loss"] for row in result.history], phase


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        make_set(Path(folder))
        losses, phase = train(Path(folder), settings())
    for step, loss in enumerate(losses, start=1):
        print(f"{step:2d}  {loss:.6f}  {loss.hex()}")
    digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in phase.state_dict().values()))
    print(f"weights {digest.hexdigest()}")


if __name__ == "__main__":
    main()
