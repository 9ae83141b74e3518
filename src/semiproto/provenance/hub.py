"""Weights that other projects publish: the file in this machine's caches that a training began with, and whether the
caches now have another one under the same name.

They lie outside the checkout and in no receipt of a step, so nothing else sees them change.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from semiproto.provenance.artifacts import is_inside, sha256_file

FACT = "weights_file"
"""Where a receipt's facts name the file."""


@dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class HubFile:
    """A file of a repository of the Hugging Face hub, or one that torch.hub fetched from an address."""

    name: str
    repository: str | None = None
    revision: str | None = None
    """None: the repository's main branch."""
    sha256: str = ""
    """Of the file that was read."""

    def path(self) -> Path | None:
        """Where the file is in the caches of this machine; None where it is not."""
        path = self._of_address() if self.repository is None else self._of_repository(self.repository)
        return path if path is not None and path.is_file() else None

    def title(self) -> str:
        return f"{self.repository or 'torch.hub'}/{self.name}"

    def _of_repository(self, repository: str) -> Path | None:
        from huggingface_hub import try_to_load_from_cache  # here, because it takes longer to import than to look

        try:
            found = try_to_load_from_cache(repository, self.name, revision=self.revision)
        except ValueError:  # no name of a repository
            return None
        return Path(found) if isinstance(found, str) and is_inside(self.name) else None

    def _of_address(self) -> Path | None:
        """As torch.hub.get_dir says, without torch, which takes seconds to import."""
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        home = Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser()
        return home / "hub/checkpoints" / self.name if Path(self.name).name == self.name else None


def changed(facts: dict[str, Any], digest: Callable[[Path], str] = sha256_file) -> str | None:
    """What is wrong with the file that a receipt's facts name: its content is another one now. None where it is the
    same, or not on this machine, or where no such file was read."""
    try:
        file = _of(facts)
    except (TypeError, ValueError):
        return f"facts.{FACT} of its receipt: not the name of a file of weights"
    path = None if file is None else file.path()
    if file is None or path is None or (now := digest(path)) == file.sha256:
        return None
    return f"began with other weights {file.title()}: {file.sha256[:12]} then, {now[:12]} in {path} now"


def absent(facts: dict[str, Any]) -> str | None:
    """A note where the file that a receipt's facts name cannot be compared, because it is not on this machine."""
    try:
        file = _of(facts)
    except (TypeError, ValueError):
        return None
    if file is None or file.path() is not None:
        return None
    return f"began with {file.title()}, which is not in this machine's caches: not compared"


def _of(facts: dict[str, Any]) -> HubFile | None:
    """The file that facts name; TypeError or ValueError where that is no name of one."""
    return HubFile(**facts[FACT]) if FACT in facts else None
