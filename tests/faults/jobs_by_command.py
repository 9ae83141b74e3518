"""The behaviour of both engines as a table: what was done, which jobs ran, how many seconds it took, by the clock and
of the processor (the latter hardly grow when the machine is busy).

    python tests/faults/jobs_by_command.py

does in a folder of its own what people do to a checkout, one command after the other, on an experiment of seconds. What
must be is asserted by pipeline/test_behaviour.py, test_storage.py and test_experiments.py; this prints what was.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import checkouts
import summary
import yaml

RUN = "snakemake --cores all --rerun-incomplete"
Change = tuple[str, Any]
ROWS: list[str | tuple[Change, str]] = [
    RUN,
    RUN,
    "dvc repro",
    "dvc repro",
    "dvc status",
    "git add --all && git commit --quiet --message first",
    (("compute.workers", 1), RUN),
    (("tsne.perplexity", 4), RUN),
    "dvc repro",
    (("prototypes.per_class", 2), "dvc repro"),
    RUN,
    (("experiments.0.seeds", [0, 1]), RUN),
    "dvc repro",
    (("experiments.0.variants", ["supervised", "prototype", "consistency"]), "dvc repro"),
    "git add --all && git commit --quiet --message second",
    "git checkout --quiet HEAD~1 && dvc checkout",
    RUN,
    "dvc repro",
    "git checkout --quiet - && dvc checkout",
    RUN,
    "dvc repro",
    "dvc remote add --default storage ../storage && git commit --quiet --all --message storage && dvc push",
    "git clone --quiet . ../clone && cd ../clone && dvc pull",
    f"cd ../clone && {RUN}",
    "cd ../clone && dvc repro",
    "cd ../clone && dvc exp run -S prototypes.per_class=3",
    "dvc exp run --name here -S prototypes.per_class=3",
    "dvc metrics diff",
    "dvc params diff",
    "dvc plots show --out plots",
    "dvc exp run --temp --name elsewhere -S patches.size=12",
    "dvc exp run --queue --name later -S patches.size=10",
    "dvc exp run --run-all",
    "dvc queue logs later",
    "dvc exp show --csv --only-changed",
    (("semi.steps", 600), f"timeout --signal KILL 15 {RUN}"),
    "python -m semiproto unlock",
    "dvc repro",
]
"""Commands, some after a change of params.yaml."""


def change(file: Path, key: str, value: Any) -> None:
    """Sets a leaf of params.yaml by its dotted name."""
    tree = yaml.safe_load(file.read_text())
    *sections, leaf = key.split(".")
    place = tree
    for name in sections:
        place = place[int(name) if name.isdigit() else name]
    place[leaf] = value
    file.write_text(yaml.safe_dump(tree, sort_keys=False))


def row(checkout: Path, step: str | tuple[Change, str]) -> str:
    """Does a step and describes it."""
    command, before = (step, "") if isinstance(step, str) else (step[1], f"{step[0][0]} = {step[0][1]}; ")
    if not isinstance(step, str):
        change(checkout / "params.yaml", *step[0])
    began, used = time.monotonic(), processor_seconds()
    process = checkouts.start(checkout, f"bash -c '{command}'", checkouts.environment(checkout))
    output, _ = process.communicate(timeout=checkouts.HANGS)
    seconds, used = time.monotonic() - began, processor_seconds() - used
    jobs = ", ".join(f"{count} {rule}" for rule, count in sorted(summary.finished(output).items()))
    status = "" if process.returncode == 0 else f" (status {process.returncode})"
    return f"| {before}`{command}`{status} | {jobs or 'none'} | {seconds:.1f} | {used:.1f} |"


def processor_seconds() -> float:
    """Of all processes that this one waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    print("| command | jobs | seconds | of the processor |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as base:
        checkout = Path(base, "checkout")
        checkouts.new_checkout(checkout)
        checkouts.start(checkout, "git init --quiet", checkouts.environment(checkout)).wait()
        for step in ROWS:
            print(row(checkout, step), flush=True)


if __name__ == "__main__":
    main()
