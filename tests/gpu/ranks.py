"""What torchrun starts twice for test_training.py: the fixed steps, or a process that runs out of GPU memory.

    torchrun --standalone --nproc-per-node 2 tests/gpu/ranks.py train cuda FOLDER
    torchrun --standalone --nproc-per-node 2 tests/gpu/ranks.py memory cuda FOLDER

With fewer GPUs than processes they share the first and exchange by gloo, which NCCL refuses to.
"""

import os
import sys
from pathlib import Path

import torch
from torch import distributed as group

import fixed_steps
from semiproto.process import distributed


def main() -> None:
    what, kind, folder = sys.argv[1:]
    rank, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count() if kind == "cuda" else 0
    if what == "memory":
        compute = fixed_steps.settings().compute.model_copy(update={"gpus": 2})
        distributed.run(compute, 2, _beyond_memory)
        return
    group.init_process_group("nccl" if gpus > 1 else "gloo")
    device = torch.device(kind, rank if gpus > 1 else 0) if kind == "cuda" else torch.device("cpu")
    if kind == "cuda":
        torch.cuda.set_device(device)
    losses, phase = fixed_steps.train(Path(folder), fixed_steps.settings(dropout=0.0), device)
    weights = {name: value.cpu() for name, value in phase.state_dict().items()}
    torch.save((losses, weights), f"{folder}/rank{rank}.pt")
    group.barrier()
    group.destroy_process_group()


def _beyond_memory() -> None:
    """The second process asks for more than any GPU has; the first waits for it."""
    if distributed.rank() == 1:
        torch.empty(2**45, device="cuda")
    distributed.total(torch.zeros(1, device="cuda")).item()


if __name__ == "__main__":
    main()
