"""Two real processes for a test."""

import tempfile

import torch
from torch import distributed as group
from torch import multiprocessing


def in_two_processes(folder, function):
    """function() in each of two processes of a group; what they return, by rank."""
    meet = f"{tempfile.mkdtemp(dir=folder)}/meet"  # in one that an earlier group left, the addresses of the dead stand
    multiprocessing.start_processes(_work, (str(folder), meet, function), nprocs=2, start_method="fork")
    return [torch.load(f"{folder}/rank{rank}.pt", weights_only=False) for rank in range(2)]


def _work(rank, folder, meet, function):
    torch.set_num_threads(1)
    group.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=2)
    torch.save(function(), f"{folder}/rank{rank}.pt")
    group.barrier()  # without it the first may be gone before the other has found it
    group.destroy_process_group()
