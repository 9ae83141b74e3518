"""Receipts of steps that were not run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from semiproto.provenance import receipts
from semiproto.provenance.receipts import Receipt, input_digests, made_here
from semiproto.provenance.sources import digests


def write_receipt(
    artefact: Path,
    step: str = "made",
    *,
    inputs: Iterable[Path] = (),
    seconds: float | None = 0,
    device: str = "cpu",
    modules_of: str | None = None,
    **fields: Any,
) -> None:
    """Writes the receipt of an artefact as a step would. seconds: None for results that are kept in git."""
    made = {} if seconds is None else {"made": made_here(seconds, device)}
    modules = {} if modules_of is None else digests(modules_of)
    given = {path.as_posix(): input_digests(path) for path in inputs}
    receipt = Receipt(step, inputs=given, modules=modules, **({"outputs": {}} | fields | made))
    receipts.write_receipt(artefact, receipt)
