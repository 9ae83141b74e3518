"""DVC's storage as a stranger may have left it: what a folder's list there says is checked before DVC acts on it.

DVC 3.67 writes the files of a folder wherever its list, an object of the storage, says: `../` leads out of the
checkout, also with `verify`. The name of that object is in dvc.lock, which comes from git, and is the MD5 sum of its
content; so one that was changed is known before anything is written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from semiproto.errors import UserError, reason, shortened
from semiproto.provenance.artifacts import is_inside, write_bytes
from semiproto.provenance.reading import MOST, contents, json_tree, regular, yaml_tree

LOCK = Path("dvc.lock")
MOST_FILES = 2_000_000
"""In a list: a million images and their masks, which take some 200 MB."""


def fetch_lists() -> None:
    """Brings the lists of all folders in dvc.lock into DVC's cache, each checked; those that are there are checked too.

    DVC then takes them from its cache. Lists that the storage does not have are left to DVC, which says so.
    UserError names the first that is not what dvc.lock says, and changes nothing.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    names = _lists()
    with Repo() as repo:
        cache = repo.cache.local
        try:
            storage = repo.cloud.get_remote_odb(None)
            for name in names:
                kept = Path(cache.oid_to_path(name))
                there = storage.oid_to_path(name)
                if kept.exists():
                    with regular(kept) as file:
                        check_list(kept.as_posix(), name, file.read(MOST + 1))
                elif storage.fs.exists(there):
                    with storage.fs.open(there, "rb") as file:
                        data = file.read(MOST + 1)
                    check_list(there, name, data)
                    write_bytes(kept, data)
        except (DvcException, OSError, ValueError) as error:
            why = " ".join(str(error).split())[:200]
            raise UserError(f"DVC's storage: {why}; mend that, then run the same command again") from None


def check_list(where: str, name: str, data: bytes) -> None:
    """UserError unless `data` is the object called `name`: files inside a folder, each called by an MD5 sum.

    What is no such list is refused before it is unfolded: of 240 MB of brackets Python would make gigabytes.
    """
    why = f"longer than {MOST // 2**20} MiB" if len(data) > MOST else "its MD5 sum differs"
    if len(data) > MOST or hashlib.md5(data, usedforsecurity=False).hexdigest() != name.removesuffix(".dir"):
        raise UserError(
            f"{where}: not the list that {LOCK} names ({why}); delete it, and run `dvc push` in a checkout that has the"
            " files"
        )
    try:
        entries = json_tree(data.decode(), 4 * MOST_FILES)  # a file has three signs, and its name may have others
    except ValueError as error:
        raise UserError(f"{where}: no list of files ({reason(error)}); do not run `dvc pull` here") from None
    for entry in entries if isinstance(entries, list) else [entries]:
        if not _is_file_inside(entry):
            what = shortened(str(entry))
            raise UserError(f"{where}: lists {what}, which is no file inside a folder; do not run `dvc pull` here")


def _is_file_inside(entry: Any) -> bool:
    md5, name = (entry.get("md5"), entry.get("relpath")) if isinstance(entry, dict) else (None, None)
    return re.fullmatch(r"[0-9a-f]{32}", str(md5)) is not None and isinstance(name, str) and is_inside(name)


def _lists() -> list[str]:
    """The names of the lists in dvc.lock."""
    if not LOCK.exists():
        raise UserError(f"{LOCK}: no such file; run `dvc repro` or check out a commit that has it")
    try:
        tree = yaml_tree(contents(LOCK).decode(), yaml.SafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{LOCK}: not valid YAML ({reason(error)}); check out a commit that has it") from None
    return sorted(set(_objects(tree)))


def _objects(tree: Any) -> Iterator[str]:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree if isinstance(tree, list) else []):
        if key == "md5" and re.fullmatch(r"[0-9a-f]{32}\.dir", str(value)):
            yield value
        yield from _objects(value)
