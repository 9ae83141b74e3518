"""Label lists as the authors of U2PL (Wang et al., CVPR 2022) published them, which the paper uses too."""

from __future__ import annotations

from collections.abc import Mapping

from semiproto.data.published.entry import Remote, Split

_ADDRESS = "https://raw.githubusercontent.com/Haochen-Wang409/U2PL"
_REVISIONS = ("cc103abf45e5ec8089ba5cbb38acac50c3936ba9", "71bb527d1f9f61423d870a3cf8167b99c0cf5d57")
"""Each corrected one of Cityscapes' two lists of 372. The later revision has every list; the checksum tells."""


def lists(name: str, folder: str, files: Mapping[str, tuple[int, str]]) -> dict[str, Remote]:
    """The list files of a set by name, e.g. `92/labeled` or `val`.

    name: our folder for them, below splits/. folder: U2PL's. files: bytes and SHA-256 by name.
    """
    return {
        file: Remote(
            f"splits/{name}/{file}.txt",
            f"sha256:{digest}",
            size,
            tuple(f"{_ADDRESS}/{revision}/data/splits/{folder}/{file}.txt" for revision in _REVISIONS),
        )
        for file, (size, digest) in files.items()
    }


def splits(family: str, files: Mapping[str, Remote], *labels: int) -> tuple[Split, ...]:
    """The splits of a family, from the set's `lists`, by numbers of labels."""
    return tuple(Split(family, n, files[f"{n}/labeled"], files[f"{n}/unlabeled"]) for n in labels)
