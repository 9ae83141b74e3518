"""What Snakemake would run, asked many times of one process: a tenth of a second each, where a dry run takes one.

As a script it is that process: for each line of targets on its standard input it writes a line of JSON, what
`snakemake --summary` prints, the job of each file, and what the targets name.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Output:
    """A file of the workflow: the rule and the job that make it, its own state, and whether it would be made again."""

    rule: str
    job: int
    state: str
    pending: bool

    @property
    def by_itself(self) -> bool:
        """Whether its job runs for a reason of its own, not only because a job above it does."""
        return self.pending and self.state != "ok"


class Summary(dict[str, Output]):
    """The outputs of all jobs, by path; `targets` are those that were asked for."""

    targets: frozenset[str] = frozenset()

    def jobs(self) -> dict[str, int]:
        """Jobs that would run, by rule."""
        jobs = {(output.rule, output.job) for output in self.values() if output.pending}
        return dict(Counter(rule for rule, _ in jobs))

    def rerun(self) -> set[str]:
        """Rules of which some job would run."""
        return {output.rule for output in self.values() if output.pending}

    def changed(self) -> set[str]:
        """Rules of which some job would run for a reason of its own."""
        return {output.rule for output in self.values() if output.by_itself}


def finished(printed: str) -> dict[str, int]:
    """Jobs that ran, by rule, from what `snakemake` or `dvc repro` printed; without those that only name targets."""
    rules = re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", printed, re.MULTILINE)
    return dict(Counter(rule for rule in rules if rule != "all" and not rule.startswith("stage_")))


class Snakemake:
    """The process, in the folder of a checkout."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def __call__(self, *targets: str) -> Summary:
        """What `snakemake TARGETS` would make of the checkout as it is now."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(" ".join(targets) + "\n")
        self._process.stdin.flush()
        text, jobs, targets = json.loads(self._process.stdout.readline())
        found = Summary()
        for path, _, rule, _, state, plan in (line.split("\t") for line in text.splitlines()[1:]):
            found[path] = Output(rule, jobs[path], state, plan == "update pending")
        found.targets = frozenset(targets)
        return found


def _summary(targets: list[str]) -> tuple[str, dict[str, int], list[str]]:
    from snakemake.api import SnakemakeApi
    from snakemake.settings.enums import Quietness
    from snakemake.settings.types import DAGSettings, OutputSettings, ResourceSettings

    settings: dict[str, Any] = {"resource_settings": ResourceSettings(cores=2), "snakefile": Path("Snakefile")}
    with redirect_stdout(io.StringIO()) as printed, SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(**settings)
        workflow.dag(DAGSettings(targets=frozenset(targets))).summary()
        dag = workflow._workflow.dag
        jobs = {str(path): dag.jobid(job) for job in dag.jobs for path in job.output}
        return printed.getvalue(), jobs, [str(path) for job in dag.targetjobs for path in job.input]


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(_summary(line.split())), flush=True)
