"""Progress as plain lines with an ETA: jobs run side by side under Snakemake, where moving bars garble each other."""

from __future__ import annotations

import sys
import time

from semiproto.errors import printable

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Prints `what: 120/400 step (30 %), ETA 0:12, extra` to stderr, at most every few seconds and at the end."""

    def __init__(self, what: str, total: int, unit: str, done: int = 0) -> None:
        self.what, self.total, self.unit = what, total, unit
        self._first, self._done = done, done
        self._start = self._last = time.monotonic()

    def update(self, count: int = 1, extra: str = "") -> None:
        self._done += count
        now = time.monotonic()
        if self._done >= self.total or now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._print(now - self._start, extra)

    def _print(self, seconds: float, extra: str) -> None:
        share = 100 * self._done // max(1, self.total)
        text = f"{self.what}: {self._done}/{self.total} {self.unit} ({share} %)"
        if self._done < self.total:
            left = seconds / max(1, self._done - self._first) * (self.total - self._done)
            text += f", ETA {clock(left)}"
        else:
            text += f", {clock(seconds)}"
        print(printable(text + (f", {extra}" if extra else "")), file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
