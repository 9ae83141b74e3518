"""DVC's storage as a stranger may have left it: what a folder's list there says is checked before DVC acts on it.

DVC 3.67 writes the files of a folder wherever its list, an object of the storage, says: `../` leads out of the
checkout, also with `verify`. The name of that object is in dvc.lock, which comes from git, and is the MD5 sum of its
content; so one that was changed is known before anything is written.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from semiproto.errors import UserError
from semiproto.provenance.artifacts import is_inside, write_bytes

LOCK = Path("dvc.lock")


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
                if kept.is_file():
                    check_list(kept.as_posix(), name, kept.read_bytes())
                    continue
                there = storage.oid_to_path(name)
                if storage.fs.exists(there):
                    with storage.fs.open(there, "rb") as file:
                        data = file.read()
                    check_list(there, name, data)
                    write_bytes(kept, data)
        except (DvcException, OSError) as error:
            why = " ".join(str(error).split())[:200]
            raise UserError(f"DVC's storage: {why}; mend that, then run the same command again") from None


def check_list(where: str, name: str, data: bytes) -> None:
    """UserError unless `data` is the object called `name`: files inside a folder, each called by an MD5 sum."""
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != name.removesuffix(".dir"):
        raise UserError(
            f"{where}: not the list that {LOCK} names (its MD5 sum differs); delete it, and run `dvc push` in a"
            " checkout that has the files"
        )
    for entry in json.loads(data):
        if not re.fullmatch(r"[0-9a-f]{32}", str(entry.get("md5"))) or not is_inside(str(entry.get("relpath", ""))):
            raise UserError(
                f"{where}: lists {str(entry)[:100]}, which is no file inside a folder; do not run `dvc pull` here"
            )


def _lists() -> list[str]:
    """The names of the lists in dvc.lock."""
    import yaml

    if not LOCK.is_file():
        raise UserError(f"{LOCK}: no such file; run `dvc repro` or check out a commit that has it")
    return sorted(set(_objects(yaml.safe_load(LOCK.read_text(encoding="utf-8")))))


def _objects(tree: Any) -> Iterator[str]:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree if isinstance(tree, list) else []):
        if key == "md5" and re.fullmatch(r"[0-9a-f]{32}\.dir", str(value)):
            yield value
        yield from _objects(value)
