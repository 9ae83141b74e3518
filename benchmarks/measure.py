"""What the benchmarks share: two forms that take turns in one process, and the row that is kept of them.

A time belongs to one machine and one moment; the ratio of two forms that take turns holds elsewhere and later. So
results.csv keeps ratios: the ratio of medians, and the lowest and highest ratio of one round.
"""

from __future__ import annotations

import argparse
import csv
import math
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

RESULTS = Path(__file__).with_name("results.csv")
COLUMNS = ["date", "commit", "cpu", "threads", "torch", "benchmark", "compared", "ratio", "low", "high", "rounds"]
SECONDS_PER_TURN = 0.1
"""Short forms are called again until a turn takes this long."""

Samples = tuple[list[float], list[float]]
"""One value per round of the reference form, and of ours."""


class Options(argparse.Namespace):
    rounds: int
    peak_of: str | None
    """Set in the processes that `peaks` starts."""


def start(description: str | None, rounds: int, threads: int = 1) -> Options:
    """Reads the command line and sets the number of threads."""
    torch.set_num_threads(threads)
    return parser(description, rounds).parse_args(namespace=Options())


def parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    result.add_argument("--rounds", type=_positive, default=rounds, help="turns of each form (default: %(default)s)")
    result.add_argument("--peak-of", help=argparse.SUPPRESS)
    return result


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} rounds; give 1 or more")
    return number


def take_turns(reference: Callable[[], object], ours: Callable[[], object], rounds: int) -> Samples:
    """Seconds per call of both forms, round by round, after calls that do not count."""
    calls = [_calls(form) for form in (reference, ours)]
    samples: Samples = ([], [])
    for _ in range(rounds):
        for form, number, sample in zip((reference, ours), calls, samples, strict=True):
            sample.append(_seconds(form, number))
    return samples


def _calls(form: Callable[[], object]) -> int:
    """How many calls make a turn; the first call of a short form is no measure."""
    seconds = _seconds(form, 1)
    if seconds < SECONDS_PER_TURN:
        seconds = _seconds(form, 1)
    return max(1, math.ceil(SECONDS_PER_TURN / seconds))


def _seconds(form: Callable[[], object], calls: int) -> float:
    """Per call: processor time with one thread, which other processes hardly disturb; with more, time on the wall."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    began = clock()
    for _ in range(calls):
        form()
    return (clock() - began) / calls


def peaks(script: str, rounds: int) -> Samples:
    """Peak memory in bytes of both forms: of a fresh process that runs one, less that of one that makes the inputs."""
    samples: Samples = ([], [])
    for _ in range(rounds):
        inputs = _peak(script, "inputs")
        for form, sample in zip(("reference", "ours"), samples, strict=True):
            sample.append(_peak(script, form) - inputs)
    return samples


def _peak(script: str, form: str) -> int:
    command = [sys.executable, script, "--peak-of", form]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def print_peak() -> None:
    """What a process with --peak-of ends with."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss starts at the peak of the process that this one was forked from
        print(1024 * int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]))
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def record(benchmark: str, compared: str, samples: Samples, goal: float | None, unit: str = "s") -> None:
    """Prints the ratio of the reference form to ours and keeps it. unit: s or bytes."""
    reference, ours = (statistics.median(sample) for sample in samples)
    ratio, ratios = reference / ours, [a / b for a, b in zip(*samples, strict=True)]
    met = "" if goal is None else f"; goal {goal}: {'met' if ratio >= goal else 'NOT MET'}"
    print(
        f"{benchmark}: {compared}: {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}, rounds: {len(ratios)}{met}),"
        f" {_shown(reference, unit)} against {_shown(ours, unit)}",
        flush=True,
    )
    keep(benchmark, compared, ratio, ratios)


def keep(benchmark: str, compared: str, ratio: float, of_rounds: list[float]) -> None:
    """Appends a row to results.csv."""
    values = [f"{value:.3f}" for value in (ratio, min(of_rounds), max(of_rounds))]
    where = [date.today().isoformat(), _commit(), cpu(), torch.get_num_threads(), torch.__version__]
    row = [*where, benchmark, compared, *values, len(of_rounds)]
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, row] if new else [row])


def _shown(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"


def _commit() -> str:
    """The commit that was measured, with a + where the sources were changed since."""
    git = ["git", "-C", str(RESULTS.parent)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*git, "status", "--porcelain", "--", "../src", "*.py"], capture_output=True).stdout
    return commit + ("+" if changed else "") or "none"


def cpu() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def cpu_flags() -> set[str]:
    return set((_cpuinfo("flags") or _cpuinfo("Features")).split())  # the latter on ARM


def _cpuinfo(key: str) -> str:
    file = Path("/proc/cpuinfo")
    found = re.search(rf"^{key}\s*: (.*)$", file.read_text(), re.MULTILINE) if file.exists() else None
    return found[1].strip() if found else ""


def require(close: bool, what: str) -> None:
    """Two forms that do not agree are not worth timing."""
    if not close:
        raise SystemExit(f"the two forms differ in {what}")
