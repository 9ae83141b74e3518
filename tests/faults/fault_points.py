"""Every fault at every step, the same command again, and whether the results are those of a run without faults.

    python tests/faults/fault_points.py

runs the pipeline once for each fault; at each step in turn the fault comes at a write of that step drawn by the seed
(at_start/fault_at_write.py), and the same command is given again, until all is made. Where something is locked,
`semiproto unlock` is given first. Prints a line for each fault and step: what was said, and whether what the step made
is, in the end, what a run without faults makes, to the last bit.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import checkouts
from forked_commands import commands

STEPS = {
    "data": "data/raw",
    "split": "data/splits",
    "pretrain": "models/pretrain",
    "features": "models/features",
    "prototypes": "models/prototypes",
    "train": "models/semi",
    "evaluate": "results/eval",
    "tsne": "results/tsne",
    "tables": "results/tables",
    "figures": "results/figures",
    "report": "results/report.",
}
"""What each step's outputs begin with."""
FAULTS = ("power cut", "step killed", "engine killed", "SIGTERM", "Ctrl-C", "disk full", "file limit", "no memory")
COMMANDS = {"snakemake": "snakemake --cores 2 --rerun-incomplete", "dvc": "dvc repro"}
DISK = "64m"


@dataclass(frozen=True)
class Met:
    """How a step met a fault. write: the number of the write that it came at, of how many."""

    fault: str
    step: str
    write: str
    status: int
    said: str
    unlocked: bool
    """Whether the next run had to be preceded by `semiproto unlock`."""
    wrong: tuple[str, ...] = ()
    """Outputs of the step that are, in the end, not those of a run without faults."""

    def __str__(self) -> str:
        verdict = f"DIFFERENT: {', '.join(self.wrong)}" if self.wrong else "identical"
        end = f"{self.status}, unlock" if self.unlocked else str(self.status)
        return f"{self.fault:13} | {self.step:10} | {self.write:>5} | {end:>10} | {self.said} | {verdict}"


class FaultyCheckout:
    """A checkout whose runs meet faults."""

    def __init__(self, path: Path, command: str, stand_ins: list[Path], writes: dict[str, int]) -> None:
        self.path, self.command, self.stand_ins, self.writes = path, command, stand_ins, writes
        self.marker, self.ballast = path / "fired", path / "ballast"

    def run(self, command: str, fault: dict[str, object] | None = None, trace: Path | None = None) -> tuple[int, str]:
        """Status and output of a command. trace: a file for the modules that its steps run."""
        environment = checkouts.environment(self.path, *self.stand_ins)
        environment["PYTHONPATH"] += f":{Path(__file__).parent / 'at_start'}"
        environment |= {"FAULT": json.dumps(fault) if fault else "", "TRACE": str(trace or "")}
        process = checkouts.start(self.path, command, environment)
        output, _ = process.communicate(timeout=checkouts.HANGS)
        return process.returncode, output

    def meet(self, step: str, fault: str, rng: random.Random) -> Met:
        """Runs with the fault planned; again, with the step's outputs deleted, where the step had nothing to do."""
        at = rng.randint(1, self.writes[step])
        plan = {"fault": fault, "step": step, "at": at, "marker": str(self.marker), "ballast": str(self.ballast)}
        for _ in range(3):
            status, output = self.run(self.command, plan)
            self.ballast.unlink(missing_ok=True)
            unlocked = self.unlock_if_locked()
            if self.marker.exists():
                self.marker.unlink()
                return Met(fault, step, f"{at}/{self.writes[step]}", status, what_was_said(output), unlocked)
            assert status == 0, output
            for path in self.path.glob(f"{STEPS[step]}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise AssertionError(f"{fault} at {step}: never came\n{output}")

    def unlock_if_locked(self) -> bool:
        locked = any((self.path / ".snakemake/locks").glob("*"))
        if locked:
            status, output = self.run("python -m semiproto unlock")
            assert status == 0, output
        return locked


def run_without_faults(path: Path, stand_ins: list[Path]) -> None:
    """A checkout at `path`, with the small experiment run and its writes counted and its modules traced beside it."""
    checkouts.new_checkout(path)
    command = COMMANDS["snakemake"]
    plan = {"step": "any", "marker": str(path.with_suffix(".writes"))}
    status, output = FaultyCheckout(path, command, stand_ins, {}).run(command, plan, path.with_suffix(".modules"))
    assert status == 0, output


def least_writes(path: Path) -> dict[str, int]:
    """How often each step of `run_without_faults` writes (the least of its processes)."""
    writes: dict[str, int] = {}
    for step, count in (line.split() for line in path.with_suffix(".writes").read_text().splitlines()):
        writes[step] = min(writes.get(step, sys.maxsize), int(count))
    return writes


def with_faults(
    checkout: FaultyCheckout, right: dict[str, str], faults: Iterable[tuple[str, str]], rng: random.Random
) -> list[Met]:
    """Runs with one (step, fault) after the other until all is made, and looks at what was made. Steps in order."""
    checkouts.new_checkout(checkout.path)
    checkout.run("git init --quiet")  # DVC works in a repository only
    met = [checkout.meet(step, fault, rng) for step, fault in faults]
    status, output = checkout.run(checkout.command)
    assert status == 0, output
    found = checkouts.results(checkout.path)
    wrong = [name for name in right | found if right.get(name) != found.get(name)]
    return [replace(one, wrong=tuple(name for name in wrong if name.startswith(STEPS[one.step]))) for one in met]


def what_was_said(output: str) -> str:
    """What tells a person most."""
    ends = r"died with <.*?>|non-zero exit status \d+"
    for telling in (r"^semiproto: .*", r"^Aborted.*", ends, r"^.*(?:Error|ERROR).*"):
        if found := re.findall(f"(?m){telling}", output):
            return str(found[-1])[:160]
    return "nothing"


@contextmanager
def folder_for(fault: str, base: Path) -> Iterator[Path]:
    """A folder for a checkout; where the disk is to fill up, a small one of its own, which only root may make."""
    path = base / "checkout"
    path.mkdir()
    if fault == "disk full":
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(path)], check=True)
    try:
        yield path
    finally:
        if fault == "disk full":
            subprocess.run(["umount", str(path)], check=True)
        shutil.rmtree(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Every fault at every step.")
    parser.add_argument("--faults", nargs="+", default=FAULTS, choices=FAULTS)
    parser.add_argument("--engine", default="snakemake", choices=COMMANDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forked", action="store_true", help="fork commands from a process that has the libraries")
    options = parser.parse_args()
    met: list[Met] = []
    with tempfile.TemporaryDirectory() as base, commands() if options.forked else nullcontext() as folder:
        stand_ins = [folder] if folder else []
        first = Path(base, "without-faults")
        run_without_faults(first, stand_ins)
        right, writes = checkouts.results(first), least_writes(first)
        for fault in options.faults:
            rng = random.Random(f"{options.seed} {fault}")
            with folder_for(fault, Path(base)) as path:
                checkout = FaultyCheckout(path, COMMANDS[options.engine], stand_ins, writes)
                rows = with_faults(checkout, right, [(step, fault) for step in STEPS], rng)
            print("\n".join(map(str, rows)), flush=True)
            met += rows
    wrong = sum(bool(one.wrong) for one in met)
    print(f"{options.engine}: {len(met)} pairs of fault and step, {len(met) - wrong} identical, {wrong} different")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
